"""What people do: steps, knocks, doors, cloth, paper, hands, hearts and crowds. Each function returns (T,) or (2, T) at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.bodies import click, glottis, hit, modes, place, plate, poisson, ring, scatter, throat
from generation.procedural.kinds import Kind, Span
from generation.procedural.signals import (
    Array,
    along,
    band,
    bump,
    bursts,
    curve,
    fade,
    glide,
    hump,
    length,
    limit,
    noise,
    sculpt,
    sine,
    strike,
    unit,
    wander,
)  # fmt: skip
from generation.procedural.spaces import pan, room


def footstep(rng: Generator, surface: str) -> Array:
    """One step: heel, roll and toe, on a surface made of grains, planks or crystals, (2, T)."""
    n = length(0.45)
    roll = hump(n, 0.12, 0.6, 1.4) + 0.6 * np.roll(hump(n, 0.1, 1.0, 2.5), length(0.13)) * (np.arange(n) > length(0.13))
    low = sine(glide(n, (0, 105.0), (1, 55.0))) * strike(n, 0.004, 0.12)
    if surface == "gravel":
        grains = [click(rng, rng.uniform(900, 2_800), 11_000.0, rng.uniform(0.004, 0.014)) for _ in range(9)]
        at = poisson(rng, n, 750.0 * roll)
        return unit(scatter(rng, n, at, grains, rng.uniform(0.05, 1.0, len(at)) ** 2, 0.4)) + 0.15 * low
    if surface == "snow":
        crunch = band(noise(rng, n, -1.0, 2), 350.0, 4_500.0, 1) * roll * (0.35 + 0.65 * np.abs(wander(rng, n, 120.0)) ** 2)
        creak = sculpt(noise(rng, n), lambda f, at: bump(f, along(at, (0, 900.0), (0.5, 1_500.0)), 0.25)) * bursts(140.0, n, 4.0) * roll
        return unit(crunch) + 0.4 * unit(creak) + 0.1 * low
    if surface == "wood":
        heel = hit(rng, modes(rng, plate(rng, 12), rng.uniform(85, 120), 0.14, 0.5, 0.6), 0.4, 0.0015, 0.2)
        toe = hit(rng, modes(rng, plate(rng, 10), rng.uniform(130, 180), 0.1, 0.5, 0.5), 0.3, 0.002, 0.2)
        return place(n, [0.0, 0.0, rng.uniform(0.07, 0.11)], [heel, 0.3 * np.pad(click(rng, 1_200, 7_000, 0.015), (0, 9)),
            0.45 * toe]) + 0.4 * low
    if surface == "metal":
        tread = hit(rng, modes(rng, plate(rng, 20), rng.uniform(140, 200), 0.5, 0.4, 0.3), 0.45, 0.0006, 0.5)
        return tread + 0.3 * low
    if surface == "mud":
        squelch = sculpt(noise(rng, n, -2.0, 2), lambda f, at: bump(f, along(at, (0, 280.0), (0.3, 700.0), (0.6, 1_500.0), (1, 900.0)),
            0.35))
        return unit(squelch) * roll * (0.4 + 0.6 * np.abs(wander(rng, n, 50.0))) + 0.3 * low
    heel = click(rng, 700.0, 6_000.0, 0.03)
    return place(n, [0.0, rng.uniform(0.07, 0.1)], [heel, 0.4 * click(rng, 900.0, 7_000.0, 0.025)]) + 0.35 * low


def footsteps(rng: Generator, surface: str, rate_hz: float, steps: int) -> Array:
    """A walk: left and right feet, never the same twice."""
    at = np.arange(steps) / rate_hz + rng.normal(0.0, 0.012, steps).clip(-0.03, 0.03)
    sounds = [pan(footstep(rng, surface).mean(axis=0), 0.18 * (-1) ** k) for k in range(steps)]
    return room(rng, place(length(at[-1] + 0.5), at - at[0], sounds, rng.uniform(0.75, 1.0, steps)), 0.5, 0.15)


def knock(rng: Generator, count: int, base_hz: float, gap_s: float) -> Array:
    """Knuckles on a door: quick hits, the last ones often harder."""
    at = np.cumsum(gap_s * rng.uniform(0.85, 1.15, count)) - gap_s
    sounds = [hit(rng, modes(rng, plate(rng, 12), base_hz * rng.uniform(0.98, 1.02), 0.13, 0.5, 0.6), 0.35, 0.0025, 0.2)
        for _ in range(count)]
    return room(rng, place(length(at[-1] + 0.5), at - at[0], sounds, rng.uniform(0.7, 1.0, count)), 0.9, 0.3)


def creak(rng: Generator, seconds: float, pitch_hz: float, base_hz: float) -> Array:
    """A hinge: stick-slip pulses whose rate follows the door's speed, in a wooden body."""
    n = length(seconds)
    speed = np.clip(0.25 + 0.9 * hump(n, rng.uniform(0.3, 0.7), 0.8, 0.8) + 0.35 * wander(rng, n, 3.0), 0.08, 2.0)
    rate = pitch_hz * speed * (1.0 + 0.1 * wander(rng, n, 40.0))
    pulses = bursts(rate, sharpness=30.0) * (1.0 + 0.5 * noise(rng, n))
    body = ring(rng, modes(rng, plate(rng, 14), base_hz, 0.04, 0.2, 0.0), band(pulses, 100.0, None, 1), 0.4)
    return room(rng, body * curve(n, (0, 0), (0.08, 1), (0.88, 1), (1, 0)), 0.8, 0.22)


def cloth(rng: Generator, seconds: float, rate_hz: float, bright_hz: float) -> Array:
    """Clothes moving: soft broadband rubs in gestures."""
    n = length(seconds)
    rub = np.clip(wander(rng, n, rate_hz) + 0.2, 0.08, 1.0) ** 1.3
    out = band(noise(rng, n, -2.0, 2), 250.0, bright_hz, 1) * rub * (0.7 + 0.3 * np.abs(wander(rng, n, 60.0)))
    return room(rng, out, 0.25, 0.1)


def paper(rng: Generator, seconds: float, density_hz: float, grain_s: float) -> Array:
    """Paper handled or crumpled: crackles of buckling in bunches, each a tiny bright snap."""
    n = length(seconds)
    activity = np.clip(wander(rng, n, 5.0) + 0.35, 0.02, 1.0)
    grains = [click(rng, rng.uniform(900, 3_500), 13_000.0, rng.uniform(0.5, 1.5) * grain_s) for _ in range(12)]
    at = np.append(poisson(rng, n, density_hz * activity), 0)
    out = scatter(rng, n, at, grains, rng.pareto(1.8, len(at)).clip(0.05, 4.0), 0.5)
    rub = band(noise(rng, n, channels=2), 1_500.0, 9_000.0, 1) * activity
    return room(rng, unit(out) + 0.12 * unit(rub), 0.25, 0.1)


def rip(rng: Generator, seconds: float, low_hz: float, start_hz: float, end_hz: float) -> Array:
    """Something torn: fibres breaking ever faster, over a rasp."""
    n = length(seconds)
    fibres = bursts(glide(n, (0, start_hz), (1, end_hz)) * (1 + 0.3 * wander(rng, n, 30.0)), sharpness=6.0)
    out = band(noise(rng, n, channels=2), low_hz, 12_000.0, 1) * (0.25 + fibres) * hump(n, 0.6, 0.5, 0.5)
    return room(rng, out, 0.3, 0.12)


def heartbeat(rng: Generator, seconds: float, rate_hz: float) -> Array:
    """A heart: lub and dub, low thuds of closing valves."""
    n, m = length(seconds), length(0.25)
    lub = sine(glide(m, (0, 75), (1, 42))) * hump(m, 0.15, 1.0, 2.5)
    dub = sine(glide(m, (0, 95), (1, 55))) * hump(m, 0.12, 1.0, 3.5) * 0.7
    at, t = [], 0.0
    while t < seconds - 0.5:
        at += [t, t + 0.3 / rate_hz**0.5]
        t += rng.uniform(0.97, 1.03) / rate_hz
    body = band(noise(rng, n, -5.0), 30.0, 200.0, 1)
    beats = place(n, at, [lub, dub] * (len(at) // 2))
    return room(rng, limit(unit(beats) * 1.8) + 0.02 * unit(body), 0.3, 0.12, 40.0)


def hand_clap(rng: Generator, hollow_hz: float) -> Array:
    """One clap: a short burst around the resonance of the hollow between the palms, (T,)."""
    n = length(0.045)
    return unit(sculpt(noise(rng, n), lambda f, at: bump(f, hollow_hz, 0.5) + 0.2, 256) * strike(n, 0.0008, 0.04))


def applause(rng: Generator, seconds: float, people: int) -> Array:
    """Clapping: each person with a hand sound, a tempo and a place of their own."""
    n = length(seconds)
    out = np.zeros((2, n), dtype=np.float32)
    for _ in range(people):
        clap = hand_clap(rng, rng.uniform(700, 2_200))
        rate = rng.uniform(2.8, 4.6)
        at = ((np.arange(int(seconds * rate)) + rng.uniform()) / rate + rng.normal(0, 0.012, int(seconds * rate))) * 44_100
        out += scatter(rng, n, at.astype(int), [clap], rng.uniform(0.2, 1.0), places=np.full(len(at), rng.uniform(-0.9, 0.9)))
    swell = curve(n, (0, 0.5), (0.15, 1), (0.7, 1), (1, 0.1)) if people > 3 else 1.0
    return room(rng, out * swell, 1.0, 0.3, 200.0)


def murmur(rng: Generator, seconds: float, people: int, distant: float) -> Array:
    """A crowd talking: many babbling voices, no word to be made out."""
    n = length(seconds)
    vowels = ((700, 1_150), (320, 2_100), (350, 800), (520, 1_750), (450, 1_000))
    out = np.zeros((2, n), dtype=np.float32)
    for _ in range(people):
        pitch = rng.choice([rng.uniform(95, 140), rng.uniform(170, 240)]) * 2.0 ** (0.22 * wander(rng, n, 2.2))
        syllables = int(seconds * 5) + 2
        path = [vowels[i] for i in rng.integers(0, 5, syllables)]
        at = np.linspace(0, 1, syllables)
        mouth = [[(a, p[k]) for a, p in zip(at, path, strict=False)] for k in (0, 1)]
        talk = np.clip(wander(rng, n, 1.0) + 0.5, 0, 1) * np.clip(0.55 + 0.6 * wander(rng, n, 8.0), 0, 1)
        out += pan(throat(glottis(rng, pitch, 0.1, 0.06), mouth, (110, 160), (1.0, 0.5)) * talk, rng.uniform(-0.9, 0.9)) * rng.uniform(0.4,
            1.0)
    return fade(room(rng, band(out, 150.0, 5_000.0 - 3_000.0 * distant, 1), 1.0 + distant, 0.4 + 0.4 * distant), 0.2, 0.5)


def cheer(rng: Generator, seconds: float, people: int) -> Array:
    """A crowd cheering: open vowels sliding up over applause."""
    n = length(seconds)
    out = np.zeros((2, n), dtype=np.float32)
    for _ in range(people):
        pitch = rng.uniform(180, 420) * glide(n, (0, 0.85), (rng.uniform(0.2, 0.4), 1.2), (1, 0.8)) * (1.0 + 0.02 * wander(rng, n, 7.0))
        mouth = [((0, 600), (0.3, 900), (1, 650)), ((0, 1_100), (0.3, 1_500), (1, 1_150))]
        out += pan(throat(glottis(rng, pitch, 0.25, 0.2), mouth, (150, 220), (1.0, 0.6)) * hump(n, rng.uniform(0.2, 0.5), 0.6, 1.0),
            rng.uniform(-0.9, 0.9))
    roar = band(noise(rng, n, -2.0, 2), 400.0, 4_500.0, 1) * hump(n, 0.35, 0.6, 1.0)
    clapping = applause(rng, seconds, 14)[:, :n]
    return room(rng, unit(out) + 0.35 * unit(roar) + 0.3 * unit(clapping), 1.6, 0.4)


def snore(rng: Generator, breaths: int, pitch_hz: float) -> Array:
    """Snoring: a fluttering palate drawn in, a sigh let out."""
    at, sounds, t = [], [], 0.0
    for _ in range(breaths):
        n, m = length(rng.uniform(0.9, 1.2)), length(0.8)
        flutter = bursts(pitch_hz * (1 + 0.15 * wander(rng, n, 8.0)), sharpness=4.0)
        rasp = throat(flutter * (0.5 + 0.5 * noise(rng, n)), [((0, 350), (0.5, 520), (1, 420)), ((0, 1_200), (1, 1_500))], (150, 300),
            (1.0, 0.5))
        sigh = band(noise(rng, m, -2.0), 400.0, 3_000.0, 1) * hump(m, 0.3)
        at += [t, t + 1.35]
        sounds += [unit(rasp) * hump(n, 0.6, 0.8, 0.8), 0.2 * unit(sigh)]
        t += 2.5
    return room(rng, place(length(t), at, sounds), 0.4, 0.12)


def snap(rng: Generator) -> Array:
    """A finger snap."""
    n = length(0.2)
    out = sculpt(noise(rng, n), lambda f, at: bump(f, 2_300.0, 0.35) + 0.15, 256) * strike(n, 0.0006, 0.06)
    return room(rng, unit(out), 0.5, 0.3)


def crunch(rng: Generator, bites: int, base_hz: float) -> Array:
    """Eating something crisp: bunches of small cracks in a closed mouth."""
    at, sounds, t = [], [], 0.0
    for _ in range(bites):
        n = length(0.22)
        grains = [click(rng, base_hz, base_hz * 6, rng.uniform(0.003, 0.012)) for _ in range(6)]
        when = poisson(rng, n, 260.0 * hump(n, 0.25, 0.6, 1.5))
        sounds.append(scatter(rng, n, np.append(when, 0), grains, rng.uniform(0.1, 1.0, len(when) + 1), 0.3))
        at.append(t)
        t += rng.uniform(0.28, 0.42)
    return room(rng, place(length(t), at, sounds, rng.uniform(0.6, 1.0, bites)), 0.2, 0.08)


SURFACES = {
    "gravel": {"surface": "gravel"}, "wood|a wooden floor": {"surface": "wood"}, "snow": {"surface": "snow"},
    "concrete|a hard floor": {"surface": "concrete"}, "metal|a metal grate": {"surface": "metal"}, "mud": {"surface": "mud"},
}  # fmt: skip

KINDS = (
    Kind(
        "footsteps", "FEETHmn", "FOOTSTEPS", 14, "Footsteps {surface} {speed}",
        ("{speed} footsteps on {surface}", "person {speed} on {surface}", "{speed} steps on {surface}"),
        footsteps,
        {
            "surface": SURFACES,
            "speed": {"walking": {"rate_hz": Span(1.7, 2.1), "steps": 5}, "running": {"rate_hz": Span(2.9, 3.5), "steps": 8}},
        },
    ),
    Kind(
        "door knock", "DOORKnck", "DOORS", 5, "{style} Door Knock",
        ("{style} knocking on a wooden door", "{style} door knock"),
        knock,
        {"style": {"gentle|slow": {"gap_s": Span(0.24, 0.32), "count": 3}, "urgent|fast": {"gap_s": Span(0.11, 0.15), "count": 6}}},
        {"base_hz": Span(110, 230)},
    ),
    Kind(
        "door creak", "DOORWood", "DOORS", 5, "{pitch} Door Creak",
        ("{pitch} creaking door opening", "{pitch} squeaky hinge, old wooden door"),
        creak,
        {
            "pitch": {
                "low|groaning": {"pitch_hz": Span(45, 85), "base_hz": Span(260, 420)},
                "high|squealing": {"pitch_hz": Span(240, 420), "base_hz": Span(700, 1_100)},
            },
        },
        {"seconds": Span(1.2, 2.6)},
    ),
    Kind(
        "cloth", "CLOTHMvmt", "CLOTH", 4, "{cloth} Movement",
        ("{cloth} rustling as someone moves", "{cloth} movement, soft"),
        cloth,
        {
            "cloth": {
                "heavy coat|thick cloth": {"bright_hz": 2_200.0, "rate_hz": 3.0},
                "nylon jacket|light jacket": {"bright_hz": 8_500.0, "rate_hz": 5.0},
            },
        },
        {"seconds": Span(1.2, 2.4)},
    ),
    Kind(
        "paper", "PAPRHndl", "PAPER", 5, "Paper {action}",
        ("paper being {action}", "sheet of paper {action} by hand"),
        paper,
        {
            "action": {
                "crumpled": {"density_hz": Span(300, 500), "grain_s": 0.006},
                "turned|handled": {"density_hz": Span(60, 120), "grain_s": 0.004},
            },
        },
        {"seconds": Span(0.8, 2.0)},
    ),
    Kind(
        "paper rip", "PAPRRip", "PAPER", 3, "{speed} Paper Rip",
        ("{speed} paper tear", "sheet of paper torn, {speed}"),
        rip,
        {"speed": {"slow": {"seconds": Span(0.9, 1.4)}, "fast": {"seconds": Span(0.25, 0.4)}}},
        {"low_hz": 1_400.0, "start_hz": 70.0, "end_hz": 240.0},
    ),
    Kind(
        "zipper", "OBJZipr", "OBJECTS", 3, "Zipper",
        ("zipper pulled closed", "jacket zip moving fast"),
        rip, {}, {"seconds": Span(0.4, 0.9), "low_hz": 2_200.0, "start_hz": 90.0, "end_hz": 190.0},
    ),
    Kind(
        "heartbeat", "HMNHart", "HUMAN", 4, "{speed} Heartbeat",
        ("{speed} heartbeat", "heart beating, {speed}"),
        heartbeat,
        {"speed": {"calm|slow": {"rate_hz": Span(0.95, 1.15)}, "racing|fast": {"rate_hz": Span(2.0, 2.5)}}},
        {"seconds": Span(3.0, 4.5)},
    ),
    Kind(
        "applause", "CRWDApls", "CROWDS", 4, "{size} Applause",
        ("{size} audience applauding", "applause of a {size} crowd"),
        applause, {"size": {"small": {"people": 7}, "large|big": {"people": 60}}}, {"seconds": Span(3.0, 4.5)},
    ),
    Kind(
        "hand clap", "FOLYHand", "FOLEY", 3, "Hand Claps",
        ("one person clapping", "hand claps in a room"),
        applause, {}, {"people": 1, "seconds": Span(1.0, 2.0)},
    ),
    Kind(
        "crowd murmur", "CRWDWalla", "CROWDS", 4, "{where} Crowd Murmur",
        ("{where} crowd murmuring", "{where} people talking, indistinct voices"),
        murmur,
        {"where": {"close|nearby": {"distant": 0.0, "people": 7}, "distant|far away": {"distant": 1.0, "people": 9}}},
        {"seconds": Span(3.5, 4.8)},
    ),
    Kind(
        "crowd cheer", "CRWDCheer", "CROWDS", 3, "Crowd Cheer",
        ("crowd cheering and clapping", "excited audience cheering"),
        cheer, {}, {"seconds": Span(2.6, 4.0), "people": 10},
    ),
    Kind(
        "snore", "HMNSnor", "HUMAN", 2, "Snoring",
        ("man snoring", "deep snore of a sleeping person"),
        snore, {}, {"breaths": 2, "pitch_hz": Span(28, 48)},
    ),
    Kind(
        "finger snap", "FOLYHand", "FOLEY", 2, "Finger Snap",
        ("finger snap", "snapping fingers once"),
        snap,
    ),
    Kind(
        "crunchy eating", "FOODEat", "FOOD & DRINK", 3, "Crunchy Eating",
        ("eating something crunchy", "biting and chewing crisps"),
        crunch, {}, {"bites": 5, "base_hz": Span(500, 1_100)},
    ),
)  # fmt: skip

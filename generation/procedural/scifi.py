"""Science fiction and electricity: lasers, energy, shields, ships, data, robots, sparks. Each function returns (T,) or (2, T) at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.bodies import click, place, poisson, scatter, throat
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
    phase,
    pulse,
    saw,
    sculpt,
    sine,
    strike,
    unit,
    wander,
)  # fmt: skip
from generation.procedural.spaces import echo, pan, pass_by, room, tail, widen


def laser(rng: Generator, seconds: float, start_hz: float, end_hz: float, index: float, sub: float) -> Array:
    """Falling frequency-modulated chirp with an ionised attack."""
    n = length(seconds)
    pitch = glide(n, (0, start_hz), (0.25, (start_hz * end_hz**2) ** (1 / 3)), (1, end_hz))
    envelope = strike(n, 0.002, seconds * 0.9)
    tone = sine(pitch, modulation=index * envelope * sine(pitch * rng.choice([0.5, 1.41, 2.01])))
    spit = band(noise(rng, n), 2_500.0, None) * strike(n, 0.001, 0.05)
    low = sine(glide(n, (0, 180), (1, 50))) * strike(n, 0.002, 0.2)
    return room(rng, widen(rng, tone * envelope + 0.3 * unit(spit) + sub * low, 0.4), 0.7, 0.2, 300.0)


def burst_laser(rng: Generator, shots: int, rate_hz: float, start_hz: float) -> Array:
    """Several laser shots in a row, nearly alike."""
    one = [laser(rng, 0.16, start_hz * rng.uniform(0.93, 1.07), 260.0, 2.0, 0.4) for _ in range(3)]
    at = np.arange(shots) / rate_hz
    return place(length(at[-1] + 0.7), at, [one[i % 3] for i in range(shots)])


def beam(rng: Generator, seconds: float, base_hz: float, rough: float) -> Array:
    """A held energy beam: a buzzing carrier with wandering sidebands, switched on and off."""
    n = length(seconds)
    pitch = base_hz * (1.0 + 0.02 * wander(rng, n, 8.0)) * glide(n, (0, 0.5), (0.06, 1.0), (0.93, 1.0), (1, 0.4))
    tone = sine(pitch, modulation=(1.5 + 3.0 * rough) * sine(pitch * 1.007 + 37.0) + sine(pitch * 0.251))
    sizzle = band(noise(rng, n, channels=2), 3_500.0, None, 1) * (0.6 + 0.4 * pulse(60.0, n))
    return room(rng, (widen(rng, tone, 0.5) + (0.15 + 0.3 * rough) * unit(sizzle)) * curve(n, (0, 0), (0.04, 1), (0.93, 0.9), (1, 0)), 0.8,
        0.2)


def charge(rng: Generator, seconds: float, base_hz: float, octaves: float, release: float) -> Array:
    """Energy gathering: a whine that climbs and trembles faster, and perhaps its discharge."""
    n = length(seconds)
    pitch = glide(n, (0, base_hz), (1, base_hz * 2.0**octaves))
    tremble = 1.0 + 0.35 * np.sin(2 * np.pi * phase(glide(n, (0, 4.0), (1, 34.0))))
    tone = sine(pitch, modulation=1.5 * sine(pitch * 1.5)) + 0.4 * saw(pitch * 0.5)
    sparks = band(noise(rng, n, channels=2), 4_000.0, None) * np.abs(wander(rng, n, 60.0)) ** 3
    out = (widen(rng, tone, 0.5) * tremble + 0.6 * unit(sparks)) * curve(n, (0, 0.03), (0.9, 1), (1, 0.9), power=1.6)
    out = tail(fade(out, 0.01, 0.02), 0.9)
    if release > 0.0:
        shot = laser(rng, 0.7, base_hz * 2.0**octaves * 2.0, 60.0, 3.0, 1.0)
        out = out + release * 1.6 * place(out.shape[1], [seconds], [shot])
    return room(rng, out, 1.2, 0.25)


def force_field(rng: Generator, seconds: float, base_hz: float, wobble_hz: float) -> Array:
    """A standing field: a humming chord with a swirling comb filter."""
    n = length(seconds)
    hum = sum(saw(base_hz * r, n, start=rng.uniform()) / r for r in (1.0, 1.003, 1.5, 2.0))
    source = np.stack([hum, hum]) + 0.4 * noise(rng, n, -3.0, 2)
    swirl = sculpt(source, lambda f,
        at: (0.5 + 0.5 * np.cos(2 * np.pi * f * (0.0016 + 0.0011 * np.sin(2 * np.pi * wobble_hz * seconds * at)))) / (1.0
            + (f / 3_000.0) ** 2))
    return room(rng, unit(swirl) * (1.0 + 0.3 * sine(wobble_hz * 4.0, n)) * curve(n, (0, 0), (0.1, 1), (0.85, 1), (1, 0)), 1.0, 0.25)


def teleport(rng: Generator, seconds: float, rising: bool) -> Array:
    """Matter dissolving: a shower of short tones drifting one way, with a sweep underneath."""
    n = length(seconds)
    out, sign = np.zeros((2, n)), 1.0 if rising else -1.0
    for octave in range(10):
        pitch = 300.0 * 2.0 ** (octave * 0.45)
        grain = sine(pitch * glide(1_800, (0, 1.0), (1, 1.25 if rising else 0.8))) * hump(1_800, 0.2)
        centre = 0.1 + 0.75 * (octave / 9 if rising else 1 - octave / 9)
        rate = 75.0 * np.exp(-0.5 * ((np.linspace(0, 1, n) - centre) / 0.16) ** 2)
        out += scatter(rng, n, poisson(rng, n, rate), [grain])
    air = sculpt(noise(rng, n, channels=2), lambda f, at: bump(f, 1_500.0 * 4.0 ** (sign * (at - 0.5)), 0.4)) * hump(n, 0.5)
    return room(rng, tail(unit(out) + 0.3 * unit(air), 0.5), 1.5, 0.4, 300.0)


def ship_by(rng: Generator, seconds: float, base_hz: float) -> Array:
    """A spaceship flying past: growling harmonics and roar with Doppler."""
    n = length(seconds)
    growl = saw(base_hz * (1 + 0.01 * wander(rng, n, 9.0)), start=0.2) + saw(base_hz * 1.013) + sine(base_hz * 6.1, n,
        modulation=2.0 * sine(base_hz * 1.99, n))
    roar = noise(rng, n, -3.0) * (1.0 + 0.4 * wander(rng, n, 22.0))
    moved = pass_by(band(0.6 * growl + 1.2 * roar, 40.0, 6_000.0, 1), 40.0 + 120.0 / seconds, 25.0, 0.45, rng.choice([-1.0, 1.0]))
    return room(rng, moved, 1.8, 0.35)


def sci_door(rng: Generator, seconds: float, heavy: float) -> Array:
    """Sliding door of a ship: unlock blip, pneumatic slide, stop."""
    n = length(seconds)
    slide = sculpt(noise(rng, n, -1.0, 2), lambda f, at: bump(f, along(at, (0, 900.0 / heavy), (0.5, 2_400.0 / heavy),
        (1, 1_200.0 / heavy)), 0.7)) * hump(n, 0.3, 0.6, 0.8)
    motor = sine(glide(n, (0, 110), (0.3, 240 / heavy), (1, 150 / heavy)), modulation=2.0 * sine(97.0, n)) * hump(n, 0.4, 0.5, 0.5)
    thunk = sine(glide(length(0.4), (0, 160 / heavy), (1, 55))) * strike(length(0.4), 0.002, 0.22) + 0.3 * np.pad(click(rng, 700, 5_000,
        0.05), (0, length(0.4)))[: length(0.4)]
    return room(rng, place(n + length(0.5), [0.0, 0.0, seconds * 0.86], [unit(slide), 0.25 * motor, thunk], [0.7, 1.0, 0.8]), 0.9, 0.25)


def data(rng: Generator, seconds: float, rate_hz: float, low_hz: float, high_hz: float) -> Array:
    """Computer chatter: quick quantised tones, some repeated, from a busy console."""
    n = length(seconds)
    scale = np.geomspace(low_hz, high_hz, 9)
    at, sounds, t = [], [], 0.0
    while t < seconds - 0.06:
        size = length(rng.choice([0.5, 0.5, 1.0]) / rate_hz)
        tone = rng.choice([sine, saw])(float(rng.choice(scale)), size) if rng.uniform() < 0.85 else pulse(float(rng.choice(scale)), size,
            0.25)
        at.append(t)
        sounds.append(pan(fade(tone, 0.001, 0.004), rng.uniform(-0.6, 0.6)))
        t += rng.choice([1.0, 1.0, 2.0]) / rate_hz
    return room(rng, band(place(n, at, sounds, 0.5), 150.0, 9_000.0, 1), 0.3, 0.12)


def glitch(rng: Generator, seconds: float) -> Array:
    """Digital failure: stuttered slices of noise and tones, sample-held and gated."""
    n = length(seconds)
    out, start = np.zeros((2, n)), 0
    while start < n - 400:
        piece = length(rng.uniform(0.004, 0.03))
        source = rng.choice([0, 1, 2])
        hold = int(rng.integers(3, 40))
        raw = noise(rng, piece) if source == 0 else saw(rng.uniform(80, 2_500), piece) if source == 1 else sine(rng.uniform(300, 6_000),
            piece)
        raw = np.repeat(raw[::hold], hold)[:piece] * rng.uniform(0.3, 1.0)
        repeats = int(rng.integers(1, 9))
        block = np.tile(raw, repeats)[: n - start]
        out[:, start : start + len(block)] = pan(block, rng.uniform(-0.8, 0.8))
        start += len(block) + (length(rng.uniform(0.01, 0.06)) if rng.uniform() < 0.4 else 0)
    return limit(out, 1.5)


def robot_voice(rng: Generator, syllables: int, pitch_hz: float) -> Array:
    """A machine babbling: flat pitch, vowel-like formants that jump, a ring modulator on top."""
    vowels = ((700, 1_150, 2_500), (320, 2_200, 2_900), (350, 800, 2_300), (520, 1_750, 2_500))
    sounds, at, t = [], [], 0.0
    for _ in range(syllables):
        n = length(rng.uniform(0.11, 0.24))
        a, b = vowels[rng.integers(4)], vowels[rng.integers(4)]
        source = saw(pitch_hz * 2.0 ** (rng.choice([-3, 0, 0, 2, 5]) / 12.0), n)
        voiced = throat(source, [((0, x), (1, y)) for x, y in zip(a, b, strict=False)], (90, 120, 180), (1.0, 0.8, 0.5))
        sounds.append(fade(unit(voiced) * (0.6 + 0.4 * sine(pitch_hz * 0.37, n)), 0.01, 0.02))
        at.append(t)
        t += n / 44_100 + rng.uniform(0.01, 0.08)
    line = place(length(t + 0.1), at, sounds)
    return room(rng, echo(line, 0.017, 0.4, 2), 0.4, 0.15)


def zap(rng: Generator, seconds: float, density_hz: float, hum_hz: float) -> Array:
    """An electric arc: crackling discharges gated by the mains, with a raspy buzz."""
    n = length(seconds)
    activity = np.clip(0.3 + 0.9 * wander(rng, n, 11.0), 0.0, 1.0)
    grains = [click(rng, rng.uniform(900, 3_500), 16_000.0, rng.uniform(0.003, 0.016)) for _ in range(8)]
    at = poisson(rng, n, density_hz * activity * (0.2 + 0.8 * bursts(hum_hz * 2, n, 6.0)) + 2.0)
    crackle = scatter(rng, n, at, grains, rng.uniform(0.2, 1.0, len(at)) ** 2, 0.5)
    buzz = limit(band(saw(hum_hz * 2 * (1.0 + 0.004 * wander(rng, n, 30.0))), 900.0, None, 1) * 4.0) * activity**2
    snap = click(rng, 400.0, 15_000.0, 0.06)
    out = unit(crackle) + 0.3 * pan(buzz, 0.0) + place(n, [0.0], [snap], 0.8)
    return room(rng, out * curve(n, (0, 1), (0.7, 0.8), (1, 0)), 0.5, 0.2)


def sparks(rng: Generator, seconds: float, rate_hz: float) -> Array:
    """Separate sparks: short snaps with a fizz after each, falling away."""
    n = length(seconds)
    grains = [click(rng, rng.uniform(1_500, 5_000), 17_000.0, rng.uniform(0.006, 0.04)) for _ in range(8)]
    main = np.append(poisson(rng, n, rate_hz * curve(n, (0, 1), (0.8, 0.7), (1, 0))), 0)
    fizz = np.concatenate([m + (rng.exponential(0.05, 14) * 44_100).astype(int) for m in main])
    out = scatter(rng, n, main, grains, rng.uniform(0.5, 1.0, len(main))) + scatter(rng, n, fizz, grains, 0.12)
    return room(rng, out, 0.5, 0.2, 400.0)


def hum(rng: Generator, seconds: float, base_hz: float, buzz: float) -> Array:
    """Mains hum of a transformer or a lamp: even harmonics, more of them when it buzzes."""
    n = length(seconds)
    tone = sum(sine(base_hz * k, n, start=rng.uniform()) * k ** -(2.2 - 1.6 * buzz) * rng.uniform(0.4, 1.0) for k in range(1, 25))
    out = widen(rng, tone * (1.0 + 0.08 * wander(rng, n, 5.0)), 0.4) + 0.02 * buzz * noise(rng, n, channels=2)
    return room(rng, fade(out, 0.08, 0.15), 0.3, 0.1)


KINDS = (
    Kind(
        "laser", "LASRGun", "LASERS", 8, "{tone} Laser Shot {speed}",
        ("{speed} {tone} laser shot", "{tone} blaster fired, {speed} zap", "sci-fi laser gun, {tone} and {speed}"),
        laser,
        {
            "tone": {
                "bright|sharp": {"start_hz": Span(3_500, 6_500), "end_hz": Span(350, 700), "sub": 0.1},
                "heavy|deep": {"start_hz": Span(900, 1_600), "end_hz": Span(60, 110), "sub": 0.9},
            },
            "speed": {"short|quick": {"seconds": Span(0.12, 0.22)}, "long": {"seconds": Span(0.45, 0.8)}},
        },
        {"index": Span(0.5, 4.0)},
    ),
    Kind(
        "laser burst", "LASRGun", "LASERS", 3, "Laser Burst",
        ("burst of rapid laser fire", "automatic blaster firing several shots"),
        burst_laser, {}, {"shots": 7, "rate_hz": Span(6, 12), "start_hz": Span(1_800, 4_500)},
    ),
    Kind(
        "beam", "LASRBeam", "LASERS", 4, "{tone} Energy Beam",
        ("{tone} energy beam, sustained", "{tone} laser beam humming and cutting"),
        beam,
        {"tone": {"rough|sizzling": {"rough": Span(0.7, 1.0)}, "smooth|clean": {"rough": 0.05}}},
        {"seconds": Span(1.4, 3.0), "base_hz": Span(90, 260)},
    ),
    Kind(
        "energy charge", "SCIEnrg", "SCIFI", 6, "{speed} Energy Charge {end}",
        ("{speed} energy charge up {end}", "weapon powering up {end}, {speed}", "{speed} rising power up whine {end}"),
        charge,
        {
            "speed": {"slow|long": {"seconds": Span(2.0, 3.2)}, "fast|quick": {"seconds": Span(0.6, 1.1)}},
            "end": {"and release|with discharge": {"release": 1.0}, "": {"release": 0.0}},
        },
        {"base_hz": Span(110, 260), "octaves": Span(2.0, 3.2)},
    ),
    Kind(
        "force field", "SCIEnrg", "SCIFI", 5, "{speed} Force Field",
        ("{speed} force field humming", "energy shield with {speed} swirl"),
        force_field,
        {"speed": {"slow|calm": {"wobble_hz": Span(0.25, 0.5)}, "fast|unstable": {"wobble_hz": Span(1.8, 3.0)}}},
        {"seconds": Span(2.2, 4.0), "base_hz": Span(55, 120)},
    ),
    Kind(
        "teleport", "SCIMisc", "SCIFI", 4, "Teleport {way}",
        ("teleport {way}, shower of tones", "matter dissolving {way}, science fiction transporter"),
        teleport, {"way": {"out|upwards": {"rising": True}, "in|downwards": {"rising": False}}}, {"seconds": Span(1.1, 2.0)},
    ),
    Kind(
        "spaceship by", "SCIShip", "SCIFI", 4, "{size} Spaceship By",
        ("{size} spaceship flying past", "{size} starship roaring by with doppler"),
        ship_by,
        {
            "size": {
                "small|fast": {"base_hz": Span(120, 190), "seconds": Span(1.6, 2.4)},
                "huge|slow": {"base_hz": Span(38, 60), "seconds": Span(3.5, 5.0)},
            },
        },
    ),
    Kind(
        "sci-fi door", "SCIDoor", "SCIFI", 4, "{size} Scifi Door",
        ("{size} spaceship door sliding open", "{size} automatic sci-fi door, pneumatic slide and thunk"),
        sci_door,
        {"size": {"small|light": {"heavy": 0.8, "seconds": Span(0.5, 0.8)}, "large|heavy": {"heavy": 2.0, "seconds": Span(1.2, 1.9)}}},
    ),
    Kind(
        "computer data", "SCICmpt", "SCIFI", 4, "{speed} Computer Data",
        ("{speed} computer data chatter", "{speed} bleeping console, processing"),
        data,
        {"speed": {"fast|rapid": {"rate_hz": Span(16, 24)}, "slow|calm": {"rate_hz": Span(5, 8)}}},
        {"seconds": Span(1.2, 2.4), "low_hz": Span(350, 700), "high_hz": Span(1_800, 3_600)},
    ),
    Kind(
        "glitch", "UIGlitch", "USER INTERFACE", 4, "Digital Glitch {span}",
        ("{span} digital glitch, stuttering", "{span} data corruption noise"),
        glitch, {"span": {"short": {"seconds": Span(0.25, 0.5)}, "long": {"seconds": Span(1.0, 1.8)}}},
    ),
    Kind(
        "robot voice", "ROBTVox", "ROBOTS", 4, "{size} Robot Babble",
        ("{size} robot talking nonsense", "{size} droid babbling, synthetic voice"),
        robot_voice,
        {"size": {"small|cute": {"pitch_hz": Span(260, 380), "syllables": 7}, "large|deep": {"pitch_hz": Span(70, 105), "syllables": 5}}},
    ),
    Kind(
        "electric zap", "ELECZap", "ELECTRICITY", 6, "{span} Electric Zap",
        ("{span} electric zap", "{span} crackling electric arc", "{span} electrical discharge buzzing"),
        zap,
        {"span": {"short|quick": {"seconds": Span(0.25, 0.5)}, "long|sustained": {"seconds": Span(1.2, 2.2)}}},
        {"density_hz": Span(250, 700), "hum_hz": Span(50, 60)},
    ),
    Kind(
        "sparks", "ELECSprk", "ELECTRICITY", 3, "Sparks",
        ("electric sparks snapping from a cable", "short circuit sparks fizzing"),
        sparks, {}, {"seconds": Span(1.0, 2.2), "rate_hz": Span(4, 12)},
    ),
    Kind(
        "electric hum", "ELECBuzz", "ELECTRICITY", 4, "{tone} Electric Hum",
        ("{tone} electric hum", "transformer with a {tone} mains buzz"),
        hum, {"tone": {"soft|low": {"buzz": 0.1}, "buzzing|harsh": {"buzz": 0.9}}}, {"seconds": Span(2.0, 4.0), "base_hz": Span(50, 120)},
    ),
)  # fmt: skip

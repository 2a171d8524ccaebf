"""Designed sounds for film and trailers: risers, downers, booms, braams, drones, magic. Each function returns (T,) or (2, T) at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.bodies import BELL, hit, modes, place, plate, poisson, scatter
from generation.procedural.impacts import metal
from generation.procedural.kinds import Kind, Span
from generation.procedural.signals import (
    Array,
    along,
    band,
    bump,
    curve,
    decay,
    fade,
    glide,
    hump,
    length,
    limit,
    noise,
    phase,
    saw,
    sculpt,
    sine,
    strike,
    unit,
    wander,
)  # fmt: skip
from generation.procedural.spaces import echo, pan, reverse, room, tail


def riser(rng: Generator, seconds: float, start_hz: float, octaves: float, noisy: float, pulsing: float) -> Array:
    """Detuned saws, a rising noise band and an ever faster tremolo that stop at the top."""
    n = length(seconds)
    pitch = glide(n, (0, start_hz), (1, start_hz * 2.0**octaves))
    voices = [pan(saw(pitch * 2.0 ** (rng.uniform(-0.25, 0.25) / 12.0), start=rng.uniform()), rng.uniform(-0.9, 0.9)) for _ in range(5)]
    tone = sculpt(sum(voices), lambda f, at: 1.0 / (1.0 + (f / along(at, (0, start_hz * 3), (1, 9_000.0))) ** 2))
    air = sculpt(noise(rng, n, channels=2), lambda f, at: bump(f, along(at, (0, 400.0), (1, 9_000.0)), 0.6))
    speed = glide(n, (0, 2.0), (1, 18.0))
    gate = 1.0 - pulsing * (0.5 + 0.5 * np.cos(2.0 * np.pi * phase(speed)))
    swell = curve(n, (0, 0.02), (0.7, 0.45), (1, 1), power=1.3)
    out = ((1.0 - noisy) * unit(tone) + noisy * unit(air)) * gate * swell
    return room(rng, tail(fade(out, 0.01, 0.03), 0.8), 1.4, 0.3)


def downer(rng: Generator, seconds: float, start_hz: float, octaves: float, noisy: float) -> Array:
    """Pitch, brightness and energy sinking away: a power-down or a fall."""
    n = length(seconds)
    pitch = glide(n, (0, start_hz), (0.25, start_hz * 0.7), (1, start_hz * 2.0**-octaves))
    voices = [pan(saw(pitch * 2.0 ** (rng.uniform(-0.2, 0.2) / 12.0), start=rng.uniform()), rng.uniform(-0.8, 0.8)) for _ in range(4)]
    tone = sculpt(sum(voices), lambda f, at: 1.0 / (1.0 + (f / along(at, (0, start_hz * 9), (1, start_hz * 0.6))) ** 2))
    air = sculpt(noise(rng, n, -2.0, 2), lambda f, at: bump(f, along(at, (0, 5_000.0), (1, 200.0)), 0.7))
    return room(rng, ((1.0 - noisy) * unit(tone) + noisy * unit(air)) * curve(n, (0, 0), (0.02, 1), (0.5, 0.7), (1, 0), power=1.2), 1.2,
        0.3)


def boom(rng: Generator, seconds: float, start_hz: float, end_hz: float, grit: float) -> Array:
    """Sub drop: a sine that dives, saturated so that small speakers hear it, with a soft impact in front."""
    n = length(seconds)
    low = sine(glide(n, (0, start_hz), (0.15, end_hz * 1.6), (1, end_hz))) * strike(n, 0.004, seconds * 1.1)
    puff = band(noise(rng, n, -3.0, 2), 60.0, 1_800.0, 1) * strike(n, 0.002, 0.5)
    return room(rng, limit(low * (1.0 + 2.5 * grit), 1.8) + 0.35 * grit * unit(puff), 2.0, 0.3, 60.0)


def cinematic_hit(rng: Generator, seconds: float, base_hz: float, metallic: float) -> Array:
    """Trailer impact: sub drop, slammed body, metal scrape and a long dark hall."""
    n = length(seconds)
    low = sine(glide(n, (0, base_hz * 2.6), (0.1, base_hz), (1, base_hz * 0.7))) * strike(n, 0.003, seconds)
    crack = band(noise(rng, n, -1.0, 2), 200.0, 7_000.0, 1) * strike(n, 0.001, 0.35)
    ring = hit(rng, modes(rng, plate(rng, 20), base_hz * 2.3, seconds * 0.9, 0.4, 0.3), seconds, 0.0006, 0.9)
    return room(rng, limit(low + 0.5 * unit(crack) + metallic * ring, 1.5), 2.6, 0.5, 70.0)


def braam(rng: Generator, seconds: float, base_hz: float, bite: float) -> Array:
    """Huge brass-like swell: stacked detuned saws in fifths and octaves through an opening filter, overdriven."""
    n = length(seconds)
    chord = (1.0, 1.0, 1.498, 2.0, 2.0, 0.5)
    slide = glide(n, (0, 0.97), (0.08, 1.0), (0.8, 1.0), (1, 0.985))
    voices = [pan(saw(base_hz * r * 2.0 ** (rng.uniform(-0.12, 0.12) / 12.0) * slide, start=rng.uniform()), rng.uniform(-0.9, 0.9))
        for r in chord for _ in range(2)]
    top = base_hz * (14.0 + 30.0 * bite)
    toned = sculpt(sum(voices), lambda f, at: 1.0 / (1.0 + (f / along(at, (0, base_hz * 3), (0.12, top), (1, base_hz * 4))) ** 2))
    return room(rng, limit(unit(toned) * (1.5 + 3.0 * bite)) * curve(n, (0, 0), (0.05, 1), (0.4, 0.8), (1, 0), power=1.3), 2.4, 0.35, 70.0)


def drone(rng: Generator, seconds: float, base_hz: float, bright: float, motion_hz: float) -> Array:
    """A slowly moving bed: beating partials, filtered noise and wandering levels."""
    n = length(seconds)
    out = np.zeros((2, n))
    for ratio in (1.0, 1.004, 1.5, 2.0, 2.01, 2.99, 4.02, 5.03, 6.9):
        level = ratio ** -(1.8 - 1.3 * bright) * (0.55 + 0.45 * wander(rng, n, motion_hz))
        out += pan(sine(base_hz * ratio, n, modulation=1.2 * bright * sine(base_hz * ratio * 0.501, n), start=rng.uniform()) * level,
            rng.uniform(-0.8, 0.8))
    bed = band(noise(rng, n, -5.0, 2), base_hz, base_hz * (5.0 + 30.0 * bright), 1) * (0.6 + 0.4 * wander(rng, n, motion_hz))
    return room(rng, (unit(out) + 0.3 * unit(bed)) * curve(n, (0, 0), (0.15, 1), (0.8, 1), (1, 0)), 1.6, 0.3, 60.0)


def eerie(rng: Generator, seconds: float, base_hz: float) -> Array:
    """Ghostly texture: clusters of thin gliding sines and bowed-metal resonance in a wide hall."""
    n = length(seconds)
    out = np.zeros((2, n))
    for _ in range(9):
        pitch = base_hz * 2.0 ** (rng.choice([0, 1, 6, 11, 13, 18]) / 12.0) * 2.0 ** (0.5 * wander(rng, n, 0.5) / 12.0)
        swell = hump(n, rng.uniform(0.2, 0.8), 1.5, 1.5)
        out += pan(sine(pitch, modulation=0.8 * sine(pitch * 2.003)) * swell, rng.uniform(-1, 1))
    bow = sculpt(noise(rng, n, channels=2), lambda f, at: sum(bump(f, base_hz * r, 0.01) for r in (2.76, 5.4, 8.93)), 2_048)
    return room(rng, unit(out) + 0.35 * unit(bow) * hump(n, 0.6), 2.8, 0.7)


def shimmer(rng: Generator, seconds: float, base_hz: float, direction: float, density_hz: float) -> Array:
    """Magic sparkle: many tiny bells on a pentatonic ladder that runs up or down."""
    n = length(seconds)
    ladder = np.array([0, 2, 4, 7, 9, 12, 14, 16, 19, 21, 24, 26, 28])
    grains = [hit(rng, modes(rng, (1.0, 2.76, 5.4), base_hz * 2.0 ** (step / 12.0), 0.7, 0.7), 0.8, 0.00008)[0] for step in ladder]
    at = np.append(poisson(rng, n, density_hz * hump(n, 0.35, 0.8, 1.2)), 0)
    out = np.zeros((2, n))
    step = np.clip((0.5 + direction * (at / n - 0.5)) * len(ladder) + rng.normal(0, 1.4, len(at)), 0, len(ladder) - 1).astype(int)
    for index, grain in enumerate(grains):
        out += scatter(rng, n, at[step == index], [grain], rng.uniform(0.3, 1.0))
    air = band(noise(rng, n, channels=2), 6_000.0, None) * hump(n, 0.4)
    return room(rng, tail(unit(out) + 0.06 * unit(air), 0.8), 1.8, 0.5, 500.0)


def spell(rng: Generator, seconds: float, base_hz: float, dark: float) -> Array:
    """A spell cast: a gathering swirl, a burst, and a glittering or growling rest."""
    n, burst = length(seconds), 0.35
    swirl = sculpt(noise(rng, n, channels=2), lambda f, at: bump(f, along(at, (0, base_hz), (burst, base_hz * 8), (1, base_hz * 2)), 0.35))
    swirl *= hump(n, burst, 2.0, 3.0) * (0.6 + 0.4 * np.stack([sine(11.0, n), -sine(11.0, n)]))
    pitch = glide(n, (0, base_hz * 0.7), (burst, base_hz * 2.0), (1, base_hz * (0.6 if dark > 0.5 else 2.6)))
    tone = sine(pitch, modulation=(1.0 + 4.0 * dark) * sine(pitch * (0.51 if dark > 0.5 else 2.01))) * hump(n, burst, 1.5, 2.0)
    rest = shimmer(rng, max(seconds * 0.6, 0.4), base_hz * 3.0, -1.0, 40.0)
    out = unit(swirl) + 0.5 * pan(tone, 0.5 * wander(rng, n, 3.0))
    return room(rng, tail(out, 0.5) + (1.0 - dark) * 0.7 * place(n + length(0.5), [seconds * burst], [rest]), 1.5, 0.4)


def poof(rng: Generator, seconds: float) -> Array:
    """Something vanishing in a cloud: a soft thump and a puff."""
    n = length(seconds)
    thump = sine(glide(n, (0, 220), (0.3, 70), (1, 60))) * strike(n, 0.003, 0.2)
    cloud = sculpt(noise(rng, n, -2.0, 2), lambda f, at: bump(f, along(at, (0, 2_500.0), (1, 500.0)), 1.0)) * strike(n, 0.015,
        seconds * 0.9)
    return room(rng, 0.7 * thump + 0.9 * unit(cloud), 0.8, 0.25)


def reversed_hit(rng: Generator, seconds: float, base_hz: float) -> Array:
    """A cymbal-like hit played backwards: a swell that is sucked into nothing."""
    long = metal(rng, base_hz, seconds, seconds * 1.1, 0.0003, 36)[:, : length(seconds)]
    wash = band(noise(rng, long.shape[1], channels=2), 2_500.0, None) * decay(long.shape[1], seconds * 1.2)
    return fade(reverse(unit(long) + 0.5 * unit(wash)), 0.01, 0.004)


def stinger(rng: Generator, seconds: float, base_hz: float) -> Array:
    """Horror stab: a dissonant cluster attacked at once, trembling as it fades."""
    n = length(seconds)
    out = np.zeros((2, n))
    for semitone in (0, 1, 6, 7, 13, 18, 23):
        vibrato = 1.0 + 0.006 * sine(rng.uniform(5, 7), n)
        out += pan(saw(base_hz * 2.0 ** (semitone / 12.0) * vibrato, start=rng.uniform()), rng.uniform(-0.9, 0.9))
    out = band(out, 120.0, 5_500.0, 1) * (1.0 + 0.4 * sine(13.0, n)) * strike(n, 0.006, seconds * 1.3)
    slap = cinematic_hit(rng, 0.8, 60.0, 0.3)[:, :n]
    return room(rng, unit(out) + 0.6 * np.pad(unit(slap), ((0, 0), (0, n - slap.shape[1]))), 1.8, 0.4)


def bell_swell(rng: Generator, seconds: float, base_hz: float) -> Array:
    """Ethereal pad: bowed bells with slow attacks and echoes."""
    n = length(seconds)
    out = np.zeros((2, n))
    for ratio in BELL[1:8]:
        swell = hump(n, rng.uniform(0.25, 0.5), 1.6, 1.6)
        out += pan(sine(base_hz * ratio * (1 + 0.002 * rng.standard_normal()), n, start=rng.uniform()) * swell * ratio**-0.8,
            rng.uniform(-1, 1))
    return room(rng, echo(out, 0.31, 0.45, 3), 2.5, 0.6)


SPEED = {"slow|long": {"seconds": Span(3.2, 5.0)}, "fast|short": {"seconds": Span(0.8, 1.5)}}

KINDS = (
    Kind(
        "riser", "DSGNRise", "DESIGNED", 10, "{speed} {texture} Riser",
        (
            "{speed} {texture} riser building tension",
            "{texture} sound rising in pitch, {speed} build up",
            "{speed} rising sweep, {texture}",
        ),
        riser,
        {
            "speed": SPEED,
            "texture": {
                "tonal|synth": {"noisy": 0.15, "pulsing": 0.0},
                "noisy|airy": {"noisy": 0.85, "pulsing": 0.0},
                "pulsing|stuttering": {"noisy": 0.4, "pulsing": 0.9},
            },
        },
        {"start_hz": Span(50, 180), "octaves": Span(2.0, 3.5)},
    ),
    Kind(
        "downer", "DSGNSynth", "DESIGNED", 8, "{speed} {texture} Downer",
        (
            "{speed} {texture} downer, pitch falling away",
            "{texture} power down, {speed} falling sweep",
            "{speed} descending {texture} sound",
        ),
        downer,
        {
            "speed": {"slow|long": {"seconds": Span(2.2, 3.6)}, "fast|short": {"seconds": Span(0.5, 1.0)}},
            "texture": {"tonal|synth": {"noisy": 0.15}, "noisy|airy": {"noisy": 0.8}},
        },
        {"start_hz": Span(350, 900), "octaves": Span(2.5, 4.0)},
    ),
    Kind(
        "boom", "DSGNBoom", "DESIGNED", 6, "{texture} Boom",
        ("{texture} deep boom with a long tail", "{texture} sub drop, low bass impact"),
        boom,
        {"texture": {"clean|smooth": {"grit": 0.15}, "gritty|distorted": {"grit": 1.0}}},
        {"seconds": Span(1.6, 3.0), "start_hz": Span(90, 170), "end_hz": Span(30, 44)},
    ),
    Kind(
        "cinematic hit", "DSGNBoom", "DESIGNED", 6, "Cinematic {texture} Hit",
        ("cinematic {texture} impact, huge and dark", "trailer hit, {texture}, big hall reverb"),
        cinematic_hit,
        {"texture": {"metallic|metal": {"metallic": Span(0.6, 0.9)}, "deep|low": {"metallic": 0.08}}},
        {"seconds": Span(1.6, 2.6), "base_hz": Span(36, 58)},
    ),
    Kind(
        "braam", "DSGNBram", "DESIGNED", 4, "{texture} Braam",
        ("{texture} braam, giant brass swell", "{texture} trailer horn blast"),
        braam,
        {"texture": {"aggressive|harsh": {"bite": Span(0.7, 1.0)}, "dark|low": {"bite": Span(0.05, 0.2)}}},
        {"seconds": Span(2.0, 3.4), "base_hz": Span(48, 75)},
    ),
    Kind(
        "drone", "DSGNDron", "DESIGNED", 6, "{texture} Drone {speed}",
        ("{texture} {speed} drone", "{speed} ambient drone, {texture} and deep"),
        drone,
        {
            "texture": {
                "dark|low": {"bright": Span(0.0, 0.15), "base_hz": Span(42, 70)},
                "bright|metallic": {"bright": Span(0.7, 1.0), "base_hz": Span(90, 160)},
            },
            "speed": {"steady|static": {"motion_hz": 0.3}, "moving|restless": {"motion_hz": 3.0}},
        },
        {"seconds": Span(4.5, 6.0)},
    ),
    Kind(
        "eerie texture", "DSGNErie", "DESIGNED", 4, "Eerie {height} Texture",
        ("eerie {height} ghostly texture", "{height} horror atmosphere, gliding tones"),
        eerie, {"height": {"high|thin": {"base_hz": Span(500, 900)}, "low|dark": {"base_hz": Span(120, 220)}}}, {"seconds": Span(3.2, 4.6)},
    ),
    Kind(
        "shimmer", "MAGShim", "MAGIC", 6, "{way} Magic Shimmer",
        ("magic shimmer {way}, tiny bells", "sparkling fairy dust running {way}", "glittering chimes {way}"),
        shimmer,
        {"way": {"rising|upwards": {"direction": 1.0}, "falling|downwards": {"direction": -1.0}}},
        {"seconds": Span(1.0, 2.4), "base_hz": Span(900, 1_700), "density_hz": Span(25, 60)},
    ),
    Kind(
        "spell", "MAGSpel", "MAGIC", 6, "{mood} Spell Cast",
        ("{mood} magic spell cast", "casting a {mood} spell, swirl and burst"),
        spell,
        {"mood": {"bright|healing": {"dark": 0.0}, "dark|evil": {"dark": 1.0}}},
        {"seconds": Span(1.1, 2.0), "base_hz": Span(200, 480)},
    ),
    Kind(
        "poof", "MAGPoof", "MAGIC", 3, "Magic Poof",
        ("magic poof, vanishing in a puff of smoke", "soft poof of smoke"),
        poof, {}, {"seconds": Span(0.5, 0.9)},
    ),
    Kind(
        "reverse hit", "DSGNRise", "DESIGNED", 3, "Reverse Cymbal Swell",
        ("reversed cymbal swelling up and cut off", "reverse metal hit sucking in"),
        reversed_hit, {}, {"seconds": Span(1.0, 2.6), "base_hz": Span(250, 500)},
    ),
    Kind(
        "horror stinger", "DSGNStngr", "DESIGNED", 3, "Horror Stinger",
        ("dissonant horror stinger, sudden scare", "jump scare stab of strings"),
        stinger, {}, {"seconds": Span(1.4, 2.4), "base_hz": Span(220, 400)},
    ),
    Kind(
        "ethereal swell", "DSGNEthr", "DESIGNED", 3, "Ethereal Bell Swell",
        ("ethereal pad of bowed bells swelling", "dreamy glassy swell with echoes"),
        bell_swell, {}, {"seconds": Span(2.6, 3.8), "base_hz": Span(260, 520)},
    ),
)  # fmt: skip

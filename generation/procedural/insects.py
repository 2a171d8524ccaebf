"""Insects and their giant relations: stridulation, rasps, wing beats, chitter. Each function returns (T,) or (2, T) at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.bodies import click, poisson, scatter
from generation.procedural.kinds import Kind, Span
from generation.procedural.signals import (
    Array,
    band,
    bump,
    bursts,
    curve,
    fade,
    glide,
    hump,
    length,
    noise,
    saw,
    sculpt,
    sine,
    wander,
)  # fmt: skip
from generation.procedural.spaces import pan, pass_by, room


def cricket(rng: Generator, seconds: float, pitch_hz: float, chirps_hz: float, syllables: int) -> Array:
    """Stridulation: bursts of a few pulses of one almost pure tone."""
    n = length(seconds)
    size = length(0.016)
    tone = sine(glide(size, (0, pitch_hz * 1.01), (1, pitch_hz * 0.985))) * hump(size, 0.4, 1.0, 1.0)
    starts = np.concatenate([k / chirps_hz + np.arange(syllables) * 0.021 for k in range(int(seconds * chirps_hz))])
    song = scatter(rng, n, (starts * 44_100).astype(int), [tone], rng.uniform(0.85, 1.0, len(starts)), places=np.full(len(starts), 0.3))
    second = np.roll(song[::-1], length(0.37 / chirps_hz), axis=1) * 0.3
    return room(rng, song + second, 0.6, 0.25, 800.0)


def cicada(rng: Generator, seconds: float, pitch_hz: float) -> Array:
    """A tree full of cicadas: a rasping band of high buzz that swells."""
    n = length(seconds)
    rasp = bursts(rng.uniform(110, 170) * (1.0 + 0.03 * wander(rng, n, 4.0)), sharpness=6.0)
    buzz = sculpt(noise(rng, n, channels=2), lambda f, at: bump(f, pitch_hz, 0.16) + 0.4 * bump(f, pitch_hz * 1.5, 0.12)) * rasp
    return room(rng, buzz * (0.6 + 0.4 * sine(rng.uniform(0.4, 0.9), n)) * curve(n, (0, 0), (0.15, 1), (0.85, 1), (1, 0)), 0.8, 0.25, 800.0)


def buzzing(rng: Generator, seconds: float, wing_hz: float, passing: bool) -> Array:
    """An insect in flight: wing-beat harmonics that wander as it manoeuvres, near or circling by."""
    n = length(seconds)
    pitch = wing_hz * (1.0 + 0.05 * wander(rng, n, 2.5) + 0.015 * wander(rng, n, 18.0))
    tone = band(saw(pitch) + 0.4 * saw(pitch * 2.003), wing_hz * 0.7, 5_500.0, 1) * (1.0 + 0.15 * wander(rng, n, 30.0)) + 0.03 * noise(rng,
        n)
    if passing:
        return room(rng, pass_by(tone, 2.2, 0.35, 0.5, rng.choice([-1.0, 1.0])), 0.3, 0.08)
    near = 0.35 + 0.65 * np.abs(wander(rng, n, 1.2))
    return room(rng, fade(pan(tone * near, 0.8 * wander(rng, n, 0.9)), 0.05, 0.1), 0.3, 0.08)


def swarm(rng: Generator, seconds: float, wing_hz: float) -> Array:
    """A swarm of bees: many detuned flyers."""
    return sum(buzzing(rng, seconds, wing_hz * 2.0 ** rng.uniform(-0.25, 0.25), False) for _ in range(7))


def chitter(rng: Generator, seconds: float, base_hz: float) -> Array:
    """An insect-like alien: bursts of clicks and wet squeaks."""
    n = length(seconds)
    grains = [click(rng, base_hz, base_hz * 4, rng.uniform(0.004, 0.014)) for _ in range(5)]
    for _ in range(5):
        size = length(rng.uniform(0.02, 0.05))
        grains.append(0.7 * sine(glide(size, (0, base_hz * rng.uniform(0.6, 1.5)), (1, base_hz * rng.uniform(0.6, 1.8)))) * hump(size, 0.3))
    at = poisson(rng, n, 65.0 * np.clip(wander(rng, n, 5.0) + 0.1, 0.0, 1.0))
    return room(rng, scatter(rng, n, np.append(at, 0), grains, rng.uniform(0.3, 1.0, len(at) + 1), 0.5), 0.9, 0.25, 250.0)


KINDS = (
    Kind(
        "crickets", "ANMLInsc", "ANIMALS", 4, "{speed} Crickets",
        ("{speed} crickets chirping at night", "cricket song, {speed}"),
        cricket,
        {"speed": {"slow|calm": {"chirps_hz": Span(1.4, 2.0), "syllables": 4}, "fast|busy": {"chirps_hz": Span(4.0, 6.0), "syllables": 3}}},
        {"seconds": Span(3.0, 4.5), "pitch_hz": Span(3_800, 5_200)},
    ),
    Kind(
        "cicadas", "ANMLInsc", "ANIMALS", 2, "Cicadas",
        ("cicadas buzzing on a hot day", "insects rasping in the trees"),
        cicada, {}, {"seconds": Span(3.0, 4.5), "pitch_hz": Span(4_500, 6_500)},
    ),
    Kind(
        "fly", "ANMLInsc", "ANIMALS", 4, "{insect} Buzz",
        ("{insect} buzzing around", "{insect} in flight, close buzz"),
        buzzing,
        {"insect": {"fly": {"wing_hz": Span(170, 230)}, "mosquito": {"wing_hz": Span(520, 700)}}},
        {"seconds": Span(2.0, 3.5), "passing": False},
    ),
    Kind(
        "bee by", "ANMLInsc", "ANIMALS", 3, "Bee Fly By",
        ("bee flying past", "bumblebee buzzing by the ear"),
        buzzing, {}, {"seconds": Span(1.4, 2.2), "wing_hz": Span(140, 220), "passing": True},
    ),
    Kind(
        "bee swarm", "ANMLInsc", "ANIMALS", 2, "Bee Swarm",
        ("swarm of bees buzzing", "beehive full of bees"),
        swarm, {}, {"seconds": Span(3.0, 4.5), "wing_hz": Span(190, 240)},
    ),
    Kind(
        "alien chitter", "CREAInsc", "CREATURES", 3, "Insectoid Chitter",
        ("insect-like alien chittering", "giant bug clicking and squeaking"),
        chitter, {}, {"seconds": Span(1.2, 2.2), "base_hz": Span(700, 1_600)},
    ),
)  # fmt: skip

"""Birds: whistled songs, caws, hoots and crows. Each function returns (T,) or (2, T) samples at 44.1 kHz."""

from __future__ import annotations

from numpy.random import Generator

from generation.procedural.bodies import glottis, place, throat
from generation.procedural.kinds import Kind, Span
from generation.procedural.signals import (
    Array,
    glide,
    hump,
    length,
    limit,
    noise,
    sine,
    unit,
)  # fmt: skip
from generation.procedural.spaces import room


def bird_song(rng: Generator, seconds: float, centre_hz: float, notes: int, trill: float) -> Array:
    """A songbird: a phrase of whistled notes with sweeps, warbles and trills, some repeated."""
    motifs = []
    for _ in range(notes):
        n = length(rng.uniform(0.05, 0.16))
        bends = centre_hz * 2.0 ** rng.uniform(-0.5, 0.6, 3)
        pitch = glide(n, (0, bends[0]), (0.5, bends[1]), (1, bends[2])) * (1.0 + trill * 0.06 * sine(rng.uniform(25, 60), n))
        motifs.append(sine(pitch, modulation=0.25 * sine(pitch * 2.0)) * hump(n, rng.uniform(0.2, 0.6), 0.8, 1.0))
    at, sounds, t = [], [], 0.0
    while t < seconds - 0.2:
        motif = motifs[rng.integers(notes)]
        for _ in range(int(rng.choice([1, 1, 2, 4]))):
            at.append(t)
            sounds.append(motif)
            t += len(motif) / 44_100 + rng.uniform(0.015, 0.05)
        t += rng.uniform(0.03, 0.22)
    return room(rng, place(length(max(seconds, t)), at, sounds, rng.uniform(0.5, 1.0, len(at))), 1.1, 0.35, 600.0)


def crow(rng: Generator, pitch_hz: float, calls: int) -> Array:
    """A crow: hoarse flat caws."""
    at, sounds, t = [], [], 0.0
    for _ in range(calls):
        n = length(rng.uniform(0.25, 0.38))
        source = glottis(rng, pitch_hz * rng.uniform(0.95, 1.05) * glide(n, (0, 0.9), (0.3, 1.08), (1, 0.82)), 0.8, 0.3)
        caw = throat(source, [((0, 900), (0.3, 1_250), (1, 950)), ((0, 1_600), (0.4, 1_950), (1, 1_700)), ((0, 3_000), (1, 2_800))],
            (200, 260, 500), (1.0, 0.9, 0.3))
        sounds.append(limit(unit(caw) * hump(n, 0.3, 0.5, 0.9) * 1.8))
        at.append(t)
        t += n / 44_100 + rng.uniform(0.12, 0.3)
    return room(rng, place(length(t), at, sounds), 1.2, 0.28)


def owl(rng: Generator, pitch_hz: float) -> Array:
    """An owl's hoots in its rhythm: one long, a pause, short ones, and a long wavering one."""
    at, sounds, t = [], [], 0.0
    for seconds, gap in ((0.45, 0.6), (0.16, 0.12), (0.16, 0.12), (0.75, 0.1)):
        n = length(seconds * rng.uniform(0.9, 1.1))
        pitch = pitch_hz * glide(n, (0, 0.93), (0.2, 1.02), (1, 0.94)) * (1.0 + (0.015 if seconds > 0.4 else 0.0) * sine(9.0, n))
        sounds.append((sine(pitch) + 0.15 * sine(pitch * 2.0) + 0.03 * noise(rng, n)) * hump(n, 0.3, 0.7, 0.7))
        at.append(t)
        t += n / 44_100 + gap
    return room(rng, place(length(t), at, sounds), 2.2, 0.4, 150.0)


def cock_crow(rng: Generator, pitch_hz: float) -> Array:
    """A rooster: short notes, then the long one that climbs and falls."""
    at, sounds, t = [], [], 0.0
    for seconds, points in ((0.16, (0.7, 0.95, 0.9)), (0.13, (0.9, 1.0, 0.95)), (0.2, (1.0, 1.15, 1.0)), (0.85, (1.0, 1.3, 0.72))):
        n = length(seconds * rng.uniform(0.9, 1.15))
        pitch = pitch_hz * glide(n, (0, points[0]), (0.35, points[1]), (1, points[2]))
        mouth = [((0, 900), (0.4, 1_500), (1, 1_000)), ((0, 2_300), (0.5, 2_900), (1, 2_200)), ((0, 4_200), (1, 3_800))]
        sounds.append(limit(1.5 * unit(throat(glottis(rng, pitch, 0.25, 0.12), mouth, (200, 300, 500), (1.0, 0.9, 0.4))) * hump(n, 0.35,
            0.5, 0.7)))
        at.append(t)
        t += n / 44_100 + rng.uniform(0.02, 0.06)
    return room(rng, place(length(t + 0.1), at, sounds, (0.6, 0.7, 0.8, 1.0)), 1.2, 0.25)


KINDS = (
    Kind(
        "bird song", "BIRDSong", "BIRDS", 6, "{style} Bird Song",
        ("{style} songbird singing", "bird chirping, {style}", "{style} birdsong in a garden"),
        bird_song,
        {"style": {"trilling|warbling": {"trill": 1.0, "notes": 3}, "whistling|clear": {"trill": 0.0, "notes": 4}}},
        {"seconds": Span(1.6, 3.2), "centre_hz": Span(2_400, 4_600)},
    ),
    Kind(
        "crow", "BIRDCrow", "BIRDS", 4, "Crow Call",
        ("crow cawing", "hoarse caw of a raven"),
        crow, {}, {"pitch_hz": Span(330, 520), "calls": 3},
    ),
    Kind(
        "owl", "BIRDPrey", "BIRDS", 3, "Owl Hoot",
        ("owl hooting at night", "tawny owl call in the forest"),
        owl, {}, {"pitch_hz": Span(340, 560)},
    ),
    Kind(
        "rooster", "BIRDFowl", "BIRDS", 3, "Rooster Crow",
        ("rooster crowing", "cock-a-doodle-doo of a farm rooster"),
        cock_crow, {}, {"pitch_hz": Span(480, 700)},
    ),
)  # fmt: skip

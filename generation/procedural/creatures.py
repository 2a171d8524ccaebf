"""Animals and monsters: voices made of pulses through moving formants. Returns (T,) or (2, T) at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.bodies import click, glottis, place, scatter, throat
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
    unit,
    wander,
)  # fmt: skip
from generation.procedural.spaces import room


def bark(rng: Generator, pitch_hz: float, tract: float, count: int) -> Array:
    """A dog: abrupt voiced bursts whose mouth opens and shuts, with a breathy edge."""
    at, sounds, t = [], [], 0.0
    for _ in range(count):
        n = length(rng.uniform(0.13, 0.2) / tract**0.5)
        pitch = pitch_hz * rng.uniform(0.93, 1.07) * glide(n, (0, 0.75), (0.25, 1.25), (1, 0.62))
        source = glottis(rng, pitch, 0.55, 0.25)
        mouth = [((0, f * a * tract), (0.35, f * tract), (1, f * b * tract)) for f, a, b in ((650, 0.6, 0.6), (1_350, 0.8, 0.75),
            (2_600, 0.9, 0.9))]
        sounds.append(limit(unit(throat(source, mouth, (180, 260, 400), (1.0, 0.7, 0.35))) * hump(n, 0.22, 0.6, 1.4) * 1.6))
        at.append(t)
        t += n / 44_100 + rng.uniform(0.12, 0.32)
    return room(rng, place(length(t), at, sounds, rng.uniform(0.8, 1.0, count)), 0.7, 0.22)


def growl(rng: Generator, seconds: float, pitch_hz: float, tract: float, anger: float) -> Array:
    """A big animal's growl or roar: rough low voice, slow mouth, rumbling breath."""
    n = length(seconds)
    pitch = pitch_hz * glide(n, (0, 0.8), (0.3, 1.0 + 0.5 * anger), (1, 0.7)) * (1.0 + 0.05 * wander(rng, n, 6.0))
    source = glottis(rng, pitch, 0.95, 0.3 + 0.4 * anger) + 0.6 * glottis(rng, pitch * 0.503, 0.9, 0.1)
    opening = 1.0 + 0.6 * anger
    mouth = [((0, f * 0.6 * tract), (0.4, f * opening * tract), (1, f * 0.55 * tract)) for f in (480, 1_050, 2_300)]
    voice = throat(source, mouth, (160, 240, 420), (1.0, 0.6, 0.3 + 0.3 * anger))
    rumble = band(noise(rng, n, -5.0), 35.0, 180.0) * (0.5 + 0.5 * bursts(pitch * 0.5, sharpness=3.0))
    shape = hump(n, 0.35, 0.8, 1.0)
    return room(rng, limit((unit(voice) + 0.4 * unit(rumble)) * shape * (1.5 + 1.5 * anger)), 1.2, 0.3, 70.0)


def meow(rng: Generator, seconds: float, pitch_hz: float, bend: float) -> Array:
    """A cat: the mouth opens from 'm' over 'ia' to 'ou' while the pitch arches."""
    n = length(seconds)
    pitch = pitch_hz * glide(n, (0, 0.85), (0.3, 1.0 + bend), (0.6, 1.0 + 0.6 * bend), (1, 0.75)) * (1.0 + 0.012 * sine(rng.uniform(5, 8),
        n))
    source = glottis(rng, pitch, 0.06, 0.05) + 0.25 * sine(pitch)
    mouth = [((0, 450), (0.25, 950), (0.55, 1_300), (1, 650)), ((0, 1_300), (0.25, 2_700), (0.55, 2_000), (1, 1_100)),
        ((0, 3_200), (0.5, 3_900), (1, 3_100))]
    voice = throat(source, mouth, (170, 260, 400), (1.0, 0.8, 0.35))
    return room(rng, unit(voice) * curve(n, (0, 0), (0.12, 0.5), (0.3, 1), (0.65, 0.8), (1, 0)), 0.5, 0.18)


def purr(rng: Generator, seconds: float, rate_hz: float) -> Array:
    """A purring cat: soft breath pulses at about 25 a second, changing with each breath."""
    n = length(seconds)
    breathing = sine(0.55, n, start=rng.uniform())
    pulses = bursts(rate_hz * (1.0 + 0.06 * breathing + 0.02 * wander(rng, n, 9.0)), sharpness=5.0)
    air = band(noise(rng, n, -4.0, 2), 60.0, 900.0, 1) * pulses * (0.7 + 0.3 * breathing)
    return fade(room(rng, air, 0.25, 0.08), 0.1, 0.25)


def frog(rng: Generator, croaks: int, pulse_hz: float, tract_hz: float) -> Array:
    """Frogs: trains of pulses exciting the vocal sac's resonance."""
    at, sounds, t = [], [], 0.0
    for _ in range(croaks):
        n = length(rng.uniform(0.16, 0.34))
        pulses = bursts(pulse_hz * glide(n, (0, 0.8), (0.4, 1.1), (1, 0.9)), sharpness=12.0)
        raw = pulses * (noise(rng, n) * 0.5 + sine(tract_hz, n) + 0.5 * sine(tract_hz * 2.4, n))
        mouth = [((0, tract_hz * 0.8), (0.5, tract_hz * 1.1), (1, tract_hz)), ((0, tract_hz * 2.2), (1, tract_hz * 2.6))]
        sounds.append(unit(throat(raw, mouth, (140, 260), (1.0, 0.6))) * hump(n, 0.4, 0.6, 0.7))
        at.append(t)
        t += n / 44_100 + rng.uniform(0.12, 0.4)
    return room(rng, place(length(t), at, sounds, rng.uniform(0.6, 1.0, croaks)), 0.9, 0.25, 200.0)


def moo(rng: Generator, seconds: float, pitch_hz: float, tract: float, tremble: float) -> Array:
    """Cattle and sheep: a sustained call from closed lips to an open mouth, steady or bleating."""
    n = length(seconds)
    shake = 1.0 + tremble * sine(rng.uniform(8, 11), n)
    pitch = pitch_hz * glide(n, (0, 0.8), (0.3, 1.05), (0.8, 1.0), (1, 0.8)) * (1.0 + 0.25 * (shake - 1.0))
    mouth = [((0, 250 * tract), (0.3, 620 * tract), (1, 480 * tract)), ((0, 750 * tract), (0.3, 1_250 * tract), (1, 950 * tract)),
        ((0, 2_300 * tract), (1, 2_500 * tract))]
    voice = throat(glottis(rng, pitch, 0.3, 0.08), mouth, (120, 180, 300), (1.0, 0.55, 0.25))
    return room(rng, unit(voice) * shake * curve(n, (0, 0), (0.15, 0.7), (0.35, 1), (0.8, 0.9), (1, 0)), 0.9, 0.22)


def oink(rng: Generator, snorts: int, pitch_hz: float) -> Array:
    """A pig: rasping nasal snorts."""
    at, sounds, t = [], [], 0.0
    for _ in range(snorts):
        n = length(rng.uniform(0.14, 0.32))
        rasp = bursts(pitch_hz * glide(n, (0, 0.8), (0.5, 1.2), (1, 0.9)) * (1 + 0.15 * wander(rng, n, 50.0)), sharpness=4.0)
        raw = rasp * (noise(rng, n, -2.0) + 0.6)
        sounds.append(unit(throat(raw, [((0, 380), (0.5, 620), (1, 450)), ((0, 1_300), (1, 1_600))], (150, 300), (1.0, 0.6))) * hump(n,
            0.35, 0.7, 0.9))
        at.append(t)
        t += n / 44_100 + rng.uniform(0.08, 0.35)
    return room(rng, place(length(t), at, sounds, rng.uniform(0.6, 1.0, snorts)), 0.5, 0.15)


def snake(rng: Generator, seconds: float, rattle: float) -> Array:
    """A snake: a hiss, with the dry buzz of a rattle."""
    n = length(seconds)
    air = sculpt(noise(rng, n, channels=2), lambda f, at: bump(f, along(at, (0, 5_200.0), (0.5, 7_500.0), (1, 5_800.0)), 0.45)) * hump(n,
        0.4, 0.7, 0.9)
    size = int(seconds * 55)
    at = (np.arange(size) / 55.0 + rng.uniform(0, 0.004, size)) * 44_100
    dry = scatter(rng, n, at.astype(int), [click(rng, 3_000, 12_000, 0.008) for _ in range(4)], rng.uniform(0.5, 1.0, size), 0.3)
    return room(rng, unit(air) + rattle * unit(dry) * curve(n, (0, 0.2), (0.3, 1), (1, 0.6)), 0.3, 0.1)


def squeak(rng: Generator, count: int, pitch_hz: float) -> Array:
    """A mouse or another small animal: tiny high voiced squeaks."""
    at, sounds, t = [], [], 0.0
    for _ in range(count):
        n = length(rng.uniform(0.04, 0.1))
        pitch = pitch_hz * rng.uniform(0.85, 1.15) * glide(n, (0, 0.8), (0.4, 1.2), (1, 0.9))
        sounds.append((sine(pitch, modulation=0.6 * sine(pitch * 2)) + 0.05 * noise(rng, n)) * hump(n, 0.35))
        at.append(t)
        t += n / 44_100 + rng.uniform(0.04, 0.22)
    return room(rng, place(length(t), at, sounds, rng.uniform(0.5, 1.0, count)), 0.4, 0.15, 500.0)


def scream(rng: Generator, seconds: float, pitch_hz: float, tract: float) -> Array:
    """A creature's screech: high rough voice tearing upwards."""
    n = length(seconds)
    pitch = pitch_hz * glide(n, (0, 0.55), (0.2, 1.2), (0.7, 1.0), (1, 0.5)) * (1.0 + 0.04 * wander(rng, n, 20.0))
    mouth = [((0, 800 * tract), (0.3, 1_500 * tract), (1, 700 * tract)), ((0, 1_900 * tract), (0.3, 2_800 * tract), (1, 1_700 * tract)),
        ((0, 4_000 * tract), (1, 3_600 * tract))]
    voice = throat(glottis(rng, pitch, 0.7, 0.4) + 0.5 * glottis(rng, pitch * 1.493, 0.6, 0.1), mouth, (220, 320, 600), (1.0, 0.9, 0.5))
    return room(rng, limit(unit(voice) * hump(n, 0.3, 0.6, 0.9) * 2.5), 1.6, 0.35)


SIZE_DOG = {"small|little": {"pitch_hz": Span(420, 620), "tract": Span(1.3, 1.6)}, "large|big": {"pitch_hz": Span(130, 200),
    "tract": Span(0.65, 0.85)}}
SIZE_BEAST = {"huge|giant": {"pitch_hz": Span(34, 50), "tract": Span(0.5, 0.65)}, "small|young": {"pitch_hz": Span(85, 130),
    "tract": Span(1.0, 1.3)}}

KINDS = (
    Kind(
        "dog bark", "ANMLDog", "ANIMALS", 6, "{size} Dog Bark",
        ("{size} dog barking", "bark of a {size} dog", "{size} dog, short barks"),
        bark, {"size": SIZE_DOG}, {"count": 3},
    ),
    Kind(
        "monster growl", "CREAMnstr", "CREATURES", 6, "{size} Monster Growl",
        ("{size} monster growling", "low growl of a {size} creature"),
        growl, {"size": SIZE_BEAST}, {"seconds": Span(1.1, 2.4), "anger": Span(0.1, 0.3)},
    ),
    Kind(
        "monster roar", "CREAMnstr", "CREATURES", 6, "{size} Monster Roar",
        ("{size} monster roaring", "angry roar of a {size} beast"),
        growl, {"size": SIZE_BEAST}, {"seconds": Span(1.2, 2.2), "anger": Span(0.8, 1.0)},
    ),
    Kind(
        "creature screech", "CREAMisc", "CREATURES", 4, "{size} Creature Screech",
        ("{size} creature screeching", "piercing scream of a {size} monster"),
        scream,
        {"size": {"small": {"pitch_hz": Span(700, 1_000), "tract": 1.3}, "large|big": {"pitch_hz": Span(280, 420), "tract": 0.8}}},
        {"seconds": Span(0.7, 1.4)},
    ),
    Kind(
        "cat meow", "ANMLCat", "ANIMALS", 5, "{size} Cat Meow",
        ("{size} meowing", "meow of a {size}"),
        meow,
        {
            "size": {
                "kitten|small cat": {"pitch_hz": Span(800, 1_050), "seconds": Span(0.4, 0.6)},
                "cat|house cat": {"pitch_hz": Span(430, 620), "seconds": Span(0.6, 1.0)},
            },
        },
        {"bend": Span(0.1, 0.4)},
    ),
    Kind(
        "cat purr", "ANMLCat", "ANIMALS", 2, "Cat Purr",
        ("cat purring contentedly", "soft purr of a cat, close"),
        purr, {}, {"seconds": Span(3.0, 4.5), "rate_hz": Span(22, 28)},
    ),
    Kind(
        "frog", "ANMLAmph", "ANIMALS", 5, "{size} Frog Croak",
        ("{size} frog croaking", "{size} frogs by a pond"),
        frog,
        {
            "size": {
                "small|tree": {"pulse_hz": Span(60, 100), "tract_hz": Span(1_100, 1_700)},
                "large|bull": {"pulse_hz": Span(28, 45), "tract_hz": Span(260, 420)},
            },
        },
        {"croaks": 4},
    ),
    Kind(
        "cow", "ANMLFarm", "ANIMALS", 3, "Cow Moo",
        ("cow mooing", "long moo of a cow in a field"),
        moo, {}, {"seconds": Span(1.3, 2.2), "pitch_hz": Span(110, 160), "tract": 0.85, "tremble": 0.02},
    ),
    Kind(
        "sheep", "ANMLFarm", "ANIMALS", 4, "{size} Sheep Bleat",
        ("{size} sheep bleating", "bleat of a {size} sheep"),
        moo,
        {"size": {"adult|grown": {"pitch_hz": Span(170, 230), "tract": 1.15}, "young|little": {"pitch_hz": Span(320, 430), "tract": 1.5}}},
        {"seconds": Span(0.7, 1.2), "tremble": Span(0.35, 0.5)},
    ),
    Kind(
        "pig", "ANMLFarm", "ANIMALS", 3, "Pig Oink",
        ("pig oinking and snorting", "grunting pig on a farm"),
        oink, {}, {"snorts": 4, "pitch_hz": Span(60, 110)},
    ),
    Kind(
        "snake", "ANMLRept", "ANIMALS", 3, "Rattlesnake",
        ("rattlesnake hissing and rattling", "snake hiss with a dry rattle"),
        snake, {}, {"seconds": Span(1.2, 2.2), "rattle": Span(0.4, 1.0)},
    ),
    Kind(
        "mouse", "ANMLRdnt", "ANIMALS", 3, "Mouse Squeak",
        ("mouse squeaking", "tiny squeaks of a small animal"),
        squeak, {}, {"count": 5, "pitch_hz": Span(2_600, 4_200)},
    ),
)  # fmt: skip

"""Moving air: whooshes, swishes, wind, hisses, wings and whips. Each function returns (T,) or (2, T) samples at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.bodies import click, place
from generation.procedural.kinds import Kind, Span
from generation.procedural.signals import Array, along, band, bump, clock, curve, decay, hump, length, limit, noise, sculpt, sine, wander
from generation.procedural.spaces import balance, pass_by, room

SPEED = {
    "fast|quick": {"seconds": Span(0.28, 0.5)},
    "slow|long": {"seconds": Span(1.3, 2.4)},
    "|medium": {"seconds": Span(0.6, 1.0)},
}
TONE = {
    "bright|airy": {"centre_hz": Span(2_200, 4_500), "slope_db": 0.0},
    "dark|deep": {"centre_hz": Span(220, 480), "slope_db": -4.0},
    "|full": {"centre_hz": Span(700, 1_400), "slope_db": -2.0},
}
MOTION = {
    "left to right": {"start": -0.85, "end": 0.85},
    "right to left": {"start": 0.85, "end": -0.85},
    "": {"start": 0.0, "end": 0.0},
}


def whoosh(rng: Generator, seconds: float, centre_hz: float, slope_db: float, start: float, end: float, tonal: float = 0.0) -> Array:
    """Noise whose band rises towards the listener and falls behind: a body moving through air."""
    n, peak = length(seconds), rng.uniform(0.42, 0.62)
    path = ((0.0, centre_hz * 0.35), (peak, centre_hz * 1.7), (1.0, centre_hz * 0.3))
    air = sculpt(noise(rng, n, slope_db, 2), lambda f, at: bump(f, along(at, *path), 0.75) + 0.12 * bump(f, along(at, *path) * 2.6, 0.9))
    flutter = 1.0 + 0.25 * wander(rng, n, 14.0)
    out = air * hump(n, peak, rng.uniform(2.0, 3.5), rng.uniform(1.8, 3.0)) * flutter
    if tonal:
        pitch = centre_hz * 0.5 * (1.0 + 0.5 * hump(n, peak))
        out = out + tonal * out.std() * 2.5 * sine(pitch, modulation=1.5 * sine(pitch * 1.503)) * hump(n, peak, 3.0, 2.5)
    return room(rng, balance(out, curve(n, (0, start), (1, end))), 0.7, 0.25)


def rumble_by(rng: Generator, seconds: float, centre_hz: float, heavy: float) -> Array:
    """Something big passing close: a low band, a shaken body and a rush of air on top."""
    n = length(seconds)
    low = band(noise(rng, n, -6.0), 30.0, centre_hz) * (1.0 + 0.5 * heavy * wander(rng, n, 18.0))
    air = band(noise(rng, n, -3.0), centre_hz, 6_000.0, 1) * 0.35
    moved = pass_by(low / low.std() + air / air.std() * 0.4, speed_mps=14.0 / seconds, distance_m=1.4, direction=rng.choice([-1.0, 1.0]))
    return room(rng, moved, 1.2, 0.3)


def swish(rng: Generator, seconds: float, centre_hz: float, thin: float) -> Array:
    """A thin object cutting the air: a narrow, high, very short rush with a faint aeolian tone."""
    n, peak = length(seconds), rng.uniform(0.4, 0.6)
    path = ((0.0, centre_hz * 0.5), (peak, centre_hz * 1.3), (1.0, centre_hz * 0.55))
    air = sculpt(noise(rng, n, channels=2), lambda f, at: bump(f, along(at, *path), thin) + 0.08 * bump(f, along(at, *path) * 2.0, 0.5),
        512)
    return room(rng, air * hump(n, peak, 2.6, 3.0), 0.35, 0.2, 400.0)


def whip(rng: Generator, seconds: float) -> Array:
    """A swish that ends in the crack of the tip going faster than sound."""
    n = length(seconds)
    rush = swish(rng, seconds, rng.uniform(1_800, 3_000), 0.5)[:, :n] * 0.4
    crack = click(rng, 1_200.0, 15_000.0, 0.045) + 0.4 * click(rng, 300.0, 2_000.0, 0.09)[: length(0.045 * 1.2)]
    total = np.pad(rush, ((0, 0), (0, length(0.3))))
    return room(rng, total + 2.2 * place(total.shape[1], [seconds * 0.62], [crack]), 0.9, 0.35, 500.0)


def wind(rng: Generator, seconds: float, centre_hz: float, gusts_hz: float, howl: float) -> Array:
    """Broad noise that swells with the gusts, and one or two whistling resonances that follow them."""
    n = length(seconds)
    gust = 0.5 + 0.5 * wander(rng, n, gusts_hz)
    bed = band(noise(rng, n, -4.0, 2), 60.0, centre_hz * 3.0, 1) * (0.25 + gust) * (1.0 + 0.15 * wander(rng, n, 6.0))
    steps = np.linspace(0, n - 1, 64).astype(int)
    points = [(i / 63.0, centre_hz * 2.0 ** (1.3 * (gust[s] - 0.5))) for i, s in enumerate(steps)]
    whistle = sculpt(noise(rng, n, -1.0, 2), lambda f, at: bump(f, along(at, *points), 0.09) + 0.5 * bump(f, along(at, *points) * 1.52,
        0.07), 2_048)
    out = bed + howl * whistle / whistle.std() * gust**1.5
    return out * curve(n, (0, 0), (0.12, 1), (0.82, 1), (1, 0))


def hiss(rng: Generator, seconds: float, low_hz: float, burst: float) -> Array:
    """Gas or steam escaping: bright turbulent noise with pressure falling off."""
    n = length(seconds)
    pressure = burst * decay(n, seconds * 1.2) + (1.0 - burst) * curve(n, (0, 0), (0.03, 1), (0.75, 0.8), (1, 0))
    out = band(noise(rng, n, 0.0, 2), low_hz, 14_000.0, 1) * (1.0 + 0.2 * wander(rng, n, 25.0)) * pressure
    return room(rng, out * np.minimum(clock(n) / 0.004, 1.0), 0.5, 0.18)


def flaps(rng: Generator, seconds: float, rate_hz: float, centre_hz: float) -> Array:
    """Beating wings: each stroke a soft puff of low air with a feathery edge."""
    n = length(seconds)
    at, sounds, levels = [], [], []
    t = 0.0
    while t < seconds - 0.3:
        size = length(0.55 / rate_hz)
        puff = band(noise(rng, size, -3.0), 90.0, centre_hz, 1) * hump(size, 0.35, 1.5, 2.0)
        edge = band(noise(rng, size), centre_hz * 1.5, centre_hz * 6.0, 1) * hump(size, 0.55, 2.5, 3.0) * 0.25
        at.append(t)
        sounds.append(puff / puff.std() + edge / edge.std() * 0.3)
        levels.append(rng.uniform(0.6, 1.0))
        t += rng.uniform(0.9, 1.1) / rate_hz
    return room(rng, place(n, at, sounds, levels), 0.5, 0.15)


def suction(rng: Generator, seconds: float, centre_hz: float) -> Array:
    """Air sucked in ever faster, then shut off."""
    n = length(seconds)
    path = ((0.0, centre_hz * 0.4), (0.85, centre_hz * 3.0), (1.0, centre_hz * 4.0))
    air = sculpt(noise(rng, n, -1.0, 2), lambda f, at: bump(f, along(at, *path), 0.8))
    return room(rng, limit(air / air.std() * 0.4) * curve(n, (0, 0), (0.88, 1), (0.97, 0.9), (1, 0), power=2.2), 0.4, 0.2)


def breath(rng: Generator, seconds: float, centre_hz: float, inward: bool) -> Array:
    """A person's breath: soft noise through an open mouth, drawn in or let out."""
    n = length(seconds)
    shape = hump(n, 0.65 if inward else 0.25, 1.5, 1.5)
    path = ((0.0, centre_hz), (1.0, centre_hz * (1.35 if inward else 0.7)))
    air = sculpt(noise(rng, n, -2.0, 2), lambda f, at: bump(f, along(at, *path), 0.6) + 0.5 * bump(f, along(at, *path) * 2.9, 0.4) + 0.03)
    return room(rng, air * shape * (1.0 + 0.12 * wander(rng, n, 20.0)), 0.35, 0.12)


KINDS = (
    Kind(
        "whoosh", "WHSH", "SWOOSHES", 12, "{speed} Whoosh {tone}",
        ("{speed} {tone} whoosh {motion}", "{tone} air whoosh passing {motion}, {speed}", "a {speed} rush of air {motion}"),
        whoosh, {"speed": SPEED, "tone": TONE, "motion": MOTION},
    ),
    Kind(
        "magic whoosh", "WHSH", "SWOOSHES", 4, "Magic Whoosh {speed}",
        ("{speed} magical whoosh with a singing tone", "{speed} tonal whoosh, spell passing by"),
        whoosh, {"speed": SPEED}, {"tonal": Span(0.5, 1.0), "centre_hz": Span(700, 1_800), "slope_db": -1.0, "start": -0.5, "end": 0.5},
    ),
    Kind(
        "heavy pass by", "WHSH", "SWOOSHES", 4, "Heavy Whoosh By {size}",
        ("{size} heavy object rumbling past", "deep {size} whoosh by with low rumble"),
        rumble_by,
        {
            "size": {
                "huge|massive": {"centre_hz": Span(130, 200), "seconds": Span(1.8, 2.8)},
                "large|big": {"centre_hz": Span(260, 420), "seconds": Span(0.9, 1.5)},
            },
        },
        {"heavy": Span(0.3, 1.0)},
    ),
    Kind(
        "swish", "SWSH", "SWOOSHES", 8, "{object} Swish {speed}",
        ("{speed} {object} swish through the air", "{object} swung {speed}, sharp swish"),
        swish,
        {
            "object": {
                "stick|thin stick": {"centre_hz": Span(1_200, 2_200), "thin": 0.45},
                "sword|blade": {"centre_hz": Span(3_500, 6_000), "thin": 0.3},
                "rope|cable": {"centre_hz": Span(600, 1_000), "thin": 0.6},
            },
            "speed": {"fast|quick": {"seconds": Span(0.16, 0.26)}, "slow|lazy": {"seconds": Span(0.4, 0.65)}},
        },
    ),
    Kind(
        "whip", "WEAPWhip", "WEAPONS", 3, "Whip Crack",
        ("whip crack with a short swish", "leather whip snapping loudly"),
        whip, {}, {"seconds": Span(0.3, 0.55)},
    ),
    Kind(
        "wind", "WIND", "WIND", 8, "{strength} Wind {tone}",
        ("{strength} {tone} wind", "{tone} wind blowing, {strength}", "{strength} wind outdoors with {tone} gusts"),
        wind,
        {
            "strength": {
                "gentle|soft": {"gusts_hz": Span(0.4, 0.7), "seconds": Span(4.0, 5.5)},
                "strong|stormy": {"gusts_hz": Span(1.2, 2.2), "seconds": Span(4.5, 6.0)},
            },
            "tone": {
                "howling|whistling": {"howl": Span(0.5, 0.9), "centre_hz": Span(500, 900)},
                "low|rumbling": {"howl": 0.05, "centre_hz": Span(130, 220)},
                "hollow|eerie": {"howl": Span(0.35, 0.6), "centre_hz": Span(300, 450)},
                "|open": {"howl": 0.12, "centre_hz": Span(500, 900)},
            },
        },
    ),
    Kind(
        "air hiss", "AIRHiss", "AIR", 4, "{source} Hiss {span}",
        ("{span} {source} hiss", "{source} escaping with a {span} hiss"),
        hiss,
        {
            "source": {"steam": {"low_hz": Span(900, 1_600)}, "gas|compressed air": {"low_hz": Span(2_800, 4_500)}},
            "span": {"short": {"seconds": Span(0.4, 0.8), "burst": 0.9}, "long": {"seconds": Span(1.8, 3.2), "burst": 0.2}},
        },
    ),
    Kind(
        "wings", "WINGBird", "WINGS", 4, "{size} Wings Flapping",
        ("{size} bird flapping its wings", "{size} wings beating the air"),
        flaps,
        {
            "size": {
                "small|little": {"rate_hz": Span(9, 14), "centre_hz": Span(900, 1_400), "seconds": Span(1.0, 1.8)},
                "large|huge": {"rate_hz": Span(2.2, 3.4), "centre_hz": Span(300, 500), "seconds": Span(2.2, 3.2)},
            },
        },
    ),
    Kind(
        "suction", "AIRSuck", "AIR", 3, "Air Suction {size}",
        ("{size} suction of air cut off at the end", "air sucked in, {size} vacuum pull"),
        suction,
        {
            "size": {
                "small|short": {"seconds": Span(0.4, 0.7), "centre_hz": Span(900, 1_400)},
                "large|long": {"seconds": Span(1.2, 2.0), "centre_hz": Span(300, 500)},
            },
        },
    ),
    Kind(
        "breath", "HMNBrth", "HUMAN", 4, "Breath {way} {speed}",
        ("person breathing {way}, {speed}", "{speed} human breath {way}"),
        breath,
        {
            "way": {"in": {"inward": True}, "out": {"inward": False}},
            "speed": {"slow|calm": {"seconds": Span(1.2, 2.0)}, "fast|short": {"seconds": Span(0.35, 0.6)}},
        },
        {"centre_hz": Span(700, 1_200)},
    ),
)  # fmt: skip

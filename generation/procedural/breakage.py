"""Things that break, collapse and grind: glass, wood, rubble, dragged slabs. Each function returns (T,) or (2, T) at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.bodies import hit, modes, place, plate, poisson, ring, scatter
from generation.procedural.impacts import wood
from generation.procedural.kinds import Kind, Span
from generation.procedural.signals import Array, band, decay, glide, hump, length, noise, sine, strike, unit, wander
from generation.procedural.spaces import room


def glass_break(rng: Generator, seconds: float, size: float) -> Array:
    """Glass shattering: the crack, a burst of ringing shards, and pieces that keep falling and tinkle."""
    n = length(seconds)
    crack = band(noise(rng, n, channels=2), 900.0, None) * strike(n, 0.0005, 0.14)
    thud = sine(glide(n, (0, 260.0 / size), (0.2, 110.0 / size), (1, 80.0 / size))) * strike(n, 0.001, 0.12)
    shards = [hit(rng, modes(rng, (1.0, 2.32, 4.25, 6.63), rng.uniform(1_800, 6_500), rng.uniform(0.06, 0.3), 0.6), 0.3, 0.00006)[0]
        for _ in range(24)]
    rate = 900.0 * size * decay(n, seconds * 0.55) + 40.0 * hump(n, 0.35, 1.0, 1.5)
    at = poisson(rng, n, rate)
    falling = scatter(rng, n, at, shards, rng.uniform(0.08, 1.0, len(at)) ** 2 * (0.35 + 0.65 * decay(n, seconds * 1.6)[at]))
    return room(rng, 0.35 * crack + 0.5 * thud + 0.8 * unit(falling), 0.8, 0.25, 300.0)


def wood_break(rng: Generator, seconds: float, base_hz: float) -> Array:
    """Wood snapping: a train of fibres giving way, the crack, and splinters."""
    n = length(seconds)
    cracks = [hit(rng, modes(rng, plate(rng, 10), base_hz * rng.uniform(0.8, 2.5), 0.06, 0.4, 0.2), 0.12, 0.0004)[0] for _ in range(8)]
    before = np.sort(rng.uniform(0.0, 0.22, 14)) * 44_100
    after = poisson(rng, n, 70.0 * decay(n, 0.5)) + length(0.22)
    fibres = scatter(rng, n, np.concatenate([before, after]), cracks,
        np.concatenate([np.linspace(0.1, 0.6, 14), rng.uniform(0.1, 0.4, len(after))]))
    main = wood(rng, base_hz, 0.6, 0.0006, 0.5)
    return room(rng, fibres + 1.2 * place(n, [0.22], [main]), 0.6, 0.2)


def debris(rng: Generator, seconds: float, low_hz: float, high_hz: float, t60_s: float, irregular: float) -> Array:
    """Rubble or scrap collapsing: hundreds of modal grains, the big ones first."""
    n = length(seconds)
    bases = np.geomspace(low_hz, high_hz, 12)
    grains = [hit(rng, modes(rng, plate(rng, 9, irregular), base, t60_s * (low_hz / base) ** 0.3, 0.5, 0.3), min(t60_s * 1.2, 0.6),
        0.0006)[0] for base in bases]
    at = poisson(rng, n, 600.0 * decay(n, seconds * 0.9) + 90.0 * hump(n, 0.15, 1.0, 3.0))
    out = scatter(rng, n, at, grains, rng.uniform(0.1, 1.0, len(at)) ** 1.5 * decay(n, seconds * 1.8)[at])
    rumble = band(noise(rng, n, -6.0, 2), 35.0, 220.0) * hump(n, 0.08, 1.0, 2.5)
    return room(rng, unit(out) + 0.35 * unit(rumble), 1.0, 0.22)


def scrape(rng: Generator, seconds: float, base_hz: float, t60_s: float, roughness_hz: float) -> Array:
    """A surface dragged over another: stick-slip pulses and grit exciting a body."""
    n = length(seconds)
    speed = hump(n, rng.uniform(0.3, 0.6), 0.7, 0.8) * (0.7 + 0.3 * wander(rng, n, 5.0))
    grit = noise(rng, n) * (0.4 + 0.6 * np.abs(wander(rng, n, roughness_hz))) * speed
    teeth = np.zeros(n)
    teeth[poisson(rng, n, roughness_hz * 2.0 * speed + 1.0)] = 8.0
    return room(rng, ring(rng, modes(rng, plate(rng, 14), base_hz, t60_s, 0.4, 0.1), band(grit + teeth, 300.0, None, 1), 0.6), 0.6, 0.2)


KINDS = (
    Kind(
        "glass break", "GLASBrk", "GLASS", 6, "{size} Glass Shatter",
        ("{size} glass shattering, shards falling", "breaking a {size} pane of glass", "{size} glass smash"),
        glass_break,
        {
            "size": {
                "small|little": {"size": Span(0.5, 0.8), "seconds": Span(0.8, 1.2)},
                "large|big": {"size": Span(1.4, 2.2), "seconds": Span(1.8, 2.8)},
            },
        },
    ),
    Kind(
        "wood break", "WOODBrk", "WOOD", 4, "{size} Wood Snap",
        ("{size} wooden stick snapping", "{size} branch breaking with splinters"),
        wood_break,
        {"size": {"thin|small": {"base_hz": Span(500, 900), "seconds": 0.7}, "thick|large": {"base_hz": Span(130, 240), "seconds": 1.1}}},
    ),
    Kind(
        "debris", "DESTRCrsh", "DESTRUCTION", 6, "{material} Debris",
        ("{material} debris crashing down", "pile of {material} rubble collapsing"),
        debris,
        {
            "material": {
                "rock|stone": {"low_hz": 180.0, "high_hz": 2_500.0, "t60_s": 0.08, "irregular": 0.6},
                "metal|scrap metal": {"low_hz": 260.0, "high_hz": 3_500.0, "t60_s": 0.5, "irregular": 0.4},
                "wood|wooden": {"low_hz": 140.0, "high_hz": 1_800.0, "t60_s": 0.12, "irregular": 0.4},
            },
        },
        {"seconds": Span(1.6, 3.2)},
    ),
    Kind(
        "scrape", "METLFric", "METAL", 4, "{material} Scrape",
        ("{material} dragged over a rough floor", "{material} scraping slowly"),
        scrape,
        {
            "material": {
                "metal": {"base_hz": Span(300, 700), "t60_s": Span(0.3, 0.8)},
                "heavy metal|iron": {"base_hz": Span(110, 190), "t60_s": Span(0.2, 0.4)},
            },
        },
        {"seconds": Span(0.9, 2.2), "roughness_hz": Span(40, 140)},
    ),
    Kind(
        "stone slide", "ROCKFric", "ROCKS", 3, "Stone Slide",
        ("stone slab sliding on stone", "heavy stone grinding as it moves"),
        scrape, {}, {"base_hz": Span(90, 240), "t60_s": Span(0.03, 0.06), "seconds": Span(1.5, 2.8), "roughness_hz": Span(60, 160)},
    ),
)  # fmt: skip

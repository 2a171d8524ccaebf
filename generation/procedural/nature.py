"""Rain, thunder, fire, water, leaves, ice and earth. Each function returns (T,) or (2, T) samples at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.bodies import click, drop, hit, modes, place, plate, poisson, scatter
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
    sculpt,
    sine,
    strike,
    unit,
    wander,
)  # fmt: skip
from generation.procedural.spaces import room, tail

SLOW_FADE = ((0, 0), (0.1, 1), (0.85, 1), (1, 0))


def rain(rng: Generator, seconds: float, drops_hz: float, body_hz: float, t60_s: float, wash: float) -> Array:
    """Drops falling at random on a surface that answers with `body_hz`, over the wash of the far ones."""
    n = length(seconds)
    grains = [click(rng, 2_000.0, 14_000.0, rng.uniform(0.002, 0.008)) for _ in range(6)]
    for _ in range(6):
        sounding = hit(rng, modes(rng, plate(rng, 6), body_hz * rng.uniform(0.7, 2.2), t60_s, 0.4, 0.2), min(t60_s * 1.3, 0.5), 0.0003)[0]
        grains.append(sounding)
    at = poisson(rng, n, drops_hz * (1.0 + 0.25 * wander(rng, n, 1.0)))
    near = scatter(rng, n, at, grains, rng.uniform(0.03, 1.0, len(at)) ** 3)
    far = band(noise(rng, n, -1.5, 2), 500.0, 11_000.0, 1) * (1.0 + 0.12 * wander(rng, n, 1.5))
    return (near / near.std() * 0.7 + wash * far / far.std()) * curve(n, *SLOW_FADE)


def thunder(rng: Generator, seconds: float, near: float) -> Array:
    """Sound of a branching channel arriving from many distances: a crack when near, claps, and rolling rumble."""
    n = length(seconds)
    claps = poisson(rng, n, 9.0 * decay(n, seconds * 1.5)) if near < 0.5 else np.append(poisson(rng, n, 14.0 * decay(n, seconds)), 0)
    rumble = np.zeros((2, n))
    for at in claps:
        size = min(length(rng.uniform(0.5, 1.6)), n - at)
        if size > 400:
            top = rng.uniform(120, 500) + 900.0 * near * np.exp(-at / 44_100)
            rumble[:, at : at + size] += band(noise(rng, size, -5.0, 2), 25.0, top, 1) * hump(size, rng.uniform(0.08, 0.35), 1.0,
                2.0) * rng.uniform(0.4, 1.0)
    roll = band(noise(rng, n, -6.0, 2), 25.0, 160.0, 1) * np.abs(wander(rng, n, 3.0)) * hump(n, 0.2, 0.7, 1.5)
    out = unit(rumble) + 0.6 * unit(roll)
    if near > 0.5:
        grains = [click(rng, 500.0, 12_000.0, rng.uniform(0.02, 0.09)) for _ in range(6)]
        at = poisson(rng, n, 260.0 * decay(n, 1.4))
        out = out + 0.9 * unit(scatter(rng, n, at, grains, rng.uniform(0.1, 1.0, len(at)) ** 2 * decay(n, 2.0)[at]))
    return room(rng, limit(out, 1.4) * curve(n, (0, 1), (0.6, 0.8), (1, 0)), 2.5, 0.3, 40.0)


def fire(rng: Generator, seconds: float, crackle_hz: float, roar: float) -> Array:
    """Flames: low lapping, hissing gas and crackles that come in bunches."""
    n = length(seconds)
    lap = band(noise(rng, n, -5.0, 2), 40.0, 350.0, 1) * (0.5 + 0.5 * np.abs(wander(rng, n, 9.0)))
    gas = band(noise(rng, n, 0.0, 2), 900.0, 9_000.0, 1) * (0.4 + 0.6 * np.abs(wander(rng, n, 5.0)))
    grains = [click(rng, rng.uniform(500, 3_000), rng.uniform(6_000, 14_000), rng.uniform(0.003, 0.022)) for _ in range(10)]
    bunches = np.clip(wander(rng, n, 3.0), 0.0, 1.0) ** 2 * 3.0 + 0.25
    at = poisson(rng, n, crackle_hz * bunches)
    crackle = scatter(rng, n, at, grains, rng.pareto(1.6, len(at)).clip(0.05, 6.0))
    out = roar * unit(lap) + 0.12 * (0.3 + roar) * unit(gas) + 0.9 * unit(crackle)
    return room(rng, out * curve(n, (0, 0), (0.08, 1), (0.88, 1), (1, 0)), 0.3, 0.08)


def ignite(rng: Generator, seconds: float, size_hz: float) -> Array:
    """Fuel catching: a whoomph of low air rising fast, then burning off."""
    n = length(seconds)
    body = sculpt(noise(rng, n, -3.0, 2), lambda f, at: bump(f, along(at, (0, size_hz * 0.5), (0.2, size_hz * 2), (1, size_hz * 0.8)), 1.0))
    whoomph = unit(body) * hump(n, 0.16, 1.4, 1.6) * (1.0 + 0.5 * wander(rng, n, 18.0))
    rest = fire(rng, seconds, 25.0, 0.4)[:, :n] * curve(n, (0, 0), (0.2, 0.5), (1, 0.3))
    return room(rng, whoomph + 0.5 * unit(rest), 0.7, 0.2)


def drips(rng: Generator, seconds: float, rate_hz: float, base_hz: float, cave: float) -> Array:
    """Single drops falling into water: the tick of the impact and the bubble's chirp."""
    n = length(seconds)
    at, t = [], 0.0
    while t < seconds - 0.25:
        at.append(t)
        t += rng.uniform(0.75, 1.35) / rate_hz
    sounds = [place(length(0.25), [0.0, 0.012], [click(rng, 2_500, 12_000, 0.006) * 0.2, drop(rng, base_hz * rng.uniform(0.8, 1.4),
        rng.uniform(0.05, 0.12), rng.uniform(0.3, 0.9))]) for _ in at]
    return room(rng, tail(place(n, at, sounds, rng.uniform(0.6, 1.0, len(at))), 2.0 * cave + 0.1), 0.4 + 2.0 * cave, 0.12 + 0.5 * cave,
        300.0)


def bubbles(rng: Generator, seconds: float, rate_hz: float, low_hz: float, high_hz: float) -> Array:
    """A cloud of bubbles of many sizes, each a short rising chirp (van den Doel 2005)."""
    n = length(seconds)
    grains = [drop(rng, f, 0.03 + 14.0 / f, rng.uniform(0.2, 0.8)) for f in np.geomspace(low_hz, high_hz, 16)]
    at = np.append(poisson(rng, n, rate_hz * (0.35 + np.abs(wander(rng, n, 4.0)))), 0)
    return room(rng, scatter(rng, n, at, grains, rng.uniform(0.1, 1.0, len(at)) ** 1.5, 0.7) * curve(n, (0, 1), (0.85, 1), (1, 0)), 0.4,
        0.15)


def stream(rng: Generator, seconds: float, rate_hz: float, high_hz: float, rush: float) -> Array:
    """Running water: bubbles by the thousand over turbulent hiss."""
    n = length(seconds)
    grains = [drop(rng, f, 0.012 + 10.0 / f, rng.uniform(0.0, 0.6)) for f in np.geomspace(350.0, high_hz, 20)]
    at = poisson(rng, n, rate_hz * (1.0 + 0.5 * wander(rng, n, 5.0)))
    babble = scatter(rng, n, at, grains, rng.uniform(0.05, 1.0, len(at)) ** 2)
    hiss = band(noise(rng, n, -2.5, 2), 350.0, 8_000.0, 1) * (1.0 + 0.2 * wander(rng, n, 7.0))
    return (babble / babble.std() + rush * hiss / hiss.std()) * curve(n, (0, 0), (0.08, 1), (0.9, 1), (1, 0))


def wave(rng: Generator, seconds: float, size: float) -> Array:
    """A wave coming in: a swell that darkens as it gathers, breaks bright, and hisses back over the sand."""
    n, breaking = length(seconds), rng.uniform(0.32, 0.45)
    surf = sculpt(noise(rng, n, -2.0, 2), lambda f, at: bump(f, along(at, (0, 350.0), (breaking, 900.0 / size), (0.6, 2_200.0),
        (1, 5_500.0)), 1.1))
    foam = band(noise(rng, n, 0.0, 2), 3_500.0, None, 1) * hump(n, breaking + 0.12, 4.0, 2.0) * (1.0 + 0.3 * wander(rng, n, 14.0))
    low = band(noise(rng, n, -6.0, 2), 35.0, 160.0) * hump(n, breaking, 3.0, 3.0)
    return unit(surf) * hump(n, breaking, 2.0, 1.7) + 0.25 * unit(foam) + 0.5 * size * unit(low)


def splash(rng: Generator, seconds: float, size: float) -> Array:
    """Something thrown into water: slap, cavity, spray, and drops falling back."""
    n = length(seconds)
    slap = band(noise(rng, n, -1.0, 2), 250.0 / size, 7_000.0, 1) * strike(n, 0.002 * size, 0.16 * size)
    cavity = drop(rng, 260.0 / size, 0.22 * size, 0.9)
    spray = band(noise(rng, n, 0.0, 2), 1_800.0, 12_000.0, 1) * hump(n, 0.12, 1.2, 2.6) * (0.6 + 0.4 * wander(rng, n, 40.0))
    grains = [drop(rng, f, 0.02 + 10.0 / f, 0.5) for f in np.geomspace(500.0, 3_800.0, 14)]
    at = poisson(rng, n, 130.0 * size * hump(n, 0.25, 1.0, 1.6))
    falling = scatter(rng, n, at, grains, rng.uniform(0.05, 0.7, len(at)) ** 1.5)
    return room(rng, 0.8 * unit(slap) + 0.5 * place(n, [0.015], [cavity]) + 0.35 * unit(spray) + 0.5 * unit(falling), 0.6, 0.15)


def pour(rng: Generator, seconds: float, start_hz: float, rise: float) -> Array:
    """Liquid poured into a vessel: the air column above shortens, so its resonance climbs."""
    n = length(seconds)
    source = stream(rng, seconds, 420.0, 3_200.0, 0.35)
    filling = sculpt(source, lambda f, at: 0.25 + 2.5 * bump(f, along(at, (0, start_hz), (1, start_hz * rise)), 0.13) + bump(f,
        along(at, (0, start_hz), (1, start_hz * rise)) * 3, 0.1))
    return room(rng, filling * curve(n, (0, 0), (0.04, 1), (0.92, 1), (1, 0)), 0.3, 0.12)


def leaves(rng: Generator, seconds: float, dry: float) -> Array:
    """Leaves rustling: crisp little contacts in gusts."""
    n = length(seconds)
    gust = np.clip(0.45 + 0.6 * wander(rng, n, 1.6), 0.05, 1.0)
    grains = [click(rng, rng.uniform(1_200, 3_500), 12_000.0, rng.uniform(0.003, 0.012) * (1.6 - dry)) for _ in range(10)]
    at = poisson(rng, n, (300.0 + 300.0 * dry) * gust**2)
    out = scatter(rng, n, at, grains, rng.uniform(0.05, 1.0, len(at)) ** 2)
    soft = band(noise(rng, n, -1.0, 2), 1_500.0, 8_000.0, 1) * gust**2
    return room(rng, (unit(out) + (0.5 - 0.3 * dry) * unit(soft)) * curve(n, (0, 0), (0.08, 1), (0.88, 1), (1, 0)), 0.4, 0.1)


def ice_crack(rng: Generator, seconds: float, size: float) -> Array:
    """Ice giving way: sharp cracks and the falling chirp of plate waves running through the sheet."""
    n = length(seconds)
    t60 = 0.28 * size
    size_n = length(t60 * 1.5)
    chirp = sine(glide(size_n, (0, 5_500.0), (0.12, 1_300.0), (1, 260.0 / size))) * strike(size_n, 0.0005, t60)
    at = np.sort(np.append(rng.uniform(0.05, seconds * 0.6, 3), 0.0))
    cracks = scatter(rng, n, poisson(rng, n, 320.0 * decay(n, 0.9)), [click(rng, 1_500, 15_000, 0.008) for _ in range(6)], 0.4)
    return room(rng, place(n, at, [chirp] * 4, rng.uniform(0.3, 1.0, 4)) + cracks, 1.8, 0.4, 250.0)


def earthquake(rng: Generator, seconds: float) -> Array:
    """The ground shaking: deep rumble with irregular jolts and rattling things."""
    n = length(seconds)
    low = band(noise(rng, n, -6.0, 2), 22.0, 110.0) * (0.6 + 0.4 * wander(rng, n, 7.0))
    grains = [hit(rng, modes(rng, plate(rng, 7), f, 0.06, 0.4), 0.12, 0.0006)[0] for f in np.geomspace(150.0, 1_600.0, 8)]
    at = poisson(rng, n, 70.0 * np.clip(wander(rng, n, 4.0), 0, 1) + 8.0)
    rattle = scatter(rng, n, at, grains, rng.uniform(0.05, 1.0, len(at)) ** 2)
    return room(rng, limit(unit(low) * 1.6) * 0.9 + 0.4 * unit(rattle), 1.2, 0.2, 40.0) * curve(n + length(1.2) - 1, (0, 0), (0.15, 1),
        (0.6, 0.9), (1, 0))


def sizzle(rng: Generator, seconds: float) -> Array:
    """Frying in a hot pan: dense high crackle and spitting fat."""
    n = length(seconds)
    grains = [click(rng, rng.uniform(2_500, 6_000), 16_000.0, rng.uniform(0.002, 0.007)) for _ in range(8)]
    at = poisson(rng, n, 900.0 * curve(n, (0, 1.6), (0.25, 1), (1, 0.8)))
    out = scatter(rng, n, at, grains, rng.pareto(2.0, len(at)).clip(0.05, 4.0))
    hiss = band(noise(rng, n, 0.0, 2), 3_000.0, 14_000.0, 1) * (0.8 + 0.2 * wander(rng, n, 6.0))
    return fade(room(rng, unit(out) + 0.25 * unit(hiss), 0.3, 0.1), 0.03, 0.3)


KINDS = (
    Kind(
        "rain", "RAIN", "RAIN", 5, "{strength} Rain",
        ("{strength} rain falling", "{strength} rain on the ground outdoors", "steady {strength} rainfall"),
        rain,
        {
            "strength": {
                "light|gentle": {"drops_hz": Span(80, 160), "wash": Span(0.15, 0.3)},
                "heavy|pouring": {"drops_hz": Span(700, 1_300), "wash": Span(1.0, 1.6)},
            },
        },
        {"seconds": Span(4.0, 6.0), "body_hz": Span(900, 1_800), "t60_s": 0.02},
    ),
    Kind(
        "rain on metal", "RAINMetl", "RAIN", 3, "Rain On Metal Roof",
        ("rain drumming on a metal roof", "raindrops pinging on tin"),
        rain, {}, {"seconds": Span(4.0, 5.5), "drops_hz": Span(90, 220), "body_hz": Span(420, 800), "t60_s": Span(0.12, 0.3), "wash": 0.12},
    ),
    Kind(
        "thunder", "THUN", "WEATHER", 6, "{where} Thunder",
        ("{where} thunder rolling", "{where} thunderclap with rumble", "{where} thunder in a storm"),
        thunder, {"where": {"close|near": {"near": 1.0}, "distant|far away": {"near": 0.0}}}, {"seconds": Span(3.5, 5.0)},
    ),
    Kind(
        "fire", "FIREBurn", "FIRE", 6, "{size} Fire",
        ("{size} fire crackling", "{size} fire burning wood", "flames of a {size} fire"),
        fire,
        {
            "size": {
                "small|camp": {"roar": Span(0.1, 0.25), "crackle_hz": Span(18, 35)},
                "large|roaring": {"roar": Span(0.9, 1.3), "crackle_hz": Span(40, 70)},
            },
        },
        {"seconds": Span(3.5, 6.0)},
    ),
    Kind(
        "ignite", "FIREIgn", "FIRE", 4, "{size} Fire Ignite",
        ("{size} flame igniting with a whoomph", "{size} fire catching, burst of flame"),
        ignite,
        {
            "size": {
                "small|little": {"size_hz": Span(700, 1_100), "seconds": Span(0.6, 1.0)},
                "large|big": {"size_hz": Span(180, 320), "seconds": Span(1.4, 2.2)},
            },
        },
    ),
    Kind(
        "water drip", "WATRDrip", "WATER", 6, "Water Drips {place} {speed}",
        ("{speed} water drops dripping {place}", "water dripping {place}, {speed}"),
        drips,
        {
            "place": {"in a cave": {"cave": Span(0.7, 1.0)}, "in a sink": {"cave": 0.0}},
            "speed": {"slow|single": {"rate_hz": Span(0.9, 1.3), "seconds": 3.0}, "fast|quick": {"rate_hz": Span(3.5, 6.0), "seconds": 2.2}},
        },
        {"base_hz": Span(650, 1_500)},
    ),
    Kind(
        "bubbles", "WATRBubl", "WATER", 5, "{size} Bubbles",
        ("{size} bubbles rising in water", "{size} bubbling underwater", "blowing {size} bubbles"),
        bubbles,
        {
            "size": {
                "small|tiny": {"low_hz": 900.0, "high_hz": 4_000.0, "rate_hz": Span(25, 50)},
                "large|big": {"low_hz": 160.0, "high_hz": 800.0, "rate_hz": Span(7, 16)},
            },
        },
        {"seconds": Span(1.5, 3.2)},
    ),
    Kind(
        "stream", "WATRFlow", "WATER", 5, "{size} Stream",
        ("{size} stream of running water", "{size} brook flowing over stones"),
        stream,
        {
            "size": {
                "small|gentle": {"rate_hz": Span(180, 350), "high_hz": 2_800.0, "rush": 0.12},
                "strong|rushing": {"rate_hz": Span(900, 1_400), "high_hz": 4_500.0, "rush": Span(1.2, 1.8)},
            },
        },
        {"seconds": Span(3.5, 5.5)},
    ),
    Kind(
        "waterfall", "WATRFall", "WATER", 2, "Waterfall",
        ("waterfall roaring steadily", "large waterfall, continuous rush of water"),
        stream, {}, {"rate_hz": 1_500.0, "high_hz": 3_000.0, "rush": Span(4.0, 6.0), "seconds": Span(4.5, 5.5)},
    ),
    Kind(
        "wave", "WATRWave", "WATER", 5, "{size} Ocean Wave",
        ("{size} sea wave breaking on the beach", "{size} ocean wave washing ashore"),
        wave, {"size": {"small|gentle": {"size": 0.5, "seconds": Span(3.2, 4.2)}, "large|heavy": {"size": 1.5, "seconds": Span(4.8, 6.0)}}},
    ),
    Kind(
        "splash", "WATRSplsh", "WATER", 6, "{size} Splash",
        ("{size} splash in water", "{size} object plunging into water", "{size} water splash with drops"),
        splash,
        {
            "size": {
                "small|little": {"size": Span(0.5, 0.8), "seconds": Span(0.6, 0.9)},
                "large|big": {"size": Span(1.6, 2.4), "seconds": Span(1.4, 2.2)},
            },
        },
    ),
    Kind(
        "pour", "WATRPour", "WATER", 4, "Pouring Into {vessel}",
        ("pouring water into a {vessel}", "{vessel} being filled with liquid"),
        pour,
        {
            "vessel": {"glass": {"start_hz": Span(550, 750), "rise": Span(2.2, 3.0)}, "bucket": {"start_hz": Span(160, 240), "rise": Span(1.6, 2.0)}},
        },
        {"seconds": Span(2.0, 3.5)},
    ),
    Kind(
        "leaves", "VEGELeaf", "VEGETATION", 4, "{state} Leaves",
        ("{state} leaves rustling in the wind", "{state} foliage moved by gusts"),
        leaves, {"state": {"dry|crisp": {"dry": 1.0}, "green|soft": {"dry": 0.1}}}, {"seconds": Span(2.0, 4.0)},
    ),
    Kind(
        "ice crack", "ICEBrk", "ICE", 4, "{size} Ice Crack",
        ("{size} ice sheet cracking", "{size} frozen lake cracking with chirps"),
        ice_crack, {"size": {"thin|small": {"size": 0.6, "seconds": 0.9}, "thick|large": {"size": 1.5, "seconds": 1.8}}},
    ),
    Kind(
        "earthquake", "NATDQuak", "NATURAL DISASTER", 3, "Earthquake Rumble",
        ("earthquake rumbling, ground shaking", "deep earth rumble with rattling"),
        earthquake, {}, {"seconds": Span(4.0, 4.7)},
    ),
    Kind(
        "sizzle", "FOODCook", "FOOD & DRINK", 3, "Frying Sizzle",
        ("food sizzling in a hot pan", "frying in oil, spitting and crackling"),
        sizzle, {}, {"seconds": Span(2.5, 4.0)},
    ),
)  # fmt: skip

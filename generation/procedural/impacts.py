"""Things that are struck and dropped: wood, metal, glass, stone, bodies, doors. Each function returns (T,) or (2, T) at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.bodies import BAR, click, contact, hit, modes, place, plate, poisson, ring, scatter
from generation.procedural.kinds import Kind, Span
from generation.procedural.signals import Array, band, clock, curve, decay, glide, length, limit, noise, sine, strike, unit, wander
from generation.procedural.spaces import pan, room

SIZE_WOOD = {
    "small|light": {"base_hz": Span(420, 800), "seconds": 0.4},
    "large|heavy": {"base_hz": Span(75, 140), "seconds": 0.8},
    "|medium": {"base_hz": Span(180, 330), "seconds": 0.6},
}


def wood(rng: Generator, base_hz: float, seconds: float, contact_s: float, hollow: float) -> Array:
    """A blow on wood: few, quickly damped plate modes, a hollow body below and the tick of the contact."""
    body = modes(rng, plate(rng, 14), base_hz, rng.uniform(0.12, 0.25), 0.6, 0.7)
    out = hit(rng, body, seconds, contact_s, 0.3)
    cavity = hit(rng, modes(rng, (0.55, 1.0, 1.42), base_hz, 0.22, 0.3), seconds, contact_s * 2.5, 0.2)
    out = out + hollow * cavity
    tick = click(rng, 1_500.0, 9_000.0, 0.012)
    out[:, : len(tick)] += 0.25 * tick
    return room(rng, out, rng.uniform(0.3, 0.7), 0.22)


def metal(rng: Generator, base_hz: float, seconds: float, t60_s: float, contact_s: float, count: int) -> Array:
    """A blow on metal: many dense modes of a plate that ring long, beating in pairs."""
    ratios = plate(rng, count)
    body = modes(rng, np.concatenate([ratios, ratios * (1.0 + rng.uniform(0.001, 0.006, count))]), base_hz, t60_s, 0.45, 0.35, 0.003)
    out = hit(rng, body, seconds, contact_s, 0.8)
    thud = band(noise(rng, length(0.08)), None, 500.0) * decay(length(0.08), 0.08)
    out[:, : len(thud)] += 0.5 * unit(thud) * strike(len(thud), 0.001, 0.1)
    return room(rng, out, rng.uniform(0.6, 1.4), 0.25)


def glass_ping(rng: Generator, base_hz: float, t60_s: float) -> Array:
    """A glass touched: a handful of pure high partials."""
    body = modes(rng, (1.0, 1.006, 2.32, 2.33, 4.25, 6.63, 9.38), base_hz, t60_s, 0.8, 0.6, 0.002)
    return room(rng, hit(rng, body, min(t60_s, 2.5), rng.uniform(0.00006, 0.0003), 0.6), 0.7, 0.2, 500.0)


def stone(rng: Generator, base_hz: float, seconds: float, rough: float) -> Array:
    """Rock on rock: dead, high-damped modes and a gritty crunch."""
    body = modes(rng, plate(rng, 18, 0.6), base_hz, 0.09, 0.35, 0.2)
    out = hit(rng, body, seconds, rng.uniform(0.0004, 0.001), 0.4)
    n = out.shape[1]
    grit = scatter(rng, n, poisson(rng, n, 900.0 * rough * decay(n, 0.25)), [click(rng, 1_500.0, 8_000.0, 0.006) for _ in range(5)], 0.25)
    return room(rng, out + grit, 0.6, 0.25)


def punch(rng: Generator, seconds: float, weight: float, slap: float) -> Array:
    """A blow on a body: a low thump that sinks, flesh-like mid noise and the slap of skin or cloth."""
    n = length(seconds)
    pitch = glide(n, (0, 190.0 / weight), (0.15, 80.0 / weight), (1, 48.0 / weight))
    thump = sine(pitch) * strike(n, 0.002, 0.22 * weight)
    flesh = band(noise(rng, n), 180.0, 1_400.0, 1) * strike(n, 0.001, 0.07)
    skin = band(noise(rng, n), 1_600.0, 7_500.0, 1) * strike(n, 0.0008, 0.035)
    return room(rng, limit(thump + 0.8 * unit(flesh) + slap * unit(skin), 1.6), 0.35, 0.15)


def body_fall(rng: Generator, seconds: float, surface_hz: float) -> Array:
    """A body dropping: several soft thumps within a fifth of a second, a surface that answers, and cloth."""
    n = length(seconds)
    starts = np.sort(np.append(rng.uniform(0.05, 0.26, 3), 0.0))
    thumps = [punch(rng, 0.4, rng.uniform(1.0, 1.7), 0.15) for _ in starts]
    out = place(n, starts, thumps, [1.0, 0.6, 0.5, 0.35])
    floor = hit(rng, modes(rng, plate(rng, 8), surface_hz, 0.25, 0.5), 0.5, 0.004, 0.2)
    cloth = band(noise(rng, n, -2.0, 2), 700.0, 6_000.0, 1) * curve(n, (0, 0.4), (0.25, 1), (0.6, 0.2), (1, 0)) * (0.5 + 0.5 * wander(rng,
        n, 25.0))
    return room(rng, out + 0.5 * place(n, [0.0], [floor]) + 0.06 * cloth, 0.5, 0.2)


def plastic(rng: Generator, base_hz: float, bounces: int) -> Array:
    """A light hollow plastic thing dropped: dull short modes, a few bounces that come ever closer."""
    n, t, gap = length(0.4 + 0.25 * bounces), 0.0, rng.uniform(0.16, 0.24)
    at, sounds, levels = [], [], []
    for bounce in range(bounces):
        body = modes(rng, plate(rng, 9), base_hz, 0.06, 0.5, 0.5)
        at.append(t)
        sounds.append(hit(rng, body, 0.2, 0.0012, 0.3))
        levels.append(0.65**bounce)
        t += gap
        gap *= rng.uniform(0.6, 0.75)
    return room(rng, place(n, at, sounds, levels), 0.4, 0.2)


def cutlery(rng: Generator, seconds: float, base_hz: float, rate_hz: float, t60_s: float) -> Array:
    """Small hard things rattling together: keys, cutlery, chains, crockery."""
    n = length(seconds)
    grains = [hit(rng, modes(rng, BAR, base_hz * rng.uniform(0.7, 1.7), t60_s, 0.5, 0.2), min(t60_s * 1.3, 0.8), 0.00006)[0]
        for _ in range(10)]
    activity = (0.15 + 0.85 * np.abs(wander(rng, n, 4.0))) * curve(n, (0, 1), (0.75, 1), (1, 0))
    at = np.append(poisson(rng, n, rate_hz * activity), 0)
    return room(rng, scatter(rng, n, at, grains, rng.uniform(0.15, 1.0, len(at)) ** 1.5, 0.6), 0.5, 0.2, 400.0)


def bounce(rng: Generator, base_hz: float, t60_s: float, springy: float, contact_s: float) -> Array:
    """A ball bouncing to rest: equal hits at ever shorter gaps."""
    at, levels, t, gap = [], [], 0.0, rng.uniform(0.42, 0.6)
    while gap > 0.03 and t < 4.5:
        at.append(t)
        levels.append((gap / 0.5) ** 0.9)
        t, gap = t + gap, gap * springy
    body = hit(rng, modes(rng, (1.0, 1.7, 2.3, 3.1, 4.4), base_hz, t60_s, 0.6), 0.3, contact_s, 0.2)
    return room(rng, place(length(t + 0.3), at, [body] * len(at), levels), 0.6, 0.25)


def shutter_fall(rng: Generator, seconds: float, base_hz: float) -> Array:
    """Metal door slammed: two plates hitting a frame, a latch rattle and a long ring."""
    n = length(seconds)
    first = metal(rng, base_hz, seconds, 2.2, 0.0006, 30)
    second = metal(rng, base_hz * 1.7, seconds * 0.6, 0.9, 0.0003, 18)
    boom = sine(glide(n, (0, 95.0), (1, 55.0))) * strike(n, 0.003, 0.45)
    return place(n, [0.0, rng.uniform(0.03, 0.07)], [first, second], [1.0, 0.5]) + pan(0.8 * boom, 0.0) * np.minimum(clock(n) / 0.002, 1.0)


def slam(rng: Generator, base_hz: float, rattle: float) -> Array:
    """A wooden door slammed: panel, frame, air pressure and the latch."""
    n = length(1.0)
    panel = ring(rng, modes(rng, plate(rng, 16), base_hz, 0.3, 0.5, 0.6), contact(n, 0.003), 0.4)
    boom = sine(glide(n, (0, 90.0), (1, 45.0))) * strike(n, 0.003, 0.25)
    latch = place(n, np.cumsum(rng.uniform(0.015, 0.05, 4)), [click(rng, 1_800.0, 8_000.0, 0.02) for _ in range(4)],
        rattle * rng.uniform(0.1, 0.3, 4))
    return room(rng, limit(unit(panel) + 0.8 * boom + latch, 1.4), 1.0, 0.35)


HARDNESS = {"soft|dull": {"contact_s": Span(0.003, 0.006)}, "hard|sharp": {"contact_s": Span(0.0004, 0.0008)}}

KINDS = (
    Kind(
        "wood impact", "WOODImpt", "WOOD", 10, "{size} Wood Hit {hard}",
        ("{hard} knock on a {size} piece of wood", "{size} wooden plank hit, {hard}", "{size} wood impact, {hard} and dry"),
        wood, {"size": SIZE_WOOD, "hard": HARDNESS}, {"hollow": Span(0.2, 0.9)},
    ),
    Kind(
        "metal impact", "METLImpt", "METAL", 12, "{size} Metal Hit {ringing}",
        (
            "{size} metal hit with {ringing} ring",
            "{size} metal clang, {ringing} resonance",
            "striking a {size} sheet of metal, {ringing} decay",
        ),
        metal,
        {
            "size": {
                "small|thin": {"base_hz": Span(700, 1_500), "count": 14},
                "large|heavy": {"base_hz": Span(70, 150), "count": 30},
                "|medium": {"base_hz": Span(240, 480), "count": 22},
            },
            "ringing": {"long": {"t60_s": Span(2.2, 4.0), "seconds": 3.2}, "short|damped": {"t60_s": Span(0.25, 0.6), "seconds": 0.9}},
        },
        {"contact_s": Span(0.00008, 0.0006)},
    ),
    Kind(
        "glass ping", "GLASTonl", "GLASS", 5, "{size} Glass Ping",
        ("{size} glass tapped, clear ping", "clink of a {size} wine glass"),
        glass_ping,
        {
            "size": {
                "small|thin": {"base_hz": Span(1_900, 3_000), "t60_s": Span(0.5, 1.0)},
                "large|big": {"base_hz": Span(650, 1_100), "t60_s": Span(1.4, 2.4)},
            },
        },
    ),
    Kind(
        "stone impact", "ROCKImpt", "ROCKS", 5, "{size} Rock Hit",
        ("{size} rock hitting stone", "{size} stone dropped on rock, gritty"),
        stone,
        {
            "size": {
                "small|light": {"base_hz": Span(900, 1_600), "seconds": 0.4, "rough": Span(0.3, 0.6)},
                "large|heavy": {"base_hz": Span(140, 260), "seconds": 0.8, "rough": Span(0.8, 1.4)},
            },
        },
    ),
    Kind(
        "punch", "FGHTImpt", "FIGHT", 8, "{weight} Punch {sharp}",
        ("{weight} punch, {sharp} body hit", "{weight} {sharp} fist impact on flesh"),
        punch,
        {
            "weight": {"light|quick": {"weight": Span(0.7, 0.9), "seconds": 0.3}, "heavy|brutal": {"weight": Span(1.2, 1.7), "seconds": 0.5}},
            "sharp": {"slapping|crisp": {"slap": Span(0.7, 1.0)}, "dull|thudding": {"slap": Span(0.05, 0.2)}},
        },
    ),
    Kind(
        "body fall", "FGHTBf", "FIGHT", 4, "Bodyfall {surface}",
        ("body falling on a {surface}", "heavy body drop onto a {surface}"),
        body_fall,
        {"surface": {"wooden floor": {"surface_hz": Span(90, 150)}, "hard ground": {"surface_hz": Span(250, 400)}}},
        {"seconds": Span(0.7, 1.0)},
    ),
    Kind(
        "plastic drop", "PLASImpt", "PLASTIC", 4, "{size} Plastic Drop",
        ("{size} plastic object dropped and bouncing", "{size} hollow plastic thing falling on the floor"),
        plastic,
        {"size": {"small|light": {"base_hz": Span(900, 1_500), "bounces": 5}, "large|big": {"base_hz": Span(240, 420), "bounces": 3}}},
    ),
    Kind(
        "keys", "OBJKey", "OBJECTS", 3, "Keys Jingle",
        ("bunch of keys jingling", "small metal keys shaken"),
        cutlery, {}, {"seconds": Span(0.9, 1.8), "base_hz": Span(2_600, 3_600), "rate_hz": Span(70, 120), "t60_s": Span(0.08, 0.18)},
    ),
    Kind(
        "chain", "CHAINMvmt", "CHAINS", 4, "{size} Chain Rattle",
        ("{size} metal chain rattling", "{size} chain moved and dropped"),
        cutlery,
        {"size": {"thin|light": {"base_hz": Span(1_500, 2_200)}, "heavy|thick": {"base_hz": Span(450, 800)}}},
        {"seconds": Span(1.0, 2.2), "rate_hz": Span(90, 180), "t60_s": Span(0.06, 0.14)},
    ),
    Kind(
        "dishes", "CERMMvmt", "CERAMICS", 3, "Dishes Clatter",
        ("dishes clattering together", "crockery and cutlery handled in a kitchen"),
        cutlery, {}, {"seconds": Span(1.2, 2.2), "base_hz": Span(900, 1_500), "rate_hz": Span(22, 40), "t60_s": Span(0.15, 0.3)},
    ),
    Kind(
        "ball bounce", "RUBRImpt", "RUBBER", 4, "{ball} Bouncing",
        ("{ball} bouncing to rest", "{ball} dropped on a hard floor, bouncing"),
        bounce,
        {
            "ball": {
                "basketball|large rubber ball": {"base_hz": Span(85, 130), "t60_s": 0.2, "springy": Span(0.72, 0.8), "contact_s": 0.006},
                "ping pong ball|table tennis ball": {"base_hz": Span(900, 1_400), "t60_s": 0.04, "springy": Span(0.8, 0.87), "contact_s": 0.0006},
            },
        },
    ),
    Kind(
        "metal door slam", "DOORMetl", "DOORS", 4, "{size} Metal Door Slam",
        ("{size} metal door slam with long ring", "{size} iron gate shut hard, echoing"),
        shutter_fall,
        {"size": {"large|heavy": {"base_hz": Span(60, 95)}, "small|thin": {"base_hz": Span(150, 260)}}},
        {"seconds": Span(1.8, 2.8)},
    ),
    Kind(
        "wood door slam", "DOORWood", "DOORS", 4, "{size} Wood Door Slam",
        ("{size} wooden door slammed shut", "{size} door closing hard with latch"),
        slam, {"size": {"large|heavy": {"base_hz": Span(55, 90)}, "small|light": {"base_hz": Span(130, 210)}}}, {"rattle": Span(0.4, 1.0)},
    ),
)  # fmt: skip

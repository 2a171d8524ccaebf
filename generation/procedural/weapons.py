"""Guns, explosions, fireworks, blades and bows. Each function returns (T,) or (2, T) samples at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.air import swish
from generation.procedural.bodies import BAR, click, hit, modes, place, plate, pluck, poisson, ring, scatter
from generation.procedural.kinds import Kind, Span
from generation.procedural.signals import Array, along, band, bump, curve, decay, glide, hump, length, limit, noise, sculpt, sine, strike, unit, wander
from generation.procedural.spaces import pan, room, tail


def gunshot(rng: Generator, weight: float, tail_s: float, bright: float) -> Array:
    """Muzzle blast (a shock with its rebound), powder noise, a sinking thump, the mechanism, and the answer of the place."""
    n = length(0.7)
    shock = np.zeros(n)
    size = length(0.0012 * weight)
    shock[:size] = np.linspace(1.0, -0.6, size)
    blast = band(noise(rng, n, -1.5), 80.0, 3_000.0 + 9_000.0 * bright, 1) * strike(n, 0.0004, 0.13 * weight)
    thump = sine(glide(n, (0, 240 / weight), (0.1, 95 / weight), (1, 50))) * strike(n, 0.001, 0.2 * weight)
    action = place(n, [0.05 + 0.02 * weight, 0.11 + 0.02 * weight], [click(rng, 1_800, 9_000, 0.02)] * 2, [0.06, 0.04])
    dry = limit(1.5 * shock + 1.2 * unit(blast) + 0.9 * thump, 2.0)
    return room(rng, pan(dry, 0.0) + action, tail_s, 0.55, 90.0)


def machine_gun(rng: Generator, shots: int, rate_hz: float) -> Array:
    """A burst of automatic fire; every shot a little different."""
    one = [gunshot(rng, rng.uniform(0.7, 0.9), 0.9, 0.7) for _ in range(3)]
    at = np.arange(shots) / rate_hz + rng.uniform(0.0, 0.004, shots)
    return place(length(at[-1] + 1.2), at, [one[i % 3] for i in range(shots)], rng.uniform(0.85, 1.0, shots))


def ricochet(rng: Generator, seconds: float, start_hz: float) -> Array:
    """A tumbling bullet whining away after it has struck stone."""
    n = length(seconds)
    pitch = glide(n, (0, start_hz), (0.2, start_hz * 0.85), (1, start_hz * 0.33)) * (1.0 + 0.04 * sine(glide(n, (0, 38.0), (1, 17.0))))
    whine = sine(pitch, modulation=0.9 * sine(pitch * 0.5)) * curve(n, (0, 0.4), (0.15, 1), (1, 0), power=1.4)
    spit = click(rng, 1_200.0, 14_000.0, 0.05)
    return room(rng, pan(whine, curve(n, (0, -0.2), (1, 0.9))) + place(n, [0.0], [spit]), 1.2, 0.35, 300.0)


def explosion(rng: Generator, seconds: float, size: float, near: float) -> Array:
    """Shock, fireball and rumble, each slower and lower than the last, with debris that rains down."""
    n = length(seconds)
    shock = band(noise(rng, n), 300.0, 12_000.0, 1) * strike(n, 0.0008, 0.12) * near
    ball = sculpt(noise(rng, n, -3.0, 2), lambda f, at: bump(f, along(at, (0, 900.0), (0.25, 300.0 / size), (1, 90.0 / size)), 1.5))
    ball = unit(ball) * strike(n, 0.006, seconds * 0.8) * (1.0 + 0.35 * wander(rng, n, 11.0))
    low = sine(glide(n, (0, 130 / size), (0.15, 52 / size), (1, 30))) * strike(n, 0.004, seconds * 0.6)
    grains = [hit(rng, modes(rng, plate(rng, 7, 0.5), f, 0.05, 0.4), 0.1, 0.0003)[0] for f in np.geomspace(250.0, 3_000.0, 8)]
    at = poisson(rng, n, 45.0 * near * hump(n, 0.3, 2.0, 1.5))
    rubble = scatter(rng, n, at, grains, rng.uniform(0.05, 1.0, len(at)) ** 2)
    mix = limit(0.8 * unit(shock + 1e-9) * near + 1.5 * ball + 1.1 * low, 1.8)
    return room(rng, mix + 0.22 * rubble, 2.2, 0.35, 50.0)


def firework(rng: Generator, seconds: float, crackles: float) -> Array:
    """A rocket whistling up, a bang that echoes over the field, and perhaps crackling stars."""
    rise, n = 0.9, length(seconds)
    m = length(rise)
    whistle = sine(glide(m, (0, 900), (1, 3_200)) * (1.0 + 0.01 * wander(rng, m, 30.0))) * curve(m, (0, 0.2), (0.8, 1),
        (1, 0)) + 0.4 * band(noise(rng, m), 1_800.0, 9_000.0, 1) * hump(m, 0.7)
    bang = gunshot(rng, 1.9, 1.8, 0.3)
    k = length(seconds - rise)
    grains = [click(rng, 1_200, 14_000, rng.uniform(0.008, 0.03)) for _ in range(6)]
    at = poisson(rng, k, 75.0 * hump(k, 0.3, 1.0, 1.5) * crackles)
    stars = scatter(rng, k, at, grains, rng.uniform(0.1, 0.7, len(at)))
    return room(rng, place(n, [0.0, rise + 0.05, rise + 0.25], [0.25 * whistle, bang, stars]), 1.5, 0.3)


def sword_clash(rng: Generator, seconds: float, base_hz: float, slide: float) -> Array:
    """Two blades meeting: bright bar modes that beat, a second touch, and edges sliding."""
    n = length(seconds)
    ratios = np.concatenate([np.array(BAR), np.array(BAR) * 1.034, (1.9, 3.7, 6.6, 7.7, 11.2)])
    body = modes(rng, ratios, base_hz, seconds * 0.9, 0.25, 0.1)
    first = hit(rng, body, seconds, 0.00008, 0.8)
    second = hit(rng, modes(rng, ratios, base_hz * 1.27, seconds * 0.5, 0.25, 0.1), seconds, 0.00008, 0.8)
    edge = ring(rng, modes(rng, ratios, base_hz * 1.6, 0.25, 0.2, 0.0), band(noise(rng, n), 2_500.0, None) * hump(n, 0.25, 0.8, 2.0), 0.8)
    crack = click(rng, 1_500, 15_000, 0.03)
    return room(rng, first + place(n, [rng.uniform(0.03, 0.06)], [second], 0.5) + slide * 0.5 * unit(edge) + 0.6 * place(n, [0.0], [crack]),
        0.9, 0.22, 300.0)


def sword_draw(rng: Generator, seconds: float, base_hz: float) -> Array:
    """A blade pulled out of its sheath: rising scrape on steel that goes on singing."""
    n = length(seconds)
    speed = hump(n, 0.42, 1.2, 5.0)
    grit = band(noise(rng, n), 2_000.0, None, 1) * (0.6 + 0.4 * np.abs(wander(rng, n, 70.0))) * speed
    sung = ring(rng, modes(rng, (*BAR, 1.7, 3.9, 7.1, 10.6), base_hz, 1.0, 0.2, 0.0), grit, 0.7)
    scrape = sculpt(np.stack([grit, grit]), lambda f, at: bump(f, along(at, (0, 2_500.0), (0.45, 8_000.0), (1, 8_000.0)), 0.5))
    return room(rng, unit(sung) + 0.8 * unit(scrape), 0.9, 0.25, 400.0)


def arrow(rng: Generator, flight_s: float, target_hz: float) -> Array:
    """String twang, the shaft's hiss, and a thud with the shaft trembling in the target."""
    n = length(flight_s + 0.8)
    twang = pluck(rng, rng.uniform(85, 130), 0.3, 0.25, 0.5)
    hiss = swish(rng, flight_s, rng.uniform(2_400, 3_600), 0.4)[:, : length(flight_s)]
    body = hit(rng, modes(rng, plate(rng, 10), target_hz, 0.12, 0.5), 0.5, 0.0015, 0.3)
    m = length(0.4)
    tremble = sine(rng.uniform(38, 55), m, modulation=1.5 * sine(rng.uniform(90, 120), m)) * decay(m, 0.35)
    sounds, at = [twang, hiss, body, tremble], [0.0, 0.02, flight_s, flight_s]
    return room(rng, place(n, at, [unit(s) for s in sounds], [0.5, 0.3, 1.0, 0.4]), 0.5, 0.2)


def bow_draw(rng: Generator, seconds: float, base_hz: float) -> Array:
    """Wood and string under growing tension: creaks that quicken."""
    n = length(seconds)
    grains = [hit(rng, modes(rng, plate(rng, 7), base_hz * rng.uniform(0.8, 1.6), 0.03, 0.4), 0.06, 0.0005)[0] for _ in range(8)]
    at = poisson(rng, n, glide(n, (0, 25.0), (1, 110.0)) * np.clip(0.6 + 0.6 * wander(rng, n, 7.0), 0, 1))
    return room(rng, scatter(rng, n, at, grains, rng.uniform(0.1, 0.8, len(at)), 0.3) * curve(n, (0, 0.4), (0.9, 1), (1, 0.3)), 0.3, 0.12)


def reload(rng: Generator, weight: float) -> Array:
    """A magazine out and in, and the bolt pulled and let go."""
    at = np.cumsum([0.02, rng.uniform(0.18, 0.3), rng.uniform(0.35, 0.5), rng.uniform(0.3, 0.4), rng.uniform(0.12, 0.2)])
    sounds = []
    for strength in (0.5, 0.35, 1.0, 0.7, 1.0):
        body = hit(rng, modes(rng, plate(rng, 12), rng.uniform(600, 1_300) / weight, 0.07, 0.4, 0.2), 0.2, 0.0002, 0.4)
        sounds.append(strength * (body + 0.5 * place(body.shape[1], [0.0, 0.013], [click(rng, 2_000, 11_000, 0.015)] * 2)))
    slide = band(noise(rng, length(0.11)), 1_500.0, 9_000.0, 1) * hump(length(0.11), 0.6)
    return room(rng, place(length(at[-1] + 0.3), [*at, at[3] + 0.02], [*sounds, 0.25 * unit(slide)]), 0.4, 0.15)


def stab(rng: Generator, wet: float) -> Array:
    """A blade going into flesh: short swish, tearing, squelch."""
    n = length(0.6)
    rush = swish(rng, 0.16, 3_500.0, 0.4)[:, : length(0.16)]
    tear = band(noise(rng, length(0.2), channels=2), 700.0, 6_000.0, 1) * hump(length(0.2), 0.2, 0.7,
        2.0) * (0.4 + 0.6 * np.abs(wander(rng, length(0.2), 90.0)))
    m = length(0.3)
    squelch = sculpt(noise(rng, m, -2.0, 2), lambda f, at: bump(f, along(at, (0, 350.0), (0.4, 1_100.0), (1, 420.0)), 0.35)) * hump(m,
        0.25) * (0.5 + 0.5 * np.abs(wander(rng, m, 55.0)))
    return room(rng, place(n, [0.0, 0.12, 0.14], [unit(rush), unit(tear), unit(squelch)], [0.3, 0.8, wet]), 0.3, 0.1)


def bullet_by(rng: Generator, seconds: float) -> Array:
    """A bullet passing the ear: the supersonic snap and a narrow whizz falling away."""
    n = length(seconds)
    whizz = sculpt(noise(rng, n, channels=1), lambda f, at: bump(f, along(at, (0, 5_200.0), (0.3, 4_200.0), (1, 1_500.0)), 0.18)) * hump(n,
        0.25, 2.0, 2.0)
    snap = click(rng, 900, 16_000, 0.02)
    return room(rng, tail(pan(unit(whizz), curve(n, (0, -0.9), (1, 0.9))) + 0.8 * place(n, [0.22 * seconds], [snap]), 0.2), 0.7, 0.25,
        400.0)


GUNS = {
    "pistol|handgun": {"weight": Span(0.7, 0.95), "bright": Span(0.7, 1.0), "tail_s": Span(0.8, 1.3)},
    "rifle|hunting rifle": {"weight": Span(1.1, 1.4), "bright": Span(0.6, 0.9), "tail_s": Span(1.8, 2.6)},
    "shotgun|heavy shotgun": {"weight": Span(1.6, 2.0), "bright": Span(0.4, 0.6), "tail_s": Span(1.5, 2.2)},
}

KINDS = (
    Kind(
        "gunshot", "GUNMisc", "GUNS", 6, "{gun} Shot",
        ("{gun} shot fired, single", "single gunshot from a {gun}"),
        gunshot, {"gun": GUNS},
    ),
    Kind(
        "cannon", "GUNCano", "GUNS", 3, "Cannon Shot",
        ("cannon firing, heavy blast with echo", "artillery shot, deep boom"),
        gunshot, {}, {"weight": Span(2.8, 3.8), "bright": Span(0.1, 0.3), "tail_s": Span(2.5, 3.5)},
    ),
    Kind(
        "machine gun", "GUNAuto", "GUNS", 3, "Machine Gun Burst",
        ("machine gun burst", "automatic rifle firing rapidly"),
        machine_gun, {}, {"shots": 9, "rate_hz": Span(8, 13)},
    ),
    Kind(
        "gun reload", "GUNMech", "GUNS", 3, "Gun Reload",
        ("gun reloaded, magazine and bolt", "weapon being cocked and loaded, metal clicks"),
        reload, {}, {"weight": Span(0.8, 1.5)},
    ),
    Kind(
        "ricochet", "BLLTRico", "BULLETS", 4, "Bullet Ricochet",
        ("bullet ricochet whining away", "ricochet off stone, falling whistle"),
        ricochet, {}, {"seconds": Span(0.6, 1.2), "start_hz": Span(1_900, 3_400)},
    ),
    Kind(
        "bullet by", "BLLTBy", "BULLETS", 3, "Bullet Whizz By",
        ("bullet whizzing past the ear", "supersonic bullet snap and whizz by"),
        bullet_by, {}, {"seconds": Span(0.25, 0.45)},
    ),
    Kind(
        "explosion", "EXPLReal", "EXPLOSIONS", 10, "{size} {where} Explosion",
        ("{size} {where} explosion", "{where} blast, {size}, with debris and rumble", "{size} bomb going off, {where}"),
        explosion,
        {
            "size": {
                "small|short": {"size": Span(0.6, 0.8), "seconds": Span(1.1, 1.7)},
                "huge|massive": {"size": Span(1.4, 1.9), "seconds": Span(3.2, 4.4)},
            },
            "where": {"close|nearby": {"near": 1.0}, "distant|far away": {"near": 0.05}},
        },
    ),
    Kind(
        "firework", "FRWKComr", "FIREWORKS", 4, "Firework {rest}",
        ("firework rocket whistling up and exploding {rest}", "fireworks, whistle and bang {rest}"),
        firework, {"rest": {"with crackle|and crackling": {"crackles": 1.0}, "": {"crackles": 0.0}}}, {"seconds": Span(2.6, 3.6)},
    ),
    Kind(
        "sword clash", "WEAPSwrd", "WEAPONS", 5, "{size} Sword Clash",
        ("{size} swords clashing", "{size} steel blades hitting and sliding"),
        sword_clash,
        {"size": {"light|thin": {"base_hz": Span(700, 1_000)}, "heavy|big": {"base_hz": Span(330, 480)}}},
        {"seconds": Span(0.9, 1.7), "slide": Span(0.1, 0.7)},
    ),
    Kind(
        "sword draw", "WEAPSwrd", "WEAPONS", 4, "Sword Draw",
        ("sword drawn from its sheath, ringing", "blade unsheathed with a metal scrape"),
        sword_draw, {}, {"seconds": Span(0.9, 1.5), "base_hz": Span(500, 950)},
    ),
    Kind(
        "arrow", "WEAPArro", "WEAPONS", 4, "Arrow Shot {target}",
        ("arrow shot from a bow hitting {target}", "bow twang, arrow flying and striking {target}"),
        arrow,
        {"target": {"wood": {"target_hz": Span(220, 380)}, "straw|a straw target": {"target_hz": Span(70, 110)}}},
        {"flight_s": Span(0.25, 0.55)},
    ),
    Kind(
        "bow draw", "WEAPBow", "WEAPONS", 2, "Bow Draw",
        ("wooden bow drawn, creaking", "bow string pulled back with creaks"),
        bow_draw, {}, {"seconds": Span(0.9, 1.5), "base_hz": Span(350, 600)},
    ),
    Kind(
        "stab", "GOREStab", "GORE", 3, "Knife Stab",
        ("knife stabbing into flesh, wet", "blade stab with a squelch"),
        stab, {}, {"wet": Span(0.5, 1.0)},
    ),
)  # fmt: skip

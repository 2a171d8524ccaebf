"""User interfaces, games and cartoons: clicks, beeps, coins, pops, boings, whistles. Each function returns (T,) or (2, T) at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.bodies import click, hit, modes, place, pluck
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
    noise,
    pulse,
    saw,
    sculpt,
    sine,
    strike,
    unit,
    wander,
)  # fmt: skip
from generation.procedural.spaces import pan, room, widen


def tone(rng: Generator, pitch_hz: float, seconds: float, soft: float) -> Array:
    """One interface tone: a mallet-like FM tone (soft) or a plain electronic one, (T,)."""
    n = length(seconds)
    mallet = sine(pitch_hz, n, modulation=1.4 * decay(n, 0.12) * sine(pitch_hz * 3.99, n)) * strike(n, 0.002, seconds)
    plain = (sine(pitch_hz, n) + 0.25 * pulse(pitch_hz, n)) * curve(n, (0, 0), (0.04, 1), (0.8, 0.9), (1, 0))
    return soft * mallet + (1.0 - soft) * plain


def figure(rng: Generator, base_hz: float, steps: tuple[int, ...], gap_s: float, seconds: float, soft: float) -> Array:
    """A few tones in a row, in semitones above the base: notifications, confirmations, errors."""
    sounds = [tone(rng, base_hz * 2.0 ** (s / 12.0), seconds, soft) for s in steps]
    at = np.arange(len(steps)) * gap_s
    return room(rng, place(length(at[-1] + seconds + 0.05), at, sounds), 0.5, 0.18, 300.0)


def ui_click(rng: Generator, base_hz: float, t60_s: float, tonal: float) -> Array:
    """A tiny click: a damped blip with a contact."""
    n = length(0.12)
    blip = sine(glide(n, (0, base_hz * 1.3), (0.2, base_hz), (1, base_hz))) * strike(n, 0.0006, t60_s)
    tick = click(rng, base_hz, base_hz * 5.0, 0.01)
    return room(rng, tonal * blip + (1.2 - tonal) * place(n, [0.0], [tick]), 0.15, 0.12, 300.0)


def error(rng: Generator, base_hz: float, repeats: int) -> Array:
    """A low, rough, slightly dissonant double buzz: no."""
    n = length(0.16)
    buzz = band(pulse(base_hz, n, 0.4) + pulse(base_hz * 1.06, n, 0.3), None, 2_500.0, 1) * curve(n, (0, 0), (0.05, 1), (0.85, 0.9), (1, 0))
    return room(rng, widen(rng, place(length(0.2 * repeats + 0.1), np.arange(repeats) * 0.2, [buzz] * repeats).mean(axis=0), 0.3), 0.3,
        0.12)


def swipe(rng: Generator, seconds: float, up: bool) -> Array:
    """A panel sliding: a soft filtered rush with a hint of pitch."""
    n = length(seconds)
    low, high = (500.0, 3_800.0) if up else (3_800.0, 500.0)
    rush = sculpt(noise(rng, n, channels=2), lambda f, at: bump(f, along(at, (0, low), (1, high)), 0.35)) * hump(n, 0.45)
    pitch = sine(glide(n, (0, low * 0.4), (1, high * 0.4))) * hump(n, 0.5) * 0.15
    return room(rng, unit(rush) + pitch, 0.3, 0.15)


def coins(rng: Generator, count: int, base_hz: float) -> Array:
    """Coins falling on a table: thin discs ringing, bouncing, settling."""
    at, sounds, levels = [], [], []
    for _ in range(count):
        disc = hit(rng, modes(rng, (1.0, 1.73, 2.33, 3.91, 4.11, 6.3), base_hz * rng.uniform(0.85, 1.2), rng.uniform(0.3, 0.7), 0.4, 0.2),
            0.7, 0.00006, 0.6)
        t, gap, level = rng.uniform(0, 0.1 * count), rng.uniform(0.09, 0.16), 1.0
        while gap > 0.015:
            at.append(t)
            sounds.append(disc)
            levels.append(level * rng.uniform(0.8, 1.0))
            t, gap, level = t + gap, gap * rng.uniform(0.68, 0.8), level * 0.78
    at_s = np.array(at) - min(at)
    return room(rng, place(length(at_s.max() + 0.8), at_s, sounds, levels), 0.5, 0.18, 500.0)


def pickup(rng: Generator, base_hz: float, steps: tuple[int, ...]) -> Array:
    """Arcade pick-up: square notes jumping up."""
    sounds = []
    for k, step in enumerate(steps):
        n = length(0.07 if k < len(steps) - 1 else 0.4)
        sounds.append(pulse(base_hz * 2.0 ** (step / 12.0), n) * strike(n, 0.001, 0.9 if k < len(steps) - 1 else 0.45))
    at = np.arange(len(steps)) * 0.065
    return room(rng, widen(rng, band(place(length(at[-1] + 0.42), at, sounds).mean(axis=0), None, 9_000.0, 1), 0.25), 0.3, 0.1)


def jump(rng: Generator, seconds: float, start_hz: float, octaves: float) -> Array:
    """Arcade jump or fall: a square wave gliding."""
    n = length(seconds)
    return room(rng, widen(rng, band(pulse(start_hz * glide(n, (0, 1.0), (1, 2.0**octaves)), width=0.3), None, 9_000.0, 1) * curve(n,
        (0, 1), (0.7, 0.8), (1, 0)), 0.25), 0.25, 0.1)


def retro_blast(rng: Generator, seconds: float) -> Array:
    """Arcade explosion: sample-held noise falling in pitch."""
    n = length(seconds)
    held = rng.uniform(-1.0, 1.0, n)[np.floor(np.cumsum(glide(n, (0, 9_000.0), (1, 400.0))) / 44_100).astype(int)]
    return room(rng, widen(rng, held * strike(n, 0.002, seconds * 1.1), 0.4), 0.3, 0.1)


def pop(rng: Generator, start_hz: float, seconds: float) -> Array:
    """A pop: a resonance whose pitch jumps up as the cavity opens, behind a puff."""
    n = length(seconds + 0.1)
    blip = sine(glide(n, (0, start_hz), (0.5, start_hz * 3.2), (1, start_hz * 3.4))) * strike(n, 0.003, seconds)
    puff = click(rng, 500.0, 6_000.0, 0.02)
    return room(rng, blip + 0.25 * place(n, [0.0], [puff]), 0.25, 0.15)


def boing(rng: Generator, seconds: float, base_hz: float, wobble_hz: float) -> Array:
    """A twanged ruler or jaw harp: a rich low tone with a sweeping, wobbling resonance."""
    n = length(seconds)
    pitch = base_hz * glide(n, (0, 0.8), (0.15, 1.25), (1, 1.6)) * (1.0 + 0.07 * decay(n, seconds) * sine(wobble_hz, n))
    raw = saw(pitch) + 0.5 * pulse(pitch, width=0.15)
    voice = sculpt(raw, lambda f, at: 0.08 + bump(f, 950.0 * 2.0 ** (0.9 * np.sin(2 * np.pi * wobble_hz * seconds * at) * (1 - at)), 0.22))
    return room(rng, pan(unit(voice) * strike(n, 0.004, seconds * 1.2), 0.0), 0.5, 0.18)


def slide_whistle(rng: Generator, seconds: float, start_hz: float, octaves: float) -> Array:
    """A slide whistle: an almost pure tone with breath, gliding, shaken at the end."""
    n = length(seconds)
    pitch = start_hz * glide(n, (0, 1.0), (0.75, 2.0**octaves), (1, 2.0**octaves)) * (1.0 + 0.02 * curve(n, (0, 0), (0.6, 0.2),
        (1, 1)) * sine(7.0, n))
    breath = sculpt(noise(rng, n), lambda f, at: bump(f, along(at, (0, start_hz), (0.75, start_hz * 2.0**octaves),
        (1, start_hz * 2.0**octaves)) * 2.0, 0.5))
    return room(rng, (sine(pitch) + 0.12 * sine(pitch * 2) + 0.08 * sine(pitch * 3) + 0.07 * unit(breath)) * curve(n, (0, 0), (0.05, 1),
        (0.9, 0.9), (1, 0)), 0.6, 0.2)


def rubber_squeak(rng: Generator, count: int, pitch_hz: float) -> Array:
    """A rubber toy squeezed: reed squeals going in and out."""
    at, sounds, t = [], [], 0.0
    for k in range(count):
        n = length(rng.uniform(0.1, 0.2))
        pitch = pitch_hz * (1.0 if k % 2 == 0 else 0.78) * glide(n, (0, 0.7), (0.3, 1.15), (1, 0.85))
        reed = sculpt(saw(pitch * (1 + 0.02 * wander(rng, n, 60.0))) + 0.1 * noise(rng, n), lambda f, at: 0.1 + bump(f, 2_400.0, 0.5))
        at.append(t)
        sounds.append(unit(reed) * hump(n, 0.35, 0.5, 0.8))
        t += n / 44_100 + rng.uniform(0.05, 0.15)
    return room(rng, place(length(t), at, sounds), 0.3, 0.12)


def splat(rng: Generator, size: float) -> Array:
    """Something wet and soft hitting a wall: slap, then clinging blobs."""
    n = length(0.5)
    slap = band(noise(rng, n, channels=2), 250.0 / size, 5_000.0, 1) * strike(n, 0.001, 0.09)
    suck = sculpt(noise(rng, n, -2.0, 2), lambda f, at: bump(f, along(at, (0, 300.0 / size), (0.4, 1_400.0 / size), (1, 500.0)),
        0.3)) * hump(n, 0.25) * (0.4 + 0.6 * np.abs(wander(rng, n, 45.0)))
    low = sine(glide(n, (0, 190 / size), (1, 55))) * strike(n, 0.002, 0.15)
    return room(rng, unit(slap) + 0.7 * unit(suck) + 0.7 * low, 0.3, 0.12)


def cartoon_pluck(rng: Generator, base_hz: float, bend: float) -> Array:
    """A string plucked and bent: twang."""
    raw = pluck(rng, base_hz, 1.0, 0.9, 0.8)
    n = len(raw)
    bent = np.interp(np.cumsum(glide(n, (0, 1.0), (0.4, 2.0**bend), (1, 2.0**bend))), np.arange(n), raw, right=0.0)
    return room(rng, fade(bent, 0.001, 0.05), 0.4, 0.15)


def zip_(rng: Generator, seconds: float, up: bool) -> Array:
    """A zip: teeth passing ever faster, their pitch climbing."""
    n = length(seconds)
    ends = (300.0, 2_600.0) if up else (2_600.0, 300.0)
    raw = saw(glide(n, (0, ends[0]), (1, ends[1]))) * (0.5 + 0.5 * noise(rng, n))
    return room(rng, widen(rng, band(raw, 500.0, 9_000.0, 1) * hump(n, 0.5, 0.4, 0.4), 0.4), 0.3, 0.12)


def horn_honk(rng: Generator, pitch_hz: float, honks: int) -> Array:
    """A clown's bulb horn: a nasal reed that bends down."""
    at, sounds, t = [], [], 0.0
    for _ in range(honks):
        n = length(rng.uniform(0.16, 0.26))
        pitch = pitch_hz * glide(n, (0, 0.9), (0.2, 1.05), (1, 0.88))
        sounds.append(unit(sculpt(saw(pitch), lambda f, at: 0.06 + bump(f, 900.0, 0.3) + 0.6 * bump(f, 2_100.0, 0.25))) * hump(n, 0.25, 0.4,
            0.6))
        at.append(t)
        t += n / 44_100 + 0.09
    return room(rng, place(length(t), at, sounds), 0.3, 0.12)


TONES = {"soft|gentle": {"soft": 1.0}, "electronic|digital": {"soft": 0.1}}

KINDS = (
    Kind(
        "ui click", "UIClick", "USER INTERFACE", 6, "{tone} UI Click",
        ("{tone} button click", "{tone} interface click, short"),
        ui_click,
        {"tone": {"bright|high": {"base_hz": Span(2_400, 4_200)}, "soft|low": {"base_hz": Span(500, 1_000)}}},
        {"t60_s": Span(0.02, 0.06), "tonal": Span(0.2, 1.0)},
    ),
    Kind(
        "ui beep", "UIBeep", "USER INTERFACE", 5, "{tone} UI Beep",
        ("{tone} interface beep", "single {tone} beep"),
        figure, {"tone": TONES}, {"base_hz": Span(600, 1_700), "steps": (0,), "gap_s": 0.1, "seconds": Span(0.1, 0.3)},
    ),
    Kind(
        "ui confirm", "UIAlert", "USER INTERFACE", 6, "{tone} Confirm",
        ("{tone} confirmation tones, rising", "{tone} success chime", "{tone} positive interface sound"),
        figure, {"tone": TONES}, {"base_hz": Span(480, 800), "steps": (0, 4, 7), "gap_s": Span(0.07, 0.11), "seconds": Span(0.25, 0.6)},
    ),
    Kind(
        "ui notification", "UIAlert", "USER INTERFACE", 5, "{tone} Notification",
        ("{tone} notification, two tones", "{tone} message alert ding"),
        figure, {"tone": TONES}, {"base_hz": Span(650, 1_100), "steps": (7, 12), "gap_s": Span(0.1, 0.16), "seconds": Span(0.4, 0.9)},
    ),
    Kind(
        "ui cancel", "UIAlert", "USER INTERFACE", 4, "{tone} Cancel",
        ("{tone} cancel sound, falling tones", "{tone} interface back, descending"),
        figure, {"tone": TONES}, {"base_hz": Span(400, 700), "steps": (7, 0), "gap_s": Span(0.08, 0.12), "seconds": Span(0.2, 0.4)},
    ),
    Kind(
        "ui error", "UIAlert", "USER INTERFACE", 4, "Error Buzz",
        ("error buzz, access denied", "wrong answer, low double buzz"),
        error, {}, {"base_hz": Span(95, 180), "repeats": 2},
    ),
    Kind(
        "ui swipe", "UIMvmt", "USER INTERFACE", 4, "Swipe {way}",
        ("interface swipe {way}", "menu sliding {way}, soft"),
        swipe, {"way": {"up": {"up": True}, "down": {"up": False}}}, {"seconds": Span(0.15, 0.4)},
    ),
    Kind(
        "coins", "OBJCoin", "OBJECTS", 5, "{amount} Drop",
        ("{amount} dropped on a table", "{amount} falling and ringing"),
        coins,
        {"amount": {"single coin|one coin": {"count": 1}, "handful of coins|many coins": {"count": 7}}},
        {"base_hz": Span(2_800, 4_200)},
    ),
    Kind(
        "game pickup", "GAMEVideo", "GAMES", 4, "Arcade Pickup",
        ("arcade game coin pickup", "8-bit bonus sound, rising"),
        pickup, {}, {"base_hz": Span(700, 1_200), "steps": (0, 5, 12)},
    ),
    Kind(
        "game power up", "GAMEVideo", "GAMES", 3, "Arcade Power Up",
        ("8-bit power up, quick arpeggio", "arcade level up"),
        pickup, {}, {"base_hz": Span(300, 520), "steps": (0, 4, 7, 12, 16, 19, 24)},
    ),
    Kind(
        "game jump", "GAMEVideo", "GAMES", 4, "Arcade {move}",
        ("arcade game {move}", "8-bit {move} sound"),
        jump,
        {"move": {"jump": {"octaves": Span(1.0, 1.8)}, "fall": {"octaves": Span(-2.2, -1.4)}}},
        {"seconds": Span(0.18, 0.5), "start_hz": Span(260, 560)},
    ),
    Kind(
        "game explosion", "GAMEVideo", "GAMES", 3, "Arcade Explosion",
        ("8-bit explosion", "arcade game blast, retro noise"),
        retro_blast, {}, {"seconds": Span(0.5, 1.1)},
    ),
    Kind(
        "pop", "TOONPop", "CARTOON", 5, "{size} Pop",
        ("{size} pop", "{size} cartoon cork pop"),
        pop,
        {"size": {"small|tiny": {"start_hz": Span(500, 900), "seconds": 0.06}, "big|deep": {"start_hz": Span(140, 240), "seconds": 0.12}}},
    ),
    Kind(
        "boing", "TOONBoing", "CARTOON", 5, "{size} Boing",
        ("{size} cartoon boing", "{size} springy bounce, comic"),
        boing,
        {"size": {"small|high": {"base_hz": Span(160, 240)}, "big|low": {"base_hz": Span(60, 95)}}},
        {"seconds": Span(0.7, 1.4), "wobble_hz": Span(6, 11)},
    ),
    Kind(
        "slide whistle", "TOONWhis", "CARTOON", 6, "Slide Whistle {way}",
        ("slide whistle going {way}", "comic whistle sliding {way}"),
        slide_whistle,
        {
            "way": {
                "up": {"start_hz": Span(450, 650), "octaves": Span(1.2, 1.8)},
                "down": {"start_hz": Span(1_400, 1_900), "octaves": Span(-1.8, -1.2)},
            },
        },
        {"seconds": Span(0.5, 1.3)},
    ),
    Kind(
        "rubber squeak", "TOONSqk", "CARTOON", 4, "Rubber Toy Squeak",
        ("rubber toy squeaking", "squeaky toy squeezed"),
        rubber_squeak, {}, {"count": 4, "pitch_hz": Span(900, 1_700)},
    ),
    Kind(
        "splat", "TOONSplt", "CARTOON", 4, "{size} Splat",
        ("{size} wet splat", "{size} cartoon pie splat"),
        splat, {"size": {"small|little": {"size": 0.7}, "big|heavy": {"size": 1.6}}},
    ),
    Kind(
        "twang", "TOONTwang", "CARTOON", 3, "Rubber Band Twang",
        ("rubber band twang", "plucked string bending, comic"),
        cartoon_pluck, {}, {"base_hz": Span(90, 190), "bend": Span(0.3, 1.0)},
    ),
    Kind(
        "zip", "TOONZip", "CARTOON", 4, "Zip {way}",
        ("zip sound going {way}", "fast cartoon zip {way}"),
        zip_, {"way": {"up": {"up": True}, "down": {"up": False}}}, {"seconds": Span(0.15, 0.4)},
    ),
    Kind(
        "clown horn", "TOONHorn", "CARTOON", 3, "Clown Horn",
        ("clown horn honking", "bulb horn honk honk"),
        horn_honk, {}, {"pitch_hz": Span(260, 420), "honks": 2},
    ),
)  # fmt: skip

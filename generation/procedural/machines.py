"""Mechanisms: servos, gears, ratchets, clocks, keyboards, cameras, springs, industrial machines. Returns (T,) or (2, T) at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.bodies import click, hit, modes, place, plate, ring, scatter
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
    noise,
    saw,
    sculpt,
    sine,
    strike,
    unit,
)  # fmt: skip
from generation.procedural.spaces import pan, room, widen


def tap(rng: Generator, base_hz: float, t60_s: float, hard: float) -> Array:
    """One small mechanical contact: a body of a few modes and a click, peak 1, (2, T)."""
    body = hit(rng, modes(rng, plate(rng, 9), base_hz, t60_s, 0.4, 0.3), max(t60_s * 1.3, 0.05), 0.0002 / hard, 0.3)
    tick = click(rng, 1_500.0, 12_000.0, 0.008)
    body[:, : len(tick)] += 0.5 * hard * tick[: body.shape[1]]
    return body


def servo(rng: Generator, moves: int, pitch_hz: float, smooth: float) -> Array:
    """A small geared motor: whine that follows each move's speed, with a clunk at the stop."""
    at, sounds, t = [], [], 0.0
    for _ in range(moves):
        seconds = rng.uniform(0.18, 0.6) * (0.7 + smooth)
        n = length(seconds)
        speed = curve(n, (0, 0.45), (0.15, 1), (0.8, rng.uniform(0.8, 1.2)), (1, 0.4))
        pitch = pitch_hz * rng.uniform(0.75, 1.35) * speed
        whine = sine(pitch, modulation=1.6 * sine(pitch * 0.5) + 0.5 * sine(pitch * 3.02)) + 0.35 * saw(pitch * 1.98)
        gear = band(noise(rng, n), 1_500.0, 7_000.0, 1) * bursts(pitch * 0.25, sharpness=3.0)
        out = (whine + (0.9 - 0.7 * smooth) * unit(gear)) * curve(n, (0, 0), (0.06, 1), (0.92, 0.9), (1, 0))
        at += [t, t + seconds * 0.97]
        sounds += [unit(out), tap(rng, rng.uniform(500, 1_100), 0.04, 1.0) * 0.5 * (1.1 - smooth)]
        t += seconds + rng.uniform(0.02, 0.16)
    return room(rng, widen(rng, band(place(length(t + 0.15), at, sounds).mean(axis=0), 120.0, 9_000.0, 1), 0.5), 0.4, 0.15)


def robot_step(rng: Generator, steps: int, weight: float) -> Array:
    """A walking robot: servo lift, hydraulic sigh and a metal foot landing."""
    at, sounds, t = [], [], 0.0
    for _ in range(steps):
        lift = servo(rng, 1, 320.0 / weight, 0.4)
        foot = hit(rng, modes(rng, plate(rng, 18), 170.0 / weight, 0.35, 0.4, 0.4), 0.7, 0.0008, 0.5)
        m = length(0.3)
        thud = sine(glide(m, (0, 110 / weight**0.5), (1, 45))) * strike(m, 0.002, 0.2)
        at += [t, t + 0.42 * weight**0.4, t + 0.42 * weight**0.4]
        sounds += [0.3 * unit(lift), 0.8 * foot, 0.8 * thud]
        t += 0.75 * weight**0.4
    return room(rng, place(length(t + 0.7), at, sounds), 0.8, 0.25)


def industrial(rng: Generator, seconds: float, rate_hz: float, base_hz: float) -> Array:
    """A machine at work: a repeated cycle of stamps, hisses and gear noise over a motor."""
    n = length(seconds)
    cycle = [(rng.uniform(0, 0.85), tap(rng, base_hz * rng.uniform(0.6, 3.0), rng.uniform(0.06, 0.3), 0.7), rng.uniform(0.3, 1.0))
        for _ in range(4)]
    puff = band(noise(rng, length(0.2)), 2_000.0, 9_000.0, 1) * strike(length(0.2), 0.01, 0.25)
    cycle.append((0.5, 0.3 * unit(puff), 0.8))
    starts = [(k + offset) / rate_hz for k in range(int(seconds * rate_hz) + 1) for offset, _, _ in cycle]
    sounds = [s for _ in range(int(seconds * rate_hz) + 1) for _, s, _ in cycle]
    levels = [g for _ in range(int(seconds * rate_hz) + 1) for _, _, g in cycle]
    motor = band(saw(base_hz * 0.37, n) + saw(base_hz * 0.373, n), None, 900.0, 1)
    bed = 0.25 * widen(rng, unit(motor), 0.5) + 0.12 * unit(band(noise(rng, n, -3.0, 2), 100.0, 4_000.0, 1))
    return fade(room(rng, place(n, starts, sounds, levels) + bed, 0.9, 0.25), 0.03, 0.3)


def ratchet(rng: Generator, seconds: float, start_hz: float, end_hz: float, base_hz: float) -> Array:
    """A pawl over teeth: equal clicks, faster or slower."""
    n = length(seconds)
    turns = np.cumsum(glide(n, (0, start_hz), (1, end_hz))) / 44_100
    at = np.searchsorted(turns, np.arange(int(turns[-1])) + 0.5)
    grains = [tap(rng, base_hz * rng.uniform(0.95, 1.05), 0.03, 1.2)[0] for _ in range(4)]
    return room(rng, scatter(rng, n, at, grains, rng.uniform(0.7, 1.0, len(at)), 0.15), 0.4, 0.15)


def clock_tick(rng: Generator, seconds: float, rate_hz: float, base_hz: float, t60_s: float) -> Array:
    """An escapement: tick and tock, alike but not the same, in a small case."""
    count = int(seconds * rate_hz)
    tick, tock = (tap(rng, base_hz * r, t60_s, 1.2) for r in (1.0, 0.82))
    lift = tap(rng, base_hz * 1.6, t60_s * 0.5, 0.8) * 0.25
    at = [k / rate_hz + d for k in range(count) for d in (0.0, 0.028)]
    sounds = [s for k in range(count) for s in (lift, tick if k % 2 == 0 else tock)]
    return room(rng, place(length(seconds + 0.2), at, sounds), 0.4, 0.2, 250.0)


def typing(rng: Generator, seconds: float, rate_hz: float, base_hz: float, depth: float) -> Array:
    """Fingers on keys: each a press and a softer release, spaced by habit and hesitation."""
    at, sounds, levels, t = [], [], [], 0.0
    while t < seconds - 0.2:
        key = base_hz * rng.choice([0.8, 0.9, 1.0, 1.1, 1.2]) if rng.uniform() > 0.12 else base_hz * 0.5
        level = rng.uniform(0.5, 1.0)
        at += [t, t + rng.uniform(0.05, 0.09)]
        sounds += [tap(rng, key, 0.025 + 0.03 * depth, 0.8), tap(rng, key * 1.5, 0.015, 0.8)]
        levels += [level, level * 0.35]
        t += rng.gamma(3.0, 1.0 / (3.0 * rate_hz)) + (rng.uniform(0.15, 0.35) if rng.uniform() < 0.06 else 0.02)
    return room(rng, place(length(seconds), at, sounds, levels), 0.3, 0.12)


def typewriter(rng: Generator, seconds: float, rate_hz: float, bell: bool) -> Array:
    """Type bars striking paper on a roller; perhaps the bell and the carriage pulled back."""
    at, sounds, t = [], [], 0.0
    while t < seconds:
        strike_ = tap(rng, rng.uniform(550, 750), 0.06, 1.6)
        at += [t, t + 0.045]
        sounds += [strike_ * rng.uniform(0.7, 1.0), tap(rng, 1_400.0, 0.03, 0.7) * 0.3]
        t += rng.gamma(4.0, 1.0 / (4.0 * rate_hz)) + 0.03
    if bell:
        at += [t, t + 0.35, t + 0.8]
        sounds += [0.5 * hit(rng, modes(rng, (1.0, 2.4, 4.1), 2_300.0, 1.0, 0.6), 1.0, 0.0001), 0.6 * ratchet(rng, 0.45, 70.0, 45.0,
            1_100.0), tap(rng, 260.0, 0.15, 1.0)]
    return room(rng, place(length(t + (1.4 if bell else 0.3)), at, sounds), 0.4, 0.15)


def shutter(rng: Generator, open_s: float, motor: float) -> Array:
    """A camera: mirror up, curtain, mirror down, and the motor that winds on."""
    at = [0.0, 0.028, 0.028 + open_s, 0.05 + open_s]
    sounds = [tap(rng, rng.uniform(700, 1_000), 0.04, 1.0), 0.6 * tap(rng, 1_900.0, 0.02, 1.2), 0.7 * tap(rng, 1_700.0, 0.02, 1.2),
        tap(rng, rng.uniform(600, 800), 0.05, 1.0)]
    n = length(0.32)
    whirr = sine(glide(n, (0, 700), (0.2, 1_150), (1, 900)), modulation=2.0 * sine(190.0, n)) + 0.6 * band(noise(rng, n), 2_000.0, 8_000.0,
        1)
    at.append(0.08 + open_s)
    sounds.append(motor * 0.3 * unit(whirr) * hump(n, 0.3, 0.4, 0.4))
    return room(rng, place(length(0.5 + open_s + 0.3 * motor), at, sounds), 0.3, 0.15)


def spring(rng: Generator, seconds: float, base_hz: float) -> Array:
    """A coil spring let go: dispersive chirps that race down the wire and back, and a metallic rest."""
    n = length(seconds)
    gap, t, at, sounds = rng.uniform(0.045, 0.08), 0.0, [], []
    for k in range(int(seconds / gap * 0.7)):
        m = length(0.06 + 0.012 * k)
        at.append(t)
        sounds.append(0.86**k * sine(glide(m, (0, 5_500.0 * 0.93**k), (0.3, base_hz * 3), (1, base_hz))) * strike(m, 0.001, 0.12))
        t += gap
    body = hit(rng, modes(rng, (1.0, 2.3, 3.9, 5.2, 7.7), base_hz, seconds * 0.8, 0.4), seconds, 0.0004, 0.6)
    return room(rng, place(n, at, sounds) + 0.4 * body, 0.7, 0.2)


def switch(rng: Generator, base_hz: float, parts: int, gap_s: float, weight: float) -> Array:
    """A switch, latch, lock or lever: a few contacts in quick order, the last one the loudest."""
    at = np.cumsum(rng.uniform(0.4, 1.4, parts) * gap_s) - 0.4 * gap_s
    sounds = [tap(rng, base_hz * rng.uniform(0.8, 1.5), 0.03 + 0.05 * weight, 1.2) for _ in range(parts)]
    sounds[-1] = sounds[-1] + 0.6 * weight * np.pad(tap(rng, base_hz * 0.3, 0.1, 0.6), ((0, 0), (0, 4_000)))[:, : sounds[-1].shape[1]]
    return room(rng, place(length(at[-1] + 0.3), at - at[0], sounds, np.linspace(0.5, 1.0, parts)), 0.4, 0.18)


def hydraulic(rng: Generator, seconds: float, base_hz: float) -> Array:
    """A hydraulic or pneumatic ram: groaning pump, a sliding hiss and the end stop."""
    n = length(seconds)
    pitch = base_hz * glide(n, (0, 0.7), (0.3, 1.1), (1, 0.95))
    pump = band(saw(pitch) + saw(pitch * 2.51), 80.0, 2_500.0, 1) * hump(n, 0.4, 0.4, 0.4)
    hiss = sculpt(noise(rng, n, channels=2), lambda f, at: bump(f, along(at, (0, 2_500.0), (1, 4_500.0)), 0.7)) * hump(n, 0.7, 0.8, 0.5)
    puff = band(noise(rng, length(0.5), channels=2), 2_000.0, 10_000.0, 1) * strike(length(0.5), 0.004, 0.45)
    stop = tap(rng, 180.0, 0.2, 0.8)
    out = 0.35 * widen(rng, unit(pump), 0.4) + 0.3 * unit(hiss)
    return room(rng, place(n + length(0.6), [0.0, seconds * 0.95, seconds * 0.96], [out, stop, 0.5 * unit(puff)]), 0.8, 0.2)


def fan(rng: Generator, seconds: float, blade_hz: float) -> Array:
    """A fan: air chopped by blades and a humming motor."""
    n = length(seconds)
    air = band(noise(rng, n, -3.0, 2), 90.0, 4_500.0, 1) * (1.0 + 0.5 * sine(blade_hz, n))
    hum = sine(100.0, n) + 0.5 * sine(blade_hz * 4.0, n) + 0.3 * sine(200.0, n)
    return fade(room(rng, unit(air) + 0.08 * pan(hum, 0.0), 0.4, 0.1), 0.25, 0.4)


def hand_saw(rng: Generator, strokes: int, rate_hz: float, base_hz: float) -> Array:
    """Sawing wood by hand: teeth in strokes, the push louder than the pull."""
    n = length(strokes / rate_hz)
    stroke = np.abs(sine(rate_hz * 0.5, n)) ** 0.7 * (0.65 + 0.35 * np.sign(sine(rate_hz * 0.5, n)))
    teeth = bursts(np.maximum(stroke, 0.05) * 190.0, sharpness=4.0) * noise(rng, n) * stroke
    wood = ring(rng, modes(rng, plate(rng, 12), base_hz, 0.05, 0.3, 0.1), band(teeth, 400.0, 9_000.0, 1), 0.4)
    return room(rng, wood, 0.4, 0.12)


SIZE_SERVO = {"small|toy": {"pitch_hz": Span(650, 1_100)}, "large|industrial": {"pitch_hz": Span(140, 260)}}

KINDS = (
    Kind(
        "servo", "MOTRSrvo", "MOTORS", 8, "{size} Servo {motion}",
        ("{size} servo motor, {motion} moves", "{size} robot arm moving, {motion} whine"),
        servo, {"size": SIZE_SERVO, "motion": {"jerky|abrupt": {"smooth": 0.0, "moves": 4}, "smooth|gliding": {"smooth": 0.9, "moves": 2}}},
    ),
    Kind(
        "robot footsteps", "ROBTMvmt", "ROBOTS", 4, "{size} Robot Footsteps",
        ("{size} robot walking with servo steps", "{size} mech stomping on metal"),
        robot_step,
        {"size": {"small|light": {"weight": Span(0.5, 0.7), "steps": 4}, "giant|heavy": {"weight": Span(2.2, 3.2), "steps": 3}}},
    ),
    Kind(
        "industrial machine", "MACHInd", "MACHINES", 5, "{speed} Industrial Machine",
        ("{speed} industrial machine working in rhythm", "{speed} factory machine, stamping and hissing"),
        industrial,
        {"speed": {"slow": {"rate_hz": Span(0.9, 1.3)}, "fast": {"rate_hz": Span(2.8, 4.2)}}},
        {"seconds": Span(3.0, 4.5), "base_hz": Span(150, 320)},
    ),
    Kind(
        "ratchet", "MECHRtch", "MECHANICAL", 5, "{speed} Ratchet",
        ("ratchet clicking, {speed}", "{speed} mechanical ratchet wound"),
        ratchet,
        {
            "speed": {
                "speeding up|accelerating": {"start_hz": 6.0, "end_hz": 34.0},
                "slowing down|running down": {"start_hz": 38.0, "end_hz": 5.0},
                "steady|even": {"start_hz": 14.0, "end_hz": 15.0},
            },
        },
        {"seconds": Span(0.8, 1.8), "base_hz": Span(1_000, 2_200)},
    ),
    Kind(
        "clock ticking", "CLOCKTick", "CLOCKS", 6, "{clock} Ticking",
        ("{clock} ticking", "ticking of a {clock}, close"),
        clock_tick,
        {
            "clock": {
                "wrist watch|small watch": {"rate_hz": 5.0, "base_hz": Span(3_000, 4_200), "t60_s": 0.012},
                "wall clock|kitchen clock": {"rate_hz": 2.0, "base_hz": Span(1_300, 1_900), "t60_s": 0.03},
                "grandfather clock|old pendulum clock": {"rate_hz": 1.0, "base_hz": Span(420, 650), "t60_s": 0.12},
            },
        },
        {"seconds": Span(3.0, 4.5)},
    ),
    Kind(
        "keyboard", "CMPTKey", "COMPUTERS", 5, "{speed} Keyboard Typing",
        ("{speed} typing on a computer keyboard", "{speed} keyboard typing, plastic keys"),
        typing,
        {"speed": {"fast|busy": {"rate_hz": Span(9, 12)}, "slow|hesitant": {"rate_hz": Span(3, 4.5)}}},
        {"seconds": Span(2.0, 3.5), "base_hz": Span(900, 1_500), "depth": Span(0.2, 1.0)},
    ),
    Kind(
        "mouse click", "CMPTKey", "COMPUTERS", 3, "Mouse Click",
        ("computer mouse click", "mouse button pressed and released"),
        switch, {}, {"base_hz": Span(2_000, 3_000), "parts": 2, "gap_s": Span(0.08, 0.13), "weight": 0.0},
    ),
    Kind(
        "typewriter", "COMType", "COMMUNICATIONS", 4, "Typewriter {rest}",
        ("old typewriter typing {rest}", "mechanical typewriter keys {rest}"),
        typewriter,
        {"rest": {"with bell|with bell and carriage return": {"bell": True}, "": {"bell": False}}},
        {"seconds": Span(1.4, 2.6), "rate_hz": Span(5, 8)},
    ),
    Kind(
        "camera shutter", "COMCam", "COMMUNICATIONS", 4, "Camera Shutter {rest}",
        ("camera shutter click {rest}", "photo taken, shutter snap {rest}"),
        shutter, {"rest": {"with motor|with film winding": {"motor": 1.0}, "": {"motor": 0.0}}}, {"open_s": Span(0.04, 0.14)},
    ),
    Kind(
        "spring", "MECHMisc", "MECHANICAL", 4, "{size} Metal Spring",
        ("{size} metal spring released, vibrating", "{size} coil spring twanging"),
        spring,
        {
            "size": {
                "small|thin": {"base_hz": Span(320, 520), "seconds": Span(0.6, 1.0)},
                "large|heavy": {"base_hz": Span(110, 180), "seconds": Span(1.2, 1.9)},
            },
        },
    ),
    Kind(
        "switch", "MECHSwtch", "MECHANICAL", 4, "{size} Switch",
        ("{size} switch flicked", "{size} toggle switch click"),
        switch,
        {"size": {"small|light": {"base_hz": Span(1_800, 2_800), "weight": 0.1}, "heavy|big": {"base_hz": Span(450, 800), "weight": 1.0}}},
        {"parts": 2, "gap_s": Span(0.02, 0.05)},
    ),
    Kind(
        "lock", "MECHLock", "MECHANICAL", 4, "{size} Lock",
        ("{size} lock turned and opened", "{size} key turning in a lock, bolt sliding"),
        switch,
        {
            "size": {"small|padlock": {"base_hz": Span(1_400, 2_200), "weight": 0.3}, "heavy|dungeon": {"base_hz": Span(380, 650), "weight": 1.0}},
        },
        {"parts": 5, "gap_s": Span(0.06, 0.13)},
    ),
    Kind(
        "hydraulics", "MECHHydr", "MECHANICAL", 4, "{size} Hydraulic Move",
        ("{size} hydraulic arm moving and stopping", "{size} pneumatic piston with a hiss"),
        hydraulic,
        {
            "size": {
                "small|short": {"base_hz": Span(170, 260), "seconds": Span(0.5, 0.9)},
                "large|long": {"base_hz": Span(60, 95), "seconds": Span(1.4, 2.2)},
            },
        },
    ),
    Kind(
        "fan", "MACHFan", "MACHINES", 3, "Fan Running",
        ("electric fan blowing", "ventilator humming steadily"),
        fan, {}, {"seconds": Span(3.0, 4.0), "blade_hz": Span(14, 36)},
    ),
    Kind(
        "hand saw", "TOOLHand", "TOOLS", 3, "Hand Saw",
        ("sawing wood by hand", "hand saw cutting a plank"),
        hand_saw, {}, {"strokes": 6, "rate_hz": Span(2.0, 3.2), "base_hz": Span(250, 480)},
    ),
)  # fmt: skip

"""Engines on the road, on rails and in the air, and the motors of tools. Each function returns (T,) or (2, T) samples at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.bodies import hit, modes, place, plate
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
    phase,
    saw,
    sculpt,
    sine,
    unit,
    wander,
)  # fmt: skip
from generation.procedural.spaces import pan, pass_by, room, tail, widen


def firing(rng: Generator, strokes_hz: Array, uneven: float, bright: float, pipe_hz: float) -> Array:
    """A combustion engine: pressure pulses, unequal from cylinder to cylinder, through exhaust resonances, and intake noise; (T,)."""
    n = len(strokes_hz)
    cycles = phase(strokes_hz)
    cylinder = 1.0 + uneven * np.sin(np.pi * cycles) + 0.5 * uneven * np.sin(0.5 * np.pi * cycles + 1.0)
    pulses = bursts(strokes_hz * (1.0 + 0.01 * wander(rng, n, 15.0)), sharpness=9.0) * cylinder
    rough = pulses * (1.0 + 0.4 * noise(rng, n)) - pulses.mean()
    pipes = [((0, f), (1, f)) for f in (pipe_hz, pipe_hz * 2.7, pipe_hz * 5.3)]
    body = sculpt(rough, lambda f, at: 0.12 + sum(bump(f, along(at, *p), 0.3) * g for p, g in zip(pipes, (1.0, 0.6, 0.5 * bright),
        strict=False)))
    intake = band(noise(rng, n, -2.0), 300.0, 5_000.0, 1) * (0.3 + pulses)
    return limit(1.6 * unit(body) + 0.25 * bright * unit(intake))


def engine_idle(rng: Generator, seconds: float, strokes_hz: float, uneven: float, bright: float, pipe_hz: float) -> Array:
    """An engine running at rest."""
    n = length(seconds)
    out = firing(rng, strokes_hz * (1.0 + 0.02 * wander(rng, n, 2.0)), uneven, bright, pipe_hz)
    return fade(room(rng, widen(rng, out, 0.4), 0.4, 0.15, 60.0), 0.1, 0.25)


def engine_rev(rng: Generator, seconds: float, strokes_hz: float, octaves: float, uneven: float, bright: float, pipe_hz: float) -> Array:
    """The throttle opened and let go."""
    n, peak = length(seconds), rng.uniform(0.35, 0.55)
    path = glide(n, (0, strokes_hz), (0.1, strokes_hz * 1.1), (peak, strokes_hz * 2.0**octaves), (1, strokes_hz * 1.1))
    out = firing(rng, path, uneven, bright, pipe_hz) * curve(n, (0, 0.45), (peak * 0.7, 1), (peak, 1), (min(peak + 0.25, 0.9), 0.5),
        (1, 0.35))
    return fade(room(rng, widen(rng, out, 0.4), 0.6, 0.2, 60.0), 0.05, 0.3)


def drive_by(rng: Generator, seconds: float, strokes_hz: float, bright: float, pipe_hz: float, speed_mps: float) -> Array:
    """A vehicle passing: engine and tyres with Doppler."""
    n = length(seconds)
    tyres = band(noise(rng, n, -2.0), 250.0, 4_500.0, 1)
    source = firing(rng, np.full(n, strokes_hz) * (1 + 0.01 * wander(rng, n, 2.0)), 0.25, bright, pipe_hz) + 0.6 * unit(tyres)
    return room(rng, pass_by(source, speed_mps, 6.0, 0.48, rng.choice([-1.0, 1.0])), 0.9, 0.2, 60.0)


def propeller(rng: Generator, seconds: float, blade_hz: float, passing: bool) -> Array:
    """A propeller aircraft: blade pulses, engine rasp and wash."""
    n = length(seconds)
    blades = bursts(blade_hz * (1.0 + 0.006 * wander(rng, n, 2.0)), sharpness=5.0)
    source = band(blades - blades.mean(), 50.0, 3_500.0, 1) + 0.5 * firing(rng, np.full(n, blade_hz * 1.51), 0.3, 0.8,
        170.0) + 0.15 * blades * noise(rng, n, -2.0)
    if passing:
        return room(rng, pass_by(source, 60.0, 45.0, 0.45, rng.choice([-1.0, 1.0])), 1.2, 0.2, 60.0)
    return fade(room(rng, widen(rng, source, 0.5), 0.5, 0.15, 60.0), 0.2, 0.4)


def helicopter(rng: Generator, seconds: float, blade_hz: float) -> Array:
    """Rotor slaps over turbine whine; each slap a thump with a whip of air."""
    n = length(seconds)
    slap = bursts(blade_hz * (1.0 + 0.01 * wander(rng, n, 1.0)), sharpness=14.0)
    thump = band(noise(rng, n, -4.0, 2), 40.0, 900.0, 1) * slap
    turbine = sine(rng.uniform(1_600, 2_400), n, modulation=0.4 * wander(rng, n, 6.0)) * 0.05
    wash = band(noise(rng, n, -3.0, 2), 100.0, 4_000.0, 1) * (0.25 + 0.5 * slap)
    near = curve(n, (0, 0.35), (0.5, 1), (1, 0.35))
    return fade(room(rng, (limit(1.5 * unit(thump)) + 0.35 * unit(wash) + turbine) * near, 0.9, 0.2, 50.0), 0.2, 0.4)


def jet_by(rng: Generator, seconds: float, whine_hz: float) -> Array:
    """A jet overhead: roar through the moving comb of the ground reflection, and turbine whine with Doppler."""
    n = length(seconds)
    roar = sculpt(noise(rng, n, -3.0), lambda f, at: (0.6 + 0.4 * np.cos(2 * np.pi * f * (0.0005 + 0.009 * (at - 0.5) ** 2))) / (1
        + (f / 4_500.0) ** 2))
    whine = sum(sine(whine_hz * r, n) * 0.5 for r in (1.0, 1.47, 2.02))
    return room(rng, pass_by(unit(roar) + 0.12 * whine, 110.0, 70.0, 0.45, rng.choice([-1.0, 1.0])), 2.0, 0.3, 50.0)


def turbine(rng: Generator, seconds: float, top_hz: float, up: bool) -> Array:
    """A jet engine spooling up or down: whines that climb over growing roar."""
    n = length(seconds)
    speed = glide(n, (0, 0.12), (0.75, 0.9), (1, 1.0)) if up else glide(n, (0, 1.0), (0.3, 0.7), (1, 0.1))
    whine = sum(sine(top_hz * r * speed, modulation=0.3 * wander(rng, n, 8.0)) * g for r, g in ((0.31, 0.5), (1.0, 1.0), (1.52, 0.5),
        (2.73, 0.25)))
    roar = sculpt(noise(rng, n, -2.0, 2), lambda f,
        at: 1 / (1 + (f / np.interp(at, (0, 1), (300.0, 5_000.0) if up else (5_000.0, 300.0))) ** 2))
    return fade(room(rng, (0.35 * widen(rng, whine, 0.5) + unit(roar)) * speed**0.8, 0.8, 0.2), 0.1, 0.4)


def train(rng: Generator, seconds: float, clack_hz: float) -> Array:
    """Bogies over rail joints: pairs of clacks, rolling noise and a rattling frame."""
    n = length(seconds)
    at, t = [], 0.1
    while t < seconds - 0.3:
        at += [t, t + 0.11 / clack_hz * 1.4, t + 0.32 / clack_hz, t + 0.43 / clack_hz]
        t += rng.uniform(0.97, 1.03) / clack_hz
    clacks = [hit(rng, modes(rng, plate(rng, 14), rng.uniform(110, 260), 0.12, 0.4, 0.3), 0.3, 0.0008, 0.4) for _ in at]
    roll = band(noise(rng, n, -4.0, 2), 45.0, 2_500.0, 1) * (0.8 + 0.2 * wander(rng, n, 4.0))
    return fade(room(rng, place(n, at, clacks, rng.uniform(0.5, 1.0, len(at))) + 0.6 * unit(roll), 0.7, 0.2), 0.15, 0.35)


def chord_horn(rng: Generator, seconds: float, base_hz: float, ratios: tuple[float, ...], bright: float) -> Array:
    """Air or electric horns sounding together: reed-like pulses with a breath of noise."""
    n = length(seconds)
    bend = glide(n, (0, 0.96), (0.06, 1.0), (0.93, 1.0), (1, 0.97))
    reeds = sum(saw(base_hz * r * (1 + 0.003 * rng.standard_normal()) * bend, start=rng.uniform()) for r in ratios)
    toned = sculpt(reeds, lambda f, at: bump(f, base_hz * 3.0, 1.0) + bright * bump(f, 2_600.0, 0.6) + 0.1)
    return room(rng, tail(widen(rng, unit(toned) + 0.03 * noise(rng, n), 0.4) * curve(n, (0, 0), (0.04, 1), (0.93, 1), (1, 0)), 0.4), 1.4,
        0.3)


def skid(rng: Generator, seconds: float, base_hz: float) -> Array:
    """Tyres squealing: stick-slip tones that beat and sag, with rubber noise."""
    n = length(seconds)
    sag = glide(n, (0, 0.85), (0.2, 1.05), (1, 0.78))
    tones = sum(saw(base_hz * r * sag * (1 + 0.02 * wander(rng, n, 9.0))) * g for r, g in ((1.0, 1.0), (1.23, 0.7), (1.81, 0.4)))
    squeal = sculpt(tones, lambda f, at: bump(f, 1_700.0, 0.7))
    rub = band(noise(rng, n, -1.0, 2), 500.0, 5_000.0, 1)
    return room(rng, (widen(rng, unit(squeal), 0.5) + 0.35 * unit(rub)) * hump(n, 0.3, 0.5, 0.6), 0.8, 0.2)


def power_tool(rng: Generator, seconds: float, motor_hz: float, load: float, rasp: float) -> Array:
    """A universal motor under load: brush whine, gear harmonics and the material's rasp."""
    n = length(seconds)
    speed = glide(n, (0, 0.3), (0.1, 1.0), (0.3, 1.0 - 0.25 * load), (0.8, 1.0 - 0.2 * load), (0.88, 1.0),
        (1, 0.35)) * (1.0 + 0.015 * wander(rng, n, 8.0))
    motor = saw(motor_hz * speed) + 0.6 * saw(motor_hz * 2.98 * speed) + 0.35 * sine(motor_hz * 7.1 * speed)
    bite = hump(n, 0.5, 0.4, 0.4) * load
    grind = band(noise(rng, n), 900.0, 9_000.0, 1) * (0.3 + bursts(motor_hz * 0.5 * speed, sharpness=3.0)) * bite
    out = sculpt(motor + rasp * 2.0 * grind, lambda f, at: 0.25 + bump(f, 900.0, 0.8) + 0.8 * bump(f, 3_200.0, 0.7))
    return room(rng, widen(rng, limit(unit(out) * 1.4) * curve(n, (0, 0), (0.05, 0.8), (0.9, 1), (1, 0)), 0.4), 0.5, 0.15)


def vacuum(rng: Generator, seconds: float, motor_hz: float) -> Array:
    """A vacuum cleaner: rushing air around a whining motor, run up and shut off."""
    n = length(seconds)
    speed = glide(n, (0, 0.25), (0.15, 1.0), (0.85, 1.0), (1, 0.3))
    air = sculpt(noise(rng, n, -2.0, 2), lambda f, at: bump(f, 700.0, 1.0) + 0.6 * bump(f, 2_800.0, 0.8))
    whine = sine(motor_hz * speed) + 0.5 * sine(motor_hz * 2.01 * speed) + 0.25 * saw(motor_hz * 0.25 * speed)
    return room(rng, (unit(air) + 0.12 * pan(whine, 0.0)) * speed, 0.4, 0.12)


CAR = {"strokes_hz": Span(24, 34), "uneven": 0.2, "bright": 0.4, "pipe_hz": Span(95, 140)}
MOTORBIKE = {"strokes_hz": Span(15, 22), "uneven": 0.7, "bright": 1.0, "pipe_hz": Span(130, 200)}
TRUCK = {"strokes_hz": Span(14, 19), "uneven": 0.35, "bright": 0.6, "pipe_hz": Span(55, 75)}

KINDS = (
    Kind(
        "engine idle", "VEHCar", "VEHICLES", 6, "{vehicle} Engine Idle",
        ("{vehicle} engine idling", "engine of a {vehicle} ticking over"),
        engine_idle, {"vehicle": {"car": CAR, "motorbike|motorcycle": MOTORBIKE, "truck|diesel truck": TRUCK}}, {"seconds": Span(2.5, 4.0)},
    ),
    Kind(
        "engine rev", "VEHMoto", "VEHICLES", 6, "{vehicle} Engine Rev",
        ("{vehicle} engine revving up and down", "{vehicle} accelerating hard, engine roar"),
        engine_rev, {"vehicle": {"car": CAR, "motorbike|motorcycle": MOTORBIKE}}, {"seconds": Span(1.6, 3.0), "octaves": Span(1.5, 2.4)},
    ),
    Kind(
        "drive by", "VEHBy", "VEHICLES", 5, "{vehicle} By",
        ("{vehicle} driving past", "{vehicle} passing by on the road with doppler"),
        drive_by,
        {
            "vehicle": {
                "car": {"strokes_hz": Span(70, 110), "bright": 0.4, "pipe_hz": 140.0},
                "motorbike|motorcycle": {"strokes_hz": Span(110, 170), "bright": 1.0, "pipe_hz": 220.0},
            },
        },
        {"speed_mps": Span(16, 34), "seconds": Span(2.5, 4.0)},
    ),
    Kind(
        "propeller plane", "AEROProp", "AIRCRAFT", 4, "Propeller Plane {where}",
        ("propeller plane {where}", "small aircraft {where}, droning propeller"),
        propeller,
        {"where": {"steady|in flight": {"passing": False}, "by|flying over": {"passing": True}}},
        {"seconds": Span(3.0, 5.0), "blade_hz": Span(62, 95)},
    ),
    Kind(
        "helicopter", "AEROHeli", "AIRCRAFT", 3, "Helicopter",
        ("helicopter hovering, rotor chopping", "helicopter flying close, blades thumping"),
        helicopter, {}, {"seconds": Span(3.0, 4.5), "blade_hz": Span(10, 17)},
    ),
    Kind(
        "jet by", "AEROJet", "AIRCRAFT", 4, "Jet Flyby",
        ("jet plane flying over with a roar", "jet fighter passing by fast"),
        jet_by, {}, {"seconds": Span(3.5, 5.0), "whine_hz": Span(1_600, 2_800)},
    ),
    Kind(
        "turbine", "MOTRTurb", "MOTORS", 4, "Turbine Spin {way}",
        ("turbine spinning {way}", "jet engine winding {way}, whine and roar"),
        turbine, {"way": {"up": {"up": True}, "down": {"up": False}}}, {"seconds": Span(3.0, 5.0), "top_hz": Span(1_500, 3_000)},
    ),
    Kind(
        "train", "TRNClak", "TRAINS", 4, "{speed} Train Clacks",
        ("{speed} train passing over rail joints", "{speed} train wheels clacking on the track"),
        train, {"speed": {"slow": {"clack_hz": Span(0.8, 1.1)}, "fast": {"clack_hz": Span(2.0, 2.8)}}}, {"seconds": Span(3.5, 5.0)},
    ),
    Kind(
        "car horn", "VEHHorn", "VEHICLES", 4, "Car Horn {span}",
        ("{span} car horn honk", "car hooting, {span}"),
        chord_horn,
        {"span": {"short": {"seconds": Span(0.2, 0.4)}, "long": {"seconds": Span(1.0, 1.8)}}},
        {"base_hz": Span(360, 440), "ratios": (1.0, 1.26), "bright": 1.0},
    ),
    Kind(
        "ship horn", "BOATHorn", "BOATS", 3, "Ship Horn",
        ("ship horn blowing, deep and long", "foghorn of a large boat"),
        chord_horn, {}, {"seconds": Span(2.0, 3.2), "base_hz": Span(70, 110), "ratios": (1.0, 1.003, 1.5), "bright": 0.1},
    ),
    Kind(
        "train horn", "TRNHorn", "TRAINS", 3, "Train Horn",
        ("train horn blast", "locomotive horn, loud chord"),
        chord_horn, {}, {"seconds": Span(1.0, 2.2), "base_hz": Span(250, 320), "ratios": (1.0, 1.19, 1.5, 1.78), "bright": 0.7},
    ),
    Kind(
        "tyre skid", "VEHSkid", "VEHICLES", 4, "Tyre Skid",
        ("car tyres screeching", "tyre skid, braking hard on asphalt"),
        skid, {}, {"seconds": Span(0.7, 1.8), "base_hz": Span(650, 1_000)},
    ),
    Kind(
        "power tool", "TOOLPowr", "TOOLS", 6, "{tool}",
        ("{tool} running and cutting", "{tool} switched on, working, switched off"),
        power_tool,
        {
            "tool": {
                "drill|electric drill": {"motor_hz": Span(240, 360), "load": 0.7, "rasp": 0.4},
                "circular saw": {"motor_hz": Span(480, 640), "load": 0.9, "rasp": 1.0},
                "chainsaw|chain saw": {"motor_hz": Span(90, 130), "load": 0.5, "rasp": 0.7},
            },
        },
        {"seconds": Span(1.4, 2.8)},
    ),
    Kind(
        "vacuum cleaner", "MACHAppl", "MACHINES", 2, "Vacuum Cleaner",
        ("vacuum cleaner running", "hoover switched on and off"),
        vacuum, {}, {"seconds": Span(3.0, 4.5), "motor_hz": Span(380, 620)},
    ),
)  # fmt: skip

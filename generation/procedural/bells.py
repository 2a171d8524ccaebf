"""Bells, gongs, drums, alarms, sirens and telephones. Each function returns (T,) or (2, T) samples at 44.1 kHz."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from generation.procedural.bodies import BELL, SKIN, TUBE, click, hit, modes, place, plate
from generation.procedural.kinds import Kind, Span
from generation.procedural.signals import (
    Array,
    band,
    bump,
    curve,
    decay,
    fade,
    glide,
    length,
    limit,
    noise,
    phase,
    pulse,
    saw,
    sculpt,
    sine,
    strike,
    unit,
    wander,
)  # fmt: skip
from generation.procedural.spaces import pan, room, widen


def bell(rng: Generator, base_hz: float, t60_s: float, hard: float, strikes: int, gap_s: float) -> Array:
    """A bell with its hum, prime, minor-third tierce, quint and nominal, each split into a beating pair."""
    pair = np.concatenate([BELL, np.array(BELL) * 1.0018])
    one = hit(rng, modes(rng, pair, base_hz, t60_s, 0.75, 0.5, 0.002), min(t60_s, 5.5), 0.0006 / hard, 0.7)
    clap = click(rng, 1_500.0, 9_000.0, 0.03)
    one[:, : len(clap)] += 0.15 * hard * clap
    at = np.arange(strikes) * gap_s * rng.uniform(0.97, 1.03, strikes)
    return room(rng, place(min(length(at[-1] + t60_s), length(6.0)), at, [one] * strikes, rng.uniform(0.85, 1.0, strikes)), 1.2, 0.25,
        100.0)


def ringer(rng: Generator, seconds: float, base_hz: float, rate_hz: float, cadence_s: float) -> Array:
    """A clapper beating small gongs fast: alarm clock, fire bell, old telephone (in bursts of `cadence_s`, or without pause when 0)."""
    n = length(seconds + 0.6)
    gongs = [hit(rng, modes(rng, (1.0, 2.71, 5.15, 8.4), base_hz * r, 0.9, 0.6, 0.3), 1.0, 0.00008, 0.5) for r in (1.0, 1.19)]
    at = np.arange(int(seconds * rate_hz)) / rate_hz
    if cadence_s > 0.0:
        at = at[(at % (cadence_s * 1.6)) < cadence_s]
    return room(rng, place(n, at, [gongs[k % 2] for k in range(len(at))], rng.uniform(0.7, 1.0, len(at))), 0.6, 0.2, 300.0)


def doorbell(rng: Generator, base_hz: float) -> Array:
    """Ding-dong: two tuned bars a major third apart."""
    bars = [hit(rng, modes(rng, (1.0, 3.98, 9.2), base_hz * r, 1.7, 0.8, 0.9), 1.8, 0.0008, 0.3) for r in (1.26, 1.0)]
    return room(rng, place(length(2.6), [0.0, rng.uniform(0.45, 0.7)], bars), 0.6, 0.2)


def gong(rng: Generator, base_hz: float, seconds: float) -> Array:
    """A gong: energy that climbs from the low modes into a shimmering wash after the blow."""
    n = length(seconds)
    low = hit(rng, modes(rng, plate(rng, 16), base_hz, seconds, 0.3, 0.7), seconds, 0.006, 0.6)
    wash = hit(rng, modes(rng, 4.0 + plate(rng, 60), base_hz, seconds * 0.9, 0.2, 0.1), seconds, 0.0003, 1.0)
    return room(rng, low + 0.6 * wash * curve(n, (0, 0.1), (0.12, 1), (1, 1)), 1.6, 0.25, 60.0)


def chimes(rng: Generator, seconds: float, base_hz: float, density: int) -> Array:
    """Wind chimes: tubes of a pentatonic set touched at random."""
    n = length(seconds)
    tubes = [hit(rng, modes(rng, TUBE, base_hz * 2.0 ** (s / 12.0), 1.8, 0.8, 0.7), 2.0, 0.0003, 0.4) for s in (0, 2, 4, 7, 9, 12)]
    at = np.sort(np.append(rng.uniform(0, seconds * 0.75, density), 0.0))
    return room(rng, place(n, at, [tubes[rng.integers(6)] for _ in at], rng.uniform(0.2, 1.0, len(at))), 1.0, 0.25, 300.0)


def siren(rng: Generator, seconds: float, low_hz: float, high_hz: float, rate_hz: float, stepped: bool) -> Array:
    """A vehicle's siren: a horn whose pitch wails, yelps, or steps between two tones, with street echo."""
    n = length(seconds)
    swing = np.sin(2 * np.pi * phase(rate_hz, n, start=-0.25))
    way = 0.5 + 0.5 * (np.clip(swing * 40.0, -1, 1) if stepped else swing)
    pitch = low_hz * (high_hz / low_hz) ** way
    tone = sculpt(saw(pitch) + 0.5 * pulse(pitch), lambda f, at: 0.1 + bump(f, 1_300.0, 0.9))
    return room(rng, fade(widen(rng, limit(unit(tone) * 2.0), 0.4), 0.05, 0.2), 1.4, 0.35)


def air_raid(rng: Generator, seconds: float, top_hz: float) -> Array:
    """A hand-cranked siren: two chopped air streams a third apart, winding up and dying away."""
    n = length(seconds)
    speed = glide(n, (0, 0.25), (0.4, 1.0), (0.6, 1.0), (1, 0.3))
    tone = saw(top_hz * speed) + 0.8 * saw(top_hz * 1.2 * speed)
    return room(rng, widen(rng, band(tone, 150.0, 3_500.0, 1) * speed**1.5 + 0.05 * noise(rng, n), 0.4), 2.2, 0.4)


def alarm(rng: Generator, seconds: float, pitch_hz: float, rate_hz: float, second: float, harsh: float) -> Array:
    """An electronic alarm: beeps of one or two tones in a strict rhythm."""
    n = length(seconds)
    cycles = phase(rate_hz, n)
    pitch = np.where(cycles % 1.0 < 0.5, pitch_hz, pitch_hz * second)
    gate = band(np.where((second != 1.0) | (cycles % 1.0 < 0.5), 1.0, 0.0), None, 120.0, 1)
    tone = (1.0 - harsh) * sine(pitch) + harsh * band(pulse(pitch, width=0.3), None, 8_000.0, 1)
    return room(rng, fade(widen(rng, tone, 0.3) * gate, 0.003, 0.03), 0.6, 0.2)


def buzzer(rng: Generator, seconds: float, pitch_hz: float) -> Array:
    """A buzzer: an armature slamming at mains rate in a tinny case."""
    n = length(seconds)
    raw = limit((saw(pitch_hz * (1 + 0.004 * wander(rng, n, 12.0))) + pulse(pitch_hz * 1.997, n, 0.2)) * 3.0)
    case = sculpt(raw, lambda f, at: 0.1 + bump(f, 480.0, 0.4) + 0.8 * bump(f, 1_900.0, 0.3) + 0.4 * bump(f, 4_200.0, 0.4))
    return room(rng, fade(widen(rng, case, 0.3), 0.004, 0.03), 0.4, 0.15)


def mobile_ring(rng: Generator, base_hz: float, repeats: int) -> Array:
    """An electronic telephone: a short figure of tones, repeated."""
    figure = rng.choice([0, 3, 4, 7, 9, 12, 16], 6)
    at, sounds, t = [], [], 0.0
    for _ in range(repeats):
        for step in figure:
            n = length(0.11)
            pitch = base_hz * 2.0 ** (step / 12.0)
            sounds.append(sine(pitch, n, modulation=1.2 * decay(n, 0.2) * sine(pitch * 2, n)) * strike(n, 0.003, 0.35))
            at.append(t)
            t += 0.1
        t += 0.35
    return room(rng, place(length(t), at, sounds), 0.4, 0.15)


def drum(rng: Generator, base_hz: float, seconds: float, wires: float, dull: float) -> Array:
    """A drum: skin modes whose pitch sinks after the blow, the stick, and snare wires."""
    n = length(seconds)
    skin = hit(rng, modes(rng, SKIN, base_hz, seconds * 0.7, 0.9, 0.9), seconds, 0.001 + 0.004 * dull, 0.3)
    low = sine(base_hz * glide(n, (0, 2.2), (0.06, 1.15), (1, 0.95))) * strike(n, 0.001, seconds * 0.6)
    snare = band(noise(rng, n, channels=2), 1_200.0, 10_000.0, 1) * strike(n, 0.001, 0.25)
    stick = click(rng, 1_000.0, 8_000.0, 0.015)
    return room(rng, 0.6 * skin + 0.8 * pan(low, 0.0) + wires * unit(snare) + 0.3 * (1.0 - dull) * place(n, [0.0], [stick]), 0.6, 0.18)


def cymbal(rng: Generator, seconds: float, base_hz: float) -> Array:
    """A cymbal: so many modes that they are noise, the brightest dying first."""
    n = length(seconds)
    inharmonic = sum(pulse(base_hz * r, n) for r in (1.0, 1.342, 1.231, 1.653, 1.955, 2.152))
    hash_ = band(np.stack([inharmonic, np.roll(inharmonic, 77)]), 3_500.0, None)
    wash = band(noise(rng, n, channels=2), 2_500.0, None, 1)
    bright = sculpt(unit(hash_) + unit(wash), lambda f, at: 1.0 / (1.0 + (f / np.interp(at, (0, 1), (18_000.0, 4_500.0))) ** 2))
    return room(rng, bright * strike(n, 0.001, seconds * 0.9), 0.6, 0.12, 500.0)


KINDS = (
    Kind(
        "church bell", "BELLLrg", "BELLS", 5, "Church Bell {count}",
        ("church bell {count}", "large bronze bell {count}, long decay"),
        bell,
        {"count": {"single strike|struck once": {"strikes": 1, "gap_s": 1.0}, "tolling": {"strikes": 3, "gap_s": 1.5}}},
        {"base_hz": Span(150, 320), "t60_s": Span(4.0, 7.0), "hard": 1.0},
    ),
    Kind(
        "hand bell", "BELLHand", "BELLS", 4, "Hand Bell {count}",
        ("hand bell rung {count}", "small brass bell, {count}"),
        bell,
        {"count": {"once": {"strikes": 1, "gap_s": 1.0}, "several times|repeatedly": {"strikes": 6, "gap_s": 0.22}}},
        {"base_hz": Span(900, 1_700), "t60_s": Span(1.4, 2.4), "hard": 3.0},
    ),
    Kind(
        "bicycle bell", "VEHBike", "VEHICLES", 4, "Bicycle Bell",
        ("bicycle bell ringing", "bike bell, quick double ring"),
        ringer, {}, {"seconds": Span(0.35, 0.7), "base_hz": Span(1_900, 2_700), "rate_hz": Span(16, 24), "cadence_s": 0.0},
    ),
    Kind(
        "alarm clock bell", "ALRMClok", "ALARMS", 3, "Alarm Clock Bell",
        ("alarm clock ringing", "old wind-up alarm clock bell"),
        ringer, {}, {"seconds": Span(2.0, 3.0), "base_hz": Span(1_500, 2_300), "rate_hz": Span(17, 24), "cadence_s": 0.0},
    ),
    Kind(
        "school bell", "ALRMBell", "ALARMS", 3, "Fire Bell",
        ("fire alarm bell ringing loudly", "school bell ringing"),
        ringer, {}, {"seconds": Span(2.2, 3.4), "base_hz": Span(620, 980), "rate_hz": Span(11, 15), "cadence_s": 0.0},
    ),
    Kind(
        "telephone ring", "COMTelph", "COMMUNICATIONS", 4, "Telephone Ring",
        ("old telephone ringing", "rotary phone bell ring"),
        ringer, {}, {"seconds": Span(2.8, 4.0), "base_hz": Span(1_100, 1_500), "rate_hz": Span(19, 23), "cadence_s": Span(0.8, 1.2)},
    ),
    Kind(
        "mobile phone", "COMCell", "COMMUNICATIONS", 3, "Mobile Ringtone",
        ("mobile phone ringtone", "cell phone ringing, electronic melody"),
        mobile_ring, {}, {"base_hz": Span(700, 1_100), "repeats": 3},
    ),
    Kind(
        "doorbell", "BELLDoor", "BELLS", 3, "Doorbell",
        ("doorbell ding dong", "two-tone door chime"),
        doorbell, {}, {"base_hz": Span(480, 680)},
    ),
    Kind(
        "gong", "BELLGong", "BELLS", 3, "Gong",
        ("large gong struck", "deep gong with shimmering wash"),
        gong, {}, {"base_hz": Span(60, 110), "seconds": Span(4.0, 5.5)},
    ),
    Kind(
        "wind chimes", "MUSCChim", "MUSICAL", 3, "Wind Chimes",
        ("wind chimes tinkling", "metal wind chimes in a light breeze"),
        chimes, {}, {"seconds": Span(3.0, 5.0), "base_hz": Span(700, 1_200), "density": 14},
    ),
    Kind(
        "siren", "VEHSirn", "VEHICLES", 6, "{style} Siren",
        ("{style} emergency siren", "{style} police siren"),
        siren,
        {
            "style": {
                "wailing|slow": {"rate_hz": Span(0.25, 0.4), "stepped": False, "low_hz": 500.0, "high_hz": 1_400.0},
                "yelping|fast": {"rate_hz": Span(2.5, 3.5), "stepped": False, "low_hz": 600.0, "high_hz": 1_400.0},
                "two-tone|hi-lo": {"rate_hz": Span(0.6, 0.9), "stepped": True, "low_hz": 440.0, "high_hz": 585.0},
            },
        },
        {"seconds": Span(3.5, 5.0)},
    ),
    Kind(
        "air raid siren", "ALRMSirn", "ALARMS", 2, "Air Raid Siren",
        ("air raid siren winding up and down", "old mechanical warning siren"),
        air_raid, {}, {"seconds": Span(5.0, 5.8), "top_hz": Span(400, 520)},
    ),
    Kind(
        "alarm", "ALRMElec", "ALARMS", 6, "{style} Alarm {speed}",
        ("{speed} {style} electronic alarm", "{style} warning alarm, {speed}"),
        alarm,
        {
            "style": {"beeping|single tone": {"second": 1.0}, "two-tone|alternating": {"second": 0.75}},
            "speed": {"fast|urgent": {"rate_hz": Span(5, 8)}, "slow": {"rate_hz": Span(1.2, 2.0)}},
        },
        {"seconds": Span(2.0, 3.2), "pitch_hz": Span(700, 1_900), "harsh": Span(0.2, 1.0)},
    ),
    Kind(
        "buzzer", "ALRMBuzr", "ALARMS", 4, "{span} Buzzer",
        ("{span} buzzer", "{span} harsh electric buzzer"),
        buzzer, {"span": {"short": {"seconds": Span(0.25, 0.5)}, "long": {"seconds": Span(1.0, 1.8)}}}, {"pitch_hz": Span(90, 170)},
    ),
    Kind(
        "drum", "MUSCPerc", "MUSICAL", 6, "{drum} Hit",
        ("{drum} hit", "single {drum} stroke"),
        drum,
        {
            "drum": {
                "kick drum|bass drum": {"base_hz": Span(45, 62), "seconds": 0.5, "wires": 0.0, "dull": 1.0},
                "snare drum": {"base_hz": Span(170, 210), "seconds": 0.4, "wires": 0.8, "dull": 0.1},
                "tom drum": {"base_hz": Span(80, 140), "seconds": 0.8, "wires": 0.03, "dull": 0.3},
            },
        },
    ),
    Kind(
        "cymbal", "MUSCPerc", "MUSICAL", 4, "{size} Cymbal",
        ("{size} cymbal", "{size} cymbal hit, bright"),
        cymbal,
        {
            "size": {
                "crash|large": {"seconds": Span(1.8, 2.8), "base_hz": Span(250, 330)},
                "hi-hat|closed hi-hat": {"seconds": Span(0.12, 0.25), "base_hz": Span(380, 480)},
            },
        },
    ),
)  # fmt: skip

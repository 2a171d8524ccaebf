"""Performing: sounds made here, shaped to gestures made here, and measured."""

from __future__ import annotations

import json

import numpy as np
import pytest

from clvap.audio import SAMPLE_RATE_HZ, Clip, read, read_gesture, write
from clvap.contours import Contours, extract, resample_curve
from generation.cli import main
from generation.perform import Amounts, drawn, finished, held, perform, true_peak
from generation.perform.timing import onsets, plan, retimed
from generation.request import RequestError
from tests.sounds import knocks, noise, tone

ALL = Amounts(1, 1, 1, 1)


def curve(points: tuple[tuple[float, float], ...], seconds: float, rate: int = SAMPLE_RATE_HZ) -> np.ndarray:
    """Straight lines through (time in seconds, value), a value a sample."""
    times, values = zip(*points, strict=True)
    return np.interp(np.arange(int(seconds * rate)) / rate, times, values)


def sung(hertz: tuple[tuple[float, float], ...], level_db: tuple[tuple[float, float], ...], seconds: float) -> Clip:
    """A rich tone of that pitch and level over time."""
    phase = 2 * np.pi * np.cumsum(curve(hertz, seconds)) / SAMPLE_RATE_HZ
    wave = sum(np.sin(k * phase) / k**1.3 for k in range(1, 12)) * 10 ** (curve(level_db, seconds) / 20)
    return Clip((0.25 * wave).astype(np.float32)[None])


def filtered(noise_clip: Clip, hertz: tuple[tuple[float, float], ...]) -> Clip:
    """Noise through a resonance that moves."""
    centre, out, state = curve(hertz, noise_clip.duration_s), np.zeros(noise_clip.samples.shape[1]), np.zeros(2)
    for i, (x, f) in enumerate(zip(noise_clip.samples[0], centre, strict=True)):
        state = np.array([0.05 * x + 2 * 0.95 * np.cos(2 * np.pi * f / SAMPLE_RATE_HZ) * state[0] - 0.95**2 * state[1], state[0]])
        out[i] = state[0]
    return Clip(out.astype(np.float32)[None])


SWELL = sung(((0, 150), (1.4, 300)), ((0, -50), (0.9, 0), (1.4, -50)), 1.4)


def loudness_likeness(clip: Clip, gesture: Contours) -> float:
    """Correlation of the loudness curves in dB, 50 of them under each one's loudest."""
    mine, theirs = resample_curve(extract(clip).loudness_db, len(gesture.loudness_db)), gesture.loudness_db
    return float(np.corrcoef(*(np.maximum(one - one.max(), -50) for one in (mine, theirs)))[0, 1])


def likeness_where(heard: np.ndarray, mine: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.corrcoef(mine[: len(heard)][heard[: len(mine)]], theirs[heard])[0, 1])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_the_same_rate_channels_and_level_come_back_with_the_gestures_loudness_and_length(rate, channels):
    sound, gesture = noise(2.0), extract(SWELL)
    sound = Clip(np.tile(sound.at_rate(rate).samples, (channels, 1)), rate)
    assert loudness_likeness(sound, gesture) < 0.5
    made = perform(sound, gesture, ALL)
    assert made.sample_rate_hz == rate and made.samples.shape[0] == channels and made.samples.dtype == np.float32
    assert made.duration_s == pytest.approx(gesture.duration_s, abs=0.001) and loudness_likeness(made, gesture) > 0.95
    assert true_peak(made) <= 10 ** (-1 / 20)


def test_amounts_of_nothing_leave_every_sample():
    sound = knocks((0.2, 0.9), 1.5)
    assert np.array_equal(perform(sound, extract(SWELL), Amounts(0, 0, 0, 0)).samples, sound.samples)


def test_more_amount_is_more_alike():
    sound, gesture = noise(1.4), extract(SWELL)
    alike = [loudness_likeness(perform(sound, gesture, Amounts(0, amount, 0, 0)), gesture) for amount in (0.2, 1.0)]
    moved = [np.ptp(extract(perform(sound, gesture, Amounts(0, amount, 0, 0))).loudness_db) for amount in (0.2, 0.5, 1.0)]
    assert alike[1] > 0.95 and moved == sorted(moved)


def test_events_land_where_the_gesture_has_them():
    sound, gesture = knocks((0.1, 0.6, 1.0, 1.5), 2.0), extract(knocks((0.1, 0.35, 0.6, 1.2), 1.6, seed=1))
    assert len(onsets(extract(sound).loudness_db)) == 4
    made = perform(sound, gesture, Amounts(1, 0, 0, 0))
    assert onsets(extract(made).loudness_db) == pytest.approx(onsets(gesture.loudness_db), abs=0.03)
    half = plan(extract(sound), gesture, 0.5, 2.0)[-1].result[1]
    assert gesture.duration_s < half < 2.0


def test_attacks_stay_sharp():
    def rise_s(clip: Clip, around_s: float) -> float:
        """From a tenth of the peak to the peak, by milliseconds."""
        part = clip.cut(around_s - 0.08, around_s + 0.08).samples[0]
        level = np.sqrt((part[: len(part) // 44 * 44].reshape(-1, 44) ** 2).mean(axis=1))
        peak = int(level.argmax())
        return (peak - np.flatnonzero(level[:peak] < 0.1 * level[peak]).max(initial=0)) / 1_000

    sound, gesture = knocks((0.3, 1.0), 1.6), extract(knocks((0.2, 1.4), 2.2, seed=1))
    made = perform(sound, gesture, Amounts(1, 0, 0, 0))
    assert [rise_s(made, at) for at in (0.2, 1.4)] == pytest.approx([rise_s(sound, at) for at in (0.3, 1.0)], abs=0.012)


def test_one_strike_is_struck_at_every_onset():
    sound, gesture = knocks((0.05,), 0.6), extract(knocks((0.1, 0.35, 0.6, 1.2), 1.6, seed=1))
    made = perform(sound, gesture, ALL)
    assert onsets(extract(made).loudness_db) == pytest.approx(onsets(gesture.loudness_db), abs=0.03) and loudness_likeness(made, gesture) > 0.95


def test_nothing_clicks():
    """A click is a jump: in a smooth sound the third difference shows one long before an ear hears it."""
    smooth = tone(200, 1.5, level=0.3)
    smooth = Clip(smooth.samples * np.float32(10) ** (curve(((0, -90), (0.1, 0), (1.4, 0), (1.5, -90)), 1.5) / 20).astype(np.float32))
    gesture = extract(sung(((0, 200), (2, 260)), ((0, -60), (0.2, 0), (0.7, -30), (1.1, 0), (2, -60)), 2.0))
    jump = lambda clip: np.abs(np.diff(clip.samples, 3)).max() / clip.peak  # noqa: E731
    clicking = Clip(np.concatenate([smooth.samples[:, :20_000], smooth.samples[:, 20_050:]], axis=1))
    assert jump(clicking) > 1_000 * jump(smooth)
    for amounts in (ALL, Amounts(1, 0, 0, 0), Amounts(0.5, 0.5, 0.5, 0.5), Amounts(0, 0, 1, 0), Amounts(0, 0, 0, 1)):
        made = perform(smooth, gesture, amounts)
        assert jump(made) < 100 * jump(smooth), amounts
        assert np.abs(made.samples[:, [0, -1]]).max() < 0.02


def test_joins_keep_the_level_of_a_steady_tone():
    sound, gesture = extract(knocks((0.1, 0.6, 1.0, 1.5), 2.0)), extract(knocks((0.1, 0.35, 0.6, 1.2), 1.6, seed=1))
    parts = plan(sound, gesture, 1.0, 2.0)
    made = retimed(tone(330, 2.0), parts)
    level_db = extract(made).loudness_db[2:-2]
    assert len(parts) > 4 and np.ptp(level_db) < 2.0


def test_brightness_moves_as_the_gestures_does():
    gesture = extract(filtered(noise(1.5, seed=3), ((0, 500), (0.8, 4_000), (1.5, 800))))
    heard = gesture.loudness_db > gesture.loudness_db.max() - 30
    sound = noise(1.5)
    made = {amount: extract(perform(sound, gesture, Amounts(0, 0, amount, 0))) for amount in (0.4, 1.0)}
    assert abs(likeness_where(heard, extract(sound).brightness, gesture.brightness)) < 0.4
    assert likeness_where(heard, made[1.0].brightness, gesture.brightness) > 0.9
    spread = {amount: np.ptp(curves.brightness[heard[: len(curves.brightness)]]) for amount, curves in made.items()}
    assert spread[0.4] < 0.7 * spread[1.0]
    assert np.ptp(made[1.0].loudness_db[2:-2]) < 4.0


def test_pitch_moves_as_the_gestures_does_where_both_have_one():
    flat, gesture = sung(((0, 440), (1.5, 440)), ((0, -6), (1.5, -6)), 1.5), extract(sung(((0, 150), (1.5, 225)), ((0, -6), (1.5, -6)), 1.5))
    made = extract(perform(flat, gesture, Amounts(0, 0, 0, 1)))
    voiced = (made.pitch > 0) & (gesture.pitch[: len(made.pitch)] > 0)
    assert voiced.mean() > 0.8
    movement, wanted = (curves.pitch[: len(voiced)][voiced] for curves in (made, gesture))
    assert np.median(np.abs((movement - np.median(movement)) - (wanted - np.median(wanted)))) < 0.5
    assert abs(np.median(movement) - 69) < 1.0


@pytest.mark.parametrize(("sound", "gesture"), [(noise(1.0), SWELL), (tone(440, 1.4), noise(1.4))])
def test_pitch_is_left_alone_where_one_has_none(sound, gesture):
    made = perform(sound, extract(gesture), Amounts(0, 0, 0, 1))
    assert np.allclose(made.samples / made.peak, sound.samples / sound.peak, atol=1e-4)


def test_the_stereo_image_is_kept():
    left = noise(1.5).samples[0]
    made = perform(Clip(np.stack([left, 0.25 * left])), extract(SWELL), ALL)
    level = np.sqrt((made.samples**2).mean(axis=1))
    assert level[1] / level[0] == pytest.approx(0.25, rel=0.03) and np.corrcoef(made.samples)[0, 1] > 0.99


def test_the_same_twice():
    sound, gesture = sung(((0, 300), (1, 400)), ((0, -3), (1, -20)), 1.0), extract(SWELL)
    assert np.array_equal(perform(sound, gesture, ALL).samples, perform(sound, gesture, ALL).samples)


@pytest.mark.parametrize("length", [0, 1, 2, 100, 1_000, 3_000, 44_100 * 20])
def test_any_length_gives_a_sound(length):
    sound = Clip(np.random.default_rng(0).standard_normal((2, length)).astype(np.float32) * 0.1)
    made = perform(sound, extract(SWELL), ALL)
    assert np.isfinite(made.samples).all() and made.samples.shape[0] == 2 and true_peak(made) <= 0.9


def test_silence_stays_silent_and_a_silent_gesture_changes_nothing():
    silent = Clip(np.zeros((2, 44_100), np.float32))
    assert perform(silent, extract(SWELL), ALL) is silent
    sound = noise(0.5)
    assert perform(sound, extract(silent), ALL) is sound


def test_a_gesture_in_a_noisy_room_does_not_fill_the_pauses_of_what_is_drawn_to_it():
    def knocked(times_s, room):
        return Clip(knocks(times_s).samples + noise(2.0, level=room, seed=1).samples)

    sound, noisy = knocked((0.1, 0.3, 0.8), 0.001), knocked((0.3, 0.8, 1.5), 0.01)
    gesture = extract(noisy)
    made = drawn(sound, gesture, 0.5, 0.0)
    assert loudness_likeness(made, gesture) > loudness_likeness(sound, gesture) + 0.2
    pause = slice(round(1.1 * SAMPLE_RATE_HZ), round(1.4 * SAMPLE_RATE_HZ))
    before, after, recorded = (np.abs(one.samples[0, pause]).max() / one.peak for one in (sound, made, noisy))
    assert after < 1.2 * before < 0.2 * recorded


def test_what_has_no_movement_can_be_drawn_and_draw():
    still, moving = tone(440, 1.0), extract(SWELL)
    assert loudness_likeness(drawn(still, moving, 0.5, 0.0), moving) > 0.9
    assert np.ptp(extract(drawn(SWELL, extract(still), 1.0, 0.0)).loudness_db[3:-3]) < 0.5 * np.ptp(extract(SWELL).loudness_db[3:-3])
    silent = Clip(np.zeros((1, 44_100), np.float32))
    assert np.array_equal(drawn(silent, moving, 0.5, 0.3).samples, silent.samples)


def test_the_true_peak_is_that_between_the_samples():
    between = Clip(np.tile(np.float32([0.9, 0.9, -0.9, -0.9]), 2_000)[None])  # a quarter of the rate, 45 degrees off its peaks
    assert between.peak == pytest.approx(0.9) and true_peak(between) > 1.2
    assert true_peak(held(between)) <= 10 ** (-1 / 20)
    quiet = tone(440, 0.5, level=0.1)
    assert held(quiet) is quiet


def test_finished_has_the_length_the_peak_and_quiet_ends():
    made = finished(tone(440, 1.0, level=0.2), 0.5)
    assert made.duration_s == 0.5 and made.peak == pytest.approx(0.89, abs=0.001) and np.abs(made.samples[:, [0, -1]]).max() < 1e-3


def test_amounts_outside_their_range_are_refused():
    with pytest.raises(RequestError, match=r"brightness 1\.5 is outside 0 to 1"):
        Amounts(brightness=1.5)


def test_the_command_line_performs(tmp_path, capsys):
    sound, voice = write(tmp_path / "rain.wav", Clip(np.tile(noise(2.0).samples, (2, 1)))), write(tmp_path / "voice.wav", SWELL)
    common = ["perform", str(sound), "--voice", str(voice)]
    assert main([*common, "--brightness", "0", "--out", str(tmp_path / "made.wav"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    made = read(told["path"])
    assert made.samples.shape[0] == 2 and made.duration_s == pytest.approx(told["duration_s"], abs=0.01)
    assert loudness_likeness(made, extract(read_gesture(voice))) > 0.9
    assert main([*common, "--workspace", str(tmp_path)]) == 0
    assert (tmp_path / "takes" / "rain-performed.wav").is_file()
    assert main(["perform", str(tmp_path / "none.wav"), "--voice", str(voice)]) == 2
    assert main([*common, "--gesture", "7"]) == 2
    assert "no such file" in (said := capsys.readouterr().err) and "gesture 7 was asked for" in said

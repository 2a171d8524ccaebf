"""Sound in memory and on disk: reading, checking, trimming and writing. Axis legend: C channels, T samples, F frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy.fft
import soundfile
import soxr

SAMPLE_RATE_HZ = 44_100
EXTENSIONS = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
MIN_DURATION_S = 0.1
MAX_GESTURE_S = 30.0
SILENCE_DB = -60.0
PEAK = 0.7
"""Of a gesture: -3 dBFS."""
_RUMBLE_HZ = 70.0
"""No mouth makes what lies under it; breath on the microphone, mains and a knocked table do."""
_MARGIN_S = 0.03
_LEAST_ROOM_S = 0.15
_NO_ROOM = 1e-5  # the deviation of what a recorder leaves before it hears anything
_END_FRAMES = 20  # of 10 ms, at either end
_STEADY_DB, _ALIKE_DB, _UNDER_DB = 2.0, 2.0, 8.0
_LEAD_FRAMES, _PRESS_FRAMES, _PAUSE_FRAMES, _CLICK_FRAMES = 10, 15, 25, 6
_MOST_SAMPLES_PER_S = 8 * 192_000  # a small compressed file can claim any rate and fill the memory


class AudioError(ValueError):
    """A sound that cannot be used; the message says which, why, and what to do."""


@dataclass(frozen=True)
class Clip:
    """Sound in memory.

    samples: float32 of shape (C, T), full scale is 1.0
    sample_rate_hz: samples a second
    room: float32 (T',), a gesture's room as it was heard before it, at its rate and level; None where there was nothing to hear
    by_mouth: whether it is a gesture, of which nothing under 70 Hz is its own
    """

    samples: np.ndarray
    sample_rate_hz: int = SAMPLE_RATE_HZ
    room: np.ndarray | None = None
    by_mouth: bool = False

    @property
    def duration_s(self) -> float:
        return self.samples.shape[-1] / self.sample_rate_hz

    @property
    def peak(self) -> float:
        return float(np.abs(self.samples).max(initial=0.0))

    def mono(self) -> np.ndarray:
        """Mean of the channels, float32 of shape (T,)."""
        return self.samples.mean(axis=0, dtype=np.float32)

    def at_rate(self, sample_rate_hz: int) -> Clip:
        """The same sound at another sample rate (band-limited resampling by soxr), without its room."""
        if sample_rate_hz == self.sample_rate_hz:
            return self
        resampled = soxr.resample(self.samples.T, self.sample_rate_hz, sample_rate_hz, quality="HQ")
        return Clip(np.ascontiguousarray(resampled.T, dtype=np.float32), sample_rate_hz, by_mouth=self.by_mouth)

    def cut(self, start_s: float, end_s: float) -> Clip:
        """The part from `start_s` to `end_s`, both in seconds."""
        start, end = (max(round(t * self.sample_rate_hz), 0) for t in (start_s, end_s))
        return replace(self, samples=self.samples[:, start:end])

    def without_rumble(self) -> Clip:
        """A gesture as it left the mouth: through a high-pass of eighth order that moves nothing in time; any other sound as it is."""
        if not self.by_mouth:
            return self
        room = None if self.room is None else _without_rumble(self.room[None], self.sample_rate_hz)[0]
        return Clip(_without_rumble(self.samples, self.sample_rate_hz), self.sample_rate_hz, room)


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says."""

    duration_s: float
    sample_rate_hz: int
    channels: int


def info(path: str | Path) -> AudioInfo:
    """Read a file's header. Raises AudioError where it is missing or not a sound file."""
    path = Path(path)
    try:
        header = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError) as error:
        raise _unreadable(path) from error
    return AudioInfo(header.frames / header.samplerate, header.samplerate, header.channels)


@dataclass(frozen=True)
class Head:
    """The beginning of a file, and what its header says of the whole."""

    clip: Clip
    info: AudioInfo


def read(path: str | Path, max_duration_s: float | None = None) -> Clip:
    """Read a sound file (wav, flac, ogg, mp3, aiff) at its own rate; stop after `max_duration_s` seconds.

    Raises AudioError where the file is missing, is not sound, or holds no samples. Samples that are not finite
    become zero, as a player would have it.
    """
    return read_head(path, max_duration_s).clip


def read_head(path: str | Path, max_duration_s: float | None) -> Head:
    """As `read`, together with what `info` says, opening the file once."""
    path = Path(path)
    try:
        with soundfile.SoundFile(str(path)) as file:
            frames = -1 if max_duration_s is None else int(max_duration_s * file.samplerate)
            about = AudioInfo(file.frames / file.samplerate, file.samplerate, file.channels)
            _check_rate(path, file)
            samples = file.read(frames, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise _unreadable(path) from error
    if not len(samples):
        raise AudioError(f"{path.name}: the file holds no sound; record or export it again")
    samples = np.ascontiguousarray(samples.T)
    if not np.isfinite(samples.sum()):
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return Head(Clip(samples, about.sample_rate_hz), about)


def write(path: str | Path, clip: Clip, subtype: str = "PCM_16") -> Path:
    """Write a clip; the format follows the suffix. Raises AudioError when the disk refuses."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(str(path), np.clip(clip.samples.T, -1.0, 1.0), clip.sample_rate_hz, subtype=subtype)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{path.name}: could not be written ({error}); free some disk space or choose another folder") from error
    return path


def trim(clip: Clip, margin_s: float = _MARGIN_S, below_peak_db: float = -40.0) -> Clip:
    """Cut both ends where they are quiet, less a margin in seconds.

    Quiet is `below_peak_db` under the loudest 10 ms, or within 6 dB of the room's own noise where that lies well under the sound.
    """
    level = _levels(clip)
    return clip.cut(*_sounding(clip, level > _quiet(level, below_peak_db), margin_s))


def _levels(clip: Clip) -> np.ndarray:
    """Of every 10 ms, (F,)."""
    hop, mono = max(clip.sample_rate_hz // 100, 1), clip.mono()
    frames = len(mono) // hop
    return np.sqrt((mono[: frames * hop].reshape(frames, hop) ** 2).mean(axis=1))


def _sounding(clip: Clip, loud: np.ndarray, margin_s: float) -> tuple[float, float]:
    """From when to when a clip is `loud`, 10 ms each, with a margin, in seconds; all of it where nothing is."""
    frames, step_s = np.flatnonzero(loud), max(clip.sample_rate_hz // 100, 1) / clip.sample_rate_hz
    if len(loud) < 2 or not len(frames):
        return 0.0, clip.duration_s
    return frames[0] * step_s - margin_s, (frames[-1] + 1) * step_s + margin_s


def _quiet(level: np.ndarray, below_peak_db: float = -40.0) -> float:
    """Up to which level a sound of levels (F,) is quiet, see `trim`."""
    if not len(level):
        return 0.0
    quiet, room = level.max() * 10 ** (below_peak_db / 20), np.percentile(level, 10)
    return max(quiet, 2 * room) if room < 0.1 * level.max() else quiet


def _noisy_room(level: np.ndarray) -> float:
    """Up to which level a recording of levels (F,) is its room's noise, if that is not well under the sound: both ends are steady and alike; else 0."""
    if len(level) < 4 * _END_FRAMES:
        return 0.0
    ends_db = 20 * np.log10(np.stack([level[:_END_FRAMES], level[-_END_FRAMES:]]) + 1e-9)
    lower_db, rooms_db, upper_db = np.percentile(ends_db, (25, 50, 75), axis=1)
    told = (upper_db - lower_db).max() < _STEADY_DB and np.ptp(rooms_db) < _ALIKE_DB and rooms_db.max() < 20 * np.log10(level.max()) - _UNDER_DB
    return 1.6 * 10 ** (rooms_db.max() / 20) if told else 0.0


def _click(level: np.ndarray, loud: np.ndarray) -> np.ndarray:
    """Which of the `loud` frames (F,) are the button that ended the recording: at its very end, short, well under the sound and after a pause.

    Only in what did not begin with the sound, as what was cut before does.
    """
    frames, click = np.flatnonzero(loud), np.zeros_like(loud)
    pauses = np.flatnonzero(np.diff(frames) > _PAUSE_FRAMES)
    if len(pauses):
        last = frames[pauses[-1] + 1 :]
        told = frames[0] >= _LEAD_FRAMES and np.ptp(last) < _CLICK_FRAMES and last[0] >= len(level) - _PRESS_FRAMES
        click[last] = told and level[last].max() < 0.25 * level.max()
    return click


def _without_rumble(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Sound (C, T) without what lies under 70 Hz."""
    margin, length = sample_rate_hz // 4, samples.shape[-1]
    mirrored = np.pad(samples, ((0, 0), (margin, margin)), mode="reflect", reflect_type="odd")  # what hums at the ends does not stop there
    padded = scipy.fft.next_fast_len(mirrored.shape[-1], real=True)
    frequency_hz = np.maximum(scipy.fft.rfftfreq(padded, 1 / sample_rate_hz), 1e-3)
    passed = (1 / np.sqrt(1 + (_RUMBLE_HZ / frequency_hz) ** 16)).astype(np.float32)
    return scipy.fft.irfft(scipy.fft.rfft(mirrored, padded) * passed, padded)[:, margin : margin + length]


def gesture(clip: Clip, name: str = "recording") -> Clip:
    """A vocal gesture ready for use: checked, mono, 44.1 kHz, trimmed, peak at -3 dBFS; samples of shape (1, T), with the room it was made in.

    Raises AudioError for what is too short, too long, silent or full of invalid samples.
    """
    if clip.samples.ndim != 2 or clip.samples.size == 0:
        raise AudioError(f"{name}: nothing was recorded; press Record, make the sound, press Stop")
    invalid = ~np.isfinite(clip.samples)
    if invalid.mean() > 0.01:
        raise AudioError(f"{name}: {invalid.mean():.0%} of its samples are not numbers; export it again as 16-bit WAV")
    if clip.duration_s < MIN_DURATION_S:
        raise AudioError(f"{name}: {clip.duration_s:.2f} s of sound; record at least {MIN_DURATION_S} s")
    if clip.duration_s > MAX_GESTURE_S:
        raise AudioError(f"{name}: {clip.duration_s:.0f} s is too long for a gesture; keep it under {MAX_GESTURE_S:.0f} s")
    mono = np.where(invalid, 0.0, clip.samples).mean(axis=0, keepdims=True, dtype=np.float32)
    mono = mono - mono.mean()
    made = Clip(mono, clip.sample_rate_hz, clip.room, by_mouth=True)
    heard = made.without_rumble()
    if heard.peak < 10 ** (SILENCE_DB / 20):
        raise AudioError(f"{name}: only silence was heard; check that the microphone is not muted and come closer")
    whole = made.at_rate(SAMPLE_RATE_HZ)
    level = _levels(heard.at_rate(SAMPLE_RATE_HZ))
    loud = level > max(_quiet(level), _noisy_room(level))
    start, end = _sounding(whole, loud & ~_click(level, loud), _MARGIN_S)
    trimmed, before = whole.cut(start, end), whole.cut(0, start)  # what comes after may be the sound's own end
    room = before.mono() if before.duration_s >= _LEAST_ROOM_S and before.mono().std() > _NO_ROOM else whole.room
    gain = np.float32(PEAK / max(trimmed.peak, 1e-9))
    return Clip((trimmed.samples * gain).astype(np.float32), SAMPLE_RATE_HZ, None if room is None else room * gain, by_mouth=True)


def read_gesture(path: str | Path) -> Clip:
    """Read and prepare a recorded gesture from a file; raises AudioError as `gesture` and `read` do."""
    path = Path(path)
    length_s = info(path).duration_s
    if length_s > MAX_GESTURE_S:
        raise AudioError(f"{path.name}: {length_s:.0f} s is too long for a gesture; keep it under {MAX_GESTURE_S:.0f} s")
    with soundfile.SoundFile(str(path)) as file:
        _check_rate(path, file)
        raw, rate = file.read(dtype="float32", always_2d=True), file.samplerate
    return gesture(Clip(np.ascontiguousarray(raw.T), rate), path.name)


def _check_rate(path: Path, file: soundfile.SoundFile) -> None:
    if file.samplerate * file.channels > _MOST_SAMPLES_PER_S:
        raise AudioError(f"{path.name}: {file.channels} channels at {file.samplerate:,} Hz are too much; export it as stereo at 48,000 Hz")


def _unreadable(path: Path) -> AudioError:
    if not path.exists():
        return AudioError(f"{path.name}: no such file; check the path")
    return AudioError(f"{path.name}: not a sound file that can be read; use WAV, FLAC, OGG, MP3 or AIFF")

"""`python -m clvap.data.vocalize_picture OUT.png [SOUND ...]`: sounds beside an imitation by each family of the vocaliser, and what is kept."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import stft

from clvap.audio import SAMPLE_RATE_HZ, AudioError, Clip, read_gesture
from clvap.console import Parser, answer
from clvap.contours import RATE_HZ, extract
from clvap.data.vocalize import FAMILIES, HELD_OUT, Imitator
from clvap.data.vocalize_evidence import Kept, gliding, hissing, knocking, measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN_HZ = (80, 12_000)
_RANGE_DB = 70
SOUNDS = {"knocking": knocking, "gliding": gliding, "hissing": hissing}


def draw(sounds: dict[str, Clip], picture: Path, loose: float = 0.0, seed: int = 0) -> Path:
    """A row a sound: its spectrogram, then one of each family, with brightness and pitch drawn in and loudness below. Needs matplotlib.

    loose: as in `Imitator.draw`
    """
    from matplotlib.figure import Figure

    columns = 1 + len(FAMILIES)
    figure = Figure(figsize=(2.3 * columns, 2.9 * len(sounds)), layout="constrained")
    grid = figure.add_gridspec(2 * len(sounds), columns, height_ratios=[3, 1] * len(sounds))
    for row, (name, clip) in enumerate(sounds.items()):
        imitator = Imitator(clip)
        shown = [(name, imitator.source, None)]
        for family in FAMILIES:
            voice = imitator.draw(np.random.default_rng(seed), family, loose)
            shown.append((f"{family} (held out)" if family == HELD_OUT else family, voice, measure(imitator.source, voice)))
        for column, (title, sound, kept) in enumerate(shown):
            upper, lower = (figure.add_subplot(grid[2 * row + part, column]) for part in (0, 1))
            _spectrogram(upper, sound)
            _loudness(lower, sound)
            upper.set_title(title if kept is None else f"{title}\n{_summary(kept)}", fontsize=7, fontweight="bold" if kept is None else None)
    figure.legend(*upper.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.savefig(picture, dpi=110)
    return picture


def _spectrogram(axes: Axes, clip: Clip) -> None:
    frequency, time, spectrum = stft(clip.mono(), SAMPLE_RATE_HZ, nperseg=2_048, noverlap=1_536)
    level = 20 * np.log10(np.abs(spectrum) + 1e-9)
    shown = frequency >= _SHOWN_HZ[0]
    axes.pcolormesh(time, frequency[shown], level[shown], vmin=level.max() - _RANGE_DB, vmax=level.max(), cmap="magma", rasterized=True)
    curves = extract(clip)
    at = np.arange(len(curves.pitch)) / RATE_HZ
    heard = curves.loudness_db > curves.loudness_db.max() - 40
    for curve, known, colour, name in ((curves.brightness, heard, "#ffc24d", "brightness"), (curves.pitch, heard & (curves.pitch > 0), "#5cc8ff", "pitch")):
        axes.plot(at, np.where(known, 440 * 2 ** ((curve - 69) / 12), np.nan), color=colour, linewidth=1.4, label=name)
    axes.set(yscale="log", ylim=_SHOWN_HZ)
    axes.tick_params(labelsize=6, labelbottom=False)
    if not axes.get_subplotspec().is_first_col():
        axes.set_yticks([], [])


def _loudness(axes: Axes, clip: Clip) -> None:
    level = extract(clip).loudness_db
    axes.fill_between(np.arange(len(level)) / RATE_HZ, np.maximum(level - level.max(), -40), -40, color="0.5")
    axes.set(ylim=(-40, 0), xlim=(0, clip.duration_s))
    axes.tick_params(labelsize=6)
    if axes.get_subplotspec().is_first_col():
        axes.set_ylabel("dB", fontsize=6)
    else:
        axes.set_yticks([])


def _summary(kept: Kept) -> str:
    followed = {"loudness": kept.loudness, "brightness": kept.brightness, "pitch": kept.pitch}
    curves = "  ".join(f"{name} {value:.2f}" for name, value in followed.items() if value is not None)
    return f"{curves}\nonsets {kept.onsets:.2f}  fine spectrum {kept.spectrum:.2f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code as in `clvap.console.answer`."""
    parser = Parser(prog="python -m clvap.data.vocalize_picture", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT.png", help="the picture")
    parser.add_argument("sounds", type=Path, nargs="*", metavar="SOUND", help="sound files; without any, three synthetic sounds")
    parser.add_argument("--loose", type=float, default=0.0, metavar="0..1", help="how freely timing and emphasis are redrawn (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another speaker (%(default)s)")
    given = parser.parse_args(arguments)
    if not 0 <= given.loose <= 1:
        parser.error(f"argument --loose: {given.loose:g} is not a number from 0 to 1")
    if find_spec("matplotlib") is None:
        parser.error("the picture needs matplotlib: pip install matplotlib")

    def picture() -> str:
        sounds = {path.stem: read_gesture(path) for path in given.sounds} or {name: make() for name, make in SOUNDS.items()}
        return str(draw(sounds, given.out, given.loose, given.seed))

    return answer(parser.prog, picture, lambda: (AudioError, FileNotFoundError))


if __name__ == "__main__":
    sys.exit(main())

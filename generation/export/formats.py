"""What can be asked of an exported file. Imports nothing heavy: pages read the choices from here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Format = Literal["wav", "flac", "ogg"]
Depth = Literal["16", "24", "float"]
Normalise = Literal["none", "peak", "loudness"]
LoopKind = Literal["none", "points", "crossfade"]

DEPTHS: dict[str, tuple[Depth, ...]] = {"wav": ("16", "24", "float"), "flac": ("16", "24"), "ogg": ()}
RATES_HZ = (44_100, 48_000, 96_000)
TARGETS = {"none": 0.0, "peak": -1.0, "loudness": -23.0}
LONGEST_FADE_MS = 60_000.0
_LOOPS = ("none", "points", "crossfade")
_LOWEST = {"peak": -60.0, "loudness": -70.0}


class ExportError(ValueError):
    """An export that cannot be made as asked; the message says what to change."""


@dataclass(frozen=True)
class ExportSettings:
    """How sounds are written.

    format: of the file
    rate_hz: samples a second
    depth: of a sample, "16" (dithered), "24" or "float" (32 bits); None for the format's usual one. Ogg Vorbis has none
    normalise: "peak" by the true peak in dBTP, "loudness" by the integrated loudness in LUFS, "none"
    target: what the level is brought to; None for -1 dBTP or -23 LUFS. For loudness the true peak stays under -1 dBTP all the same
    fade_in_ms, fade_out_ms: lengths of fades
    loop: "points" marks the best place to loop and leaves the sound as it is, "crossfade" makes the whole file loop without a seam
    """

    format: Format = "wav"
    rate_hz: int = 48_000
    depth: Depth | None = None
    normalise: Normalise = "peak"
    target: float | None = None
    fade_in_ms: float = 0.0
    fade_out_ms: float = 0.0
    loop: LoopKind = "none"

    def __post_init__(self) -> None:
        if self.format not in DEPTHS:
            raise ExportError(f"format {self.format!r}: use one of {', '.join(DEPTHS)}")
        if self.rate_hz not in RATES_HZ:
            raise ExportError(f"{self.rate_hz} Hz: use one of {', '.join(map(str, RATES_HZ))}")
        if self.depth is not None and self.depth not in DEPTHS[self.format]:
            can = f"use one of {', '.join(DEPTHS[self.format])}" if DEPTHS[self.format] else "it has no bit depth"
            raise ExportError(f"{self.format.upper()} at depth {self.depth!r}: {can}")
        if self.normalise not in TARGETS:
            raise ExportError(f"normalise {self.normalise!r}: use one of {', '.join(TARGETS)}")
        if self.normalise != "none" and not _LOWEST[self.normalise] <= self.level_target <= 0:
            raise ExportError(f"{self.normalise} of {self.level_target:g}: use a number from {_LOWEST[self.normalise]:g} to 0")
        for name, length_ms in (("fade in", self.fade_in_ms), ("fade out", self.fade_out_ms)):
            if not (math.isfinite(length_ms) and 0 <= length_ms <= LONGEST_FADE_MS):
                raise ExportError(f"{name} of {length_ms} ms: use a number from 0 to {LONGEST_FADE_MS:.0f}")
        if self.loop not in _LOOPS:
            raise ExportError(f"loop {self.loop!r}: use one of {', '.join(_LOOPS)}")
        if self.loop != "none" and (self.fade_in_ms or self.fade_out_ms):
            raise ExportError("a loop with fades would pulse: set the fades to 0, or no loop")

    @property
    def level_target(self) -> float:
        return TARGETS[self.normalise] if self.target is None else self.target

    @property
    def written_depth(self) -> Depth | None:
        """The depth that is used: 24 bits where none was asked for, None where the format has none."""
        return self.depth or ("24" if DEPTHS[self.format] else None)

    @property
    def bits(self) -> int | None:
        return {"16": 16, "24": 24, "float": 32, None: None}[self.written_depth]

"""Any VST3 (and, on a Mac, Audio Unit) effect as an augmentation, hosted by pedalboard; VocalSynth is reached this way.

A plug-in runs as native code in this process: load only what you trust. Its results repeat for a seed as far as the plug-in itself does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clvap.audio import Clip
from clvap.data.effects import AugmentError, Range, bounded, pedalboard

_LEFT_ALONE = ("bypass", "output", "on_off", "power", "gain_out", "master")
"""Parts of names of parameters that are not varied unless they are asked for: they silence or bypass."""


class Plugin:
    """A hosted effect: callable as (clip, rng) -> Clip, like an `Effect`."""

    def __init__(self, path: str | Path, ranges: Mapping[str, Range] | None = None, name: str | None = None, load: Callable[..., Any] | None = None):
        """Load an effect.

        path: the .vst3 file or bundle (.component for an Audio Unit)
        ranges: where each parameter is drawn from, in its own unit; None varies every one over its whole range, except those that bypass or mute
        name: which one, where a file holds several
        load: what loads it, for tests; by default `pedalboard.load_plugin`

        Raises AugmentError for a missing file, for what is no effect, and for parameters or values the plug-in does not have.
        """
        self.path = Path(path).expanduser()
        self._hosted = _loaded(self.path, name, load)
        self.ranges = self._checked(ranges) if ranges is not None else None

    def parameters(self) -> dict[str, Any]:
        """The plug-in's parameters by name, as pedalboard gives them."""
        return dict(self._hosted.parameters)

    def __call__(self, clip: Clip, rng: np.random.Generator) -> Clip:
        """The clip through the effect at random settings; rate and channels are kept where the effect keeps them."""
        if self.ranges is None:
            for name, parameter in self.parameters().items():
                if not any(part in name.lower() for part in _LEFT_ALONE):
                    parameter.raw_value = float(rng.uniform(0, 1))
        else:
            for name, range_ in self.ranges.items():
                self._set(name, range_.draw(rng))
        samples = np.ascontiguousarray(clip.samples, dtype=np.float32)
        try:
            made = self._hosted.process(samples, clip.sample_rate_hz, reset=True)
        except ValueError as error:  # most effects are stereo only
            if len(samples) != 1:
                raise AugmentError(f"{self.path.name}: cannot process {len(samples)} channels ({error})") from error
            made = self._hosted.process(np.repeat(samples, 2, axis=0), clip.sample_rate_hz, reset=True)[:1]
        return bounded(Clip(np.asarray(made, dtype=np.float32), clip.sample_rate_hz))

    def _checked(self, ranges: Mapping[str, Range]) -> dict[str, Range]:
        known = self.parameters()
        strange = [name for name in ranges if name not in known]
        if strange:
            raise AugmentError(f"{self.path.name} has no parameter {', '.join(strange)}; it has {', '.join(known) or 'none'}")
        for name, range_ in ranges.items():
            for value in (range_.low, range_.high):
                self._set(name, value)
        return dict(ranges)

    def _set(self, name: str, value: float) -> None:
        parameter = self.parameters()[name]
        low, high = parameter.min_value, parameter.max_value
        if low is not None and high is not None and not low <= value <= high:
            raise AugmentError(f"{self.path.name}: {name} goes from {low:g} to {high:g}, not to {value:g}")
        steps = [one for one in parameter.valid_values or () if isinstance(one, (int, float))]
        if steps:
            value = min(steps, key=lambda one: abs(one - value))  # the host takes no value between
        try:
            setattr(self._hosted, name, value)
        except (ValueError, TypeError, AttributeError) as error:
            raise AugmentError(f"{self.path.name}: {name} cannot be {value:g} ({error})") from error


def _loaded(path: Path, name: str | None, load: Callable[..., Any] | None) -> Any:
    if not path.exists():
        raise AugmentError(f"{path}: no such plug-in; give the path of a .vst3 file or bundle (on a Mac also .component)")
    load = load or pedalboard().load_plugin
    try:
        hosted = load(str(path), plugin_name=name)
    except ImportError as error:
        raise AugmentError(f"{path}: no plug-in that can be loaded here; it must be a VST3 effect built for this system ({error})") from error
    except (ValueError, RuntimeError) as error:
        raise AugmentError(f"{path}: {error}; give the name of one as PATH#NAME") from error
    if getattr(hosted, "is_instrument", False):
        raise AugmentError(f"{path}: an instrument, which makes sound from notes; an effect is needed")
    return hosted

"""What a CLVAP model is made of, as written in its config.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clvap import encoders
from clvap.encoders import frontends
from clvap.encoders.frontends import FrontEnd
from clvap.features import LogMel

FUSIONS = ("early", "late", "cross_attention")
ACTIVATIONS = ("gelu", "relu")


@dataclass(frozen=True)
class ClvapConfig:
    """Architecture of one CLVAP checkpoint."""

    audio: dict[str, Any]
    """Audio tower: `kind`, one of `clvap.encoders.KINDS` (htsat where it is absent), with the arguments of its class, and optionally
    `front_end`, what it hears where that is not `features`."""
    voice: dict[str, Any]
    """Voice tower: the same, of the same kind or another, its own weights."""
    text: dict[str, Any]
    """Text tower: `transformers.RobertaConfig` arguments, and optionally `pooling`, see `clvap.text.TextTower`."""
    fusion: str = "cross_attention"
    """How words and voice meet, one of `early`, `late`, `cross_attention`: see clvap.fusion."""
    width: int = 256
    """Width W of the fused token sequence; `late` has it equal to `dimension`."""
    heads: int = 4
    """Attention heads of `cross_attention`; must divide `width`."""
    dimension: int = 256
    """Dimensions D of the space that queries and sounds share."""
    dropout: float = 0.1
    activation: str = "gelu"
    """Of the projections: `gelu`, or `relu` as in CLAP."""
    features: LogMel = field(default_factory=LogMel)
    """The spectrogram that towers without a `front_end` of their own read."""

    def __post_init__(self) -> None:
        for name, value, known in (("fusion", self.fusion, FUSIONS), ("activation", self.activation, ACTIVATIONS)):
            if value not in known:
                raise ValueError(f"{name} {value!r}: use one of {', '.join(known)}")
        if self.fusion == "cross_attention" and self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        if self.fusion == "late" and self.width != self.dimension:
            raise ValueError(f"late fusion has its tokens in the shared space: width {self.width} must be dimension {self.dimension}")
        for tower in (self.audio, self.voice):
            self._check(tower)

    def front_end(self, tower: dict[str, Any]) -> FrontEnd:
        """What a tower (`config.audio` or `config.voice`) hears of a clip."""
        return frontends.from_dict(tower["front_end"]) if "front_end" in tower else self.features

    def _check(self, tower: dict[str, Any]) -> None:
        kind, front_end = tower.get("kind", encoders.DEFAULT), self.front_end(tower)
        hears_waveform = isinstance(front_end, frontends.Waveform)
        if hears_waveform != (kind in encoders.HEARS_WAVEFORMS):
            needed = "front_end of kind waveform" if kind in encoders.HEARS_WAVEFORMS else "log-mel front_end"
            raise ValueError(f"a tower of kind {kind} needs a {needed}; start from clvap.encoders.published_config")
        if not hears_waveform and tower["num_mel_bins"] != front_end.mel_bands:
            raise ValueError(f"a tower reads {tower['num_mel_bins']} mel bands, the features have {front_end.mel_bands}")

    @staticmethod
    def from_dict(values: dict[str, Any]) -> ClvapConfig:
        """Inverse of `dataclasses.asdict`."""
        return ClvapConfig(**{**values, "features": LogMel(**values.get("features", {}))})

    @staticmethod
    def load(folder: Path) -> ClvapConfig:
        """Read config.json of a model folder."""
        return ClvapConfig.from_dict(json.loads((folder / "config.json").read_text()))

    def save(self, folder: Path) -> None:
        """Write config.json into a model folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(asdict(self), indent=2) + "\n")

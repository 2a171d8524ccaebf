"""What a CLVAP model is made of, as written in its config.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clvap.features import LogMel


@dataclass(frozen=True)
class ClvapConfig:
    """Architecture of one CLVAP checkpoint."""

    audio: dict[str, Any]
    """Audio tower: `transformers.ClapAudioConfig` arguments (HTS-AT)."""
    voice: dict[str, Any]
    """Voice tower: the same kind, its own weights."""
    text: dict[str, Any]
    """Text tower: `transformers.RobertaConfig` arguments."""
    width: int = 256
    """Width W of the fused token sequence."""
    heads: int = 4
    """Attention heads of the fusion; must divide `width`."""
    dimension: int = 256
    """Dimensions D of the space that queries and sounds share."""
    dropout: float = 0.1
    features: LogMel = field(default_factory=LogMel)
    """The spectrogram both towers read."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        for tower in (self.audio, self.voice):
            if tower["num_mel_bins"] != self.features.mel_bands:
                raise ValueError(f"a tower reads {tower['num_mel_bins']} mel bands, the features have {self.features.mel_bands}")

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

"""BYOL-A's encoder AudioNTT2020 (Niizumi et al. 2021, arXiv:2103.06695), its parts named as in the published checkpoints.

B batch, F frames, M mel bands, L states, W width.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from clvap.encoders import frontends, published

PUBLISHED_MEAN, PUBLISHED_STD = -5.4919195, 5.0389895
_LAYERS = 3


class RunningNorm(nn.Module):
    """Standardises by the mean and deviation of the spectrograms seen in training, until so many were seen that they are known.

    The statistics are those of the whole spectrogram; until any was seen, the input passes as it is.
    """

    SEEN_ENOUGH = 100_000

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor(0.0))
        self.register_buffer("variance", torch.tensor(1.0))
        self.register_buffer("seen", torch.tensor(0))

    def forward(self, log_mel: Tensor) -> Tensor:
        """(B, F, M) to the same."""
        if self.training and self.seen < self.SEEN_ENOUGH:
            self._see(log_mel.detach())
        return (log_mel - self.mean) / self.variance.sqrt().clamp(min=1e-5)

    def set(self, mean: float, std: float) -> None:
        """Fix the statistics."""
        self.mean.fill_(mean)
        self.variance.fill_(std**2)
        self.seen.fill_(self.SEEN_ENOUGH)

    def _see(self, log_mel: Tensor) -> None:
        """Merge the statistics of a batch into those so far (Chan et al. 1979)."""
        share = len(log_mel) / (self.seen + len(log_mel))
        away = log_mel.mean() - self.mean
        self.variance.copy_((1 - share) * self.variance + share * log_mel.var(correction=0) + share * (1 - share) * away**2)
        self.mean.add_(share * away)
        self.seen.add_(len(log_mel))


class ByolAEncoder(nn.Module):
    """Three convolutions, then a perceptron over each frame.

    `config`: `num_mel_bins` M (64 published), `width` W of the states (512, 1024 or 2048 published), `channels` of the convolutions (64).
    """

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        bands, channels, width = config["num_mel_bins"], config.get("channels", 64), config["width"]
        self.norm = RunningNorm()
        self.features = nn.Sequential()
        for inputs in (1, channels, channels):
            self.features.extend([nn.Conv2d(inputs, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)])
        self.fc = nn.Sequential(nn.Linear(channels * (bands // 2**_LAYERS), width), nn.ReLU(), nn.Dropout(0.3), nn.Linear(width, width), nn.ReLU())

    @property
    def width(self) -> int:
        return self.fc[0].out_features

    def forward(self, log_mel: Tensor) -> Tensor:
        """(B, F, M) log-mel to states (B, F / 8, W)."""
        x = self.features(self.norm(log_mel).transpose(1, 2).unsqueeze(1))
        return self.fc(x.permute(0, 3, 2, 1).flatten(2))

    def pool(self, states: Tensor) -> Tensor:
        """States to the published embedding of the clip (B, W): their maximum and their mean together."""
        return states.amax(dim=1) + states.mean(dim=1)

    @staticmethod
    def published_config(source: str | Path) -> dict[str, Any]:
        """The config of a checkpoint in the layout of `AudioNTT2020-BYOLA-64x96d2048.pth`. Raises ModelError where it is not one."""
        weights = _of_encoder(source)
        try:
            channels, (width, inputs) = len(weights["features.0.bias"]), weights["fc.0.weight"].shape
        except KeyError as error:
            raise published.ModelError(f"{source}: no {error.args[0]} in it; give an AudioNTT2020 checkpoint of BYOL-A") from error
        bands = inputs // channels * 2**_LAYERS
        return {"kind": "byol-a", "num_mel_bins": bands, "channels": channels, "width": width, "front_end": frontends.to_dict(frontends.BYOL_A)}

    def load_published(self, source: str | Path) -> None:
        """Load such a checkpoint, with the published statistics. Raises ModelError naming the keys that do not fit."""
        weights = _of_encoder(source)
        self.norm.set(PUBLISHED_MEAN, PUBLISHED_STD)
        known = {f"norm.{key}": value for key, value in self.norm.state_dict().items()}
        published.fit(self, weights | known, str(source), "give an AudioNTT2020 checkpoint of BYOL-A")


def _of_encoder(source: str | Path) -> dict[str, Tensor]:
    """A checkpoint's tensors, out of the training wrapper (`online_encoder.net.`, as the authors' own loader strips it)."""
    weights = published.read(source)
    inside = {key[: -len("features.0.weight")] for key in weights if key.endswith(".features.0.weight")}
    return published.within(weights, sorted(inside))

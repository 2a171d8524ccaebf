"""Sounds to latents and back through a model's autoencoder. C channels, L latents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clvap.audio import Clip
from generation import inpainting

if TYPE_CHECKING:
    from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper
    from torch import Tensor


class Codec:
    """The autoencoder of a model on its device, in its own precision."""

    def __init__(self, model: ConditionedDiffusionModelWrapper, device: str):
        self._model, self._device = model, device

    @property
    def latents_a_second(self) -> float:
        return self._model.sample_rate / self._model.min_input_length

    def encode(self, clip: Clip, latents: int) -> Tensor:
        """A sound as latents (1, C, L), single precision, cut or followed by silence; its level as the model knows it, see `inpainting.gain`."""
        import torch

        pretransform, length = self._model.pretransform, latents * self._model.min_input_length
        samples = inpainting.channels(clip.at_rate(self._model.sample_rate).samples, pretransform.io_channels)
        samples = samples[:, :length] * inpainting.gain(clip)
        padded = np.pad(samples, ((0, 0), (0, length - samples.shape[1]))).astype(np.float32)
        cards = range(torch.cuda.device_count()) if self._device.startswith("cuda") else []
        with torch.random.fork_rng(devices=cards), torch.inference_mode():
            torch.manual_seed(0)  # the bottleneck draws; the same sound must start the same
            return pretransform.encode(torch.from_numpy(padded)[None].to(self._device, self._dtype)).float()

    def decode(self, latents: Tensor) -> Clip:
        """Latents (1, C, L) as a sound; what is not a number becomes silence."""
        import torch

        with torch.inference_mode():
            wave = self._model.pretransform.decode(latents.to(self._dtype))
        return Clip(np.nan_to_num(wave[0].float().cpu().numpy()), self._model.sample_rate)

    @property
    def _dtype(self):
        return next(self._model.pretransform.parameters()).dtype

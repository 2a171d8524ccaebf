"""Sounds to latents and back through a model's autoencoder. C channels, L latents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clvap.audio import Clip
from generation import inpainting

if TYPE_CHECKING:
    from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper
    from torch import Tensor


@dataclass(frozen=True)
class Encoded:
    """A sound and what a model has of it.

    latents: (1, C, L), single precision
    samples: (1, channels, T), at the model's rate and level, silence after its end
    """

    latents: Tensor
    samples: Tensor


class Codec:
    """The autoencoder of a model on its device, in its own precision.

    changed: samples, their latents and other latents -> the samples as those would have them, (1, T) and (1, C, L); None where nothing can say
    """

    def __init__(self, model: ConditionedDiffusionModelWrapper, device: str, changed: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None):
        self._model, self._device, self._changed = model, device, changed

    @property
    def latents_a_second(self) -> float:
        return self._model.sample_rate / self._model.min_input_length

    def encode(self, clip: Clip, latents: int) -> Encoded:
        """A sound as so many latents, cut or followed by silence; its level as the model knows it, see `inpainting.gain`."""
        import torch

        pretransform, length = self._model.pretransform, latents * self._model.min_input_length
        samples = inpainting.channels(clip.at_rate(self._model.sample_rate).samples, pretransform.io_channels)
        samples = samples[:, :length] * inpainting.gain(clip)
        padded = np.pad(samples, ((0, 0), (0, length - samples.shape[1]))).astype(np.float32)
        cards = range(torch.cuda.device_count()) if self._device.startswith("cuda") else []
        with torch.random.fork_rng(devices=cards), torch.inference_mode():
            torch.manual_seed(0)  # the bottleneck draws; the same sound must start the same
            given = torch.from_numpy(padded)[None].to(self._device, self._dtype)
            return Encoded(pretransform.encode(given).float(), given)

    def decode(self, latents: Tensor, origin: Encoded | None = None) -> Clip:
        """Latents (1, C, L) as a sound; what is not a number becomes silence.

        origin: where they began; what its latents did not hold of it is kept where the model can say how
        """
        import torch

        with torch.inference_mode():
            if origin is None or self._changed is None:
                wave = self._model.pretransform.decode(latents.to(self._dtype))
            else:
                wave = self._changed(origin.samples[:, 0], origin.latents, latents)[:, None]
        return Clip(np.nan_to_num(wave[0].float().cpu().numpy()), self._model.sample_rate)

    @property
    def _dtype(self):
        return next(self._model.pretransform.parameters()).dtype

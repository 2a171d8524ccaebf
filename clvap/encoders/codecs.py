"""Neural codecs as encoders: their latents before quantisation, frame by frame. B batch, T samples, L states, W width.

EnCodec (Défossez et al. 2022, arXiv:2210.13438) and DAC (Kumar et al. 2023, arXiv:2306.06546), by transformers, in its published layout.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import DacConfig, DacModel, EncodecConfig, EncodecModel, PreTrainedModel
from transformers.models.dac import modeling_dac
from transformers.models.encodec import modeling_encodec

from clvap.encoders import frontends, published


class _Codec(nn.Module):
    """What the two share. `config`: the arguments of the codec's transformers config."""

    KIND: str
    NET: type[nn.Module]
    MODEL: type[PreTrainedModel]
    CONFIG: type

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        self.config = self.CONFIG(**config)
        self.encoder = self.NET(self.config)

    @property
    def width(self) -> int:
        return self.config.hidden_size

    def forward(self, waveform: Tensor) -> Tensor:
        """(B, T) samples to states (B, L, W), one for each `hop_length` samples."""
        channels = getattr(self.config, "audio_channels", 1)
        return self.encoder(waveform.unsqueeze(1).expand(-1, channels, -1)).transpose(1, 2)

    def pool(self, states: Tensor) -> Tensor:
        """States to their mean (B, W)."""
        return states.mean(dim=1)

    @classmethod
    def published_config(cls, source: str | Path) -> dict[str, Any]:
        """The config of a model of transformers. Raises ModelError where it is one of another kind."""
        values = published.config(source)
        if values.get("model_type") != cls.CONFIG.model_type:
            raise published.ModelError(f"{source}: its config.json is of a {values.get('model_type')!r}; give a folder or id of a {cls.KIND} model")
        config = cls.CONFIG.from_dict(values)
        settings = {key: value for key, value in config.to_diff_dict().items() if key in values and key not in _NOT_SETTINGS}
        front_end = frontends.Waveform(config.sampling_rate, multiple=config.hop_length)
        return {"kind": cls.KIND, **settings, "front_end": frontends.to_dict(front_end)}

    def load_published(self, source: str | Path) -> None:
        """Load the encoder of such a model. Raises ModelError naming the keys that do not fit."""
        published.weights_file(source)
        model, told = self.MODEL.from_pretrained(
            published.folder(source), config=self.config, output_loading_info=True, ignore_mismatched_sizes=True, weights_only=True
        )  # which also knows the older names of weight normalisation
        wrong = [*sorted(told["missing_keys"]), *sorted(told["unexpected_keys"]), *sorted(str(key) for key in told["mismatched_keys"])]
        if wrong:
            raise published.ModelError(f"{source}: weights do not fit: {len(wrong)} keys, first {', '.join(wrong[:3])}; give a published {self.KIND} model")
        self.encoder.load_state_dict(model.encoder.state_dict())


class EncodecEncoder(_Codec):
    """EnCodec: 75 states a second of 128 values at 24 kHz."""

    KIND, MODEL, CONFIG, NET = "encodec", EncodecModel, EncodecConfig, modeling_encodec.EncodecEncoder

    def forward(self, waveform: Tensor) -> Tensor:
        """(B, T) samples to states (B, L, W)."""
        if self.config.normalize:
            waveform = waveform / (waveform.square().mean(dim=-1, keepdim=True).sqrt() + 1e-8)
        return super().forward(waveform)


class DacEncoder(_Codec):
    """DAC: about 86 states a second of 1024 values at 44.1 kHz."""

    KIND, MODEL, CONFIG, NET = "dac", DacModel, DacConfig, modeling_dac.DacEncoder


_NOT_SETTINGS = ("model_type", "architectures", "dtype", "torch_dtype", "transformers_version", "_name_or_path")

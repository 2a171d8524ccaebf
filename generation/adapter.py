"""The CLVAP adapter: a published Stable-Audio checkpoint hears queries and controls, and none of its own weights change.

Decoupled cross-attention (IP-Adapter, Ye et al. 2023, arXiv:2308.06721): a second pair of keys and values a block, over the query's
tokens, added to the attention over the words. Controls (Sketch2Sound, Garcia et al. 2024, arXiv:2412.08550): a linear layer added to
the transformer's input. Values and controls start at zero, so an untrained adapter changes no sample.
B rows asked for, R rows of a forward pass, H heads, N positions, L latents, W width of an adapter's token, D width of the transformer.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from einops import rearrange
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from clvap.checkpoints import ModelError
from clvap.files import whole
from clvap.query import Query
from generation.checkpoints import ADAPTER_KIND as KIND
from generation.conditioning import ClvapConditioner
from generation.controls import CHANNELS, Controls

if TYPE_CHECKING:
    from stable_audio_tools.models.diffusion import ConditionedDiffusionModelWrapper
    from stable_audio_tools.models.dit import DiffusionTransformer
    from stable_audio_tools.models.transformer import Attention


@dataclass(frozen=True)
class AdapterConfig:
    """What an adapter's file says of it, beside its weights.

    token_width, dimension: of the CLVAP tokens and of the query vector
    tokens: how many a query may have; more are cut
    width: of a token as the transformer's keys and values see it
    base: name of the checkpoint it is trained for
    clvap, clvap_fingerprint: name and weights of the CLVAP it is trained with; other weights make other tokens
    """

    token_width: int
    dimension: int
    tokens: int = 48
    width: int = 512
    base: str = ""
    clvap: str = "clvap-mini"
    clvap_fingerprint: str = ""


class KeysValues(nn.Module):
    """The second pair of projections of one block: tokens (B, N, W) -> keys and values (B, H, N, W of a head)."""

    def __init__(self, width: int, heads: int, head_width: int):
        super().__init__()
        self.heads = heads
        self.keys = nn.Linear(width, heads * head_width, bias=False)
        self.values = nn.Linear(width, heads * head_width, bias=False)
        nn.init.zeros_(self.values.weight)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        keys, values = (rearrange(project(tokens), "b n (h w) -> b h n w", h=self.heads) for project in (self.keys, self.values))
        return keys, values


@dataclass(frozen=True)
class _Heard:
    """What a forward pass hears. Keys and values are the same at every step, so they are kept when no gradient is wanted.

    rows: B
    sequence: tokens (B, N, W), None when no row has a query
    spoken: which rows have one, (B, 1, 1, 1)
    curves: controls (B, L, 7), None when no row has any
    """

    rows: int
    sequence: Tensor | None
    spoken: Tensor
    curves: Tensor | None
    kept: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def conditional(self, batch: int) -> int:
        """How many of the first rows of a pass hear: all, or the first half, since the engine's guidance puts what hears nothing behind."""
        if batch not in (self.rows, 2 * self.rows):
            raise ModelError(f"the adapter hears {self.rows} rows and the model runs {batch}; give one query and one set of controls a row")
        return self.rows


class Adapter(nn.Module):
    """Weights beside a model, heard once attached. The model is neither kept alive by it nor part of its parameters.

    strength: 1 as trained, 0 the plain model

    To train: `model.requires_grad_(False)`, `adapter.parameters()` to the optimizer, and `hearing` open until backward has run,
    because gradient checkpointing runs the blocks again then. A batch without any controls leaves their layer without a gradient;
    where that matters give `controls.absent`.
    """

    def __init__(self, config: AdapterConfig, dit: DiffusionTransformer):
        super().__init__()
        attentions = _cross_attentions(dit)
        self.config, self.strength = config, 1.0
        self.tokens = ClvapConditioner(config.token_width, config.dimension, config.width, config.tokens)
        self.blocks = nn.ModuleList(KeysValues(config.width, attention.kv_heads, attention.dim_heads) for attention in attentions)
        self.controls = nn.Linear(CHANNELS * dit.patch_size, dit.transformer.dim, bias=False)
        nn.init.zeros_(self.controls.weight)
        self._dit = weakref.ref(dit)
        self._detach: Callable[[], None] | None = None
        self._heard: _Heard | None = None

    @classmethod
    def new(cls, model: ConditionedDiffusionModelWrapper, config: AdapterConfig) -> Adapter:
        """An untrained adapter in single precision, on the model's device. Raises ModelError when the model has no cross-attention to add to."""
        dit = _transformer(model)
        return cls(config, dit).to(next(dit.parameters()).device)

    def attach(self) -> None:
        """Put it into the model, for `hearing` to work. Raises ModelError when another adapter is there or the model is gone."""
        if self._detach is not None:
            return
        dit = self._dit()
        if dit is None:
            raise ModelError("the adapter's model is no longer loaded; load the model, then its adapter")
        attentions = _cross_attentions(dit)
        if any("apply_attn" in vars(attention) for attention in attentions):
            raise ModelError("the model has an adapter already; detach that one first")
        hook = dit.transformer.project_in.register_forward_hook(partial(self._add_controls, dit.patch_size))
        for number, attention in enumerate(attentions):
            attention.apply_attn = partial(self._attend, number, attention, attention.apply_attn)

        def detach() -> None:
            hook.remove()
            for attention in attentions:
                del attention.apply_attn

        self._detach = detach

    def detach(self) -> None:
        """Take it out again; nothing happens when it is not in."""
        if self._detach is not None:
            self._detach()
            self._detach = None

    @contextmanager
    def hearing(self, queries: Sequence[Query | None], controls: Sequence[Controls | None]) -> Iterator[None]:
        """Within it every forward pass of B rows hears the B queries and controls, and so does the conditional half of a pass of 2 B.

        A row with None hears nothing there; controls have one value a latent. Raises ModelError for another number of rows or latents
        and for a query of another CLVAP's sizes.
        """
        if self._detach is None:
            raise ModelError("the adapter is not attached; call attach() first")
        before, self._heard = self._heard, self._listen(queries, controls)
        try:
            yield
        finally:
            self._heard = before

    def save(self, path: Path) -> Path:
        """One safetensors file in half precision, written whole or not at all; its config and its base's sizes in the metadata."""
        metadata = {"kind": KIND, "config": json.dumps(asdict(self.config)), "sizes": f"{len(self.blocks)} blocks of {self.controls.out_features}"}
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial_path:
            save_file({name: value.detach().half().cpu().contiguous() for name, value in self.state_dict().items()}, partial_path, metadata)
            partial_path.chmod(0o644)
        return path

    def _listen(self, queries: Sequence[Query | None], controls: Sequence[Controls | None]) -> _Heard:
        if len(queries) != len(controls):
            raise ModelError(f"{len(queries)} queries and {len(controls)} controls; give one of each a row, None where there is none")
        self._check(queries)
        device = self.controls.weight.device
        spoken = torch.tensor([query is not None for query in queries], device=device)[:, None, None, None]
        wanted = torch.is_grad_enabled() or any(query is not None for query in queries)
        sequence = self.tokens(queries, device)[0] if wanted else None
        curves = _curves(controls)
        return _Heard(len(queries), sequence, spoken, None if curves is None else torch.from_numpy(curves).to(device))

    def _check(self, queries: Sequence[Query | None]) -> None:
        sizes = (self.config.token_width, self.config.dimension)
        for query in queries:
            if query is not None and (query.tokens.shape[1], len(query.vector)) != sizes:
                found = f"tokens of {query.tokens.shape[1]} and a vector of {len(query.vector)}"
                wanted = f"{sizes[0]} and {sizes[1]}"
                raise ModelError(f"the query has {found}, the adapter needs {wanted}; use the CLVAP it was trained with, {self.config.clvap}")

    def _attend(self, number: int, attention: Attention, plain: Callable[..., Tensor], q: Tensor, k: Tensor, v: Tensor, **options) -> Tensor:
        """In the place of a block's own `apply_attn`: Attn(q, K, V) + strength * Attn(q, K', V'), of shape (R, H, N, W of a head)."""
        words, heard = plain(q, k, v, **options), self._heard
        if heard is None or heard.sequence is None or self.strength == 0:
            return words
        rows = heard.conditional(len(q))
        keys, values = self._keys_values(number, attention, heard, q.dtype)
        query = torch.where(heard.spoken, plain(q[:rows], keys, values, causal=False), 0)
        return torch.cat([words[:rows] + self.strength * query, words[rows:]])

    def _keys_values(self, number: int, attention: Attention, heard: _Heard, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        if number in heard.kept:
            return heard.kept[number]
        keys, values = (projected.to(dtype) for projected in self.blocks[number](heard.sequence))
        if attention.qk_norm == "l2":
            keys = functional.normalize(keys, dim=-1)
        elif attention.qk_norm != "none":
            keys = attention.k_norm(keys).to(dtype)
        if not torch.is_grad_enabled():
            heard.kept[number] = keys, values
        return keys, values

    def _add_controls(self, patch: int, _: nn.Module, __: tuple[Tensor, ...], projected: Tensor) -> Tensor:
        """A hook on the transformer's first layer, whose output is (R, L / patch, D)."""
        heard = self._heard
        if heard is None or heard.curves is None or self.strength == 0:
            return projected
        rows, latents = heard.conditional(len(projected)), projected.shape[1] * patch
        if heard.curves.shape[1] != latents:
            raise ModelError(f"the controls have {heard.curves.shape[1]} values and the sound {latents} latents; stretch or cut them to its length")
        added = self.controls(rearrange(heard.curves, "b (l p) c -> b l (c p)", p=patch)).to(projected.dtype)
        return torch.cat([projected[:rows] + self.strength * added, projected[rows:]])


def load_adapter(path: Path, model: ConditionedDiffusionModelWrapper) -> Adapter:
    """A saved adapter for its base, in single precision, not yet attached.

    Raises ModelError when there is no such file, it is no adapter, or it does not fit the model, naming the weights that do not.
    """
    config, sizes, weights = _read(path)
    adapter = Adapter.new(model, config)
    wanted = {name: tuple(value.shape) for name, value in adapter.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    if wrong := sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)):
        first = f"{wrong[0]} is {found.get(wrong[0], 'missing')}, the model needs {wanted.get(wrong[0], 'none')}"
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise ModelError(f"{path} does not fit this model ({first}{more}); use it with {config.base or 'the model it was trained for'}, {sizes}")
    adapter.load_state_dict(weights)
    return adapter.eval()


def _read(path: Path) -> tuple[AdapterConfig, str, dict[str, Tensor]]:
    """Config, sizes of its base in words, weights."""
    if not path.is_file():
        raise ModelError(f"{path}: no such file; choose an adapter's safetensors file")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ModelError(f"{path} cannot be read ({error}); choose an adapter's safetensors file, whole") from error
    if metadata.get("kind") != KIND:
        raise ModelError(f"{path} is not a CLVAP adapter; choose a file that training of an adapter wrote")
    try:
        return AdapterConfig(**json.loads(metadata["config"])), metadata["sizes"], weights
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} was written by another version ({error}); train it again, or fetch the one for this version") from error


def _transformer(model: ConditionedDiffusionModelWrapper) -> DiffusionTransformer:
    from stable_audio_tools.models.dit import DiffusionTransformer

    dit = getattr(model.model, "model", None)
    if not isinstance(dit, DiffusionTransformer) or not _cross_attentions(dit):
        raise ModelError("an adapter needs a diffusion transformer with cross-attention; choose stable-audio-open or another model of that kind")
    if any(attention.differential for attention in _cross_attentions(dit)):
        raise ModelError("an adapter cannot be added to differential attention; choose a model without it")
    return dit


def _cross_attentions(dit: DiffusionTransformer) -> list[Attention]:
    return [block.cross_attn for block in dit.transformer.layers if block.cross_attend]


def _curves(controls: Sequence[Controls | None]) -> np.ndarray | None:
    """Controls as (B, L, 7), zeros where there are none; None when there are none at all."""
    lengths = {one.values.shape[1] for one in controls if one is not None}
    if not lengths:
        return None
    if len(lengths) > 1:
        raise ModelError(f"controls of {', '.join(map(str, sorted(lengths)))} values in one batch; give every row the sound's number of latents")
    nothing = np.zeros((CHANNELS, lengths.pop()), dtype=np.float32)
    return np.stack([nothing.T if one is None else one.stacked().T for one in controls])

"""One update of the weights: losses by name, over one process or many, in one go or in parts.

B batch, b a process's or a part's share of it, D dimensions, E teacher dimensions, K kinds.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from clvap.data.yamnet import Yamnet
from clvap.loss import contrastive
from clvap.model import Clvap
from clvap.recipe import Stage
from clvap.training.batches import Batch
from clvap.training.guard import TrainingError, check_gradient, check_losses
from clvap.training.parallel import ALONE, Group
from clvap.training.schedule import learning_rate
from clvap.training.state import State

_SMALLEST_SCALE = 1.0


class Trained(nn.Module):
    """The model and what only training needs: heads, and the voice tower as a stage began, which that stage keeps to (`clean`)."""

    def __init__(self, model: Clvap, kinds: int, clean: bool = False):
        super().__init__()
        self.model = model
        self.clean = copy.deepcopy(model.voice) if clean else None
        towers = {"audio": model.audio.width, "voice": model.voice.width}
        self.teacher = nn.ModuleDict({name: nn.Linear(width, Yamnet.DIMENSIONS) for name, width in towers.items()})
        self.kinds = nn.ModuleDict({name: nn.Linear(width, kinds) for name, width in towers.items()})


@dataclass(frozen=True)
class Encoded:
    """What the network makes of some of a batch.

    audio: (b, D) unit vectors of the sounds, None where no loss needs them; queries: (b, D) each, by the name of their loss, and (b / 2, 2, D) of "text/text"
    own: losses that a row has for itself, as means over the rows
    """

    audio: Tensor | None
    queries: dict[str, Tensor]
    own: dict[str, Tensor]

    def vectors(self) -> dict[str, Tensor]:
        """The sounds' vectors as "audio" and the queries'."""
        return self.queries if self.audio is None else {"audio": self.audio, **self.queries}


def encode(net: Trained, batch: Batch, stage: Stage, precision: str = "float32") -> Encoded:
    """The vectors and the row losses that a stage names; float32, whatever they were computed in."""
    with torch.autocast(batch.audio.device.type, _half(precision), enabled=precision != "float32"):
        return _encode(net, batch, stage)


def _encode(net: Trained, batch: Batch, stage: Stage) -> Encoded:
    model, wanted = net.model, stage.losses
    sound = model.audio(batch.audio) if stage.hears_sounds else None
    voice = model.voice(batch.voice) if stage.hears_voices else None
    words = batch.text
    if not words.is_floating_point() and {"query/audio", "text/audio"} & wanted.keys():
        words = model.text(words, batch.text_mask)
    queries = {
        "query/audio": lambda: model.fuse(words, batch.text_mask, voice),
        "voice/audio": lambda: model.fuse(None, None, voice),
        "text/audio": lambda: model.fuse(words, batch.text_mask, None),
    }
    vectors = {name: model.query_vectors(make()).float() for name, make in queries.items() if name in wanted}
    if "text/text" in wanted:
        ids, mask = batch.said.flatten(0, 1), batch.said_mask.flatten(0, 1)
        vectors["text/text"] = model.query_vectors(model.fuse(model.text(ids, mask), mask, None)).float().unflatten(0, (-1, 2))
    own = {}
    for name, tower, states, kinds in (("audio", model.audio, sound, batch.audio_kinds), ("voice", model.voice, voice, batch.voice_kinds)):
        if f"teacher/{name}" in wanted:
            own[f"teacher/{name}"] = 1 - functional.cosine_similarity(net.teacher[name](tower.pool(states)).float(), batch.teacher).mean()
        if f"kind/{name}" in wanted:
            own[f"kind/{name}"] = functional.cross_entropy(net.kinds[name](tower.pool(states)).float(), kinds)
    if "clean/voice" in wanted:
        own["clean/voice"] = strayed(voice.float(), net.clean(batch.clean).float())
    return Encoded(None if sound is None else model.project_audio(sound).float(), vectors, own)


def strayed(states: Tensor, clean: Tensor) -> Tensor:
    """How far states (b, L, W) of what is poorly heard are from those of the same heard well: squared error over variance, 0 for the same and 1 for
    their mean. A pupil of itself, on parallel data (Li et al. 2017, arXiv:1708.05466)."""
    return functional.mse_loss(states, clean) / clean.var().clamp(min=1e-9)


def contrasts(net: Trained, vectors: dict[str, Tensor], batch: Batch, group: Group) -> dict[str, Tensor]:
    """The contrastive losses over the sounds and texts of all processes: vectors by name as in `Encoded`, "audio" the sounds."""
    audio = group.gathered(vectors["audio"]) if "audio" in vectors else None
    temperature, found = net.model.log_temperature, {}
    for name, query in vectors.items():
        every = group.gathered(query) if name != "audio" else audio
        if name == "text/text":
            found[name] = contrastive(*every.unbind(dim=1), temperature, torch.eye(len(every), device=every.device))
        elif name != "audio":
            found[name] = contrastive(every, audio, temperature, batch.words_targets if name == "text/audio" else batch.targets)
    return found


def backward(state: State, batch: Batch, stage: Stage, group: Group, precision: str, seed: int) -> dict[str, Tensor]:
    """Gradients of the stage's weighted losses; returns the losses. With `accumulate` above 1, see `backward_in_parts`."""
    if stage.accumulate > 1:
        return backward_in_parts(state, batch, stage, group, precision, seed)
    encoded = encode(state.net, batch, stage, precision)
    found = contrasts(state.net, encoded.vectors(), batch, group) | encoded.own
    _carry_back(state.scaler.scale(_weighted(found, stage, state)))
    return found


def backward_in_parts(state: State, batch: Batch, stage: Stage, group: Group, precision: str, seed: int) -> dict[str, Tensor]:
    """`backward` of a batch that memory does not hold at once, exactly as if whole (GradCache, Gao et al. 2021, arXiv:2101.06983).

    Each part goes through the network once without gradients for its vectors; the contrast over all of them gives each vector's gradient;
    then each part goes through again and carries its own back. Dropout is drawn alike both times. Batch normalisation sees a part at a
    time, as in any accumulation: freeze it for exactness.
    """
    size, scale = len(batch) // stage.accumulate, state.scaler.scale
    parts = [batch.part(slice(start, start + size)) for start in range(0, len(batch), size)]
    first = []
    with torch.no_grad(), still_statistics(state.net):
        for i, part in enumerate(parts):
            torch.manual_seed(seed + i)
            first.append(encode(state.net, part, stage, precision).vectors())
    whole = {name: torch.cat([one[name] for one in first]).requires_grad_() for name in first[0]}
    found = contrasts(state.net, whole, batch, group)
    _carry_back(scale(_weighted(found, stage, state)))
    for i, part in enumerate(parts):
        torch.manual_seed(seed + i)
        encoded = encode(state.net, part, stage, precision)
        total = scale(_weighted(encoded.own, stage, state) / stage.accumulate)
        for name, vector in encoded.vectors().items():
            if whole[name].grad is not None:
                total = total + (vector * whole[name].grad[i * len(vector) : (i + 1) * len(vector)]).sum()
        _carry_back(total)
        for name, value in encoded.own.items():
            found[name] = found.get(name, 0) + value.detach() / stage.accumulate
    return found


def _weighted(found: dict[str, Tensor], stage: Stage, state: State) -> Tensor:
    nothing = torch.zeros((), device=state.net.model.log_temperature.device)
    return sum((stage.losses[name] * value for name, value in found.items()), nothing)


def _carry_back(total: Tensor) -> None:
    if total.requires_grad:  # where it does not, the gradient stays 0 and `check_gradient` says so
        total.backward()


def train_step(
    state: State, batch: Batch, stage: Stage, group: Group = ALONE, precision: str = "float32", clip_norm: float = 1.0, seed: int = 0
) -> dict[str, float]:
    """One update from a batch of this process's rows; returns the losses, as means over the processes.

    seed: of dropout. Raises TrainingError for a loss or a gradient that cannot teach; the weights are then as before the step.
    """
    where = f"stage {stage.name}, step {state.step}"
    torch.manual_seed(seed)
    state.optimizer.zero_grad()
    found = backward(state, batch, stage, group, precision, seed)
    values = group.mean({name: value.item() for name, value in found.items()})
    check_losses(values, batch.tensors(), state.net, where)
    group.average_gradients(state.net)
    state.scaler.unscale_(state.optimizer)
    norm = float(nn.utils.clip_grad_norm_([p for p in state.net.parameters() if p.requires_grad], clip_norm))
    if math.isfinite(norm) or not state.scaler.is_enabled():
        check_gradient(norm, batch.tensors(), state.net, stage.trainable, where)
    elif state.scaler.get_scale() <= _SMALLEST_SCALE:
        raise TrainingError(f"{where}: float16 overflows however small the loss is scaled; set precision: bfloat16, and start the same command again")
    for parameters in state.optimizer.param_groups:
        parameters["lr"] = learning_rate(stage, state.done(stage))
    state.scaler.step(state.optimizer)  # leaves the weights alone where float16 overflowed
    state.scaler.update()
    state.ema.update_parameters(state.net)
    return values


@contextmanager
def still_statistics(net: nn.Module) -> Iterator[None]:
    """Batch normalisation by the batch, as in training, but without moving the running statistics."""
    norms = [part for part in net.modules() if isinstance(part, _BatchNorm) and part.training and part.track_running_stats]
    for part in norms:
        part.track_running_stats = False
    try:
        yield
    finally:
        for part in norms:
            part.track_running_stats = True


def _half(precision: str) -> torch.dtype:
    return torch.float16 if precision == "float16" else torch.bfloat16

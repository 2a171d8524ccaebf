"""A Hugging Face Space as a place to run: its disk, and its GPUs that are lent for a moment at a time (ZeroGPU).

Everywhere else nothing of this happens, and the `spaces` package need not be there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
MOUNT = Path("/data")
"""Where a Space finds its persistent storage, when it has some."""


def in_space(environment: Mapping[str, str]) -> bool:
    """Whether this is a Space."""
    return "SPACE_ID" in environment


def storage(environment: Mapping[str, str], mount: Path | None = None) -> Path | None:
    """The folder that outlives a restart of the Space; None where it has none, and anywhere else."""
    mount = mount or MOUNT
    return mount if in_space(environment) and mount.is_dir() and os.access(mount, os.W_OK) else None


def settle(environment: MutableMapping[str, str], mount: Path | None = None) -> None:
    """Keep downloaded models on the disk that stays. To be called before huggingface_hub is imported, which looks once."""
    kept = storage(environment, mount)
    if kept is not None:
        environment.setdefault("HF_HOME", str(kept / "huggingface"))


def has_lent_gpu(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether GPUs are lent here call by call."""
    return in_space(environment) and environment.get("SPACES_ZERO_GPU", "").lower() in ("1", "true")


def on_gpu(function: Callable[P, T], seconds: int, environment: Mapping[str, str] = os.environ) -> Callable[P, T]:
    """The function with a GPU lent to it for at most so many seconds a call; as it is where none is lent.

    Such a call runs in a process of its own: what it is given and what it gives back must be picklable, and what it
    changes is gone with it.
    """
    if not has_lent_gpu(environment):
        return function
    import spaces

    return spaces.GPU(duration=seconds)(function)

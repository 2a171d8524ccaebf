"""What to do where memory does not suffice: fewer rows at once, then a sentence."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from clvap.checkpoints import ModelError

Row, Result = TypeVar("Row"), TypeVar("Result")


def in_parts(rows: Sequence[Row], work: Callable[[Sequence[Row]], list[Result]], what: str) -> list[Result]:
    """`work(rows)`, halved again and again where memory runs out. Raises ModelError, naming `what`, where one row is too much."""
    try:
        return work(rows)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        if len(rows) == 1:
            raise ModelError(f"not enough memory for {what}; ask for a shorter one, close other programs, or use a smaller generator") from error
    free()  # outside the handler, whose error holds on to what it was working with
    half = len(rows) // 2
    return in_parts(rows[:half], work, what) + in_parts(rows[half:], work, what)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on a card or off it."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)


def free() -> None:
    """Give back what nobody holds any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

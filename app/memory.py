"""Memory that threads leave behind."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h
_ARENAS = 2


def settle() -> None:
    """Let all threads share two arenas, before there is any other thread.

    glibc gives each thread one, up to eight a core, and an arena keeps the most it ever needed: with a thread a press, a studio that makes
    takes all day would grow by a take's memory for each of them. Does nothing where the C library is another.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)

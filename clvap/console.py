"""What both command lines share: one result on standard output, everything else and all trouble on standard error. Imports nothing heavy."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from typing import NoReturn

BAD_INPUT = 2
STOPPED = 130


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}; see {self.prog} --help\n")


class Spoken:
    """Progress as lines on standard error, at most one a second."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, done: int, total: int, what: str = "") -> None:
        now = time.monotonic()
        if now - self._last >= 1 or done == total:
            self._last = now
            print(f"{done}/{total} {what}", file=sys.stderr, flush=True)


def answer(program: str, command: Callable[[], str | None], expected: Callable[[], tuple[type[Exception], ...]], quiet: bool = True) -> int:
    """Run a command and print what it returns; its exit code: 0 when it worked, 2 for bad input, 130 when stopped from the keyboard.

    expected: gives the errors whose message is for the user; quiet: whether the command's own prints go to standard error
    """
    try:
        with redirect_stdout(sys.stderr) if quiet else nullcontext():
            said = command()
    except (ValueError, FileNotFoundError) as error:
        if not isinstance(error, expected()):
            raise
        print(f"{program}: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print(f"{program}: stopped; what was done so far is kept", file=sys.stderr)
        return STOPPED
    if said:
        print(said)
    return 0

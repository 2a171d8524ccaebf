"""Answers of a model kept on disk, so that none is paid for twice and a killed run goes on where it was."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clvap.captions import CaptionError
from clvap.captions.endpoint import Answer

_TABLE = "create table if not exists answers (key text primary key, model text, text text, tokens_in integer, tokens_out integer, seconds real)"


def key(model: str, messages: list[dict[str, str]], settings: dict[str, float]) -> str:
    """Names a request: the same for the same model, prompt and settings, wherever the model is served."""
    return hashlib.sha256(json.dumps([model, messages, settings], sort_keys=True).encode()).hexdigest()


class Answers:
    """A table of answers by request, safe to use from several threads; each is on disk when `put` returns.

    Raises CaptionError where the file cannot be used.
    """

    def __init__(self, path: Path):
        self._path = path
        self._lock = threading.Lock()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._table = sqlite3.connect(path, timeout=30, check_same_thread=False)
            self._table.execute(_TABLE)

    def get(self, key: str) -> Answer | None:
        with self._lock, self._explained():
            found = self._table.execute("select text, tokens_in, tokens_out, seconds from answers where key = ?", (key,)).fetchone()
        return found and Answer(*found)

    def put(self, key: str, model: str, answer: Answer) -> None:
        row = (key, model, answer.text, answer.tokens_in, answer.tokens_out, answer.seconds)
        with self._lock, self._explained(), self._table:
            self._table.execute("insert or replace into answers values (?, ?, ?, ?, ?, ?)", row)

    def mean_seconds(self, model: str) -> float | None:
        """How long this model took to answer so far; None where it never did."""
        with self._lock, self._explained():
            return self._table.execute("select avg(seconds) from answers where model = ?", (model,)).fetchone()[0]

    def close(self) -> None:
        with self._lock:
            self._table.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise CaptionError(f"{self._path}: the kept answers cannot be used ({error}); delete that file or name another with --cache") from error

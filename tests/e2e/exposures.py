"""One running studio an exposure, for those who visit it from outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.servers import Server, serving
from tests.e2e.stranger import Stranger

FAKE_APP = ["-m", "tests.e2e.fake_app"]
LOGIN = ("me", "secret")
STARTS = {
    "local": ([], {}),
    "shared": (["--host", "0.0.0.0"], {}),
    "auth": (["--host", "0.0.0.0", "--auth", ":".join(LOGIN)], {}),
    "space": ([], {"SPACE_ID": "someone/studio"}),
}


class Exposed:
    """Studios by how far they are open, each started when it is first asked for."""

    def __init__(self, folder: Callable[[str], Path]) -> None:
        self._folder, self._servers, self._running = folder, {}, ExitStack()

    def __call__(self, exposure: str) -> Server:
        if exposure not in self._servers:
            options, environment = STARTS[exposure]
            with pytest.MonkeyPatch.context() as patch:
                for name, value in environment.items():
                    patch.setenv(name, value)
                self._servers[exposure] = self._running.enter_context(serving(FAKE_APP, self._folder(exposure), *options))
            _filled(visitor(self._servers[exposure], exposure))
        return self._servers[exposure]

    def close(self) -> None:
        self._running.close()


def visitor(server, exposure: str = "shared", **headers: str) -> Stranger:
    """Somebody who may come in."""
    return Stranger(server.url, LOGIN if exposure == "auth" else None, **headers)


def _filled(somebody: Stranger) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = somebody.call("search", [None, "tone", 0.5, 3, None])
        if found.data and len(found.data[0]["matches"]) == 3:
            return
        time.sleep(0.5)
    raise AssertionError(f"the starter library was not filled: {found}")


def found(somebody: Stranger, **wanted) -> dict:
    return somebody.call("search", [None, wanted.get("words", "tone"), 0.5, wanted.get("k", 2), None], wanted.get("session")).data[0]


def number(somebody: Stranger, name: str) -> int:
    return next(one["id"] for one in somebody.handlers() if one.get("api_name") == name)

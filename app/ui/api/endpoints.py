"""What endpoints have in common: who they are offered to, how errors become answers, how sounds are named and fetched."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from app.services.access import Action, allowed
from app.services.errors import RequestError, explain
from app.services.history import Entry, KeptMatch
from app.services.studio import Studio

if TYPE_CHECKING:
    from clvap.library import Match

_AT_A_TIME = 4


class Endpoints:
    """Endpoints of one subject. Types, defaults and descriptions are those of the methods."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.names: list[str] = []

    def _offer(self, method: Callable, action: Action | None = None, inputs: list[gr.components.Component] | None = None) -> None:
        """Offer a method under its name, to those who may do `action`. With `inputs` gradio itself checks the files among them."""
        if action is not None and action not in allowed(self._studio.settings):
            return
        self.names.append(method.__name__)
        told = {"api_name": method.__name__, "concurrency_limit": _AT_A_TIME}
        if inputs is None:
            gr.api(_explained(method), **told)
        else:
            gr.Button(visible=False).click(_explained(method), inputs, gr.JSON(visible=False), **told)

    def _sound(self, token: str) -> Path:
        """The file behind a sound's token; raises RequestError where there is none."""
        path = self._studio.sounds.path(token)
        if path is None:
            raise RequestError("This sound is not served any more: ask for it again.")
        return path

    def _line(self, entry: Entry) -> dict:
        """A history entry in a line, without its files."""
        return {"entry": entry.id, "words": entry.words, "time": entry.time_s, "matches": len(entry.hits), "takes": len(entry.takes), "starred": entry.starred}

    def _answer(self, entry: Entry) -> dict:
        """A history entry whole; `sound` names a sound in other calls."""
        return self._line(entry) | {"matches": self._matches(entry.hits), "takes": self._takes(entry)}

    def _matches(self, matches: Iterable[KeptMatch | Match]) -> list[dict]:
        """Hits with files to download. `source`, the file's place in the library, is told to those who may see paths."""
        told = []
        for match in matches:
            source = Path(match.path)
            if not source.is_file():
                continue
            known = {name: getattr(match, name) for name in ("score", "caption", "duration_s", "name", "category")}
            where = {"source": str(match.path)} if Action.SEE_PATHS in allowed(self._studio.settings) else {}
            told.append({"path": self._download(source), "sound": self._studio.sounds.token(source)} | known | where)
        return told

    def _takes(self, entry: Entry) -> list[dict]:
        """Takes with files to download, best first."""
        told = []
        for take in sorted(entry.takes, key=lambda take: -take.score):
            known = {name: getattr(take, name) for name in ("score", "seed", "seconds", "parent", "favourite", "start_s", "end_s")}
            told.append({"path": self._download(entry.file(take)), "sound": self._studio.sounds.token(entry.file(take))} | known)
        return told

    def _download(self, path: Path) -> dict:
        """A file for the client to fetch: a copy in gradio's own folder, which gradio serves and the studio cleans.

        The client takes every mapping with a text under "path" for a file and fetches it, so a bare path cannot be sent.
        """
        copy = self._studio.uploads / self._studio.sounds.token(path) / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            shutil.copyfile(path, copy)
        return {"path": str(copy), "meta": {"_type": "gradio.FileData"}}


def _explained(method: Callable) -> Callable:
    """The method with any trouble as an error of the call, in a sentence."""

    @functools.wraps(method)
    def explained(*arguments, **named):
        try:
            return method(*arguments, **named)
        except gr.Error:
            raise
        except Exception as error:
            raise gr.Error(explain(error), print_exception=False) from error

    return explained

"""The named endpoints for `gradio_client`: /search, /generate, /imitate, /perform, and /index on one's own machine."""

from __future__ import annotations

import shutil
from dataclasses import fields
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from app.services.errors import RequestError, explain
from app.services.history import Entry
from app.services.requests import ImitateRequest, PerformRequest
from app.services.studio import Found, Studio, TakeKept, Trouble
from app.ui.visitor import owner
from generation.perform.amounts import Amounts


class Api:
    """Endpoints. Their inputs are unseen components, so that gradio itself refuses files that were not uploaded.

    `gesture` names one of the gestures of the recording, counted from 1; without it all of the recording counts.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        with gr.Group(visible=False):
            voice = gr.Audio(type="filepath", label="voice", sources=["upload"])
            text, balance = gr.Textbox(label="text"), gr.Slider(0, 1, 0.5, label="balance")
            k, seconds = gr.Number(20, label="k", precision=0), gr.Number(None, label="seconds")
            variations, seed = gr.Number(3, label="variations", precision=0), gr.Number(None, label="seed", precision=0)
            gesture = gr.Number(None, label="gesture", precision=0)
            avoid, grounded = gr.Textbox("", label="avoid"), gr.Checkbox(True, label="grounded")
            sound = gr.Audio(type="filepath", label="sound", sources=["upload"])
            usual = Amounts()
            amounts = [gr.Slider(0, 1, getattr(usual, field.name), label=field.name) for field in fields(Amounts)]
            result = gr.JSON()
            self._endpoint(self.search, [voice, text, balance, k, gesture], result, "search")
            self._endpoint(self.generate, [voice, text, balance, seconds, variations, seed, gesture, avoid], result, "generate")
            self._endpoint(self.imitate, [voice, text, balance, k, seconds, variations, seed, gesture, avoid, grounded], result, "imitate")
            self._endpoint(self.perform, [sound, voice, gesture, *amounts], result, "perform")
            if studio.settings.exposure == "local":
                self._endpoint(self.index, [gr.Textbox(label="folder")], result, "index")

    @staticmethod
    def _endpoint(function, inputs: list, output: gr.JSON, name: str) -> None:
        gr.Button(visible=False).click(function, inputs, output, api_name=name, concurrency_limit=4)

    def search(
        self, voice: str | None, text: str | None = "", balance: float = 0.5, k: int = 20, gesture: int | None = None, request: gr.Request = None
    ) -> dict:
        """Sounds of the library that fit a voice, words, or both: {"matches": [{"path", "score", "caption", "duration_s"}]}, best first."""
        entry = self._run(request, voice, text, balance, hits=int(k), variations=0, part=gesture)
        return {"matches": self._matches(entry)}

    def generate(
        self, voice: str | None, text: str | None = "", balance: float = 0.5, seconds: float | None = None, variations: int = 3,
        seed: int | None = None, gesture: int | None = None, avoid: str | None = "", request: gr.Request = None,
    ) -> dict:  # fmt: skip
        """New sounds for a voice, words, or both: {"takes": [{"path", "score", "seed", "seconds", "parent"}]}, best first."""
        wanted = {"seconds": seconds, "seed": seed, "part": gesture, "avoid": avoid or ""}
        entry = self._run(request, voice, text, balance, hits=0, variations=int(variations), **wanted)
        return {"takes": self._takes(entry)}

    def imitate(
        self, voice: str | None, text: str | None = "", balance: float = 0.5, k: int = 20, seconds: float | None = None,
        variations: int = 3, seed: int | None = None, gesture: int | None = None, avoid: str | None = "", grounded: bool = True,
        request: gr.Request = None,
    ) -> dict:  # fmt: skip
        """Both at once: {"matches": [...], "takes": [...]}; `grounded` lets one take start from the best hit, its `parent`."""
        wanted = {"seconds": seconds, "seed": seed, "part": gesture, "avoid": avoid or "", "grounded": grounded}
        entry = self._run(request, voice, text, balance, hits=int(k), variations=int(variations), **wanted)
        return {"matches": self._matches(entry), "takes": self._takes(entry)}

    def perform(
        self, sound: str, voice: str, gesture: int | None = None, timing: float = 1.0, loudness: float = 0.9, brightness: float = 0.5,
        pitch: float = 0.7, request: gr.Request = None,
    ) -> dict:  # fmt: skip
        """A sound shaped to a voice: {"path", "score", "duration_s"}. The amounts go from 0 (as it is) to 1."""
        try:
            if sound is None:
                raise RequestError("Give a sound to shape.")
            amounts = Amounts(timing, loudness, brightness, pitch)
            asked = PerformRequest(Path(sound), Path(sound).stem, Path(voice) if voice else None, gesture, amounts, owner(self._studio, request))
            entry = self._studio.perform(asked)
        except Exception as error:
            raise gr.Error(explain(error)) from error
        take = entry.takes[-1]
        return {"path": self._download(entry.folder / take.file), "score": take.score, "duration_s": take.duration_s}

    def index(self, folder: str) -> dict:
        """Index a folder of this machine and wait: {"indexed", "unchanged", "skipped": [{"file", "reason"}], "seconds"}."""
        try:
            report = self._studio.library.index(folder)
        except Exception as error:
            raise gr.Error(explain(error)) from error
        skipped = [{"file": str(skipped.path), "reason": skipped.reason} for skipped in report.skipped]
        return {"indexed": report.indexed, "unchanged": report.unchanged, "skipped": skipped, "seconds": report.seconds}

    def _run(self, request: gr.Request, voice: str | None, text: str | None, balance: float, **wanted) -> Entry:
        """The finished history entry of one request; any trouble becomes an error of the call."""
        asked = ImitateRequest(Path(voice) if voice else None, text or "", balance, owner(self._studio, request), **wanted)
        entry: Entry | None = None
        try:
            for event in self._studio.imitate(asked):
                if isinstance(event, (Found, TakeKept)):
                    entry = event.entry
                elif isinstance(event, Trouble):
                    raise gr.Error(event.message)
        except gr.Error:
            raise
        except Exception as error:
            raise gr.Error(explain(error)) from error
        if entry is None:
            raise gr.Error("nothing was asked for; set k or variations to 1 or more")
        return entry

    def _matches(self, entry: Entry) -> list[dict]:
        """Hits with files to download. `source`, the file's place in the library, is told on one's own machine alone."""
        local = self._studio.settings.exposure == "local"
        matches = []
        for match in entry.matches:
            source = Path(match.path)
            if not source.is_file():
                continue
            told = {"path": self._download(source), "score": match.score, "caption": match.caption, "duration_s": match.duration_s}
            matches.append(told | {"name": match.name} | ({"source": match.path} if local else {}))
        return matches

    def _takes(self, entry: Entry) -> list[dict]:
        takes = sorted(entry.takes, key=lambda take: -take.score)
        return [
            {"path": self._download(entry.folder / take.file)} | {name: getattr(take, name) for name in ("score", "seed", "seconds", "parent")}
            for take in takes
        ]

    def _download(self, path: Path) -> dict:
        """A file for the client to fetch: a copy in gradio's own folder, which gradio serves and cleans.

        The client takes every mapping with a text under "path" for a file and fetches it, so a bare path cannot be sent.
        """
        copy = Path(get_upload_folder()) / self._studio.sounds.token(path) / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            shutil.copy(path, copy)
        return {"path": str(copy), "meta": {"_type": "gradio.FileData"}}

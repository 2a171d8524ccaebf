"""/search, /generate, /imitate, /perform, /redo: a gesture or words in, sounds out."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import gradio as gr

from app.services.errors import RequestError
from app.services.history import Entry
from app.services.requests import ImitateRequest, PerformRequest, Span
from app.services.studio import Found, Studio, TakeKept, Trouble
from app.ui.api.endpoints import Endpoints
from app.ui.visitor import owner
from generation.perform.amounts import Amounts


class ImitatingApi(Endpoints):
    """Their inputs are unseen components, so that gradio itself refuses files that were not uploaded.

    `gesture` names one of the gestures of the recording, counted from 1; without it all of the recording counts.
    """

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        with gr.Group(visible=False):
            voice = gr.Audio(type="filepath", label="voice", sources=["upload"])
            text, balance = gr.Textbox(label="text"), gr.Slider(0, 1, 0.5, label="balance")
            k, seconds = gr.Number(20, label="k", precision=0), gr.Number(None, label="seconds")
            variations, seed = gr.Number(3, label="variations", precision=0), gr.Number(None, label="seed", precision=0)
            gesture = gr.Number(None, label="gesture", precision=0)
            avoid, grounded = gr.Textbox("", label="avoid"), gr.Checkbox(True, label="grounded")
            best_of = gr.Number(None, label="best_of", precision=0)
            sound = gr.Audio(type="filepath", label="sound", sources=["upload"])
            usual = Amounts()
            amounts = [gr.Slider(0, 1, getattr(usual, field.name), label=field.name) for field in fields(Amounts)]
            self._offer(self.search, inputs=[voice, text, balance, k, gesture])
            self._offer(self.generate, inputs=[voice, text, balance, seconds, variations, seed, gesture, avoid, best_of])
            self._offer(self.imitate, inputs=[voice, text, balance, k, seconds, variations, seed, gesture, avoid, grounded, best_of])
            self._offer(self.perform, inputs=[sound, voice, gesture, *amounts])
            self._offer(self.redo)

    def search(
        self, voice: str | None, text: str | None = "", balance: float = 0.5, k: int = 20, gesture: int | None = None, request: gr.Request = None
    ) -> dict:
        """Sounds of the library that fit a voice, words, or both: {"entry", "matches": [{"path", "score", "caption", "duration_s"}]}, best first."""
        entry = self._run(request, voice, text, balance, hits=int(k), variations=0, part=gesture)
        return {"entry": entry.id, "matches": self._matches(entry.hits)}

    def generate(
        self, voice: str | None, text: str | None = "", balance: float = 0.5, seconds: float | None = None, variations: int = 3,
        seed: int | None = None, gesture: int | None = None, avoid: str | None = "", best_of: int | None = None, request: gr.Request = None,
    ) -> dict:  # fmt: skip
        """New sounds for a voice, words, or both: {"entry", "takes": [{"path", "score", "seed", "seconds", "parent"}]}, best first.

        Each is the best of `best_of` candidates: as many as is usual for the model, or 1 where a seed is named.
        """
        wanted = {"seconds": seconds, "seed": seed, "part": gesture, "avoid": avoid or "", "best_of": best_of}
        entry = self._run(request, voice, text, balance, hits=0, variations=int(variations), **wanted)
        return {"entry": entry.id, "takes": self._takes(entry)}

    def imitate(
        self, voice: str | None, text: str | None = "", balance: float = 0.5, k: int = 20, seconds: float | None = None,
        variations: int = 3, seed: int | None = None, gesture: int | None = None, avoid: str | None = "", grounded: bool = True,
        best_of: int | None = None, request: gr.Request = None,
    ) -> dict:  # fmt: skip
        """Both at once: {"entry", "matches": [...], "takes": [...]}; `grounded` lets one take start from the best hit, its `parent`."""
        wanted = {"seconds": seconds, "seed": seed, "part": gesture, "avoid": avoid or "", "grounded": grounded, "best_of": best_of}
        entry = self._run(request, voice, text, balance, hits=int(k), variations=int(variations), **wanted)
        return {"entry": entry.id, "matches": self._matches(entry.hits), "takes": self._takes(entry)}

    def perform(
        self, sound: str, voice: str, gesture: int | None = None, timing: float = 1.0, loudness: float = 0.9, brightness: float = 0.5,
        pitch: float = 0.7, request: gr.Request = None,
    ) -> dict:  # fmt: skip
        """A sound shaped to a voice: {"path", "score", "duration_s"}. The amounts go from 0 (as it is) to 1."""
        if sound is None:
            raise RequestError("Give a sound to shape.")
        amounts = Amounts(timing, loudness, brightness, pitch)
        asked = PerformRequest(Path(sound), Path(sound).stem, Path(voice) if voice else None, gesture, amounts, owner(self._studio, request))
        entry = self._studio.perform(asked)
        take = entry.takes[-1]
        return {"entry": entry.id, "path": self._download(entry.file(take)), "score": take.score, "duration_s": take.duration_s}

    def redo(
        self, request: gr.Request, entry: str, sound: str, start_s: float, end_s: float, variations: int = 1, seed: int | None = None,
        best_of: int | None = None,
    ) -> dict:  # fmt: skip
        """A take of an entry with the part from `start_s` to `end_s` made anew, to the entry's gesture and words, and the rest as it is.

        `sound` names the take. {"entry", "takes": [{"path", "score", "seed", "seconds", "parent", "start_s", "end_s"}]}: the new ones.
        """
        kept = self._studio.history.find(owner(self._studio, request), entry)
        if kept is None:
            raise RequestError("This entry is not there any more.")
        path = self._sound(sound)
        take, part = kept.take_at(path), kept.part.number if kept.part else None
        name = take.title if take else ""
        asked = ImitateRequest(
            kept.recording, kept.words, kept.balance, kept.owner, hits=0, variations=int(variations), seed=seed, part=part, entry=kept.id,
            start_from=path, start_name=name, span=Span(start_s, end_s), best_of=best_of,
        )  # fmt: skip
        after = self._finished(asked)
        return {"entry": after.id, "takes": self._takes(replace(after, takes=tuple(one for one in after.takes if one not in kept.takes)))}

    def _run(self, request: gr.Request, voice: str | None, text: str | None, balance: float, **wanted) -> Entry:
        """The finished history entry of one request."""
        return self._finished(ImitateRequest(Path(voice) if voice else None, text or "", balance, owner(self._studio, request), **wanted))

    def _finished(self, asked: ImitateRequest) -> Entry:
        """The history entry that holds what was asked for; any trouble becomes an error of the call."""
        entry: Entry | None = None
        for event in self._studio.imitate(asked):
            if isinstance(event, (Found, TakeKept)):
                entry = event.entry
            elif isinstance(event, Trouble):
                raise RequestError(event.message)
        if entry is None:
            raise RequestError("Nothing was asked for: set k or variations to 1 or more.")
        return entry

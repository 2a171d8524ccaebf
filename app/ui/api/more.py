"""/captions and how they are mended, /more_captions and /more_sounds to train on: for those who may train."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from app.services.access import Action
from app.services.jobs import Job
from app.services.studio import Studio
from app.services.training.language_model import LanguageModel
from app.services.training.packs import Pack
from app.ui.api.endpoints import Endpoints

What = Literal["caption", "augment"]


class MoreApi(Endpoints):
    """`folder` is as /training_folders tells it, `pack` names it once /captions has looked into it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        for method in (self.captions, self.caption_mend, self.captions_replace, self.captions_reset):
            self._offer(method, Action.TRAIN)
        self._offer(self.captions_write, Action.NAME_PATHS)
        for method in (self.more, self.more_captions, self.more_sounds, self.more_stop, self.more_resume):
            self._offer(method, Action.TRAIN)
        self._offer(self.more_captions_cost, Action.NAME_ADDRESSES)

    def captions(self, folder: str, find: str = "", limit: int = 100, offset: int = 0) -> dict:
        """Look into a folder of sounds: {"pack", "sounds", "seconds", "mended", "left_out", "total", "captions": [{"file", "caption", "own", "category"}]}.

        `total` and `captions` are those with `find` in them; `own` is what the folder itself calls a sound.
        """
        return _seen(self._studio.training.look(folder), find, limit, offset)

    def caption_mend(self, pack: str, file: str, caption: str) -> dict:
        """Another caption for a sound; an empty one brings back the folder's own."""
        return _seen(self._studio.training.mend(pack, file, caption), file)

    def captions_replace(self, pack: str, find: str, by: str) -> dict:
        """Replace a text in all captions of a folder."""
        return _seen(self._studio.training.replace(pack, find, by))

    def captions_reset(self, pack: str) -> dict:
        """All captions as the folder has them."""
        return _seen(self._studio.training.reset(pack))

    def captions_write(self, pack: str) -> dict:
        """Write the captions beside the sounds: {"captions", "tables", "kept"}, with the tables written and the copies of those that were there."""
        return asdict(self._studio.training.write_captions(pack).sidecars)

    def more_captions(self, pack: str, count: int = 3, address: str = "", model: str = "") -> dict:
        """New captions for each sound in the background, by synonyms or, with an address, by the language model there: its work as /more tells it."""
        asked = LanguageModel.typed(address, model) if address or model else None
        return _told(self._studio.training.more.captions(pack, count, asked))

    def more_captions_cost(self, pack: str, count: int, address: str, model: str, price: str = "") -> dict:
        """What a language model will take for that: {"requests", "kept", "tokens_in", "tokens_out", "seconds", "price"}. price: of a million tokens."""
        return asdict(self._studio.training.more.cost(pack, count, LanguageModel.typed(address, model, price)).estimate)

    def more_sounds(self, pack: str, variants: int = 2, imitations: int = 0) -> dict:
        """Variants and imitations of each sound in the background: its work as /more tells it."""
        return _told(self._studio.training.more.sounds(pack, variants, imitations))

    def more(self, pack: str) -> list[dict]:
        """What is being made, or was: [{"what", "status", "fraction", "text", "message", "made"}]."""
        return [_told(job) for job in self._studio.training.more.jobs(pack)]

    def more_stop(self, pack: str, what: What) -> dict:
        """Ask that work to stop; what it made stays."""
        return _told(self._studio.training.more.stop(pack, what))

    def more_resume(self, pack: str, what: What) -> dict:
        """Let stopped work go on."""
        return _told(self._studio.training.more.resume(pack, what))


def _seen(pack: Pack, find: str = "", limit: int = 100, offset: int = 0) -> dict:
    rows = [row for row in pack.rows if find.lower() in row.caption.lower() or find.lower() in row.file.lower()]
    shown = rows[max(offset, 0) :][: max(min(limit, 1_000), 0)]
    return {
        "pack": pack.key, "sounds": len(pack.rows), "seconds": pack.seconds, "mended": sum(row.mended for row in pack.rows), "total": len(rows),
        "left_out": [asdict(one) for one in pack.left_out],
        "captions": [{name: getattr(row, name) for name in ("file", "caption", "own", "category")} for row in shown],
    }  # fmt: skip


def _told(job: Job) -> dict:
    """A job without its paths."""
    known = {name: getattr(job, name) for name in ("status", "fraction", "text", "message")}
    return {"what": job.kind} | known | {"made": job.result.get("made")}

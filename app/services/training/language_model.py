"""Captions of a language model: where it is asked and what that takes, its captions for many sounds, its troubles in a sentence for the page.

Its key comes from the environment of the studio and goes nowhere but to it: not into a job's arguments, a log, a message, or the workspace.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.services.errors import RequestError
from clvap.progress import Progress

if TYPE_CHECKING:
    from clvap.captions import CaptionError
    from clvap.captions.rewrite import Estimate, Report, Rewriter, Subject
    from clvap.data.rows import Row

KEY, HUGGING_FACE_KEY = "CAPTIONS_API_KEY", "HF_TOKEN"
_TIMEOUT_S = 60.0
_FIRST, _FIRST_TRIES, _TRIES = 6, 2, 6
_LONGEST = 300


@dataclass(frozen=True)
class LanguageModel:
    """Where to ask. Raises RequestError for what cannot be one.

    address: of an OpenAI-compatible endpoint, such as http://localhost:8000/v1
    model: its name there
    per_million: what a million tokens costs, in and out or one for both; empty where that is not known
    """

    address: str
    model: str
    per_million: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        told = _parts(self.address)
        if told.scheme not in ("http", "https") or not told.hostname or len(self.address) > _LONGEST:
            raise RequestError("Address: give one such as http://localhost:8000/v1")
        if told.username or told.password or told.query or told.fragment:
            raise RequestError(f"Address: leave out everything but the host and the path; a key goes into the environment variable {KEY}")
        if not self.model or len(self.model) > _LONGEST or not self.model.isprintable():
            raise RequestError("Model: give its name there, such as meta-llama/Llama-3.1-70B-Instruct")

    @staticmethod
    def typed(address: str | None, model: str | None, price: str | None = "") -> LanguageModel:
        """What somebody typed; `price` is empty, one number, or two with anything between them."""
        prices = tuple(map(float, re.findall(r"\d+(?:\.\d+)?", (price or "").replace(",", "."))))
        if len(prices) > 2 or ((price or "").strip() and not prices):
            raise RequestError("Price: give one number, or two such as 0.25 / 1.25 for tokens in and out")
        return LanguageModel((address or "").strip(), (model or "").strip(), prices)

    @property
    def host(self) -> str:
        """Who hears the captions."""
        return _parts(self.address).netloc

    @property
    def key(self) -> str | None:
        """What is sent as key, None for nothing."""
        from clvap.captions.endpoint import token_for

        return os.environ.get(KEY, "").strip() or token_for(self.address)


@dataclass(frozen=True)
class Cost:
    """What asking for captions will take. keyed: whether a key goes along"""

    model: LanguageModel
    estimate: Estimate
    keyed: bool


def cost(model: LanguageModel, rows: Sequence[Row], count: int, cache: Path) -> Cost:
    """What asking for `count` captions of each sound will take; asks nothing."""
    from clvap.captions.run import subjects

    asking = _rewriter(model, count, cache, _TRIES)
    try:
        return Cost(model, asking.estimate(subjects(rows), model.per_million), model.key is not None)
    finally:
        asking.answers.close()


def write(model: LanguageModel, rows: Sequence[Row], out: Path, count: int, cache: Path, progress: Progress) -> Report:
    """Write the rows with new captions; answers are kept in `cache` as they come, so that a stopped run goes on where it was.

    A few are asked for first, with less patience, so that an endpoint which is not there or talks nonsense is told of soon.
    Raises CaptionError, in words for the page.
    """
    from clvap.captions import CaptionError, run

    wanted = run.subjects(rows)
    progress(0, len(wanted), f"Asking {model.model}")
    first, all_of_it = (_rewriter(model, count, cache, tries) for tries in (_FIRST_TRIES, _TRIES))
    try:
        _tried(model, first, wanted[:_FIRST], lambda done, total, what="": progress(0, len(wanted), what))
        return run.run(rows, out, all_of_it, progress)
    except CaptionError as error:
        raise CaptionError(_in_words(model, error)) from None  # what came before may hold the key
    finally:
        first.answers.close()
        all_of_it.answers.close()


def _tried(model: LanguageModel, asking: Rewriter, subjects: Sequence[Subject], progress: Progress) -> None:
    """Raises CaptionError where nothing that the model says can be used."""
    from clvap.captions import CaptionError

    report = asking.rewrite(subjects, progress)
    if report.rejected and sum(map(len, report.captions.values())) == report.templates:
        reasons = ", ".join(f"{count} {reason}" for reason, count in report.rejected.most_common(3))
        raise CaptionError(f"{model.model} answers, but nothing it says can be used as a caption ({reasons}); choose another model, or synonyms")


def _rewriter(model: LanguageModel, count: int, cache: Path, tries: int) -> Rewriter:
    from clvap.captions.answers import Answers
    from clvap.captions.endpoint import Chat, Endpoint
    from clvap.captions.judge import Judge
    from clvap.captions.rewrite import Rewriter, Settings
    from clvap.captions.synonyms import Synonyms

    chat = Chat(Endpoint(model.address, model.model, model.key, _TIMEOUT_S, tries))
    return Rewriter(Judge(Synonyms.load()), Settings(per_caption=count), chat, Answers(cache))


def _in_words(model: LanguageModel, error: CaptionError) -> str:
    """What went wrong and what to do, without the key even where the other side repeats it."""
    status, reason = getattr(error, "status", None), getattr(error, "reason", None)
    if status == 401:
        told = f"{model.host} refused the key" if model.key else f"{model.host} asks for a key"
        text = f"{told}: put a valid one into the environment variable {KEY} and start the studio again."
    elif status == 403:
        text = f"{model.host} does not let this key use {model.model}: ask for access there, or choose another model."
    elif status == 404:
        text = f"{model.host} knows no {model.model} at this address: check the name, and that the address ends as it should, mostly in /v1."
    elif reason is not None and (status is None or status >= 500):
        text = f"{model.host}: {reason}. Is {model.model} served there? What was answered is kept; go on when it is."
    else:
        text = str(error)
    return text.replace(model.key, "…") if model.key else text


def _parts(address: str):
    try:
        return urlsplit(address)
    except ValueError as error:
        raise RequestError("Address: give one such as http://localhost:8000/v1") from error

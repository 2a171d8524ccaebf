"""Captions to more captions: asked of a model and judged, refused answers asked for once more, what is still missing made from templates."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from clvap.captions import CaptionError, templates
from clvap.captions.answers import Answers, key
from clvap.captions.endpoint import Answer, Chat
from clvap.captions.judge import LONGEST_WORDS, Judge, kind, phrases, plain
from clvap.progress import Progress, silent

ATTEMPTS = 2
"""A caption is asked for once, and once more where too few answers were usable."""
_SYSTEM = (
    "You write captions for a library of sound effects. You are given what one recording sounds like and return other captions of the very same recording. "
    "Every caption names what makes the sound, or gives it away beyond doubt. You never add a second sound, never explain, never address the reader."
)
_STYLES = (
    "the same words replaced by synonyms", "a free paraphrase", f"an extended description of how and where it sounds, at most {LONGEST_WORDS - 4} words",
)  # fmt: skip
_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_CAPTION = 18
_SECONDS_PER_REQUEST = 4.0
_LOOK_UP_S = 1.0


@dataclass(frozen=True)
class Subject:
    """A caption to vary, and the kind of sound it belongs to."""

    caption: str
    category: str = ""


@dataclass(frozen=True)
class Settings:
    """How captions are made."""

    per_caption: int = 3
    """New captions for each caption."""
    seed: int = 0
    temperature: float = 0.8
    workers: int = 4
    """Requests at a time."""

    def __post_init__(self) -> None:
        if self.per_caption < 0 or self.workers < 1 or not 0 <= self.temperature <= 2:
            raise CaptionError(f"{self}: captions per caption from 0, workers from 1, temperature from 0 to 2")


@dataclass(frozen=True)
class Estimate:
    """What a run will take, at most `ATTEMPTS` times that if every answer were refused.

    requests: to be sent; kept: already answered
    tokens_in, tokens_out: of all requests
    price: in the currency of the prices given; None without
    """

    requests: int
    kept: int
    tokens_in: int
    tokens_out: int
    seconds: float
    price: float | None

    def __str__(self) -> str:
        price = "" if self.price is None else f", about {self.price:.2f} to pay"
        return (
            f"{self.requests} requests ({self.kept} more are answered already), about {self.tokens_in} tokens in and {self.tokens_out} out, "
            f"about {self.seconds:.0f} s{price}"
        )


@dataclass
class Report:
    """What a run took.

    captions: new captions by subject, in the order they are wanted
    requests: answers paid for in this run; kept: answers found on disk; retries: tries that failed on the way
    rejected: refused answers by reason; templates: captions that templates had to make
    """

    captions: dict[Subject, list[str]] = field(default_factory=dict)
    requests: int = 0
    kept: int = 0
    retries: int = 0
    rejected: Counter = field(default_factory=Counter)
    templates: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


def price(tokens_in: int, tokens_out: int, per_million: Sequence[float]) -> float | None:
    """The price of tokens; `per_million` is empty, one price for both, or one for those in and one for those out."""
    return (tokens_in * per_million[0] + tokens_out * per_million[-1]) / 1e6 if per_million else None


@dataclass
class Rewriter:
    """Makes captions. Without `chat`, from the judge's synonyms and templates alone."""

    judge: Judge
    settings: Settings = field(default_factory=Settings)
    chat: Chat | None = None
    answers: Answers | None = None

    def estimate(self, subjects: Sequence[Subject], per_million: Sequence[float] = ()) -> Estimate:
        """What asking for these subjects will take, from the length of the prompts and from how long the model took before."""
        if self.chat is None or not self.settings.per_caption:
            return Estimate(0, 0, 0, 0, 0.0, price(0, 0, per_million))
        count = self.settings.per_caption
        prompts = [self._messages(one, count, ()) for one in dict.fromkeys(subjects)]
        open_ones = [messages for messages in prompts if self._kept(messages, self._request_settings(count, 0)) is None]
        tokens_in = sum(len(message["content"]) for messages in open_ones for message in messages) // _CHARACTERS_PER_TOKEN
        tokens_out = len(open_ones) * _TOKENS_PER_CAPTION * count
        each_s = (self.answers and self.answers.mean_seconds(self.chat.endpoint.model)) or _SECONDS_PER_REQUEST
        seconds = len(open_ones) * each_s / self.settings.workers
        return Estimate(len(open_ones), len(prompts) - len(open_ones), tokens_in, tokens_out, seconds, price(tokens_in, tokens_out, per_million))

    def rewrite(self, subjects: Sequence[Subject], progress: Progress = silent) -> Report:
        """New captions for every subject; what was answered stays kept when this is stopped.

        Raises CaptionError when the endpoint fails for good, and whatever `progress` raises.
        """
        wanted, report, lock = list(dict.fromkeys(subjects)), Report(), threading.Lock()
        with ThreadPoolExecutor(self.settings.workers if self.chat else 1) as pool:
            running = [pool.submit(self._one, subject, report, lock) for subject in wanted]
            try:
                for done, (subject, future) in enumerate(zip(wanted, running, strict=True), 1):
                    while not wait([future], _LOOK_UP_S).done:
                        progress(done - 1, len(wanted), subject.caption)  # may stop a model that takes its time
                    report.captions[subject] = future.result()
                    progress(done, len(wanted), subject.caption)
            except BaseException:
                if self.chat:
                    self.chat.stop()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        report.retries = self.chat.retries if self.chat else 0
        return report

    def _one(self, subject: Subject, report: Report, lock: threading.Lock) -> list[str]:
        count = self.settings.per_caption
        made: list[str] = []
        objections: Counter = Counter()
        for attempt in range(ATTEMPTS if self.chat else 0):
            missing = count - len(made)
            if not missing:
                break
            text = self._ask(self._messages(subject, missing, tuple(objections)), self._request_settings(missing, attempt), report, lock)
            for answer in phrases(text):
                objection = self.judge.objection(answer, subject.caption, subject.category, {plain(one) for one in made})
                if objection:
                    objections[objection] += 1
                elif len(made) < count:
                    made.append(answer)
        rest = templates.variations(subject.caption, count - len(made), self.settings.seed, self.judge.synonyms, {one.lower() for one in made})
        with lock:
            report.rejected.update(objections)
            report.templates += len(rest)
        return made + rest

    def _ask(self, messages: list[dict[str, str]], settings: dict[str, float], report: Report, lock: threading.Lock) -> str:
        answer = kept = self._kept(messages, settings)
        if answer is None:
            answer = self.chat.ask(messages, **settings)
            if self.answers is not None:
                self.answers.put(key(self.chat.endpoint.model, messages, settings), self.chat.endpoint.model, answer)
        with lock:
            report.kept += kept is not None
            if kept is None:
                report.requests += 1
                report.tokens_in += answer.tokens_in or sum(len(one["content"]) for one in messages) // _CHARACTERS_PER_TOKEN
                report.tokens_out += answer.tokens_out or len(answer.text) // _CHARACTERS_PER_TOKEN
        return answer.text

    def _kept(self, messages: list[dict[str, str]], settings: dict[str, float]) -> Answer | None:
        return self.answers.get(key(self.chat.endpoint.model, messages, settings)) if self.answers is not None else None

    def _request_settings(self, count: int, attempt: int) -> dict[str, float]:
        return {"temperature": self.settings.temperature, "max_tokens": 48 * count + 64, "seed": self.settings.seed + attempt}

    def _messages(self, subject: Subject, count: int, objections: Sequence[str]) -> list[dict[str, str]]:
        named = " ".join(kind(subject.category, subject.caption).replace("_", " ").split())
        styles = "".join(f"\n{number + 1}. {_STYLES[number % len(_STYLES)]}" for number in range(count))
        refused = f"\nEarlier answers were refused as: {', '.join(objections)}." if objections else ""
        known = f"\nKind of sound: {named}" if named else ""
        wanted = f"Write {count} new captions:{styles}\nAnswer with a JSON array of {count} strings and nothing else."
        asked = f"Caption: {subject.caption}{known}\n{wanted}{refused}"
        return [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": asked}]

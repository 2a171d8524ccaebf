"""One chat request to an OpenAI-compatible endpoint (vLLM, Ollama, TGI, hosted), tried again while trying again can help.

Knows nothing of captions.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from clvap.captions import CaptionError

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_ADVICE = {
    401: "the token was refused; name the variable that holds a valid one with --token-env",
    403: "the token may not use this model; ask for access to it or choose another with --model",
    404: "no such model or address there; check --endpoint (it mostly ends in /v1) and --model",
}
_TOKEN_HOSTS = ("huggingface.co", "hf.co", "huggingface.cloud")
_NO_TOKEN = "none"  # the client would send the token saved on this machine in place of an empty one


class EndpointError(CaptionError):
    """An endpoint that refuses or fails.

    reason: what it did, in a few words
    status: the HTTP status it answered with; None where it gave none
    """

    def __init__(self, message: str, reason: str, status: int | None) -> None:
        super().__init__(message)
        self.reason, self.status = reason, status


@dataclass(frozen=True)
class Endpoint:
    """Where a model answers, and how patiently it is asked."""

    url: str
    """Base address such as http://localhost:8000/v1."""
    model: str
    token: str | None = None
    timeout_s: float = 120.0
    """Longest silence of the server."""
    tries: int = 6
    first_wait_s: float = 1.0
    """Wait after the first failure; doubles with each."""
    longest_wait_s: float = 60.0
    """Also caps what a server asks for by Retry-After."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CaptionError(f"{self.url!r} is no address of an endpoint; give one such as http://localhost:8000/v1")
        if self.tries < 1 or self.timeout_s <= 0:
            raise CaptionError(f"an endpoint needs at least one try and a time-out above 0, not {self.tries} and {self.timeout_s}")


@dataclass(frozen=True)
class Answer:
    """What a model said.

    tokens_in, tokens_out: as the server counts them, 0 where it does not
    seconds: of the try that worked
    """

    text: str
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0


@dataclass
class Chat:
    """Asks an endpoint, from any thread.

    wait: called with the seconds to wait before the next try; by default it waits them, or until `stop`
    retries: tries that failed and were repeated so far
    """

    endpoint: Endpoint
    wait: Callable[[float], object] | None = None
    retries: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._stopped, self._lock = threading.Event(), threading.Lock()
        from huggingface_hub import InferenceClient

        where = self.endpoint
        self._client = InferenceClient(base_url=where.url, api_key=where.token or _NO_TOKEN, timeout=where.timeout_s)

    def ask(self, messages: list[dict[str, str]], **settings: float) -> Answer:
        """One answer. An answer without text comes back empty.

        Raises EndpointError when the endpoint refuses, or fails as often as `tries` allows, and CaptionError after `stop`.
        """
        trouble = None
        for attempt in range(self.endpoint.tries):
            if attempt:
                with self._lock:
                    self.retries += 1
                (self.wait or self._stopped.wait)(self._pause(attempt, trouble))
            if self._stopped.is_set():
                raise CaptionError("stopped; what was answered so far is kept")
            began = time.monotonic()
            try:
                said = self._client.chat_completion(messages, model=self.endpoint.model, **settings)
                return _read(said, time.monotonic() - began)
            except Exception as error:
                if not _passing(error):
                    raise EndpointError(f"{self.endpoint.url}: {_reason(error)}; {_advice(error)}", _reason(error), _status(error)) from error
                trouble = error
        told = f"{_reason(trouble)}, {self.endpoint.tries} tries in a row; what was answered so far is kept, run the same again later"
        raise EndpointError(f"{self.endpoint.url}: {told}", _reason(trouble), _status(trouble)) from trouble

    def stop(self) -> None:
        """Let what is on its way finish, try nothing more."""
        self._stopped.set()

    def _pause(self, attempt: int, trouble: Exception | None) -> float:
        """Exponential back-off with jitter (half to the whole), or what the server asks for."""
        backoff = self.endpoint.first_wait_s * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)
        return min(max(backoff, _retry_after(trouble)), self.endpoint.longest_wait_s)


def token_for(url: str, variable: str | None = None) -> str | None:
    """The token to send: of the named environment variable, else HF_TOKEN where the address is Hugging Face's or this machine.

    Raises CaptionError for a named variable that is not set.
    """
    if variable:
        token = os.environ.get(variable, "").strip()
        if not token:
            raise CaptionError(f"the environment variable {variable} is not set; export it or leave --token-env out")
        return token
    host = urlsplit(url).hostname or ""
    trusted = host in ("localhost", "127.0.0.1", "::1") or any(host == one or host.endswith(f".{one}") for one in _TOKEN_HOSTS)
    return (os.environ.get("HF_TOKEN", "").strip() or None) if trusted else None


class _Unreadable(Exception):
    """A reply that is not of the protocol."""


def _read(said: object, seconds: float) -> Answer:
    choices = getattr(said, "choices", None)
    if not isinstance(choices, list):
        raise _Unreadable(getattr(said, "error", None) or "no choices in it")
    text = getattr(getattr(choices[0], "message", None), "content", None) if choices else None
    usage = getattr(said, "usage", None)
    counts = (getattr(usage, name, 0) for name in ("prompt_tokens", "completion_tokens"))
    return Answer(text if isinstance(text, str) else "", *(one if isinstance(one, int) else 0 for one in counts), seconds)


def _passing(error: Exception) -> bool:
    """Whether the same request may work later: overload, a dropped or silent connection, a reply that is none (of a proxy, cut short)."""
    from huggingface_hub.errors import HfHubHTTPError, HTTPError

    if isinstance(error, HfHubHTTPError):
        return error.response is not None and error.response.status_code in _PASSING
    return isinstance(error, (HTTPError, OSError, _Unreadable, ValueError, TypeError, KeyError, AttributeError))


def _status(error: Exception | None) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _reason(error: Exception | None) -> str:
    status = _status(error)
    if status is not None:
        return f"answered {status}"
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, (_Unreadable, ValueError, TypeError, KeyError, AttributeError)):
        return f"gave a reply that is no chat completion ({_first_line(error)})"
    return f"the connection failed ({_first_line(error)})"


def _advice(error: Exception) -> str:
    return _ADVICE.get(_status(error) or 0, f"it said: {_first_line(error)}")


def _first_line(error: object) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _retry_after(error: Exception | None) -> float:
    """Seconds a server asks for by its header, as a number or a date; 0 where it does not."""
    asked = getattr(getattr(error, "response", None), "headers", {}).get("retry-after", "").strip()
    if asked.isdecimal():
        return float(asked)
    try:
        return max(parsedate_to_datetime(asked).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError):
        return 0.0

"""Somebody who knows the protocol and means no good: raw requests to a running studio, as no page would send them."""

from __future__ import annotations

import io
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import soundfile

from tests.e2e.required import PATIENCE_S

API = "gradio_api"


@dataclass(frozen=True)
class Answer:
    """What came of one call.

    status: of the request that asked
    data: what was returned, None where it failed
    message: what was said instead
    """

    status: int
    data: list | None
    message: str


class Stranger:
    """One visitor with a session of its own; `login` gives it the cookie of one who knows the password."""

    def __init__(self, url: str, login: tuple[str, str] | None = None, **headers: str) -> None:
        self.session = secrets.token_hex(8)
        once = httpx.Limits(max_keepalive_connections=0)  # the server ends a connection after trouble, and trouble is wanted here
        self.web = httpx.Client(base_url=url, timeout=PATIENCE_S, headers=headers, limits=once)
        if login is not None:
            self.web.post("login", data={"username": login[0], "password": login[1]}).raise_for_status()

    def config(self) -> dict:
        answer = self.web.get("config")
        return answer.raise_for_status().json()

    def names(self) -> set[str]:
        """Endpoints that the studio tells of."""
        return set(self.web.get(f"{API}/info").raise_for_status().json()["named_endpoints"])

    def handlers(self) -> list[dict]:
        """Every handler of the page, named or not."""
        return self.config()["dependencies"]

    def call(self, handler: int | str, data: list, session: str | None = None, event_data: object = None) -> Answer:
        """Call a handler by its number or its name, past the page, in a session of one's choice."""
        return self.together(handler, [(data, event_data)], session)[0]

    def together(self, handler: int | str, asked: list[tuple[list, object]], session: str | None = None) -> list[Answer]:
        """Several calls of one handler at once, of the same page, as (data, event's data)."""
        session = session or self.session
        if isinstance(handler, str):
            handler = next((one["id"] for one in self.handlers() if one.get("api_name") == handler.lstrip("/")), 999_999)
        body = {"fn_index": handler, "session_hash": session, "trigger_id": None}
        joined = [self.web.post(f"{API}/queue/join", json=body | {"data": data, "event_data": event}) for data, event in asked]
        events = [answer.json()["event_id"] if answer.status_code == 200 else None for answer in joined]
        told = self._awaited(session, {event for event in events if event})
        return [told[event] if event else Answer(answer.status_code, None, answer.text) for event, answer in zip(events, joined, strict=True)]

    def _awaited(self, session: str, events: set[str]) -> dict[str, Answer]:
        """The answers of those events, whose messages all come in one stream."""
        if not events:
            return {}
        said, told = [], dict.fromkeys(events, Answer(200, None, ""))
        with self.web.stream("GET", f"{API}/queue/data", params={"session_hash": session}) as lines:
            for line in lines.iter_lines():
                message = json.loads(line[6:]) if line.startswith("data: ") else {}
                if message.get("msg") == "log":
                    said.append(message["log"])
                if message.get("msg") == "process_completed" and message.get("event_id") in events:
                    output = message.get("output") or {}
                    error = [] if message["success"] else [str(output.get("error"))]
                    told[message["event_id"]] = Answer(200, output.get("data") if message["success"] else None, " ".join([*said, *error]))
                    events = events - {message["event_id"]}
                    if not events:
                        break
        return told

    def upload(self, content: bytes, name: str = "voice.wav") -> httpx.Response:
        return self.web.post(f"{API}/upload", files={"files": (name, content, "audio/wav")})

    def uploaded(self, content: bytes, name: str = "voice.wav") -> dict:
        """An upload as a handler's input."""
        return as_file(self.upload(content, name).raise_for_status().json()[0])

    def get(self, path: str) -> httpx.Response:
        """A path exactly as it is written, dots and all."""
        return self.web.send(httpx.Request("GET", httpx.URL(str(self.web.base_url), raw_path=path.encode()), headers=self.web.headers))


def as_file(path: str | Path) -> dict:
    """A path as gradio's inputs for files want it."""
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def wav(seconds: float = 0.8, rate: int = 44_100, hertz: float = 330.0) -> bytes:
    """A tone as a WAV file."""
    time_s = np.arange(int(seconds * rate)) / rate
    file = io.BytesIO()
    soundfile.write(file, (0.4 * np.sin(2 * np.pi * hertz * time_s)).astype(np.float32), rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def boasting_wav(hours: float = 10.0) -> bytes:
    """A WAV file of one second whose header claims hours."""
    short = bytearray(wav(1.0))
    claimed = min(int(hours * 3_600 * 44_100 * 2), 2**32 - 64)
    short[40:44] = claimed.to_bytes(4, "little")
    short[4:8] = (claimed + 36).to_bytes(4, "little")
    return bytes(short)

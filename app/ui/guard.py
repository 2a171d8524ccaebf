"""What every request passes before gradio sees it: from the right page, by whom it may, no larger than it may.

gradio asks for the login route by route, and knows nothing of routes that are not its own; here everything is behind the
login that is not needed to log in. What is refused is answered with a sentence.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.formparsers import MultiPartException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.services.limits import Limits, folder_bytes
from app.settings import Settings, is_loopback
from app.ui.visitor import is_page

_API = "/gradio_api"
_TO_LOG_IN = ("/", "/login", "/logout", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json")
_TO_LOG_IN += tuple(f"{_API}{path}" for path in ("/user", "/login_check", "/app_id", "/theme.css", "/startup-events"))
_FRONT_END = ("/assets/", "/svelte/", "/static/")
_LOADED_FROM_OUTSIDE = f"{_API}/file=http"
_MOST_JSON_BYTES = 2 * 2**20
_ENVELOPE_BYTES = 64 * 2**10  # what a form adds to the file in it
_HEARD_OUT_BYTES = 64 * 2**20
_TRY_TAKES_S, _MOST_TRYING = 0.5, 10
_ONLY_FROM_HERE = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; connect-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Refusal:
    """An answer instead of the page's."""

    status: int
    reason: str

    def response(self) -> PlainTextResponse:
        again = {"Retry-After": "60"} if self.status in (429, 503, 507) else {}
        return PlainTextResponse(self.reason, self.status, again)


class Guard:
    """ASGI middleware. Local: only pages of this machine. Elsewhere: the login, small requests, no addresses to be fetched from."""

    def __init__(self, app: ASGIApp, settings: Settings, limits: Limits, uploads: Path, share_url: Callable[[], str | None]) -> None:
        self._app, self._settings, self._limits, self._uploads, self._share_url = app, settings, limits, uploads, share_url
        self._one_try, self._trying = asyncio.Lock(), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._stranger(scope) or self._nobody(scope) or self._fetched(scope) or self._too_large(scope) or await self._full(scope)
        if refusal is None and self._is_small(scope):
            receive, refusal = await self._read_whole(receive)
        elif refusal is None and self._limits.upload_bytes is not None:
            receive = _bounded(receive, self._limits.upload_bytes + _ENVELOPE_BYTES)
        if refusal is None and scope["path"].rstrip("/") == "/login" and scope.get("method") == "POST":
            refusal = await self._guessing()
        if refusal is not None:
            await _let_finish(scope, receive)
        await (refusal.response() if refusal else self._app)(scope, receive, self._with_headers(send))

    def _stranger(self, scope: Scope) -> Refusal | None:
        """Another site that makes this visitor's browser ask, or, locally, that gave this machine a name of its own."""
        headers, settings = Headers(scope=scope), self._settings
        if settings.exposure == "space":
            return None  # behind the hub's proxy, in its frame, and without a login of its own
        asked, origin = headers.get("host", ""), headers.get("origin")
        local = settings.exposure == "local"
        if local and not (is_loopback(_host(asked)) or _host(asked) == settings.host):
            return Refusal(421, "This studio answers its own machine alone. Start it with --host to let others in.")
        if origin is None:
            return None
        own = {_host(asked), _host(self._share_url())} - {""}
        if _host(origin) in own and (not local or urlsplit(origin).netloc == asked):
            return None
        return Refusal(403, "This was asked by another site's page; open the studio itself.")

    def _nobody(self, scope: Scope) -> Refusal | None:
        """Without the login only what is needed to log in. gradio's own routes know the visitor by the same cookies."""
        app, path = scope["app"], scope["path"]
        if self._settings.auth is None or path.rstrip("/") in ("", *_TO_LOG_IN) or path.startswith(_FRONT_END):
            return None
        cookies = _cookies(Headers(scope=scope).get("cookie", ""))
        names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
        if any(app.tokens.get(cookies[name]) is not None for name in names if name in cookies):
            return None
        return Refusal(401, "Log in first.")

    def _fetched(self, scope: Scope) -> Refusal | None:
        """gradio fetches what such a path names and passes it on: a stranger's way to ask others in this machine's name."""
        if self._settings.exposure != "local" and scope["path"].lower().startswith((_LOADED_FROM_OUTSIDE, f"{_API}/file/http")):
            return Refusal(403, "Nothing is fetched from elsewhere here.")
        return None

    def _too_large(self, scope: Scope) -> Refusal | None:
        if self._limits.upload_bytes is None or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdigit() or int(length) > self._limits.upload_bytes + _ENVELOPE_BYTES:
            return self._oversized()
        return None

    async def _guessing(self) -> Refusal | None:
        """One try at the password at a time, each of which takes a while; nobody guesses it so."""
        if self._trying >= _MOST_TRYING:
            return Refusal(429, "Too many tries to log in; come back in a minute.")
        self._trying += 1
        try:
            async with self._one_try:
                await asyncio.sleep(_TRY_TAKES_S)
        finally:
            self._trying -= 1
        return None

    async def _full(self, scope: Scope) -> Refusal | None:
        """Strangers may fill their share of the disk, not all of it."""
        if self._limits.uploads_bytes is None or scope["path"].rstrip("/") != f"{_API}/upload":
            return None
        if await run_in_threadpool(folder_bytes, self._uploads) > self._limits.uploads_bytes:
            return Refusal(507, "No more room for recordings here; come back later.")
        return None

    def _is_small(self, scope: Scope) -> bool:
        """Whether this is a question to the page rather than a file."""
        kind = Headers(scope=scope).get("content-type", "")
        return self._limits.upload_bytes is not None and scope["method"] == "POST" and not kind.startswith("multipart/")

    async def _read_whole(self, receive: Receive) -> tuple[Receive, Refusal | None]:
        """The body of a question, looked through."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return _replayed(message, receive), None
            body += message.get("body", b"")
            if len(body) > _MOST_JSON_BYTES:
                return receive, Refusal(413, "Too large a question.")
            if not message.get("more_body"):
                break
        return _replayed({"type": "http.request", "body": bytes(body), "more_body": False}, receive), _questionable(body)

    def _oversized(self) -> Refusal:
        return Refusal(413, f"Too large: a recording may have {self._limits.upload_bytes // 2**20} MB.")

    def _with_headers(self, send: Send) -> Send:
        in_space = self._settings.exposure == "space"

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "same-origin")
                if not in_space:  # a Space is shown in a frame of the hub, whose script sets its height
                    headers.setdefault("X-Frame-Options", "DENY")
                    headers.setdefault("Content-Security-Policy", _ONLY_FROM_HERE)
            await send(message)

        return sending


def _bounded(receive: Receive, most: int) -> Receive:
    """A body that ends where more comes than was announced; gradio then deletes what it kept of it, and answers."""
    left = most

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise MultiPartException("Too large: more than the maximum allowed size was sent.")
        return message

    return bounded


async def _let_finish(scope: Scope, receive: Receive) -> None:
    """Hear a refused sender out, within reason: one whose connection breaks never reads why."""
    if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return
    heard = 0
    while heard < _HEARD_OUT_BYTES:
        message = await receive()
        heard += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


def _replayed(first: Message, receive: Receive) -> Receive:
    messages = [first]

    async def replaying() -> Message:
        return messages.pop() if messages else await receive()

    return replaying


def _questionable(body: bytearray) -> Refusal | None:
    """What gradio would stumble over or do for a stranger: a page without a proper name, a file named by an address instead of sent."""
    try:
        question = json.loads(body)
    except (ValueError, RecursionError):
        return None  # refused by gradio too
    page = question.get("session_hash") if isinstance(question, dict) else None
    if page is not None and not is_page(page):
        return Refusal(400, "This is no page of the studio.")
    waiting = [question]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(path := value.get("path"), str) and path.strip().lower().startswith("http"):
                return Refusal(403, "Send the file itself; nothing is fetched from elsewhere here.")
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return None


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


def _host(address: str | None) -> str:
    """The name of the machine in a Host header or a URL, "" for none; never valid where it cannot be read."""
    if not address:
        return ""
    try:
        return (urlsplit(address if "//" in address else f"//{address}").hostname or "?").lower()
    except ValueError:
        return "?"

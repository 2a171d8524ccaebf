"""A loopback model hub that speaks as much of the real one's protocol as publishing and fetching a small model takes."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_writes"
_PIECE = 1 << 16


@dataclass
class Hub:
    """What is published, and how it is given.

    files: of each repository; private: whether it is; gated: those whose files only `accepted` tokens get
    requests: method and path of each; ranges: what of a file was asked for, where not all of it
    pause_s: before each piece of a file; break_after: bytes of a file after which the connection breaks, once
    """

    url: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    gated: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    pause_s: float = 0.0
    break_after: int | None = None


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        self.hub.requests.append(f"POST {path}")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._json({"error": "Invalid credentials"}, 401)
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        asked = [json.loads(line) for line in body.splitlines()]
        if path == "/api/repos/create":
            repo = f"{asked[0]['organization']}/{asked[0]['name']}"
            self.hub.files.setdefault(repo, {})
            self.hub.private[repo] = asked[0].get("private", False) or asked[0].get("visibility") == "private"
            return self._json({"url": f"{self.hub.url}/{repo}", "id": repo})
        repo = "/".join(path.split("/")[3:5])
        if "/preupload/" in path:
            return self._json({"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked[0]["files"]]})
        for line in asked:
            if line["key"] == "file":
                self.hub.files[repo][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        return self._json({"success": True, "commitOid": self._sha(repo), "commitUrl": f"{self.hub.url}/{repo}/commit/{self._sha(repo)}"})

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        parts = path.strip("/").split("/")
        repo = "/".join(parts[2:4] if parts[0] == "api" else parts[:2])
        if repo not in self.hub.files:
            return self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        files = self.hub.files[repo]
        if parts[0] == "api" and "tree" in parts:
            return self._json([{"type": "file", "path": name, "size": len(body), "oid": _etag(body)} for name, body in files.items()])
        if parts[0] == "api":
            siblings = [{"rfilename": name, "size": len(body)} for name, body in files.items()]
            return self._json({"id": repo, "modelId": repo, "sha": self._sha(repo), "siblings": siblings})
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if repo in self.hub.gated and token not in self.hub.accepted:
            return self._json({"error": "Access is restricted"}, 403 if token else 401, {"X-Error-Code": "GatedRepo"})
        return self._file(files["/".join(parts[4:])], self._sha(repo))

    do_HEAD = do_GET

    def _file(self, body: bytes, commit: str) -> None:
        """A file, or the end of it that is asked for, in pieces."""
        wanted, start = self.headers.get("Range"), 0
        if wanted and self.command == "GET":
            self.hub.ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
        headers = {"ETag": f'"{_etag(body)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.send_response(206 if start else 200)
        for name, value in (headers | {"Content-Length": str(len(body) - start)}).items():
            self.send_header(name, value)
        self.end_headers()
        for at in range(start, len(body) if self.command == "GET" else 0, _PIECE):
            if self.hub.break_after is not None and at >= self.hub.break_after:
                self.hub.break_after = None
                self.close_connection = True
                return
            time.sleep(self.hub.pause_s)
            try:
                self.wfile.write(body[at : at + _PIECE])
            except OSError:  # who asked is gone
                self.close_connection = True
                return

    def _sha(self, repo: str) -> str:
        return hashlib.sha1(repr(sorted(self.hub.files[repo].items())).encode()).hexdigest()

    def _json(self, said: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(said).encode(), {"Content-Type": "application/json"} | (headers or {}))

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def hub_server() -> Iterator[Hub]:
    """Serve on a free port of the loopback interface until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _etag(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()

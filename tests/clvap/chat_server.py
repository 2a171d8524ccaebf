"""A loopback chat-completion server that answers by a script, well or badly."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Reply = Callable[["Handler", dict], None]


@dataclass
class ChatServer:
    """What it will do and what it was asked.

    script: replies to the next requests, in order; then `usual`
    """

    url: str = ""
    script: list[Reply] = field(default_factory=list)
    usual: Reply = field(default=lambda handler, asked: says(good(asked))(handler, asked))
    asked: list[dict] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    served: ChatServer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.served.asked.append(asked | {"at": self.path})
        self.served.tokens.append(self.headers.get("Authorization"))
        (self.served.script.pop(0) if self.served.script else self.served.usual)(self, asked)

    def send(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """Serve on a free port of the loopback interface until the block ends."""
    served = ChatServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"served": served}))
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.released.set()
        server.shutdown()
        server.server_close()


def good(asked: dict) -> str:
    """As many captions as asked for, each of the asked sound."""
    prompt = asked["messages"][-1]["content"]
    caption = re.search(r"Caption: (.*)", prompt)[1]
    count = int(re.search(r"Write (\d+)", prompt)[1])
    return json.dumps([f"{caption} take {letter}" for letter in "abcdefghij"[:count]])


def says(text: object) -> Reply:
    """A well-formed reply with this content."""
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}], "usage": {"prompt_tokens": 100, "completion_tokens": 20}}
    return lambda handler, asked: handler.send(200, json.dumps(body).encode())


def fails(status: int, body: bytes = b'{"error": "no"}', **headers: str) -> Reply:
    return lambda handler, asked: handler.send(status, body, **headers)


def raw(body: bytes, kind: str = "application/json") -> Reply:
    """Status 200 and any body."""
    return lambda handler, asked: handler.send(200, body, kind)


def stalls(handler: Handler, asked: dict) -> None:
    """Never answers while the server runs."""
    handler.served.released.wait(30)


def hangs_up(handler: Handler, asked: dict) -> None:
    """Promises a long answer and closes in the middle of it."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [{"mess')
    handler.wfile.flush()
    handler.connection.close()

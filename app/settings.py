"""How one run of the studio is set up: parsed once from the command line, validated once, never changed."""

from __future__ import annotations

import argparse
import importlib.util
import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app import space
from clvap.workspace import VARIABLE, default_workspace

Exposure = Literal["local", "shared", "space"]
DEFAULT_PORT = 7860
DEFAULT_CLVAP, DEFAULT_GENERATOR = "clvap-mini", "sfx-mini"
DEVICES = ("auto", "cpu", "cuda", "mps")


class SettingsError(ValueError):
    """Options that contradict each other or cannot be met; the message says what to do."""


@dataclass(frozen=True)
class Settings:
    """One run of the studio.

    workspace: folder of everything the studio keeps (library table, starter effects, history)
    library: folder of the user's sounds to index at the start, None for none
    host, port: where the page answers
    share: ask gradio for a public link
    auth: (user, password) asked of every visitor, None for nobody
    clvap, generator: names of shipped models, or folders
    named: which of these two the command line names; the others are as last chosen on the page
    device: torch device, or "auto"
    in_space: runs inside a Hugging Face Space
    mcp: offers the endpoints to language models as tools, too
    """

    workspace: Path
    library: Path | None = None
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    share: bool = False
    auth: tuple[str, str] | None = None
    clvap: str = DEFAULT_CLVAP
    generator: str = DEFAULT_GENERATOR
    named: frozenset[str] = frozenset()
    device: str = "auto"
    in_space: bool = False
    mcp: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65_535:
            raise SettingsError(f"--port {self.port}: use a number from 1 to 65535")
        if self.device not in DEVICES and not self.device.startswith("cuda:"):
            raise SettingsError(f"--device {self.device}: use one of {', '.join(DEVICES)}")
        if self.auth is not None and not all(self.auth):
            raise SettingsError("--auth: give a user and a password as USER:PASS")
        if self.workspace.exists() and not self.workspace.is_dir():
            raise SettingsError(f"--workspace {self.workspace}: this is a file; name a folder")
        if self.mcp and self.exposure != "local":
            raise SettingsError("--mcp: its tools read files of this machine; leave out --share and --host")
        if self.mcp and importlib.util.find_spec("mcp") is None:
            raise SettingsError("--mcp: install what it needs first: pip install 'gradio[mcp]==6.31.0'")

    @property
    def exposure(self) -> Exposure:
        """Who can reach the page: `local` means this machine alone, and only then may server paths be typed."""
        if self.in_space:
            return "space"
        return "shared" if self.share or not is_loopback(self.host) else "local"

    @staticmethod
    def from_arguments(argv: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
        """Settings of a command line (default: this process's). Raises SettingsError for what cannot be met."""
        given = _parser().parse_args(argv)
        in_space = space.in_space(environment)
        user, colon, password = (given.auth or "").partition(":")
        if given.auth is not None and not colon:
            raise SettingsError("--auth: give a user and a password as USER:PASS")
        return Settings(
            workspace=_workspace(given.workspace, environment).expanduser().absolute(),
            library=Path(given.library).expanduser().absolute() if given.library else None,
            host=given.host or ("0.0.0.0" if in_space else "127.0.0.1"),
            port=given.port if given.port is not None else _port(environment),
            share=given.share and not in_space,
            auth=(user, password) if given.auth is not None else None,
            clvap=given.clvap or DEFAULT_CLVAP,
            generator=given.generator or DEFAULT_GENERATOR,
            named=frozenset(kind for kind in ("clvap", "generator") if getattr(given, kind)),
            device=given.device,
            in_space=in_space,
            mcp=given.mcp,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="app.py", description="CLVAP Studio: make the sound, hear it found and made.")
    parser.add_argument("--host", help="address to answer on (default: 127.0.0.1, this machine alone)")
    parser.add_argument("--port", type=int, help=f"port to answer on (default: GRADIO_SERVER_PORT, or {DEFAULT_PORT})")
    parser.add_argument("--share", action="store_true", help="make a public link; visitors cannot reach this machine's folders")
    parser.add_argument("--auth", metavar="USER:PASS", help="ask every visitor for this user and password")
    parser.add_argument("--library", metavar="DIR", help="folder of sounds to index at the start")
    parser.add_argument("--workspace", metavar="DIR", help=f"default: {default_workspace()}")
    parser.add_argument("--clvap", metavar="NAME_OR_PATH", help=f"search model (default: as last chosen on the page, {DEFAULT_CLVAP} at first)")
    parser.add_argument("--generator", metavar="NAME_OR_PATH", help=f"generator (default: as last chosen on the page, {DEFAULT_GENERATOR} at first)")
    parser.add_argument("--device", default="auto", help=f"one of {', '.join(DEVICES)} (default: %(default)s)")
    parser.add_argument("--mcp", action="store_true", help="offer the endpoints to language models as tools (needs gradio[mcp])")
    return parser


def _workspace(named: str | None, environment: Mapping[str, str]) -> Path:
    """The folder named; else, in a Space with a disk that stays, a folder there; else the user's own."""
    kept = space.storage(environment)
    if named or kept is None or environment.get(VARIABLE, "").strip():
        return Path(named) if named else default_workspace()
    return kept / "clvap-studio"


def _port(environment: Mapping[str, str]) -> int:
    """That of the environment, as gradio has it."""
    named = environment.get("GRADIO_SERVER_PORT", "").strip()
    if named and not named.isdigit():
        raise SettingsError(f"GRADIO_SERVER_PORT {named}: use a number from 1 to 65535")
    return int(named) if named else DEFAULT_PORT


def is_loopback(host: str) -> bool:
    """Whether that address or name means this machine, whoever asks."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

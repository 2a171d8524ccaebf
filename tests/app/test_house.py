"""The rules of the house, read from the source: imports go one way, and a handler of the page asks one service."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = (("clvap", ("generation", "app", "gradio")), ("generation", ("app", "gradio")), ("app/services", ("app.ui", "gradio")))
HEAVY = ("torch", "transformers", "stable_audio_tools", "torchaudio", "lancedb", "sklearn")
LOOKUPS = {"sounds.token", "sounds.path", "history.find", "board.notices", "library.state", "gestures.choose", "gestures.read", "jobs.find"}
"""Questions whose answer is at hand: they change nothing and wait for nothing."""


def sources(folder: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> set[str]:
    """All modules a file imports, inside its functions too."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def asked(function: ast.AST) -> set[str]:
    """The methods of the studio's services that a function calls, such as `history.star`."""
    called = (ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    return {name.split("studio.", 1)[1] for name in called if name.startswith(("self._studio.", "studio."))}


def handlers() -> Iterator[tuple[str, set[str]]]:
    """Every function of the page that asks a service for more than what is at hand, with what it asks."""
    for path, tree in sources("app/ui"):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and (work := asked(node) - LOOKUPS):
                yield f"{path}:{node.name}", work


@pytest.mark.parametrize(("folder", "others"), LAYERS)
def test_imports_go_one_way(folder, others):
    wrong = [(str(path), name) for path, tree in sources(folder) for name in imported(tree) if any(name == one or name.startswith(f"{one}.") for one in others)]
    assert wrong == []


def test_the_page_imports_no_model_code():
    wrong = [(str(path), name) for path, tree in sources("app/ui") for name in imported(tree) if name.partition(".")[0] in HEAVY]
    assert wrong == []


def test_a_handler_of_the_page_asks_one_service_method():
    found = dict(handlers())
    lines = sum(len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path, _ in sources("app/ui"))
    print(f"app/ui has {lines:,} lines; {len(found)} functions ask a service")
    assert len(found) > 30
    assert {name: work for name, work in found.items() if len(work) > 1} == {}

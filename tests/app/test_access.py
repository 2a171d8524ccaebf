"""The table of who may do what: the page about it, the module that holds it, and the services that ask it."""

import re
from pathlib import Path

import pytest

from app.services.access import Action, Forbidden, allowed, require
from app.services.limits import Limits
from app.settings import Settings

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "exposure.md").read_text(encoding="utf-8")
COLUMNS = {
    "local": {},
    "shared": {"host": "0.0.0.0"},
    "shared, `--auth`": {"host": "0.0.0.0", "auth": ("me", "secret")},
    "space": {"in_space": True},
}
ALWAYS = "imitate, search, play, download, keep what is theirs"


def settings(tmp_path: Path, column: str) -> Settings:
    return Settings(workspace=tmp_path, **COLUMNS[column])


def table(heading: str) -> dict[str, list[str]]:
    """Rows of the first table whose head begins so, by their first cell."""
    lines = DOCUMENT[DOCUMENT.index(heading) :].split("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows if not set(row[0]) <= set("-")}


def test_the_page_tells_what_the_module_says(tmp_path):
    told = table("| a visitor may")
    assert told["a visitor may"] == list(COLUMNS)
    expected = {action.value: ["yes" if action in allowed(settings(tmp_path, column)) else "no" for column in COLUMNS] for action in Action}
    assert {row: cells for row, cells in told.items() if row != "a visitor may"} == {ALWAYS: ["yes"] * 4} | expected


def test_the_page_tells_the_limits_of_the_module(tmp_path):
    here, outside, known = (Limits.of(settings(tmp_path, column)) for column in ("local", "space", "shared, `--auth`"))
    assert outside == Limits.of(settings(tmp_path, "shared"))
    assert table("| limit |") == {
        "limit": ["shared, space", "local"],
        "a file sent": [f"{outside.upload_bytes // 2**20} MB", "-"],
        "all files sent and not cleaned away yet": [f"{outside.uploads_bytes // 2**30} GB", "-"],
        "a recording": ["30 s", "30 s"],
        "letters of a text": [f"{outside.words}", f"{here.words:,}"],
        "hits, takes, steps of one request": [f"{of.hits:,}, {of.variations}, {of.steps}" for of in (outside, here)],
        "candidates of a take": [f"{outside.best_of}", f"{here.best_of}"],
        "a take": [f"{outside.take_s:.0f} s", f"{here.take_s:.0f} s"],
        "requests of one visitor at a time; of all": [
            f"{outside.in_flight} ({known.in_flight} with `--auth`); {outside.in_line}",
            f"{here.in_flight}; {here.in_line}",
        ],
        "room left on the disk": [f"{outside.free_bytes // 2**30} GB", "-"],
        "events waiting before the server refuses": [f"{outside.queue}", f"{here.queue}"],
    }


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("action", Action)
def test_what_is_not_allowed_is_refused_with_a_cure(tmp_path, action, column):
    of = settings(tmp_path, column)
    if action in allowed(of):
        require(of, action)
        return
    with pytest.raises(Forbidden, match=re.escape(action.value)) as refused:
        require(of, action)
    assert ("--auth" if action is Action.TRAIN else "on the machine itself") in str(refused.value)

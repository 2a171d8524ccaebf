"""The library's endpoints without a server: what they tell, and to whom."""

import re
from pathlib import Path

import gradio as gr
import pytest

from app.services.errors import RequestError
from app.ui.api import Api
from app.ui.api.keeping import KeepingApi
from app.ui.api.library import LibraryApi
from tests.app.conftest import bench
from tests.app.test_library_service import wait_until
from tests.fakes import render_effects

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.fixture(params=["local", "space"])
def told(request, tmp_path):
    """The endpoints of a filled library, and whether they are asked on one's own machine."""
    render_effects(tmp_path / "mine")
    bench(tmp_path / "w").studio.library.index(tmp_path / "mine")
    with gr.Blocks():
        return LibraryApi(bench(tmp_path / "w", in_space=request.param == "space").studio), request.param == "local"


def test_the_map_and_the_facts_of_its_sounds(told, tmp_path):
    api, local = told
    points = wait_until(api.library_map)
    assert len(points) == 6 and {frozenset(point) for point in points} == {frozenset(("sound", "x", "y", "name", "category", "duration_s"))}
    point = next(point for point in points if point["name"] == "tone_3")
    assert 0 <= point["x"] <= 1 and 0 <= point["y"] <= 1 and point["category"] == "ALARM"
    facts = api.library_sound(point["sound"])
    assert (facts["name"], facts["caption"], facts["channels"]) == ("tone_3", "a falling tone, number 3", 1)
    assert facts["duration_s"] == point["duration_s"] == pytest.approx(0.9, abs=0.01)
    assert ("source" in facts) == local and (local or str(tmp_path) not in f"{points}{facts}")


def test_what_is_no_sound_of_the_library_is_told_nothing_of(told, tmp_path):
    api, _ = told
    with pytest.raises(RequestError, match="not served any more"):
        api.library_sound("../../etc/passwd")
    (tmp_path / "private.wav").touch()
    with pytest.raises(RequestError, match="not in the library"):
        api.library_sound(api._studio.sounds.token(tmp_path / "private.wav"))


def test_the_history_is_asked_for_page_by_page(tmp_path):
    from app.services.history import KeptMatch
    from tests.histories import many

    many(tmp_path / "history", 120, KeptMatch("/a.wav", "a", "", "", 0.5, 1.0))
    with gr.Blocks():
        api = KeepingApi(bench(tmp_path).studio)
    seen, last = [], ""
    while page := api.history(None, limit=50, before=last):
        seen += [line["words"] for line in page]
        last = page[-1]["entry"]
    assert seen == [f"gesture {number}" for number in reversed(range(120))]
    assert len(api.history(None, favourites=True, limit=100)) == 30


def test_the_readme_names_every_endpoint(tmp_path):
    with gr.Blocks():
        offered = Api(bench(tmp_path).studio).names
    table = README.read_text(encoding="utf-8").split("## API")[1].split("\n## ")[0]
    assert set(re.findall(r"`/(\w+)`", table)) == offered

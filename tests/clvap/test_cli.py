import json
import subprocess
import sys
from pathlib import Path

import pytest

import clvap
from clvap import __main__ as cli
from clvap.audio import write
from clvap.console import BAD_INPUT
from clvap.workspace import default_workspace
from tests.fakes import FakeEmbedder, gestures_in_a_row, render_effects, tone


class Loaded(FakeEmbedder):
    @classmethod
    def from_pretrained(cls, name="clvap-mini", device="auto"):
        print("a library that talks on standard output")
        return cls()


@pytest.fixture(autouse=True)
def fake_model(monkeypatch):
    monkeypatch.setattr("clvap.embedder.Embedder", Loaded)
    monkeypatch.setattr(clvap, "Embedder", Loaded, raising=False)


@pytest.fixture
def workspace(tmp_path) -> str:
    return str(tmp_path / "workspace")


@pytest.fixture
def effects(tmp_path) -> str:
    render_effects(tmp_path / "effects", count=4)
    (tmp_path / "effects/broken.wav").write_text("no sound")
    return str(tmp_path / "effects")


def said(capsys) -> dict:
    """Standard output, which must be one JSON object and nothing else."""
    return json.loads(capsys.readouterr().out)


def test_index_then_search_as_promised(capsys, workspace, effects, tmp_path):
    assert cli.main(["index", effects, "--workspace", workspace, "--json"]) == 0
    report = said(capsys)
    assert set(report) == {"indexed", "unchanged", "skipped", "seconds"}
    assert (report["indexed"], report["unchanged"]) == (4, 0)
    assert report["skipped"][0]["path"].endswith("broken.wav") and report["skipped"][0]["reason"]

    gesture = write(tmp_path / "voice.wav", tone(0.7))
    assert cli.main(["search", "--voice", str(gesture), "--text", "falling tone", "-k", "3", "--balance", "0.3", "--workspace", workspace, "--json"]) == 0
    matches = said(capsys)["matches"]
    assert len(matches) == 3
    assert set(matches[0]) == {"path", "score", "caption", "duration_s"}
    assert [one["score"] for one in matches] == sorted((one["score"] for one in matches), reverse=True)
    assert Path(matches[0]["path"]).is_file()


def test_results_for_people(capsys, workspace, effects):
    assert cli.main(["index", effects, "--workspace", workspace]) == 0
    assert "4 indexed" in capsys.readouterr().out
    assert cli.main(["search", "--text", "falling", "--workspace", workspace]) == 0
    assert capsys.readouterr().out.count("tone_") == 4


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["search"], "give --voice"),
        (["search", "--text", "  "], "give --voice"),
        (["search", "--voice", "/nowhere.wav"], "check the path"),
        (["search", "--text", "x", "--gesture", "2"], "give the recording with --voice"),
        (["search", "--text", "x"], "python -m clvap index"),
        (["index", "/nowhere"], "no such folder"),
        (["index", "--workspace", "/dev/null/x", "/tmp"], "choose another workspace"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(capsys, workspace, arguments, advice):
    where = [] if "--workspace" in arguments else ["--workspace", workspace]
    assert cli.main([*arguments, *where, "--json"]) == BAD_INPUT
    out, err = capsys.readouterr()
    assert out == "" and advice in err and err.count("\n") == 1


BAD_ARGUMENTS = [
    ["search", "--balance", "2"], ["search", "-k", "0"], ["search", "--gesture", "0"], ["gestures", "/nowhere.wav"], ["index"], ["sing"], [],
    ["train", "/nowhere.yaml"],
]  # fmt: skip


@pytest.mark.parametrize("arguments", BAD_ARGUMENTS)
def test_bad_arguments_are_one_line(capsys, arguments):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    out, err = capsys.readouterr()
    assert stopped.value.code == BAD_INPUT
    assert out == "" and err.count("\n") == 1 and "--help" in err


def test_a_silent_recording_is_refused(capsys, workspace, tmp_path):
    silence = write(tmp_path / "silence.wav", tone(0.5, 0.0))
    assert cli.main(["search", "--voice", str(silence), "--workspace", workspace]) == BAD_INPUT
    assert "silence" in capsys.readouterr().err


@pytest.fixture
def two_gestures(tmp_path) -> str:
    """A recording of a long and a short tone with a pause between."""
    return str(write(tmp_path / "two.wav", gestures_in_a_row((1.2, 0.4), pause_s=0.5)))


def test_the_gestures_of_a_recording_are_listed_with_their_times(capsys, two_gestures):
    assert cli.main(["gestures", two_gestures, "--json"]) == 0
    first, second = said(capsys)["gestures"]
    assert set(first) == {"number", "start_s", "end_s", "strength", "label"} and (first["number"], second["number"]) == (1, 2)
    assert first["start_s"] == pytest.approx(0.5, abs=0.08) and second["start_s"] == pytest.approx(2.2, abs=0.08)
    assert cli.main(["gestures", two_gestures]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["1", "2"]


def test_one_gesture_of_a_recording_is_searched_with(capsys, workspace, effects, two_gestures):
    assert cli.main(["index", effects, "--workspace", workspace]) == 0
    capsys.readouterr()
    for chosen, least_alike in ((["--gesture", "1"], "tone_0.wav"), (["--gesture", "2"], "tone_3.wav")):  # the shortest, the longest
        assert cli.main(["search", "--voice", two_gestures, *chosen, "--balance", "0", "--workspace", workspace, "--json"]) == 0
        assert Path(said(capsys)["matches"][-1]["path"]).name == least_alike
    assert cli.main(["search", "--voice", two_gestures, "--balance", "0", "--workspace", workspace]) == 0
    assert cli.main(["search", "--voice", two_gestures, "--gesture", "3", "--workspace", workspace]) == BAD_INPUT
    assert "two.wav: gesture 3 was asked for, but it holds 2 gestures" in capsys.readouterr().err.splitlines()[-1]


def test_training_and_evaluation_are_handed_the_recipe(monkeypatch, tmp_path):
    recipe, asked = tmp_path / "recipe.yaml", []
    recipe.write_text("name: x")
    monkeypatch.setattr("clvap.train.run", lambda path, progress: asked.append(path))
    monkeypatch.setattr("clvap.evaluate.run", lambda path, json_output, model: asked.append((json_output, model)))
    assert cli.main(["train", str(recipe)]) == 0
    assert cli.main(["evaluate", str(recipe), "--json", "--model", "mine"]) == 0
    assert asked == [recipe, (True, "mine")]


def test_arguments_are_read_without_loading_anything_heavy():
    code = "import sys, clvap.__main__ as c; c._parser(); print([m for m in ('torch', 'lancedb', 'numpy', 'scipy') if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], cwd=Path(cli.__file__).parents[1], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_the_workspace_can_be_named_by_the_environment(monkeypatch):
    monkeypatch.setenv("CLVAP_WORKSPACE", "/data/studio")
    assert default_workspace() == Path("/data/studio")
    monkeypatch.delenv("CLVAP_WORKSPACE")
    assert "clvap-studio" in str(default_workspace())

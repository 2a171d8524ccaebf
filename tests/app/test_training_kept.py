"""Runs after their start: a name of their own, deleted and had back, and so many minutes instead of steps."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.services.access import Forbidden
from app.services.errors import RequestError
from app.services.housekeeping import Housekeeping
from app.services.training import Wish
from app.services.training.recipes import filled, templates
from app.services.training.recipes import write as write_recipe
from app.ui.training import curves, runs
from clvap.audio import write
from clvap.recipe import Recipe as ClvapRecipe
from clvap.recipe_file import read
from generation.finetune.recipe import Recipe
from tests.app.conftest import bench
from tests.app.test_training import FakeShelf, finished, service, until
from tests.fakes import tone

LORA = "finetune-sfx-mini-lora"


@pytest.fixture
def sounds(tmp_path) -> Path:
    """Twelve tones."""
    folder = tmp_path / "My Pack"
    for number in range(12):
        write(folder / ("Bells" if number % 2 else "Drums") / f"{number}.wav", tone(0.3, 200.0 + 30 * number))
    return folder


@pytest.fixture
def used():
    return FakeShelf()


@pytest.fixture
def studio(tmp_path, sounds, used, monkeypatch):
    """The training service on fake work."""
    monkeypatch.setenv("FAKE_STEP_S", "0.01")
    return service(tmp_path, sounds, used)


def done(studio, sounds, kind="finetune", template=LORA, length=5, **wish):
    """A run that has ended."""
    run = studio.start(Wish(kind, studio.look(str(sounds)).key, template, length=length, **wish))
    return finished(studio, kind, run.name)


def test_a_run_is_called_something_else_everywhere(studio, sounds):
    first, second = done(studio, sounds, "train", "train-folder"), done(studio, sounds, "train", "train-folder")
    named = studio.kept.rename("train", first.name, "  <b>Take\n two</b> " + "x" * 200)
    assert named.label.startswith("<b>Take two</b> xxx") and len(named.label) == 80 and named.name == first.name
    board = studio.board("train", first.name, second.name)
    html = runs.strip(board) + runs.head(board, True) + curves.picture([board.shown, board.other])
    assert html.count("&lt;b&gt;Take two&lt;/b&gt;") >= 5 and "<b>Take" not in html
    assert named.label in dict(studio.starts("train"))
    assert [studio.board("train", run.name).shown.run.job.title for run in (first, second)] == [named.label, second.label]
    assert studio.kept.rename("train", first.name, "  \n").label == first.label == f"{first.about.title} #1"
    studio.kept.rename("train", first.name, first.label)  # what it is called anyway is no name of its own
    unnamed = studio.board("train", first.name).shown.run
    assert unnamed.about.name == "" and unnamed.job.title == first.label
    with pytest.raises(RequestError, match="not there any more"):
        studio.kept.rename("train", "../elsewhere", "x")


def test_its_model_has_its_name_on_the_shelf(studio, sounds, tmp_path):
    run = done(studio, sounds, "train", "train-folder")
    shelf = bench(tmp_path / "workspace").studio.models_shelf
    names = lambda: {shown.model.location: shown.model.name for shown in shelf.state().models}  # noqa: E731
    assert names()[str(run.made)] == run.name
    studio.kept.rename("train", run.name, "Kitchen")
    assert names()[str(run.made)] == "Kitchen" and not shelf.uses(run.folder)


def test_the_shelf_knows_what_is_used_of_a_run(tmp_path):
    shelf, folder = bench(tmp_path / "workspace").studio.models_shelf, tmp_path / "workspace" / "runs" / "one"
    chosen = shelf._models.chosen
    for changes in ({"clvap": str(folder / "model")}, {"generator": str(folder / "model")}, {"loras": ((str(folder / "lora.safetensors"), 1.0),)}):
        before = chosen.now()
        chosen.keep(replace(before, **changes))
        assert shelf.uses(folder) and not shelf.uses(folder.with_name("on"))
        chosen.keep(before)


def test_a_run_is_deleted_and_had_back(studio, sounds):
    run = done(studio, sounds)
    studio.kept.rename("finetune", run.name, "Keeper")
    deleted = studio.kept.delete("finetune", run.name)
    assert studio.board("finetune").runs == () and not run.folder.exists() and "Deleted Keeper." in runs.deleted(deleted)
    again = done(studio, sounds)
    assert again.name != run.name  # the place of the deleted one is kept
    back = studio.kept.restore(run.name)
    assert back.done and back.usable and back.label == "Keeper" and {one.name for one in studio.board("finetune").runs} == {run.name, again.name}
    for key in (run.name, "", "..", "../jobs", "/etc"):
        with pytest.raises(RequestError, match="too long ago"):
            studio.kept.restore(key)


def test_what_was_deleted_is_gone_after_an_hour_with_its_log(studio, sounds):
    kept, gone, fresh = done(studio, sounds), done(studio, sounds), done(studio, sounds)
    for run in (gone, fresh):
        studio.kept.delete("finetune", run.name)
    trash = kept.folder.parent / ".trash"
    os.utime(trash / gone.name, (time.time() - 4_000,) * 2)
    studio.kept.tidy()
    assert [path.name for path in trash.iterdir()] == [fresh.name] and kept.usable
    assert {job.target for job in studio._jobs.list("finetune")} == {str(kept.folder), str(fresh.folder)}


def test_housekeeping_goes_on_with_the_others_where_one_fails(tmp_path):
    made, done_by = bench(tmp_path / "workspace").studio, []

    def broken():
        raise OSError("the disk is gone")

    Housekeeping(made.uploads, made.history, made.limits, (broken, lambda: done_by.append("the next"))).everything()
    assert done_by == ["the next"]


def test_what_something_works_with_is_not_deleted(studio, sounds, used, monkeypatch):
    run = done(studio, sounds, "train", "train-folder")
    used.used.append(("clvap", str(run.made), 1.0))
    with pytest.raises(RequestError, match=r"works with the model .*another one to use"):
        studio.kept.delete("train", run.name)
    used.used.clear()
    monkeypatch.setenv("FAKE_STEP_S", "0.2")
    after = studio.start(Wish("train", studio.look(str(sounds)).key, "train-folder", start=str(run.made), length=100))
    with pytest.raises(RequestError, match="is running: stop it first"):
        studio.kept.delete("train", after.name)
    studio.stop("train", after.name)
    assert finished(studio, "train", after.name).job.status == "cancelled"
    with pytest.raises(RequestError, match=r"#2 starts from .*#1 and is not finished"):
        studio.kept.delete("train", run.name)
    job = studio._jobs.start("count", "elsewhere", "Evaluating", {"file": str(run.folder / "kept"), "to": 1000, "pause_s": 0.1})
    with pytest.raises(RequestError, match="Evaluating is at work with"):
        studio.kept.delete("train", run.name)
    studio._jobs.cancel(job.id)
    until(lambda: not studio._jobs.find(job.id).running)
    studio.kept.delete("train", after.name)
    studio.kept.delete("train", run.name)
    assert studio.board("train").runs == ()


def test_strangers_neither_name_nor_delete(tmp_path, sounds, used):
    stranger = service(tmp_path, sounds, used, host="0.0.0.0")
    for ask in (lambda: stranger.kept.rename("train", "x", "y"), lambda: stranger.kept.delete("train", "x"), lambda: stranger.kept.restore("x")):
        with pytest.raises(Forbidden, match="--auth"):
            ask()


@pytest.mark.parametrize("template", [*templates("finetune"), *templates("train")], ids=lambda one: one.name)
def test_every_recipe_takes_minutes(studio, sounds, tmp_path, template):
    seen = studio.look(str(sounds))
    wish = Wish(template.kind, seen.key, template.name, start=None if template.kind == "train" else "sfx-mini", minutes=2.5)
    path = write_recipe(filled(wish, seen, tmp_path / "run", tmp_path / "table.csv"), tmp_path / "recipe.yaml")
    if template.kind == "train":
        made = ClvapRecipe.load(path)
        assert made.minutes == 2.5 and sum(map(made.seconds, made.stages)) == pytest.approx(150)
    else:
        training = Recipe.load(path).training
        assert training.minutes == 2.5 and training.steps is None and training.epochs is None


@pytest.mark.parametrize(("kind", "template"), [("finetune", LORA), ("train", "train-folder")])
def test_a_run_of_minutes_tells_its_time_and_is_finished_by_it(studio, sounds, kind, template, monkeypatch):
    monkeypatch.setenv("FAKE_STEP_S", "0.1")
    run = studio.start(Wish(kind, studio.look(str(sounds)).key, template, minutes=3))
    assert run.about.length == "3 minutes" and read(run.folder / "recipe.yaml").get("minutes", 3) == 3
    shown = until(lambda: (job := studio.board(kind).shown.run.job).fraction and job)
    assert shown.text.endswith("of 3 minutes") and 0 < shown.fraction < 1
    studio.stop(kind, run.name)
    finished(studio, kind, run.name)
    monkeypatch.setenv("FAKE_STEP_S", "0.0")
    studio.resume(kind, run.name)
    ended = finished(studio, kind, run.name)
    assert ended.done and ended.usable and studio.board(kind).shown.curves[0].last[0] == 30


def test_minutes_that_cannot_be_are_refused(studio, sounds):
    key = studio.look(str(sounds)).key
    for minutes in (0, -1, float("nan"), 1e6):
        for kind, template in (("finetune", LORA), ("train", "train-folder")):
            with pytest.raises(RequestError, match="Minutes: give a number"):
                studio.start(Wish(kind, key, template, minutes=minutes))
    assert not list(studio._runs.folder.glob("my-pack-*"))  # nothing is begun

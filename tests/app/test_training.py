"""The service behind the two training tabs: folders looked at, captions mended, recipes filled in, runs started and watched."""

import csv
import time
from pathlib import Path

import pytest

from app.services.access import Forbidden
from app.services.errors import RequestError
from app.services.jobs import Jobs
from app.services.training import Training, Wish
from app.services.training.packs import Packs
from app.services.training.recipes import filled, templates
from app.services.training.recipes import write as write_recipe
from app.settings import Settings
from clvap.audio import write
from clvap.library.scan import scan
from clvap.recipe import Recipe as ClvapRecipe
from clvap.recipe_file import read
from clvap.training.rows import rows_of
from generation.finetune.recipe import Recipe
from tests.fakes import tone


class FakeShelf:
    """Notes what was put to use."""

    def __init__(self) -> None:
        self.used: list[tuple[str, str, float]] = []

    def use(self, kind: str, location: str, strength: float = 1.0) -> None:
        self.used.append((kind, location, strength))

    def uses(self, folder: Path) -> bool:
        return any(Path(location).is_relative_to(folder) for _, location, _ in self.used)


@pytest.fixture
def pack(tmp_path) -> Path:
    """Two folders of six tones, and three files that cannot be used."""
    folder = tmp_path / "My Pack"
    for number in range(6):
        write(folder / "Bells" / f"Bell_{number}.wav", tone(0.4, 300.0 + 50 * number))
        write(folder / "Drum Loops" / f"Break_{number}_120bpm.wav", tone(0.6, 100.0 + 20 * number))
    (folder / "empty.wav").touch()
    (folder / "broken.wav").write_bytes(b"RIFF0000WAVE")
    write(folder / "phone.wav", tone(0.5, rate=8_000))
    return folder


@pytest.fixture
def shelf():
    return FakeShelf()


@pytest.fixture
def training(tmp_path, pack, shelf, monkeypatch):
    """The service on fake work; My Pack is a folder of the library."""
    monkeypatch.setenv("FAKE_STEP_S", "0.02")
    return service(tmp_path, pack, shelf)


def service(tmp_path, pack, shelf, **settings) -> Training:
    workspace = tmp_path / "workspace"
    jobs = Jobs(workspace / "jobs", package="tests.work")
    return Training(Settings(workspace=workspace, **settings), jobs, lambda: (pack,), lambda: shelf)


def until(true, seconds=60.0):
    """Wait for something to become true; what it then is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def finished(training, kind, name):
    return until(lambda: (run := training.board(kind, name).shown.run).job.running is False and run)


def test_a_folder_is_looked_at(training, pack):
    seen = training.look(str(pack))
    assert len(seen.rows) == 12 and seen.seconds == pytest.approx(6.0, abs=0.01) and seen.name == "My Pack"
    assert {one.file: one.reason.split(";")[0] for one in seen.left_out}.keys() == {"empty.wav", "broken.wav", "phone.wav"}
    assert seen.rows[0].caption == "bells" and seen.rows[-1].caption == "drum loops break, 120 BPM"
    with pytest.raises(RequestError, match="no such folder"):
        training.look("/nowhere/at/all")
    with pytest.raises(RequestError, match="Choose a folder"):
        training.look(" ")


def test_captions_are_mended_beside_the_folder_and_kept(training, pack, tmp_path, shelf):
    before = sorted(path for path in pack.rglob("*"))
    seen = training.look(str(pack))
    assert training.mend(seen.key, "Bells/Bell_1.wav", "  a church\nbell ").rows[1].caption == "a church bell"
    changed = training.replace(seen.key, "LOOPS break", "beat")
    assert changed.rows[-1].caption == "drum beat, 120 BPM" and sum(row.mended for row in changed.rows) == 7
    again = service(tmp_path, pack, shelf).look(str(pack))
    assert [row.caption for row in again.rows] == [row.caption for row in changed.rows] and sorted(pack.rglob("*")) == before
    assert training.mend(seen.key, "Bells/Bell_1.wav", "").rows[1].caption == "bells"
    assert not any(row.mended for row in training.reset(seen.key).rows)
    assert not any(row.mended for row in service(tmp_path, pack, shelf).look(str(pack)).rows)


def test_a_table_kept_elsewhere_comes_before_the_folders_own(pack, tmp_path):
    (pack / "captions.csv").write_text("path,caption,category\nBells/Bell_0.wav,the own,BELL\n")
    (pack / "Bells" / "Bell_1.txt").write_text("beside it")
    table = tmp_path / "table.csv"
    table.write_text("path,caption\nBells/Bell_0.wav,the other\nBells/Bell_1.wav,mended\n")
    told = {sound.name: (sound.caption, sound.category) for sound in scan(pack, table).sounds}
    assert told["Bell_0"] == ("the other", "BELL") and told["Bell_1"][0] == "mended" and told["Bell_2"][0] == "bells"


@pytest.mark.parametrize("template", templates("finetune"), ids=lambda one: one.name)
def test_every_finetune_recipe_is_filled_in_as_the_command_line_reads_it(training, pack, tmp_path, template):
    seen, table = training.look(str(pack)), tmp_path / "captions.csv"
    wish = Wish("finetune", seen.key, template.name, start="sfx-mini", length=3, rank=4, strength=0.5, demos=("a bell",))
    path = tmp_path / "recipe.yaml"
    made = Recipe.load(write_recipe(filled(wish, seen, tmp_path / "run", table), path))
    assert made.folder == pack and made.captions == table and made.start == "sfx-mini" and made.demos.prompts == ("a bell",) and made.kind == template.method
    assert template.about and "python" not in template.about
    assert (made.training.steps or made.training.epochs) == 3 and made.training.validate_every <= 3
    if template.method == "lora":
        assert made.lora.rank == 4 and made.lora.alpha == 2.0


@pytest.mark.parametrize("template", templates("train"), ids=lambda one: one.name)
def test_every_clvap_recipe_is_filled_in_as_the_command_line_reads_it(training, pack, tmp_path, template):
    seen = training.look(str(pack))
    table = Packs.manifest(Packs.rows(training.mend(seen.key, "Bells/Bell_1.wav", "a church bell")), tmp_path / "sounds.csv")
    keys = filled(Wish("train", seen.key, template.name, length=40), seen, tmp_path / "run", table)
    made = ClvapRecipe.load(write_recipe(keys, tmp_path / "recipe.yaml"))
    assert sum(stage.steps for stage in made.stages) == 40 and made.start.name == "clvap-mini" and made.stages[0].batch_size == 8
    rows = rows_of(made)
    assert len(rows) == 12 and rows[1].captions == ("a church bell",) and rows[1].path == (pack / "Bells" / "Bell_1.wav").resolve()


def test_numbers_that_cannot_be_are_refused(training, pack):
    seen = training.look(str(pack))
    for changes, said in (({"length": 0}, "Steps"), ({"rank": 10_000}, "Rank"), ({"strength": -1.0}, "Strength"), ({"template": "../secret"}, "recipes")):
        wish = Wish(**{"kind": "finetune", "pack": seen.key, "template": "finetune-sfx-mini-lora"} | changes)
        with pytest.raises(RequestError, match=said):
            training.start(wish)
    with pytest.raises(RequestError, match="Choose the folder again"):
        training.start(Wish("finetune", "unknown", "finetune-sfx-mini-lora"))
    assert training.board("finetune").runs == ()


def test_a_run_is_started_watched_stopped_and_goes_on(training, pack, shelf, monkeypatch):
    monkeypatch.setenv("FAKE_STEP_S", "0.1")
    seen = training.look(str(pack))
    training.mend(seen.key, "Bells/Bell_1.wav", "a church bell")
    run = training.start(Wish("finetune", seen.key, "finetune-sfx-mini-lora", length=40))
    assert run.running and run.about.title == "My Pack · LoRA of sfx-mini" and run.name == "my-pack-sfx-mini-lora-1"
    with open(run.folder / "captions.csv", newline="") as file:
        assert [row["caption"] for row in csv.DictReader(file)] == ["a church bell"]
    assert read(run.folder / "recipe.yaml")["captions"] == str(run.folder / "captions.csv")
    view = until(lambda: (view := training.board("finetune").shown).decisive and view.demos and view)
    assert view.exportable and {curve.name for curve in view.curves} == {"loss", "validation"}
    assert view.decisive.best[1] == pytest.approx(0.3)
    with pytest.raises(RequestError, match="no model yet"):
        training.use("finetune", run.name)
    training.stop("finetune", run.name)
    stopped = finished(training, "finetune", run.name)
    assert stopped.job.status == "cancelled"
    at = training.board("finetune").shown.curves[0].last[0]
    training.export("finetune", run.name)
    until(lambda: training.board("finetune").shown.run.usable)
    monkeypatch.setenv("FAKE_STEP_S", "0.01")
    training.resume("finetune", run.name)
    done = finished(training, "finetune", run.name)
    steps = [step for step, _ in training.board("finetune").shown.curves[0].points]
    assert done.done and steps == list(range(1, 41)) and at < 40 and "the end" in training.board("finetune").shown.log
    assert {demo.prompt for demo in training.board("finetune").shown.demos} == {"bells", "a church bell", "drum loops break, 120 BPM"}
    training.use("finetune", run.name)
    assert shelf.used == [("lora", str(run.folder / "lora.safetensors"), 1.0)]


def test_two_runs_are_compared(training, pack):
    seen = training.look(str(pack))
    names = [training.start(Wish("train", seen.key, "train-folder", length=10)).name for _ in range(2)]
    for name in names:
        assert finished(training, "train", name).done
    board = training.board("train", names[0], names[1])
    assert [run.name for run in board.runs] == names[::-1] and board.shown.run.name == names[0] and board.other.run.name == names[1]
    assert board.shown.decisive.name == "MRR" and board.shown.decisive.best == (10, 0.9) and board.shown.run.made.name == "model"
    assert training.board("finetune").runs == ()
    assert training.starts("train")[1:] == tuple((run.label, str(run.made)) for run in board.runs)


def test_more_captions_and_variants_are_trained_on_too(training, pack):
    seen = training.look(str(pack))
    for ask in (lambda: training.more.captions(seen.key, 2), lambda: training.more.sounds(seen.key, 1, 0)):
        ask()
        until(lambda: all(not job.running for job in training.board("train", pack=seen.key).more))
    assert [(job.kind, job.result["made"]) for job in training.board("train", pack=seen.key).more] == [("caption", 24), ("augment", 12)]
    training.mend(seen.key, "Bells/Bell_1.wav", "a church bell")
    run = training.start(Wish("train", seen.key, "train-folder", length=5))
    rows = rows_of(ClvapRecipe.load(run.folder / "recipe.yaml"))
    kept = {row.source for row in rows if row.split == "validation"}
    assert len(rows) == 12 + 12 - len(kept) and len(kept) >= 2 and all(row.source not in kept for row in rows[12:])
    assert rows[0].captions == ("bells", "bells 0", "bells 1")
    assert [row.captions for row in rows if row.source.endswith("Bells/Bell_1.wav")] == [("a church bell",)] * 2
    with pytest.raises(RequestError, match="at least one variant"):
        training.more.sounds(seen.key, 0, 0)


def test_what_does_not_fit_is_not_started_unless_told_to(training, pack):
    seen = training.look(str(pack))
    wish = Wish("finetune", seen.key, "finetune-sfx-mini-lora", length=5, rank=500)
    job = training.estimate(wish)
    until(lambda: not training.board("finetune").needs.job.running)
    needs = training.board("finetune").needs
    assert needs.job.id == job.id and not needs.fits and needs.seconds == 150
    with pytest.raises(RequestError, match=r"about 8.0 GB and 4.0 GB are free"):
        training.start(wish)
    small = Wish("finetune", seen.key, "finetune-sfx-mini-lora", length=5, rank=8)
    assert training.start(small).running
    run = training.start(wish, anyway=True)
    assert run.job.arguments["anyway"] and training.board("finetune").needs is None


def test_it_survives_a_restart_of_the_server(training, pack, tmp_path, shelf):
    run = training.start(Wish("finetune", training.look(str(pack)).key, "finetune-sfx-mini-lora", length=10))
    again = service(tmp_path, pack, shelf)
    assert again.board("finetune").shown.run.name == run.name
    assert finished(again, "finetune", run.name).done


def test_from_outside_only_the_librarys_folders_by_name_and_only_with_a_password(tmp_path, pack, shelf):
    outside = service(tmp_path, pack, shelf, host="0.0.0.0", auth=("me", "secret"))
    ((name, value),) = outside.folders()
    assert name == "My Pack" and "/" not in value
    seen = outside.look(value)
    for path in (str(pack), str(tmp_path), "/etc"):
        with pytest.raises(Forbidden):
            outside.look(path)
    with pytest.raises(Forbidden):
        outside.start(Wish("finetune", seen.key, "finetune-sfx-mini-lora", start=str(tmp_path)))
    stranger = service(tmp_path, pack, shelf, host="0.0.0.0")
    for ask in (stranger.folders, lambda: stranger.look(value), lambda: stranger.board("finetune"), lambda: stranger.stop("finetune", "x")):
        with pytest.raises(Forbidden, match="--auth"):
            ask()

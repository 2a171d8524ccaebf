"""The shelf on fakes: what it lists, what it refuses, what it remembers; and downloads from a loopback hub as real jobs."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.numpy import save_file

from app.services.access import Forbidden
from app.services.chosen import Chosen
from app.services.errors import RequestError
from app.services.jobs import Jobs
from app.services.jobs.job import PROCESS
from app.services.models import Lazy, Lent, Models
from app.services.shelf import Shelf
from app.settings import Settings
from clvap.checkpoints import ModelError
from generation import lora
from tests.clvap.hub_server import hub_server
from tests.fakes import FakeEmbedder, FakeGenerator, FakeLibrary
from tests.work.download import put

LONG_S = 60


@pytest.fixture(autouse=True)
def hub_home(tmp_path, monkeypatch):
    """A cache and a token file of our own, and nothing of the user's."""
    home = tmp_path / "hub"
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    return home / "hub"


def shelf(workspace: Path, jobs: Jobs | None = None, **settings) -> tuple[Shelf, Models]:
    """A shelf over fakes; a model whose place says `unfit` does not load."""
    asked = Settings(workspace=workspace, **settings)
    chosen = Chosen.of(asked)

    def load(kind: str, made: object) -> object:
        if "unfit" in getattr(chosen.now(), kind):
            raise ModelError(f"{getattr(chosen.now(), kind)} does not fit")
        return made

    embedder = Lazy(lambda: load("clvap", FakeEmbedder()))
    generator = Lent(lambda: load("generator", FakeGenerator()), which=lambda: chosen.now().generator)
    models = Models(embedder, Lazy(FakeLibrary), generator, chosen)
    return Shelf(asked, models, jobs or Jobs(workspace / "jobs", "tests.work")), models


def listed(shelf: Shelf) -> dict[str, object]:
    return {shown.model.name: shown for shown in shelf.state().models}


def folder_of(place: Path, config: dict, weights: str | None = "model.safetensors") -> Path:
    place.mkdir(parents=True)
    (place / "config.json").write_text(json.dumps(config))
    if weights:
        save_file({"w": np.zeros(2, np.float32)}, place / weights)
    return place


def native(place: Path, **more) -> Path:
    """A generator's folder in name, with a configuration that can be read."""
    return folder_of(place, {"kind": "clvap-diffusion", "autoencoder": {}, "diffusion": {"max_seconds": 2.0}, **more})


def tuned(path: Path, **metadata) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"w": np.zeros(2, np.float32)}, path, metadata)
    return path


def lora_file(path: Path) -> Path:
    return tuned(path, format=lora.FORMAT, base="sfx-mini", config='{"rank": 8}')


def test_what_ships_is_in_use_and_what_is_gated_says_so(tmp_path):
    state = shelf(tmp_path)[0].state()
    shown = {one.model.name: one for one in state.models}
    assert shown["clvap-mini"].in_use and shown["sfx-mini"].in_use and shown["sfx-mini"].model.licence == "CC-BY-4.0"
    big = shown["stable-audio-open-1.0"].model
    assert big.gated and not big.here and big.page.startswith("https://") and big.size_bytes > 4e9 and big.memory_gb
    assert shown["larger_clap_general"].model.location == "clap-zero-shot:laion/larger_clap_general"
    assert not state.token and not state.advice and not state.library_outdated


def test_a_token_is_seen_without_asking_anyone(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    assert shelf(tmp_path)[0].state().token


def test_a_downloaded_model_is_found_and_deleted(tmp_path, hub_home):
    made, _ = shelf(tmp_path)
    put(hub_home / "models--laion--clap-htsat-unfused", ["config.json", "model.safetensors"])
    assert listed(made)["clap-zero-shot"].model.here
    made.use("clvap", "clap-zero-shot")
    with pytest.raises(RequestError, match="in use; use another first"):
        made.delete("clvap", "clap-zero-shot")
    made.use("clvap", "clvap-mini")
    made.delete("clvap", "clap-zero-shot")
    assert not listed(made)["clap-zero-shot"].model.here and not any(hub_home.iterdir())


@pytest.mark.parametrize(
    ("config", "weights", "said"),
    [
        (None, None, "a model's folder has config.json and model.safetensors"),
        ({"kind": "clvap-diffusion"}, None, "model.safetensors is missing"),
        ({"model_type": "bert"}, "model.safetensors", "neither a CLVAP, nor a CLAP"),
        ({"kind": "clvap-diffusion", "diffusion": {"wings": 2}}, "model.safetensors", "not what this version reads"),
        ({"audio": {}, "voice": {}, "text": {}}, "model.safetensors", "not what this version reads"),
    ],
)
def test_a_folder_that_is_no_model_is_explained_and_not_listed(tmp_path, config, weights, said):
    made, _ = shelf(tmp_path / "w")
    place = tmp_path / "mine"
    if config is None:
        place.mkdir()
    else:
        folder_of(place, config, weights)
    with pytest.raises(ModelError, match=said):
        made.add(str(place))
    assert "mine" not in listed(made)


def test_a_published_layout_is_checked_by_what_loads_it(tmp_path):
    made, _ = shelf(tmp_path / "w")
    place = tmp_path / "mine"
    place.mkdir()
    (place / "model_config.json").write_text('{"model_type": "autoencoder"}')
    with pytest.raises(ModelError, match=r"put model\.safetensors or model\.ckpt beside"):
        made.add(str(place))
    save_file({"w": np.zeros(2, np.float32)}, place / "model.safetensors")
    with pytest.raises(ModelError, match="needs a conditioned diffusion model"):
        made.add(str(place))
    with pytest.raises(ModelError, match="no such folder"):
        made.add(str(tmp_path / "nowhere"))
    with pytest.raises(RequestError, match="type the folder"):
        made.add("  ")


def test_an_added_folder_stays_where_it_is_and_is_remembered(tmp_path):
    made, _ = shelf(tmp_path / "w")
    place = native(tmp_path / "mine")
    made.add(str(place))
    with pytest.raises(RequestError, match="on the list already"):
        made.add(f"{place}/")
    again, _ = shelf(tmp_path / "w")
    assert listed(again)["mine"].model.origin == "linked"
    again.use("generator", str(place))
    with pytest.raises(RequestError, match="in use"):
        again.delete("generator", str(place))
    again.use("generator", "sfx-mini")
    again.delete("generator", str(place))
    assert "mine" not in listed(again) and (place / "config.json").exists()


def test_an_added_folder_that_is_gone_can_be_taken_off_the_list(tmp_path):
    made, _ = shelf(tmp_path / "w")
    place = native(tmp_path / "mine")
    made.add(str(place))
    (place / "config.json").unlink()
    assert "gone or broken" in listed(made)["mine"].model.about
    made.delete("generator", str(place))
    assert "mine" not in listed(made)


def test_own_models_and_those_of_runs_are_found_and_deleted_only_in_the_workspace(tmp_path):
    made, _ = shelf(tmp_path / "w")
    native(tmp_path / "w/models/copied")
    native(tmp_path / "w/runs/pack/model")
    lora_file(tmp_path / "w/runs/pack/lora.safetensors")
    (tmp_path / "w/runs/pack/log.csv").write_text("step\n")
    (tmp_path / "w/models/loose.safetensors").write_text("no such thing")
    outside = native(tmp_path / "outside")
    (tmp_path / "w/models/link").symlink_to(outside)
    shown = listed(made)
    assert {"copied", "pack", "pack/lora", "link"} <= shown.keys() and "loose" not in shown
    assert (shown["pack/lora"].model.kind, shown["pack/lora"].model.base) == ("lora", "sfx-mini")
    made.delete("generator", str(tmp_path / "w/models/copied"))
    made.delete("lora", str(tmp_path / "w/runs/pack/lora.safetensors"))
    with pytest.raises(RequestError, match="leads out of the workspace"):
        made.delete("generator", str(tmp_path / "w/models/link"))
    assert not (tmp_path / "w/models/copied").exists() and (tmp_path / "w/runs/pack/log.csv").exists() and (outside / "config.json").exists()
    with pytest.raises(RequestError, match="comes with the studio"):
        made.delete("generator", "sfx-mini")


def test_a_choice_lasts_over_restarts_and_the_command_line_wins(tmp_path):
    place = native(tmp_path / "w/models/mine")
    file = lora_file(tmp_path / "w/models/pack.safetensors")
    made, _ = shelf(tmp_path / "w")
    made.use("generator", str(place))
    made.use("lora", str(file), 0.7)
    assert shelf(tmp_path / "w")[1].chosen.now().loras == ((str(file), 0.7),)
    _, named = shelf(tmp_path / "w", generator="sfx-mini", named=frozenset({"generator"}))
    assert named.chosen.now().generator == "sfx-mini" and named.chosen.now().loras == ()
    assert Settings.from_arguments(["--clvap", "clvap-mini"]).named == {"clvap"} and not Settings.from_arguments([]).named
    (tmp_path / "w/models.json").write_text("{broken")
    assert shelf(tmp_path / "w")[1].chosen.now().generator == "sfx-mini"


def test_a_model_that_fails_to_load_leaves_the_earlier_one(tmp_path):
    made, models = shelf(tmp_path / "w")
    generator, clvap = native(tmp_path / "w/models/unfit"), folder_of(tmp_path / "w/models/unfit too", {"audio": {}, "voice": {}, "text": {}})
    before, embedder = models.chosen.now(), models.embedder()
    for kind, place in (("generator", generator), ("clvap", clvap)):
        with pytest.raises(ModelError, match="does not fit"):
            made.use(kind, str(place))
        assert models.chosen.now() == before and not (tmp_path / "w/models.json").exists()
    with models.generator() as lent:
        assert isinstance(lent, FakeGenerator)
    assert models.embedder() is embedder


def test_only_what_is_here_can_be_used(tmp_path):
    made, _ = shelf(tmp_path / "w")
    with pytest.raises(RequestError, match="download it first"):
        made.use("generator", "stable-audio-open-1.0")
    with pytest.raises(RequestError, match="not there any more"):
        made.use("generator", "what-is-this")
    with pytest.raises(RequestError, match="not there any more"):
        made.use("clvap", str(native(tmp_path / "mine")))
    with pytest.raises(RequestError, match="from 0 to 2"):
        made.use("lora", str(lora_file(tmp_path / "one.safetensors")), 3)


def test_loras_add_up_change_their_strength_and_are_let_go(tmp_path):
    made, models = shelf(tmp_path / "w")
    one, two = (str(lora_file(tmp_path / f"w/models/{name}.safetensors")) for name in ("one", "two"))
    made.use("lora", one)
    made.use("lora", two, 0.5)
    made.use("lora", one, 0.25)
    assert dict(models.chosen.now().loras) == {one: 0.25, two: 0.5} and listed(made)["one"].strength == 0.25
    with pytest.raises(RequestError, match="let go of it first"):
        made.delete("lora", one)
    Path(two).unlink()
    made.use("lora", one, 0)
    assert models.chosen.now().loras == ((two, 0.5),) and "gone" in listed(made)["two.safetensors"].model.about
    made.use("generator", str(native(tmp_path / "w/models/other")))
    assert models.chosen.now().loras == ()


def test_advice_where_models_do_not_go_together(tmp_path):
    made, models = shelf(tmp_path / "w")
    models.embedder()
    made.use("generator", str(native(tmp_path / "w/models/mine", clvap="clvap-other", clvap_fingerprint="abc")))
    assert "mine was trained with clvap-other (abc)" in made.state().advice[0]
    models.library().outdated = True
    assert made.state().library_outdated


@pytest.mark.parametrize("settings", [{"host": "0.0.0.0"}, {"host": "0.0.0.0", "auth": ("a", "b")}, {"in_space": True}])
def test_visitors_from_outside_may_do_nothing_here(tmp_path, settings):
    made, _ = shelf(tmp_path / "w", **settings)
    for ask in (
        made.state, lambda: made.use("generator", "sfx-mini"), lambda: made.download("clap-zero-shot"), lambda: made.add("/tmp"),
        lambda: made.delete("generator", "sfx-mini"), lambda: made.cancel("clap-zero-shot"), lambda: made.resume("clap-zero-shot"),
    ):  # fmt: skip
        with pytest.raises(Forbidden, match="download, add, choose or delete models"):
            ask()


def until(condition):
    began = time.monotonic()
    while not (found := condition()):
        assert time.monotonic() < began + LONG_S, "it did not come"
        time.sleep(0.05)
    return found


def test_a_download_is_killed_goes_on_and_the_model_is_here(tmp_path, monkeypatch):
    body = os.urandom(4 << 20)
    with hub_server() as hub:
        hub.files["laion/clap-htsat-unfused"] = {"config.json": b'{"model_type": "clap"}', "model.safetensors": body, "pytorch_model.bin": body}
        hub.pause_s = 0.03
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        jobs = Jobs(tmp_path / "w/jobs")
        made, _ = shelf(tmp_path / "w", jobs)
        job = made.download("clap-zero-shot")
        with pytest.raises(RequestError, match="at work on this already"):
            made.download("clap-zero-shot")
        with pytest.raises(RequestError, match="stop that first"):
            made.delete("clvap", "clap-zero-shot")
        running = until(lambda: (shown := listed(made)["clap-zero-shot"].job) and (shown.fraction or 0) > 0.3 and shown)
        assert running.running and "MB of 4.2 MB" in running.text
        os.kill(json.loads((tmp_path / "w/jobs" / job.id / PROCESS).read_text())["pid"], signal.SIGKILL)
        assert until(lambda: listed(made)["clap-zero-shot"].job.status == "interrupted")
        hub.pause_s = 0
        made.resume("clap-zero-shot")
        done = jobs.wait(job.id, LONG_S)
        assert done.status == "done", (done.message, jobs.log(job.id))
        assert len(hub.ranges) == 1 and (Path(done.result["folder"]) / "model.safetensors").read_bytes() == body
        assert not any("pytorch_model" in one for one in hub.requests)
    shown = listed(made)["clap-zero-shot"]
    assert shown.model.here and shown.job is None and shown.model.size_bytes == len(body) + 22


def test_a_refused_download_says_why_in_a_sentence(tmp_path, monkeypatch):
    with hub_server() as hub:
        hub.files["stabilityai/stable-audio-open-small"] = {"model_config.json": b"{}", "model.safetensors": b"weights"}
        hub.files["google-t5/t5-base"] = {"config.json": b"{}", "model.safetensors": b"t5", "tokenizer.json": b"{}"}
        hub.gated, hub.accepted = {"stabilityai/stable-audio-open-small"}, {"hf_good"}
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        jobs = Jobs(tmp_path / "w/jobs")
        made, _ = shelf(tmp_path / "w", jobs)
        failed = jobs.wait(made.download("stable-audio-open-small").id, LONG_S)
        assert failed.status == "failed" and "accept its terms at https://huggingface.co/stabilityai/stable-audio-open-small" in failed.message
        monkeypatch.setenv("HF_TOKEN", "hf_good")
        made.resume("stable-audio-open-small")
        assert jobs.wait(failed.id, LONG_S).status == "done"
    assert listed(made)["stable-audio-open-small"].model.here

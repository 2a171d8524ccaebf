"""Models changed in a running studio, for real but tiny: search model, generator, LoRA; and evaluations as real jobs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from app.services.errors import RequestError
from app.services.evaluating import Evaluation
from app.services.requests import ImitateRequest
from app.services.studio import Found, Studio, TakeKept, Trouble
from app.settings import Settings
from clvap.audio import write
from clvap.checkpoints import ModelError
from clvap.model import Clvap, fingerprint
from generation import lora
from generation import model as sfx
from generation.lora import LoraConfig
from tests.clvap.tiny import tiny_config, tiny_tokenizer
from tests.fakes import tone as falling
from tests.generation import tiny
from tests.sounds import knocks, noise, tone

LONG_S = 600


def searcher(folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    Clvap(tiny_config()).eval().save_pretrained(folder, tiny_tokenizer(folder.parent / "tokens"))
    return folder


def generator(folder: Path, seed: int, **changes) -> Path:
    """One that hears the tiny search model's tokens."""
    config = replace(tiny.config(), diffusion=replace(tiny.DIFFUSION, token_width=16, dimension=8), **changes)
    torch.manual_seed(seed)
    model = sfx.build(config)
    with torch.no_grad():
        for parameter in model.model.parameters():
            if parameter.ndim > 1 and not parameter.any():
                parameter.normal_(std=0.2)
    return sfx.save(model, config, folder, torch.float32)


def lora_of(folder: Path, path: Path) -> Path:
    model, config = sfx.load(folder)[0], LoraConfig(rank=2)
    lora.start(model, config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.5)
    return lora.trained(model, config, folder.name).save(path)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two search models, two generators of the first, and a LoRA of the first generator."""
    folder = tmp_path_factory.mktemp("models")
    one, two = searcher(folder / "one", 1), searcher(folder / "two", 2)
    first = generator(folder / "first", 1, clvap="one", clvap_fingerprint=fingerprint(one))
    second = generator(folder / "second", 2, clvap="one", clvap_fingerprint=fingerprint(one))
    return {"one": one, "two": two, "first": first, "second": second, "lora": lora_of(first, folder / "pack.safetensors")}


@pytest.fixture
def sounds(tmp_path):
    folder = tmp_path / "sounds"
    for number, clip in enumerate((tone(300), tone(500), tone(900), noise(0.8), noise(1.0, seed=1), knocks((0.1, 0.5)), knocks((0.2, 0.9, 1.3)))):
        write(folder / ("tones" if number < 3 else "noises") / f"sound {number}.wav", clip)
    return folder


@pytest.fixture
def studio(tmp_path, models):
    return Studio.from_settings(Settings(workspace=tmp_path / "w", clvap=str(models["one"]), generator=str(models["first"]), device="cpu"))


def take(studio: Studio) -> np.ndarray:
    """The samples of a take with a fixed seed."""
    from clvap.audio import read

    events = list(studio.imitate(ImitateRequest(None, "a dog", hits=0, variations=1, seconds=1.0, seed=5, steps=2)))
    assert not [event for event in events if isinstance(event, Trouble)], events
    entry = next(event for event in events if isinstance(event, TakeKept)).entry
    return read(entry.folder / entry.takes[0].file).samples


def test_generators_and_loras_change_while_it_runs(studio, models, tmp_path):
    shelf = studio.models_shelf
    first = take(studio)
    shelf.use("generator", str(models["second"]))
    second = take(studio)
    assert np.abs(first - second).max() > 1e-3
    shelf.use("generator", str(models["first"]))
    assert np.array_equal(take(studio), first)

    shelf.use("lora", str(models["lora"]), 1.0)
    whole = take(studio)
    shelf.use("lora", str(models["lora"]), 0.2)
    little = take(studio)
    shelf.use("lora", str(models["lora"]), 0.0)
    assert np.array_equal(take(studio), first)
    assert min(np.abs(one - other).max() for one, other in ((little, first), (whole, first), (whole, little))) > 1e-4
    assert not any(shown.model.kind == "lora" and shown.in_use for shown in shelf.state().models)


def test_what_does_not_load_is_explained_and_the_earlier_goes_on(studio, models, tmp_path):
    first, shelf = take(studio), studio.models_shelf
    broken = tmp_path / "w/models/broken"
    sfx.save(tiny.model(), replace(tiny.config(), diffusion=replace(tiny.DIFFUSION, depth=3)), broken)
    with pytest.raises(ModelError, match=r"does not fit config\.json"):
        shelf.use("generator", str(broken))
    with pytest.raises(ModelError, match="leave the adapter out"):
        shelf.use("adapter", str(adapter(tmp_path / "adapter.safetensors")))
    other = lora_of(generator(tmp_path / "wide", 3), tmp_path / "w/models/wide.safetensors")
    values = json.loads((models["first"] / "config.json").read_text())
    assert values["diffusion"]["depth"] == 2
    shelf.use("lora", str(other), 1.0)  # the same sizes fit
    shelf.use("lora", str(other), 0.0)
    with pytest.raises(ModelError):
        shelf.use("clvap", str(cut(models["two"], tmp_path / "w/models/cut")))
    assert np.array_equal(take(studio), first)


def adapter(path: Path) -> Path:
    from safetensors.numpy import save_file

    save_file({"w": np.zeros(1, np.float32)}, path, {"kind": "clvap-adapter", "config": "{}"})
    return path


def cut(source: Path, folder: Path) -> Path:
    """A copy whose weights were cut short."""
    folder.mkdir(parents=True)
    for file in source.iterdir():
        body = file.read_bytes()
        (folder / file.name).write_bytes(body[: len(body) // 2] if file.name == "model.safetensors" else body)
    return folder


def test_another_search_model_wants_the_library_indexed_again_and_says_what_does_not_go_with_it(studio, models, sounds):
    studio.library.index(str(sounds))
    shelf = studio.models_shelf
    assert found(studio) == 7 and not shelf.state().advice
    shelf.use("clvap", str(models["two"]))
    state = shelf.state()
    assert state.library_outdated and f"first was trained with one ({fingerprint(models['one'])})" in state.advice[0]
    with pytest.raises(AssertionError, match="another model"):
        found(studio)
    studio.library.index_again()
    studio.jobs.wait(studio.jobs.list("index")[0].id, 120)
    studio.library.state()
    assert found(studio) == 7 and not shelf.state().library_outdated
    shelf.use("clvap", str(models["one"]))
    assert shelf.state().library_outdated and not shelf.state().advice
    again = Studio.from_settings(studio.settings)
    assert again.models_shelf.state().models and again._models.chosen.now().clvap == str(models["one"])


def found(studio: Studio) -> int:
    events = list(studio.imitate(ImitateRequest(None, "a dog", hits=10, variations=0)))
    assert not [event for event in events if isinstance(event, Trouble)], events
    return len(next(event for event in events if isinstance(event, Found)).entry.matches)


@pytest.fixture
def pack(tmp_path):
    """Six sounds of each of two kinds, and one that is too short."""
    for number in range(12):
        kind, clip = ("bells", falling(0.5 + 0.1 * number, 300.0 + 90 * number)) if number % 2 else ("hisses", noise(seed=number))
        write(tmp_path / "mine" / kind / f"thing {number}.wav", clip)
    write(tmp_path / "mine" / "too short.wav", tone(seconds=0.1))
    return tmp_path / "mine"


def evaluated(studio: Studio, location: str, folder: Path) -> Evaluation:
    """As a real job."""
    job = studio.jobs.wait(studio.evaluating.start(location, str(folder)).id, LONG_S)
    assert job.status == "done", (job.message, studio.jobs.log(job.id))
    return studio.evaluating.state().done[0]


def test_an_evaluation_of_a_search_model_as_a_real_job(studio, models, pack):
    one = evaluated(studio, str(models["one"]), pack)
    assert (one.model, one.source, one.sounds, one.kinds, one.fingerprint) == ("one", "mine", 12, 2, fingerprint(models["one"]))
    assert {"any", "words", "loose", "loose + words"} == one.scores.keys() and {"clvap search", "clvap vector"} <= one.scores["words"].keys()
    assert all(0 <= value <= 1 for value in one.scores["loose"]["clvap search"].values())


@pytest.mark.slow
def test_an_evaluation_of_a_generator_before_and_after_as_real_jobs(studio, models, pack, tmp_path):
    linked = (str(models["first"]), str(models["lora"]))
    studio._models.chosen.keep(replace(studio._models.chosen.now(), linked=linked))
    studio.evaluating.start(linked[0], str(pack))
    with pytest.raises(RequestError, match="at work on this already"):
        studio.evaluating.start(linked[0], str(pack))
    assert studio.jobs.wait(studio.evaluating.state().jobs[0].id, LONG_S).status == "done"
    tuned, base = evaluated(studio, linked[1], pack), studio.evaluating.state().done[-1]
    assert (base.model, tuned.model, base.subject) == ("first", "first + pack", "generator") and base.comparable(tuned)
    assert base.fingerprint != tuned.fingerprint and base.protocol["asked"] == 6 and (base.sounds, base.kinds) == (12, 2)
    assert base.scores["voice"]["loudness"]["mean"] != tuned.scores["voice"]["loudness"]["mean"]
    assert base.scores["real sounds"] == tuned.scores["real sounds"] and not list((tmp_path / "w/evaluations").glob("*.part"))

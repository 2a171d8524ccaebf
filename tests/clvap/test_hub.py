"""Saving, fetching and publishing models: folders for real, the hub as a loopback server and as no server at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from clvap import Embedder, hub
from clvap.card import MARK
from clvap.checkpoints import ModelError, resolve
from clvap.model import Clvap
from tests.clvap.hub_server import TOKEN, hub_server
from tests.clvap.tiny import tiny_config, tiny_tokenizer

ROOT = Path(__file__).resolve().parents[2]
FETCH = "import sys; from clvap.checkpoints import ModelError, resolve\ntry: print(resolve('me/tiny'))\nexcept ModelError as error: sys.exit(str(error))"


@pytest.fixture(scope="module")
def model() -> Clvap:
    torch.manual_seed(0)
    return Clvap(tiny_config()).eval()


@pytest.fixture
def saved(model, tmp_path) -> Path:
    return model.save_pretrained(tmp_path / "tiny", tiny_tokenizer(tmp_path / "tokens"))


def ran(arguments: list[str], url: str, home: Path, token: str | None = TOKEN) -> subprocess.CompletedProcess:
    """A Python process of its own, for which the hub is at `url`."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")} | {"HF_ENDPOINT": url, "HF_HOME": str(home)}
    environment |= {"HF_TOKEN": token} if token else {}
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)


def test_a_saved_model_comes_back_with_its_tokenizer_and_a_card(model, saved):
    loaded = Clvap.from_pretrained(saved)
    for key, value in model.state_dict().items():
        assert torch.allclose(loaded.state_dict()[key].float(), value.float(), atol=1e-2), key
    assert Embedder.from_pretrained(saved, "cpu").embed_query(text="rain").shape == (8,)
    assert MARK in (saved / "README.md").read_text()


def test_saving_again_keeps_a_card_written_by_hand(model, saved, tmp_path):
    (tmp_path / "recipe.yaml").write_text("seed: 77")
    model.save_pretrained(saved, recipes=[tmp_path / "recipe.yaml"])
    assert "seed: 77" in (saved / "README.md").read_text()
    (saved / "README.md").write_text("by hand")
    model.save_pretrained(saved)
    assert (saved / "README.md").read_text() == "by hand"


def test_a_shipped_model_is_loaded_by_name():
    assert Clvap.from_pretrained("clvap-mini").config.dimension == 256


def test_published_then_fetched_from_a_hub(saved, tmp_path):
    (saved / "pickled.bin").write_bytes(b"never travels")
    with hub_server() as server:
        pushed = ran(["-m", "clvap", "push", str(saved), "me/tiny", "--private"], server.url, tmp_path / "home")
        assert (pushed.returncode, pushed.stderr) == (0, "")
        assert pushed.stdout.startswith(f"{server.url}/me/tiny/commit/")
        assert server.private["me/tiny"]
        there = server.files["me/tiny"]
        assert {"README.md", "config.json", "model.safetensors", "tokenizer_config.json"} <= there.keys() and "pickled.bin" not in there
        assert there["model.safetensors"] == (saved / "model.safetensors").read_bytes()

        server.files["me/tiny"]["trap.pkl"] = b"never fetched"
        fetched = ran(["-c", FETCH], server.url, tmp_path / "home")
    assert fetched.returncode == 0, fetched.stderr
    folder = Path(fetched.stdout.strip())
    assert not (folder / "trap.pkl").exists() and not any("trap" in one for one in server.requests)
    assert Clvap.from_pretrained(folder).config == tiny_config()

    again = ran(["-c", FETCH], "http://127.0.0.1:9", tmp_path / "home")  # fetched before, so it needs no network
    assert Path(again.stdout.strip()) == folder


def test_a_repository_of_pickles_is_refused(tmp_path):
    with hub_server() as server:
        server.files["me/tiny"] = {"config.json": b"{}", "pytest_model.bin": b"pickle"}
        fetched = ran(["-c", FETCH], server.url, tmp_path)
    assert fetched.returncode == 1 and "model.safetensors missing" in fetched.stderr and "pickled" in fetched.stderr


def test_a_model_that_the_hub_does_not_have(tmp_path):
    with hub_server() as server:
        fetched = ran(["-c", FETCH], server.url, tmp_path)
    assert fetched.returncode == 1 and "no model me/tiny on the hub" in fetched.stderr


@pytest.mark.parametrize(
    ("token", "reachable", "said"), [(None, True, "set HF_TOKEN"), ("wrong", True, "the hub refused me/tiny"), (TOKEN, False, "could not be reached")]
)
def test_publishing_is_refused_in_one_line(saved, tmp_path, token, reachable, said):
    with hub_server() as server:
        url = server.url if reachable else "http://127.0.0.1:9"
        pushed = ran(["-m", "clvap", "push", str(saved), "me/tiny"], url, tmp_path / "home", token)
    assert pushed.returncode == 2 and pushed.stdout == ""
    assert said in pushed.stderr and pushed.stderr.count("\n") == 1
    assert not server.files


def test_fetching_without_a_network_says_so(tmp_path):
    fetched = ran(["-c", FETCH], "http://127.0.0.1:9", tmp_path)
    assert fetched.returncode == 1 and "no folder me/tiny" in fetched.stderr and "cannot be reached" in fetched.stderr


def test_a_model_is_pushed_as_it_is_saved(model, tmp_path, monkeypatch):
    seen = {}

    class Api:
        def __init__(self, token):
            seen["token"] = token

        def create_repo(self, **asked):
            seen["create"] = asked

        def upload_folder(self, folder_path, **asked):
            seen["card"] = (Path(folder_path) / "README.md").read_text()
            seen["names"] = sorted(path.name for path in Path(folder_path).iterdir())
            return type("Done", (), {"commit_url": "https://hub/me/tiny/commit/1"})

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    assert model.push_to_hub("me/tiny", private=True, token="hf_x") == "https://hub/me/tiny/commit/1"
    assert seen["token"] == "hf_x" and seen["create"] == {"repo_id": "me/tiny", "private": True, "exist_ok": True}
    assert seen["names"] == ["README.md", "config.json", "model.safetensors"] and "# me/tiny" in seen["card"]


@pytest.mark.parametrize("name", ["me", "me/", "/me/tiny", "me/tiny/more", "../tiny", "me/..", "a b/c", "me/a..b"])
def test_names_that_no_hub_has(saved, name):
    assert not hub.is_id(name)
    with pytest.raises(ModelError, match="OWNER/NAME"):
        hub.push(saved, name, token="hf_x")


def test_an_incomplete_folder_is_not_published(saved):
    (saved / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors missing"):
        hub.push(saved, "me/tiny", token="hf_x")


def test_a_folder_that_is_there_is_never_looked_for_on_the_hub(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "fetch", lambda name: pytest.fail("asked the hub"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/mine").mkdir(parents=True)
    with pytest.raises(ModelError, match="no model 'runs/mine'"):
        resolve("runs/mine")

"""Large files of a loopback hub: counted, stopped, killed, gone on with, refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clvap.hub_server import hub_server

ROOT = Path(__file__).resolve().parents[2]
BIG = os.urandom(3 << 20)
FETCH = """
import sys
from clvap.checkpoints import ModelError
from clvap.hub_files import Wanted, cached, fetch
from clvap.progress import Cancelled
wanted = Wanted("me/big", (("config.json",), ("model.safetensors", "model.ckpt")), (("extra.txt",),))
stop_at = float(sys.argv[1]) if len(sys.argv) > 1 else 2
seen = []
def progress(done, total, text):
    seen.append((done, total))
    if total and done / total > stop_at:
        raise Cancelled
try:
    folder = fetch([wanted], progress)[0]
except ModelError as error:
    sys.exit(str(error))
except Cancelled:
    sys.exit("cancelled")
assert cached(wanted) == folder and seen[-1][0] == seen[-1][1] and all(done <= total for done, total in seen), seen[-1]
print(seen[1][0], folder)
"""


def fetched(url: str, home: Path, *arguments: str, token: str | None = None) -> subprocess.CompletedProcess:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")} | {"HF_ENDPOINT": url, "HF_HOME": str(home)}
    environment |= {"HF_TOKEN": token} if token else {}
    return subprocess.run([sys.executable, "-c", FETCH, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def hub():
    with hub_server() as server:
        server.files["me/big"] = {"config.json": b"{}", "model.ckpt": b"the other format", "model.safetensors": BIG, "notes.md": b"not asked for"}
        yield server


def test_what_is_wanted_is_fetched_once_and_found_without_a_network(hub, tmp_path):
    first = fetched(hub.url, tmp_path)
    assert first.returncode == 0, first.stderr
    folder = Path(first.stdout.split()[1])
    assert (folder / "model.safetensors").read_bytes() == BIG and not (folder / "model.ckpt").exists() and not (folder / "notes.md").exists()
    given = len([one for one in hub.requests if one.startswith("GET /me/big/resolve")])
    again = fetched(hub.url, tmp_path)
    assert again.returncode == 0 and len([one for one in hub.requests if one.startswith("GET /me/big/resolve")]) == given
    ask = "from clvap import hub; print(hub.download('me/big', ['config.json', 'model.safetensors']))"
    offline = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=offline, capture_output=True, text=True).stdout.strip() == str(folder)


def test_a_stopped_download_goes_on_where_it_was(hub, tmp_path):
    stopped = fetched(hub.url, tmp_path, "0.5")
    assert "cancelled" in stopped.stderr
    went_on = fetched(hub.url, tmp_path)
    assert went_on.returncode == 0, went_on.stderr
    assert len(hub.ranges) == 1 and int(hub.ranges[0].removeprefix("bytes=").rstrip("-")) > len(BIG) / 2
    assert (Path(went_on.stdout.split()[1]) / "model.safetensors").read_bytes() == BIG


def test_another_version_is_not_mixed_with_what_was_begun(hub, tmp_path):
    fetched(hub.url, tmp_path, "0.5")
    hub.files["me/big"]["model.safetensors"] = BIG[::-1]
    went_on = fetched(hub.url, tmp_path)
    assert went_on.returncode == 0 and not hub.ranges
    assert (Path(went_on.stdout.split()[1]) / "model.safetensors").read_bytes() == BIG[::-1]


def test_a_connection_that_breaks_is_taken_up_again(hub, tmp_path):
    hub.break_after = 2 << 20
    done = fetched(hub.url, tmp_path)
    assert done.returncode == 0, done.stderr
    assert hub.ranges and (Path(done.stdout.split()[1]) / "model.safetensors").read_bytes() == BIG


@pytest.mark.parametrize(("token", "said"), [(None, "hf auth login"), ("hf_other", "your token may not read it"), ("hf_good", "")])
def test_a_gated_model_says_what_is_missing(hub, tmp_path, token, said):
    hub.gated, hub.accepted = {"me/big"}, {"hf_good"}
    done = fetched(hub.url, tmp_path, token=token)
    assert (done.returncode == 0) == (not said) and said in done.stderr
    if said:
        assert "https://huggingface.co/me/big" in done.stderr and done.stderr.count("\n") == 1


def test_what_cannot_be_had_is_said_in_a_line(hub, tmp_path):
    offline = fetched("http://127.0.0.1:9", tmp_path)
    assert offline.returncode == 1 and "check the network and try again" in offline.stderr and offline.stderr.count("\n") == 1
    del hub.files["me/big"]["model.safetensors"], hub.files["me/big"]["model.ckpt"]
    lacking = fetched(hub.url, tmp_path)
    assert "has no model.safetensors or model.ckpt" in lacking.stderr
    del hub.files["me/big"]
    assert "no model me/big on the hub" in fetched(hub.url, tmp_path).stderr


def test_a_disk_that_is_too_small_is_said_before_anything_comes(monkeypatch, tmp_path):
    from clvap import hub_files
    from clvap.checkpoints import ModelError

    monkeypatch.setattr(hub_files.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1 << 30})())
    with pytest.raises(ModelError, match=r"4\.9 GB are to come and 1\.1 GB are free"):
        hub_files._check_room(4_900_000_000)

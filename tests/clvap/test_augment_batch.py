"""The batch as the command runs it: what it writes, that it repeats, that it survives being killed, and what it says of bad input."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from clvap import __main__ as cli
from clvap.audio import Clip, info, read, write
from clvap.console import BAD_INPUT
from clvap.data import datasets, manifests
from clvap.data.augment_batch import Settings, run
from clvap.data.effects import AugmentError
from clvap.data.manifests import Row
from clvap.files import LEFT_BEHIND
from tests.sounds import knocks, noise, tone

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "clvap", "augment"]
FAST = ("noise", "echo", "distortion")
SLOW = ("pitch_shift", "time_stretch", "room")


@pytest.fixture
def source(tmp_path) -> Path:
    """A manifest of three sounds, one of them in two rows."""
    folder = tmp_path / "source"
    for name, clip in (("a.wav", tone(seconds=0.5)), ("b/b.flac", noise(0.4)), ("c.wav", knocks((0.1, 0.3), 0.6))):
        write(folder / name, clip)
    rows = [
        Row(folder / "a.wav", ("a tone", "a beep"), "TONE", "a", "CC0-1.0", "Ann"),
        Row(folder / "b/b.flac", ("hiss",), "NOISE", "b", "CC-BY-4.0", "Bob", split="train"),
        Row(folder / "c.wav", ("knocking",), "KNOCK", "c", "CC-BY-4.0", imitation=folder / "a.wav"),
        Row(folder / "a.wav", ("beep",), "BEEP", "a", "CC0-1.0"),
    ]
    return manifests.write(rows, folder / "m.csv")


def files(out: Path) -> dict[str, bytes]:
    """Everything a run made, by name."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != ".lock"}


def made(source: Path, out: Path, **options) -> dict[str, bytes]:
    settings = Settings(effects=options.pop("effects", FAST), seed=options.pop("seed", 0), format=options.pop("format", "flac"))
    run(manifests.read(source), source.parent, out, settings, **options)
    return files(out)


def test_a_manifest_of_variants_and_of_sounds_beside_their_imitations(source, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["augment", str(source), str(out), "--per-sound", "2", "--imitations", "1", "--workers", "1", "--format", "wav", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["made"], said["kept"], said["skipped"], said["manifest"]) == (9, 0, [], str(out / "manifest.csv"))
    rows = manifests.read(out / "manifest.csv")
    variants, imitated = [row for row in rows if row.path.is_relative_to(out)], [row for row in rows if row.imitation and row.imitation.is_relative_to(out)]
    assert len(variants) == 8 and len(imitated) == 4, "two rows share a sound and its files"
    assert {row.path for row in imitated} == {row.path for row in manifests.read(source)}
    hiss = next(row for row in variants if row.captions == ("hiss",))
    assert (hiss.label, hiss.licence, hiss.attribution, hiss.split, hiss.source) == ("NOISE", "CC-BY-4.0", "Bob", "train", "b")
    assert next(row for row in variants if row.captions == ("a tone", "a beep")).label == "TONE"
    assert all(read(row.path).peak > 0 for row in variants) and all(read(row.imitation).peak > 0 for row in imitated)
    assert {info(row.path).channels for row in variants} == {1}


def test_the_same_for_any_number_of_workers_and_any_other_rows(source, tmp_path):
    once = made(source, tmp_path / "one", per_sound=2, imitations=1)
    assert made(source, tmp_path / "two", per_sound=2, imitations=1, workers=2) == once
    only = manifests.write(manifests.read(source)[2:3], source.parent / "only.csv")
    alone = made(only, tmp_path / "alone", per_sound=1)
    name = next(name for name in alone if name.startswith("sounds/"))
    assert alone[name] == once[name]
    assert made(source, tmp_path / "other", per_sound=2, imitations=1, seed=1)[name] != once[name]


def test_a_second_run_keeps_what_is_there_and_makes_what_is_not(source, tmp_path):
    out = tmp_path / "out"
    whole = made(source, out, per_sound=2)
    report = run(manifests.read(source), source.parent, out, Settings(effects=FAST), per_sound=2)
    assert (report.made, report.kept) == (0, 6)
    lost = next(out.glob("sounds/c-*-v01.flac"))
    lost.unlink()
    (out / "sounds" / ".x.partial.flac").write_text("half a file")
    report = run(manifests.read(source), source.parent, out, Settings(effects=FAST), per_sound=2)
    assert (report.made, report.kept) == (1, 5)
    assert files(out) == whole
    assert run(manifests.read(source), source.parent, out, Settings(effects=FAST), per_sound=3, imitations=1).made == 6


def test_other_settings_and_two_runs_at_once_are_refused(source, tmp_path):
    out = tmp_path / "out"
    made(source, out, per_sound=1)
    with pytest.raises(AugmentError, match=r"made with other settings \(effects .*seed 0\)"):
        made(source, out, per_sound=1, seed=1, effects=("noise",))
    with FileLock(out / ".lock"), pytest.raises(AugmentError, match="another run is writing there"):
        made(source, out, per_sound=1)


def pack(folder: Path, count: int) -> Path:
    """A folder of sounds that take a while each."""
    for i in range(count):
        write(folder / f"sound {i:02d}.wav", knocks((0.1, 0.7), 2.0, seed=i))
    return folder


def started(sounds: Path, out: Path) -> subprocess.Popen:
    options = ["--per-sound", "2", "--imitations", "1", "--effects", ",".join(SLOW), "--workers", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*COMMAND, str(sounds), str(out), *options], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    sounds, out = pack(tmp_path / "pack", 5), tmp_path / "out"
    process = started(sounds, out)
    deadline = time.monotonic() + 60
    while len(list(out.rglob("[!.]*.flac"))) < 3:
        assert time.monotonic() < deadline and process.poll() is None, process.stderr.read().decode()
        time.sleep(0.01)
    children = _children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _wait_for_end(children)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("[!.]*.flac")}
    assert 3 <= len(before) < 15 and not (out / "manifest.csv").exists()
    assert all(read(path).peak > 0 for path in before), "what is there is whole"

    process = started(sounds, out)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said.decode()
    assert {path: path.stat().st_mtime_ns for path in before} == before, "nothing is made again"
    assert len(manifests.read(out / "manifest.csv")) == 15
    assert not list(out.rglob(LEFT_BEHIND))

    run(datasets.read("folder", sounds), sounds, tmp_path / "untouched", Settings(effects=SLOW), per_sound=2, imitations=1)
    assert files(tmp_path / "untouched") == files(out)


def _children(pid: int) -> list[int]:
    return [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]


def _wait_for_end(pids: list[int]) -> None:
    """Workers of a killed run end by themselves."""
    deadline = time.monotonic() + 10
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline, "workers live on"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_broken_sounds_are_listed_and_the_others_are_made(tmp_path, capsys):
    sounds = pack(tmp_path / "pack", 1)
    (sounds / "broken.wav").write_text("no sound")
    (sounds / "empty.wav").touch()
    write(sounds / "silent.wav", tone(level=0))
    write(sounds / "click.wav", Clip(np.ones((1, 20), np.float32)))
    assert cli.main(["augment", str(sounds), str(tmp_path / "out"), "--imitations", "1", "--workers", "1", "--effects", "noise", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    reasons = {Path(one["path"]).name: one["reason"] for one in said["skipped"]}
    assert {"broken.wav", "empty.wav", "silent.wav"} <= reasons.keys() and "sound 00.wav" not in reasons
    assert "silent" in reasons["silent.wav"] and "not a sound file" in reasons["broken.wav"]
    rows = manifests.read(tmp_path / "out/manifest.csv")
    assert {row.source for row in rows} == {"sound 00.wav", "click.wav"} - reasons.keys()


def test_missing_sounds_of_a_manifest_are_listed(source, tmp_path):
    (source.parent / "c.wav").unlink()
    report = run(manifests.read(source, check_audio=False), source.parent, tmp_path / "out", Settings(effects=FAST))
    assert report.made == 2 and ["no such file" in one.reason for one in report.skipped] == [True]


def test_where_no_sound_can_be_used_it_says_so(source, tmp_path):
    rows = [row for row in manifests.read(source) if row.path.name == "c.wav"]
    write(rows[0].path, tone(level=0))
    with pytest.raises(AugmentError, match="none of 1 sounds could be used; the first: silent"):
        run(rows, source.parent, tmp_path / "out", Settings(effects=FAST))


def _small_disk() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_a_disk_that_refuses_stops_the_run_with_advice(tmp_path):
    sounds, out = pack(tmp_path / "pack", 1), tmp_path / "out"
    ended = subprocess.run(
        [*COMMAND, str(sounds), str(out), "--effects", "noise", "--workers", "1", "--json"], cwd=ROOT, capture_output=True, text=True, preexec_fn=_small_disk
    )  # fmt: skip
    assert ended.returncode == BAD_INPUT and ended.stdout == ""
    assert "run the same command again" in ended.stderr.splitlines()[-1]
    assert not [path for path in out.rglob("*") if path.suffix == ".flac"]


def test_a_full_disk_says_so(source, tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(AugmentError, match="the disk is full; free some space, then run the same command again; it goes on from here"):
        made(source, tmp_path / "out", per_sound=1)


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["never.csv", "out"], "no such file"),
        (["source", "source/out"], "choose a folder beside it"),
        (["source/m.csv", "out", "--effects", "noise,wobble"], "use some of pitch_shift"),
        (["source/m.csv", "out", "--effects", "none"], "name some of"),
        (["source/m.csv", "out", "--per-sound", "0"], "ask for one or more"),
        (["source/m.csv", "out", "--plugin", "never.vst3"], "no such plug-in"),
        (["source/m.csv", "out", "--plugin", "source/a.wav", "--plugin-range", "mix=0-1"], "NAME=LOW..HIGH"),
        (["source/m.csv", "out", "--max-seconds", "0"], "more than 0 seconds"),
        (["source/m.csv", "/proc/never"], "choose another folder"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(source, tmp_path, monkeypatch, capsys, arguments, advice):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["augment", *arguments, "--json"]) == BAD_INPUT
    out, err = capsys.readouterr()
    assert out == "" and advice in err and err.count("\n") == 1

"""The starter library: what the catalogue promises, what a rendered effect is, and that rendering can be stopped and taken up again."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from clvap.audio import read
from clvap.progress import Cancelled
from generation.procedural import catalog, render, render_starter_library
from generation.procedural.kinds import Kind, Span, effects
from generation.procedural.spaces import deliver, pass_by

SAMPLED = ("swish", "wood impact", "laser", "bubbles", "dog bark", "ui click", "hand bell", "servo", "footsteps", "punch", "car horn",
    "gunshot")


def first(kind_name: str):
    return next(effect for effect in catalog() if effect.kind.name == kind_name)


@pytest.fixture
def small_catalog(monkeypatch):
    """Three quick effects in place of the whole table."""
    chosen = tuple(first(name) for name in ("ui click", "pop", "switch"))
    monkeypatch.setattr(render, "catalog", lambda: chosen)
    return chosen


def test_catalogue_is_large_varied_and_unambiguous():
    wanted = catalog()
    assert len(wanted) >= 330
    assert len({effect.kind.name for effect in wanted}) >= 45
    assert len({effect.path.name.lower() for effect in wanted}) == len(wanted)
    for effect in wanted:
        assert re.fullmatch(r"[A-Z]+[A-Za-z]*_[A-Z0-9][\w' -]+ \d\d_CLVAP\.wav", effect.path.name), effect.path
        assert effect.path.parent.name == effect.kind.category == effect.kind.category.upper()
        assert effect.caption == effect.caption.strip() and "{" not in effect.caption and "  " not in effect.caption


def test_captions_of_a_kind_vary():
    by_kind: dict[str, list[str]] = {}
    for effect in catalog():
        by_kind.setdefault(effect.kind.name, []).append(effect.caption)
    for name, captions in by_kind.items():
        assert len(set(captions)) >= 2, name
    assert Counter(effect.caption for effect in catalog()).most_common(1)[0][1] <= 4


def test_words_follow_the_parameters():
    for effect in catalog():
        if effect.kind.name == "dog bark":
            small = "small" in effect.caption or "little" in effect.caption
            assert (effect.settings["pitch_hz"].low > 300.0) == small


@pytest.mark.parametrize("kind_name", SAMPLED)
def test_rendered_effect_is_deliverable(kind_name):
    samples = first(kind_name).render(seed=0)
    assert samples.dtype == np.float32 and samples.shape[0] == 2
    assert 0.1 <= samples.shape[1] / 44_100 <= 6.01
    peak_db = 20 * np.log10(np.abs(samples).max())
    assert -6.0 <= peak_db <= -1.0
    assert np.abs(samples.mean(axis=1)).max() < 2e-3
    assert np.abs(samples[:, [0, -1]]).max() < 1e-3
    started = np.flatnonzero(np.abs(samples).max(axis=0) > 0.004)[0]
    assert started / 44_100 < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("kind_name", sorted({effect.kind.name for effect in catalog()}))
def test_every_kind_renders(kind_name):
    samples = first(kind_name).render(seed=3)
    assert np.isfinite(samples).all() and samples.std() > 0.003
    assert 0.1 <= samples.shape[1] / 44_100 <= 6.01


def test_same_seed_same_sound_and_other_seed_another():
    effect = first("pop")
    assert np.array_equal(effect.render(1), effect.render(1))
    assert not np.array_equal(effect.render(1)[:, :2_000], effect.render(2)[:, :2_000])


def test_effects_of_one_kind_differ():
    one, two = [effect for effect in catalog() if effect.kind.name == "ui click"][:2]
    assert one.render()[:, :1_000].tolist() != two.render()[:, :1_000].tolist()


def test_delivery_removes_offset_and_leading_silence():
    tone = np.concatenate([np.zeros(10_000), np.sin(np.arange(20_000) * 0.1)]) + 0.3
    samples = deliver(np.random.default_rng(0), tone)
    assert np.abs(samples.mean()) < 2e-3 and samples.shape[0] == 2
    late = deliver(np.random.default_rng(0), np.concatenate([np.zeros(30_000), np.ones(64), np.zeros(9_000)]))
    assert np.flatnonzero(np.abs(late).max(axis=0) > 0.05)[0] < 882


def test_pass_by_falls_in_pitch_and_changes_sides():
    heard = pass_by(np.sin(2 * np.pi * 1_000 * np.arange(88_200) / 44_100), speed_mps=40.0, distance_m=5.0)
    crossings = [np.count_nonzero(np.diff(np.signbit(heard.mean(axis=0)[part]))) for part in (slice(11_025, 22_050),
        slice(-22_050, -11_025))]
    assert crossings[0] > 1.15 * crossings[1]
    early, late = heard[:, 11_025:22_050].std(axis=1), heard[:, -22_050:-11_025].std(axis=1)
    assert early[0] > early[1] and late[1] > late[0]


def test_a_kind_needs_two_captions():
    with pytest.raises(ValueError, match="two captions"):
        Kind("lone", "MISC", "MISC", 1, "Lone", ("only one",), lambda rng: np.zeros(64))


def test_adjectives_are_used_evenly():
    kind = Kind("x", "MISC", "MISC", 6, "{a} {b}", ("{a} {b}", "{b} {a}"), lambda rng, v: np.zeros(64), {"a": {"p": {}, "q": {}},
        "b": {"r": {"v": Span(1, 2)}, "s": {}, "t": {}}})
    assert len({effect.path.name[:-13] for effect in effects(kind)}) == 6


def test_library_has_files_and_a_sidecar(tmp_path, small_catalog):
    seen = []
    render_starter_library(tmp_path, progress=lambda done, total, what="": seen.append((done, total)))
    assert seen[0] == (0, 3) and seen[-1] == (3, 3)
    rows = list(csv.DictReader((tmp_path / "captions.csv").open()))
    assert [row["path"] for row in rows] == [effect.path.as_posix() for effect in small_catalog]
    for row in rows:
        clip = read(tmp_path / row["path"])
        assert clip.sample_rate_hz == 44_100 and clip.samples.shape[0] == 2
        assert row["caption"] and row["category"] == Path(row["path"]).parts[0]


def test_what_exists_is_kept_and_the_rest_rendered(tmp_path, small_catalog):
    kept = tmp_path / small_catalog[1].path
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"mine")
    render_starter_library(tmp_path)
    assert kept.read_bytes() == b"mine"
    assert all((tmp_path / effect.path).exists() for effect in small_catalog)


def test_cancel_leaves_whole_files_only_and_work_can_go_on(tmp_path, small_catalog):
    def stop(done, total, what=""):
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        render_starter_library(tmp_path, progress=stop)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == sorted(["captions.csv", *(effect.path.name for effect in small_catalog[:2])])
    render_starter_library(tmp_path)
    assert (tmp_path / small_catalog[2].path).exists()


def test_a_failure_while_writing_leaves_nothing(tmp_path, small_catalog, monkeypatch):
    def half(path, *_, **__):
        Path(path).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(render.soundfile, "write", half)
    with pytest.raises(ValueError, match="free some disk space"):
        render_starter_library(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "captions.csv"]

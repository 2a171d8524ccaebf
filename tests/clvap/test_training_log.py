import sys
from types import SimpleNamespace

import pytest

from clvap.checkpoints import RecipeError
from clvap.training import curves
from clvap.training.log import Log, mirrors


def test_a_log_is_cut_where_the_checkpoint_stood(tmp_path):
    path = tmp_path / "log.csv"
    log = Log(path, -1, [])
    log.write("one", 1, 1, {"a": 1.0})
    kept = log.kept()
    log.write("one", 2, 2, {"a": 0.5})
    log.close()
    again = Log(path, kept, [])
    again.write("one", 2, 2, {"a": 0.25})
    again.close()
    assert path.read_text().split() == ["stage,step,loss,value", "one,1,a,1.00000", "one,2,a,0.25000"]


def test_numbers_reach_tensorboard(tmp_path):
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = Log(tmp_path / "log.csv", -1, mirrors(("tensorboard",), tmp_path, 0))
    log.write("two", 3, 13, {"query/audio": 1.5})
    log.close()
    events = event_accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("two/query/audio")] == [(13, 1.5)]


@pytest.mark.parametrize("package", ["wandb", "trackio"])
def test_numbers_reach_a_tracker(tmp_path, monkeypatch, package):
    calls = []
    fake = SimpleNamespace(
        init=lambda **given: calls.append(("init", given["project"], given["name"], given["resume"])),
        log=lambda values, step: calls.append((step, values)), finish=lambda: calls.append("finish"),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, package, fake)
    log = Log(tmp_path / "log.csv", -1, mirrors((package,), tmp_path / "clvap-run", 0))
    log.write("one", 2, 2, {"text/audio": 0.5})
    log.close()
    assert calls == [("init", "clvap", "clvap-run", "allow"), (2, {"one/text/audio": 0.5}), "finish"]


@pytest.mark.parametrize("package", ["tensorboard", "wandb", "trackio"])
def test_a_tracker_that_is_not_installed_is_named_with_its_remedy(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RecipeError, match=f"pip install {package}"):
        mirrors((package,), tmp_path, 0)


def test_curves_join_the_stages_end_to_end_and_become_a_picture(tmp_path):
    log = Log(tmp_path / "log.csv", -1, [])
    for stage, steps in (("one", 3), ("two", 2)):
        for step in range(1, steps + 1):
            log.write(stage, step, step, {"text/audio": 1 / step, "validation/text/MRR": 0.1, "validation/text/R@1": 0.2})
    log.close()
    points, ends = curves.read(tmp_path / "log.csv")
    assert points["text/audio"] == [(1, 1.0), (2, 0.5), (3, 0.33333), (4, 1.0), (5, 0.5)] and ends == [3, 5]
    assert curves.draw(tmp_path / "log.csv", tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")

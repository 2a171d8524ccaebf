"""Evaluations on fakes: what is refused, kept, compared and shown; and the rows of a folder and of a manifest."""

from dataclasses import replace

import pytest

from app.services.access import Forbidden
from app.services.errors import RequestError
from app.services.evaluating import Evaluation
from app.ui.evaluating import figures, working
from clvap.audio import write
from clvap.data.manifests import ManifestError
from tests.app.conftest import bench
from tests.sounds import noise, tone
from tests.work.evaluate import KINDS
from tests.work.evaluate import figures as scores

LONG_S = 60


def evaluated(studio, model="clvap-mini", **options):
    studio.settings.workspace.mkdir(exist_ok=True)
    job = studio.evaluating.start(model, str(studio.settings.workspace), **options)
    return studio.jobs.wait(job.id, LONG_S)


def test_figures_are_kept_listed_and_deleted(tmp_path):
    studio = bench(tmp_path / "w").studio
    assert studio.evaluating.list() == () and studio.evaluating.job() is None
    done = evaluated(studio)
    assert done.status == "done", done.message
    (tmp_path / "w/evaluations/broken.json").write_text("{}")
    one, *others = studio.evaluating.list()
    assert not others and one.source == "w" and one.scores["loose"]["clvap search"]["precision_1"] == 0.6
    again = bench(tmp_path / "w").studio.evaluating
    assert again.find(one.id) == one and again.job().id == done.id
    again.delete(one.id)
    assert again.list() == ()
    with pytest.raises(RequestError, match="not there any more"):
        again.delete("../models")


def test_a_quick_look_and_a_thorough_one_ask_other_questions(tmp_path):
    studio = bench(tmp_path / "w").studio
    evaluated(studio)
    evaluated(studio, thorough=True)
    thorough, quick = studio.evaluating.list()
    assert quick.protocol["families"] == ["loose"] and thorough.protocol["most"] > quick.protocol["most"] and not quick.comparable(thorough)


def test_what_cannot_be_measured_is_refused(tmp_path):
    studio = bench(tmp_path / "w").studio
    (tmp_path / "notes.txt").write_text("words")
    for model, source, said in (
        ("clap-zero-shot:nowhere", str(tmp_path), "Choose a search model"),
        ("clvap-mini", "  ", "Choose a folder"),
        ("clvap-mini", "/nowhere/at/all", "no such folder or table"),
        ("clvap-mini", str(tmp_path / "notes.txt"), "neither a folder nor a table"),
    ):
        with pytest.raises(RequestError, match=said):
            studio.evaluating.start(model, source)


@pytest.mark.parametrize("settings", [{"host": "0.0.0.0"}, {"host": "0.0.0.0", "auth": ("a", "b")}, {"in_space": True}])
def test_visitors_from_outside_measure_nothing(tmp_path, settings):
    evaluating = bench(tmp_path / "w", **settings).studio.evaluating
    for ask in (evaluating.models, evaluating.folders, evaluating.job, evaluating.list, lambda: evaluating.start("clvap-mini", str(tmp_path))):
        with pytest.raises(Forbidden):
            ask()


def evaluation(**changes) -> Evaluation:
    kinds = {kind: {"clvap search": scores(0.5), "envelope": scores(0.25)} for kind in KINDS}
    all_scores = {"any": {"random": scores(0.1)}} | kinds
    return replace(Evaluation("1", "one", "one", "aaaaaaaa", "<b>mine", 12, 2, {"seed": 7}, 0.0, 3.0, all_scores), **changes)


def test_names_from_outside_are_escaped():
    shown = figures(evaluation(model="<script>"), evaluation(id="2", model="<i>", fingerprint="b"))
    assert "<script>" not in shown and "<b>mine" not in shown and "<i>" not in shown


def test_two_are_compared_only_where_they_were_asked_the_same():
    better = evaluation(id="2", model="two", scores=evaluation().scores | {"words": {"clvap search": scores(0.75)}})
    shown = figures(better, evaluation())
    assert "+0.250" in shown and "better" in shown and shown.count('role="img"') == 3
    other = figures(evaluation(), replace(better, sounds=13))
    assert "was asked other questions" in other and "+0.250" not in other
    assert "appears here" in figures(None)


def test_a_job_that_failed_says_why_and_can_begin_again(tmp_path):
    studio = bench(tmp_path / "w").studio
    failed = replace(evaluated(studio), status="failed", message="too few <sounds>")
    assert "too few &lt;sounds&gt;" in working(failed) and 'data-act="resume"' in working(failed)


def test_rows_of_a_folder_are_of_its_categories_and_too_few_are_refused(tmp_path):
    from clvap.evaluate import rows_of

    for number in range(12):
        write(tmp_path / ("birds" if number % 2 else "doors") / f"thing {number}.wav", tone(200 + 50 * number) if number % 2 else noise(seed=number))
    write(tmp_path / "doors" / "click.wav", tone(seconds=0.1))
    (tmp_path / "doors" / "broken.wav").write_text("no")
    rows = rows_of({"folder": str(tmp_path), "seed": 7})
    assert len(rows) == 12 and {row.label for row in rows} == {"birds", "doors"} and all(row.captions[0] for row in rows)
    some = rows_of({"folder": str(tmp_path), "seed": 7, "most": 9})
    assert len(some) == 9 and some == rows_of({"folder": str(tmp_path), "seed": 7, "most": 9}) and set(some) <= set(rows)
    (tmp_path / "table.csv").write_text("path,caption,category\n" + "".join(f"birds/thing {number}.wav,a bird,bird\n" for number in range(1, 12, 2)))
    with pytest.raises(ManifestError, match=r"6 of 6 sounds .* needs 8 or more"):
        rows_of({"manifest": str(tmp_path / "table.csv"), "seed": 7})

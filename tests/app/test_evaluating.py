"""Evaluations on fakes: what is refused, kept, compared and shown; and the rows of a folder and of a manifest."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from app.services.access import Forbidden
from app.services.errors import RequestError
from app.services.evaluating import Evaluation, Evaluations
from app.ui.evaluating.tab import figures, working
from clvap.audio import write
from clvap.data.manifests import ManifestError
from generation import lora
from tests.app.conftest import bench
from tests.sounds import noise, tone
from tests.work.evaluate import KINDS
from tests.work.evaluate import figures as scores
from tests.work.evaluate_generator import scores as generator_scores

LONG_S = 60


def evaluated(studio, model="clvap-mini", **options):
    studio.settings.workspace.mkdir(exist_ok=True)
    job = studio.evaluating.start(model, str(studio.settings.workspace), **options)
    return studio.jobs.wait(job.id, LONG_S)


def tuned(workspace, base="sfx-mini"):
    """A LoRA of a generator, in name."""
    file = workspace / "models" / "pack.safetensors"
    file.parent.mkdir(parents=True)
    save_file({"w": np.zeros(2, np.float32)}, file, {"format": lora.FORMAT, "base": base, "config": '{"rank": 8}'})
    return file


def test_figures_are_kept_listed_and_deleted(tmp_path):
    studio = bench(tmp_path / "w").studio
    assert studio.evaluating.state() == Evaluations((), ())
    done = evaluated(studio)
    assert done.status == "done", done.message
    (kept,) = (tmp_path / "w/evaluations").glob("*.json")
    kept.with_name(f".{kept.stem}.partial-01234567.json").write_text(kept.read_text())  # of a worker that was killed
    (tmp_path / "w/evaluations/broken.json").write_text("{}")
    (one,) = studio.evaluating.state().done
    assert one.source == "w" and one.subject == "search" and one.scores["loose"]["clvap search"]["precision_1"] == 0.6
    assert not list((tmp_path / "w/evaluations").glob("*.part"))  # what was kept on the way
    again = bench(tmp_path / "w").studio.evaluating
    assert again.state().find(one.id) == one and again.state().jobs == ()
    again.delete(one.id)
    assert again.state().done == ()
    with pytest.raises(RequestError, match="not there any more"):
        again.delete("../models")


def test_figures_of_an_earlier_version_are_of_search_models(tmp_path):
    studio = bench(tmp_path / "w").studio
    evaluated(studio)
    (file,) = (tmp_path / "w/evaluations").glob("*.json")
    kept = json.loads(file.read_text())
    del kept["subject"]
    file.write_text(json.dumps(kept))
    assert studio.evaluating.state().done[0].subject == "search"


def test_a_quick_look_and_a_thorough_one_ask_other_questions(tmp_path):
    studio = bench(tmp_path / "w").studio
    evaluated(studio)
    evaluated(studio, thorough=True)
    thorough, quick = studio.evaluating.state().done
    assert quick.protocol["families"] == ["loose"] and thorough.protocol["most"] > quick.protocol["most"] and not quick.comparable(thorough)


def test_a_generator_is_measured_with_the_search_model_in_use_and_beside_itself_fine_tuned(tmp_path):
    studio, file = bench(tmp_path / "w").studio, tuned(tmp_path / "w")
    there = studio.evaluating.models()
    assert [(one.subject, one.name) for one in there] == [("search", "clvap-mini"), ("generator", "sfx-mini"), ("generator", "sfx-mini + pack")]
    assert (there[2].generator, there[2].lora, there[2].location) == ("sfx-mini", str(file), str(file))
    before, after = evaluated(studio, "sfx-mini"), evaluated(studio, str(file))
    assert before.arguments["protocol"]["clvap"] == "clvap-mini" and before.arguments["lora"] == "" and after.arguments["lora"] == str(file)
    tuned_one, base = studio.evaluating.state().done
    assert tuned_one.subject == "generator" and tuned_one.comparable(base) and (base.fingerprint, tuned_one.fingerprint) == ("base", "lora")
    evaluated(studio)
    assert not studio.evaluating.state().done[0].comparable(base)


def test_what_goes_with_another_generator_is_not_offered(tmp_path):
    studio, _ = bench(tmp_path / "w").studio, tuned(tmp_path / "w", base="stable-audio-open-1.0")
    assert [one.name for one in studio.evaluating.models()] == ["clvap-mini", "sfx-mini"]


def test_one_that_stopped_goes_on_or_is_given_up_with_what_it_kept(tmp_path):
    studio = bench(tmp_path / "w").studio
    (tmp_path / "w").mkdir()
    (tmp_path / "w/hold").touch()
    evaluating = studio.evaluating
    for _ in range(2):
        job = evaluating.start("sfx-mini", str(tmp_path / "w"))
        while studio.jobs.find(job.id).fraction is None:
            time.sleep(0.05)
        with pytest.raises(RequestError, match="stop it first"):
            evaluating.discard(job.id)
        evaluating.cancel(job.id)
        assert studio.jobs.wait(job.id, LONG_S).status == "cancelled"
    second, first = evaluating.state().jobs
    kept = tmp_path / "w/evaluations"
    assert len(list(kept.glob("*.part"))) == 2
    (kept / "20200101-000000-abcdef.part").mkdir()  # of a job that is no more
    evaluating.discard(second.id)
    (tmp_path / "w/hold").unlink()
    evaluating.resume(first.id)
    assert studio.jobs.wait(first.id, LONG_S).status == "done"
    evaluated(studio)
    assert evaluating.state().jobs == () and len(evaluating.state().done) == 2 and not list(kept.glob("*.part"))
    for act in (evaluating.cancel, evaluating.resume, evaluating.discard):
        with pytest.raises(RequestError, match="not there any more"):
            act(second.id)


def test_what_cannot_be_measured_is_refused(tmp_path):
    studio = bench(tmp_path / "w").studio
    (tmp_path / "notes.txt").write_text("words")
    for model, source, said in (
        ("clap-zero-shot:nowhere", str(tmp_path), "Choose a model"),
        ("clvap-mini", "  ", "Choose a folder"),
        ("sfx-mini", "/nowhere/at/all", "no such folder or table"),
        ("clvap-mini", str(tmp_path / "notes.txt"), "neither a folder nor a table"),
    ):
        with pytest.raises(RequestError, match=said):
            studio.evaluating.start(model, source)


@pytest.mark.parametrize("settings", [{"host": "0.0.0.0"}, {"host": "0.0.0.0", "auth": ("a", "b")}, {"in_space": True}])
def test_visitors_from_outside_measure_nothing(tmp_path, settings):
    evaluating = bench(tmp_path / "w", **settings).studio.evaluating
    acts = [lambda act=act: act("1") for act in (evaluating.cancel, evaluating.resume, evaluating.discard, evaluating.delete)]
    for ask in (evaluating.models, evaluating.folders, evaluating.state, lambda: evaluating.start("clvap-mini", str(tmp_path)), *acts):
        with pytest.raises(Forbidden):
            ask()


def evaluation(**changes) -> Evaluation:
    kinds = {kind: {"clvap search": scores(0.5), "envelope": scores(0.25)} for kind in KINDS}
    all_scores = {"any": {"random": scores(0.1)}} | kinds
    return replace(Evaluation("1", "one", "one", "aaaaaaaa", "<b>mine", 12, 2, {"seed": 7}, 0.0, 3.0, all_scores), **changes)


def of_generator(better=0.0, **changes) -> Evaluation:
    return evaluation(subject="generator", scores=generator_scores(better), protocol={"asked": 6, "takes": 2}, **changes)


@pytest.mark.parametrize("make", [evaluation, of_generator])
def test_names_from_outside_are_escaped(make):
    shown = figures(make(model="<script>"), make(id="2", model="<i data-x>", fingerprint="b"))
    assert "<script>" not in shown and "<b>mine" not in shown and "<i data-x>" not in shown


def test_two_are_compared_only_where_they_were_asked_the_same():
    better = evaluation(id="2", model="two", scores=evaluation().scores | {"words": {"clvap search": scores(0.75)}})
    shown = figures(better, evaluation())
    assert "+0.250" in shown and "better" in shown and shown.count('role="img"') == 3
    other = figures(evaluation(), replace(better, sounds=13))
    assert "was asked other questions" in other and "+0.250" not in other
    assert "appears here" in figures(None)


def test_figures_of_a_generator_stand_beside_chance_and_real_sounds():
    shown = figures(of_generator())
    assert shown.count('role="img"') == 3 and shown.count('role="row"') == 7
    assert 'aria-label="Of the kind asked for: voice + words 50%, voice 40%, words 30%, voice + words without curves 45%, real sounds 90%"' in shown
    assert "--chance:0.3300" in shown and "--share:0.0000" in shown  # a correlation under nothing has no bar
    assert "-0.10 ±0.05" in shown and "6 of 12 sounds of 2 kinds" in shown


def test_a_change_of_a_generator_counts_over_its_error_and_less_distance_is_better():
    table = figures(of_generator(0.3, id="2", model="two"), of_generator())
    assert '<span class="better">+0.300</span>' in table and '<span class="better">-0.300</span>' in table and "words: of the kind asked for" in table
    assert 'class="better"' not in figures(of_generator(0.01, id="2", model="two"), of_generator())


def test_a_job_that_failed_says_why_and_can_go_on(tmp_path):
    studio = bench(tmp_path / "w").studio
    failed = replace(evaluated(studio), status="failed", message="too few <sounds>")
    shown = working([failed])
    assert "too few &lt;sounds&gt;" in shown and 'data-act="resume"' in shown and 'data-act="discard"' in shown


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

"""Jobs as real processes, on work that counts."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.services.errors import RequestError
from app.services.jobs import Jobs
from app.services.jobs.job import PROCESS

ROOT = Path(__file__).resolve().parents[2]
LONG_S = 60


@pytest.fixture
def jobs(tmp_path):
    return Jobs(tmp_path / "jobs", package="tests.work")


def count(jobs, tmp_path, to=3, target="a file", **more):
    return jobs.start("count", target, "Counting", {"file": str(tmp_path / "kept"), "to": to, **more})


def until(condition, timeout_s=LONG_S):
    began = time.monotonic()
    while not (found := condition()):
        assert time.monotonic() < began + timeout_s, "it did not come"
        time.sleep(0.05)
    return found


def process_of(jobs, job, tmp_path):
    return json.loads((tmp_path / "jobs" / job.id / PROCESS).read_text())["pid"]


def test_a_job_runs_in_its_own_process_and_gives_its_result(jobs, tmp_path):
    job = count(jobs, tmp_path)
    assert job.running and process_of(jobs, job, tmp_path) != os.getpid()
    done = jobs.wait(job.id, LONG_S)
    assert (done.status, done.fraction, done.result) == ("done", 1.0, {"counted": 3, "began_at": 0})
    assert "counted 2" in jobs.log(job.id) and not done.resumable


def test_progress_is_seen_while_it_runs_by_everyone_who_looks(jobs, tmp_path):
    job = count(jobs, tmp_path, to=400)
    seen = until(lambda: (now := Jobs(tmp_path / "jobs").find(job.id)).fraction and now.text.startswith("at ") and now)
    assert seen.running and 0 < seen.fraction < 1
    jobs.cancel(job.id)
    assert jobs.wait(job.id, LONG_S).status == "cancelled"


def test_a_target_is_worked_on_once_at_a_time(jobs, tmp_path):
    job = count(jobs, tmp_path, to=400)
    with pytest.raises(RequestError, match="at work on this already"):
        count(jobs, tmp_path)
    with pytest.raises(RequestError, match="at work on this already"):
        Jobs(tmp_path / "jobs", package="tests.work").resume(job.id)
    other = count(jobs, tmp_path / "..", to=1, target="another file")
    assert jobs.wait(other.id, LONG_S).status == "done"
    jobs.cancel(job.id)
    jobs.wait(job.id, LONG_S)
    again = count(jobs, tmp_path, to=1)
    assert jobs.wait(again.id, LONG_S).status == "done"


def test_a_stopped_job_goes_on_from_where_it_was(jobs, tmp_path):
    job = count(jobs, tmp_path, to=60, pause_s=0.05)
    until(lambda: (tmp_path / "kept").exists() and int((tmp_path / "kept").read_text()) > 3)
    jobs.cancel(job.id)
    stopped = jobs.wait(job.id, LONG_S)
    assert stopped.status == "cancelled" and stopped.resumable
    (tmp_path / "kept").write_text("57")
    assert jobs.resume(job.id).id == job.id
    assert jobs.wait(job.id, LONG_S).result == {"counted": 60, "began_at": 57}


def test_a_killed_job_is_told_and_resumed(jobs, tmp_path):
    job = count(jobs, tmp_path, to=50, pause_s=0.05)
    until(lambda: (tmp_path / "kept").exists())
    os.kill(process_of(jobs, job, tmp_path), signal.SIGKILL)
    killed = until(lambda: (now := jobs.find(job.id)).status == "interrupted" and now)
    assert killed.resumable
    jobs.resume(job.id)
    done = jobs.wait(job.id, LONG_S)
    assert done.status == "done" and done.result["began_at"] > 0


def test_a_job_outlives_the_server_that_started_it(tmp_path):
    script = (
        "import sys; from pathlib import Path; from app.services.jobs import Jobs\n"
        "job = Jobs(Path(sys.argv[1]) / 'jobs', package='tests.work').start('count', 't', 'Counting', "
        "{'file': sys.argv[1] + '/kept', 'to': 20, 'pause_s': 0.05}); print(job.id)\n"
        "import os; os.kill(os.getpid(), 9)"
    )
    said = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == -signal.SIGKILL, said.stderr
    later = Jobs(tmp_path / "jobs", package="tests.work")
    assert later.list()[0].running
    assert later.wait(said.stdout.strip(), LONG_S).result["counted"] == 20


def test_what_goes_wrong_is_said_in_words_and_the_log_has_the_rest(jobs, tmp_path):
    job = jobs.wait(count(jobs, tmp_path, to=5, fail_at=2).id, LONG_S)
    assert (job.status, job.message) == ("failed", "the sound is broken; use another")
    assert "Traceback" in jobs.log(job.id) and "counted 1" in jobs.log(job.id)
    job = jobs.wait(jobs.start("no_such_work", "x", "Nothing", {}).id, LONG_S)
    assert job.status == "failed" and "Something went wrong" in job.message


def test_unknown_and_forged_ids_are_refused(jobs, tmp_path):
    (tmp_path / "secret").mkdir()
    for forged in ("", "..", "../secret", "/etc", ".lock", "nothing"):
        assert jobs.find(forged) is None
        with pytest.raises(RequestError, match="not there any more"):
            jobs.cancel(forged)


def test_jobs_are_listed_newest_first_and_can_be_forgotten(jobs, tmp_path):
    first = jobs.wait(count(jobs, tmp_path, to=1).id, LONG_S)
    second = jobs.wait(count(jobs, tmp_path, to=2, target="b").id, LONG_S)
    assert [job.id for job in jobs.list()] == [second.id, first.id] and jobs.list("index") == ()
    jobs.forget(first.id)
    assert [job.id for job in jobs.list()] == [second.id]
    third = count(jobs, tmp_path, to=400, target="c")
    with pytest.raises(RequestError, match="stop it first"):
        jobs.forget(third.id)
    jobs.cancel(third.id)
    jobs.wait(third.id, LONG_S)


def test_a_full_or_forbidden_disk_is_said_in_words(tmp_path):
    (tmp_path / "jobs").write_text("a file where the folder should be")
    with pytest.raises(RequestError, match="cannot be written"):
        Jobs(tmp_path / "jobs", package="tests.work").start("count", "t", "Counting", {})

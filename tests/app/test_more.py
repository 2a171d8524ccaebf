"""More data to train on: the language model named, what it will take, who may name one, how the page tells it. The jobs are fakes here."""

import pytest

from app.services.access import Forbidden
from app.services.errors import RequestError
from app.services.jobs import Job, Jobs
from app.services.training import Training
from app.services.training.language_model import LanguageModel
from app.settings import Settings
from app.ui.training import more as page
from clvap.audio import write
from tests.fakes import tone

ADDRESS = "http://127.0.0.1:9/v1"


@pytest.fixture
def service(tmp_path):
    """Makes the service on a folder of six tones of two kinds."""
    for number in range(6):
        write(tmp_path / "My Pack" / ("Bells", "Drums")[number % 2] / f"{number}.wav", tone(0.3, 300.0 + 50 * number))

    def made(**settings) -> Training:
        workspace = tmp_path / "workspace"
        return Training(Settings(workspace=workspace, **settings), Jobs(workspace / "jobs", "tests.work"), lambda: (tmp_path / "My Pack",), lambda: None)

    return made


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("CAPTIONS_API_KEY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def job(kind="caption", status="done", **changes) -> Job:
    told = {"arguments": {}, "fraction": 0.5, "text": "", "message": "", "result": {"made": 24}} | changes
    return Job("id", kind, "target", "title", status=status, began_s=0.0, updated_s=0.0, **told)


def test_a_language_model_is_where_it_answers_and_what_it_is_called():
    asked = LanguageModel.typed(" https://api.example.com:8443/v1 ", " llama ", "0.25 / 1.25")
    assert (asked.address, asked.model, asked.per_million, asked.host) == ("https://api.example.com:8443/v1", "llama", (0.25, 1.25), "api.example.com:8443")
    assert LanguageModel.typed(ADDRESS, "x", "0,9").per_million == (0.9,) and LanguageModel.typed(ADDRESS, "x", None).per_million == ()
    for address, model, price, said in (
        ("localhost:8000", "x", "", "Address"), ("file:///etc/passwd", "x", "", "Address"), ("http://[", "x", "", "Address"), (None, "x", "", "Address"),
        ("https://me:secret@host/v1", "x", "", "CAPTIONS_API_KEY"), ("https://host/v1?key=secret", "x", "", "CAPTIONS_API_KEY"),
        (ADDRESS, "", "", "Model"), (ADDRESS, "a\nb", "", "Model"), (ADDRESS, "x", "cheap", "Price"), (ADDRESS, "x", "1 2 3", "Price"),
    ):  # fmt: skip
        with pytest.raises(RequestError, match=said):
            LanguageModel.typed(address, model, price)


def test_the_key_is_of_the_environment_alone(monkeypatch):
    assert LanguageModel(ADDRESS, "x").key is None
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    assert LanguageModel("https://router.huggingface.co/v1", "x").key == "hf_mine" and LanguageModel("https://api.example.com/v1", "x").key is None
    monkeypatch.setenv("CAPTIONS_API_KEY", "sk-mine")
    assert LanguageModel("https://api.example.com/v1", "x").key == "sk-mine"


def test_the_cost_is_told_without_asking_and_the_model_remembered(service):
    training = service()
    key = training.look(training.folders()[0][1]).key
    cost = training.more.cost(key, 3, LanguageModel.typed(ADDRESS, "llama", "1 / 2"))
    assert (cost.estimate.requests, cost.estimate.kept, cost.keyed) == (2, 0, False)  # two different captions
    assert cost.estimate.price == pytest.approx((cost.estimate.tokens_in + 2 * cost.estimate.tokens_out) / 1e6)
    kept = service().more.preferences()
    assert (kept.address, kept.model, kept.price) == (ADDRESS, "llama", "1 / 2")
    for count in (0, 21, None):
        with pytest.raises(RequestError, match="Captions: give a number from 1 to 20"):
            training.more.cost(key, count, cost.model)
    with pytest.raises(RequestError, match="Choose a folder"):
        training.more.captions(None, 3)


def test_the_key_is_in_no_argument_of_the_job(service, monkeypatch):
    monkeypatch.setenv("CAPTIONS_API_KEY", "sk-mine")
    training = service()
    key = training.look(training.folders()[0][1]).key
    made = training._jobs.wait(training.more.captions(key, 2, LanguageModel(ADDRESS, "llama")).id, 60)
    assert made.arguments.keys() == {"count", "sounds", "out", "address", "model", "cache"} and "sk-mine" not in str(made.arguments)
    assert made.result == {"made": 12, "plain": 0} and [one.status for one in training.more.jobs(key)] == ["done"]
    with pytest.raises(RequestError, match="is finished"):
        training.more.resume(key, "caption")
    with pytest.raises(RequestError, match="Nothing of that kind"):
        training.more.stop(key, "augment")


def test_from_outside_no_address_is_asked(service):
    outside = service(host="0.0.0.0", auth=("me", "secret"))
    key = outside.look(outside.folders()[0][1]).key
    for ask in (outside.more.cost, outside.more.captions):
        with pytest.raises(Forbidden, match="name an address"):
            ask(key, 3, LanguageModel(ADDRESS, "llama"))
    assert outside.more.preferences().address != ADDRESS
    stranger = service(host="0.0.0.0")
    for ask in (lambda: stranger.more.captions(key, 1), lambda: stranger.more.sounds(key, 1, 0), lambda: stranger.more.jobs(key)):
        with pytest.raises(Forbidden, match="--auth"):
            ask()


def test_who_gave_the_password_may_not_go_on_with_what_the_machines_user_asked(service):
    inside = service()
    key = inside.look(inside.folders()[0][1]).key
    asked = inside.more.captions(key, 3, LanguageModel(ADDRESS, "down"))
    assert inside._jobs.wait(asked.id, 60).status == "failed"
    outside = service(host="0.0.0.0", auth=("me", "secret"))
    outside.look(outside.folders()[0][1])
    with pytest.raises(Forbidden, match="name an address"):
        outside.more.resume(key, "caption")


def test_the_page_says_how_far_they_are():
    assert "24 new captions: trained on" in page.state([job(result={"made": 24, "plain": 24})])
    model = {"address": ADDRESS, "model": "x"}
    assert "24 new captions, 3 of them by synonyms: trained on" in page.state([job(arguments=model, result={"made": 24, "plain": 3})])
    running = page.state([job("augment", "running")])
    assert 'data-act="stop" data-what="augment"' in running and 'aria-label="Stop variants and imitations"' in running
    for status, said in (("cancelled", "stopped at 50%"), ("interrupted", "interrupted at 50%"), ("failed", "&lt;b&gt;refused")):
        shown = page.state([job(status=status, message="<b>refused")])
        assert said in shown and 'data-act="resume"' in shown


def test_the_page_says_who_hears_what_and_what_it_takes(service):
    training = service()
    key = training.look(training.folders()[0][1]).key
    shown = page._cost(training.more.cost(key, 3, LanguageModel.typed(ADDRESS, "<b>llama", "1 2")))
    assert "<b>2</b> requests to 127.0.0.1:9;" in shown and "to pay." in shown and "No key is sent." in shown and "Ask &lt;b&gt;llama" in shown
    assert "to pay" not in page._cost(training.more.cost(key, 3, LanguageModel(ADDRESS, "llama")))

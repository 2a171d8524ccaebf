"""One browser with a microphone, and one studio on fakes, for all tests of the page."""

from __future__ import annotations

import pytest

from clvap.audio import write
from tests.e2e.browser import browsing, expect, whoop
from tests.e2e.exposures import FAKE_APP, Exposed, visitor
from tests.e2e.required import PATIENCE_S
from tests.e2e.servers import serving
from tests.fakes import tone


@pytest.fixture(scope="session", autouse=True)
def patience():
    """Machines that run tests are slow; a wait costs nothing where they are not."""
    if expect is not None:
        expect.set_options(timeout=PATIENCE_S * 1_000)


@pytest.fixture(scope="session")
def voice(tmp_path_factory):
    return whoop(tmp_path_factory.mktemp("voice") / "whoop.wav")


@pytest.fixture(scope="module")
def browser(voice):
    with browsing(voice) as browser:
        yield browser


@pytest.fixture(autouse=True)
def closed(request):
    """No page outlives its test: one that is left open keeps asking and drawing."""
    yield
    if "browser" in request.fixturenames:
        for context in request.getfixturevalue("browser").contexts:
            context.close()


@pytest.fixture(scope="module")
def fake_studio(tmp_path_factory):
    with serving(FAKE_APP, tmp_path_factory.mktemp("fake")) as server:
        yield server


@pytest.fixture
def pack(tmp_path):
    """A folder to train on: two kinds of six tones, and an empty file."""
    folder = tmp_path / "My Pack"
    for number in range(6):
        write(folder / "Bells" / f"Bell_{number}.wav", tone(0.4, 300.0 + 50 * number))
        write(folder / "Drums" / f"<b>Drum_{number}.wav", tone(0.6, 100.0 + 20 * number))
    (folder / "empty.wav").touch()
    return folder


@pytest.fixture(scope="session")
def exposed(tmp_path_factory):
    """A running studio of an exposure, started when first asked for."""
    studios = Exposed(tmp_path_factory.mktemp)
    yield studios
    studios.close()


@pytest.fixture
def stranger(exposed):
    """Somebody new at the shared one."""
    return visitor(exposed("shared"))

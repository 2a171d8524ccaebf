"""This computer's own microphone as a service."""

import pytest
import soundfile

from app.services.access import Forbidden
from app.services.errors import RequestError
from app.services.microphone import Hearing, LocalMicrophones, Recorded
from app.settings import Settings
from clvap.microphone import Microphone, MicrophoneError
from tests.fake_audio import BusyAudio, FakeAudio


def microphones(tmp_path, audio=None, **settings):
    return LocalMicrophones(Settings(workspace=tmp_path, **settings), Microphone(audio or FakeAudio()))


def test_a_recording_tells_its_level_and_ends_when_asked(tmp_path):
    service = microphones(tmp_path)
    levels = []
    for event in service.record(1):
        if isinstance(event, Hearing):
            levels.append(event.peak_db)
            if event.seconds > 0.5:
                service.stop()
    assert isinstance(event, Recorded) and max(levels) > -10 and min(levels) < -80
    assert soundfile.info(str(event.path)).duration > 0.5


def test_one_at_a_time_and_a_page_that_is_closed_frees_it(tmp_path):
    service = microphones(tmp_path)
    running = service.record()
    next(running)
    with pytest.raises(RequestError, match="recording already"):
        next(service.record())
    running.close()
    next(again := service.record())
    again.close()


def test_it_ends_where_a_gesture_would_be_too_long(tmp_path):
    service = microphones(tmp_path, FakeAudio(heard_s=60.0))
    *_, last = service.record()
    assert soundfile.info(str(last.path)).duration == pytest.approx(30.0, abs=0.01)


def test_trouble_is_a_sentence(tmp_path):
    assert [one.name for one in microphones(tmp_path).inputs().devices] == ["Desk Microphone", "Desk Interface <1>"]
    assert "plug a microphone in" in microphones(tmp_path, FakeAudio(inputs=0)).inputs().trouble
    service = microphones(tmp_path, BusyAudio())
    for _ in range(2):  # trouble leaves it free
        with pytest.raises(MicrophoneError, match="close other programs"):
            list(service.record())
    with pytest.raises(MicrophoneError, match="no input"):
        list(service.record(99))


def test_visitors_never_hear_it(tmp_path):
    service = microphones(tmp_path, host="0.0.0.0")
    for act in (service.inputs, service.stop, lambda: next(service.record())):
        with pytest.raises(Forbidden, match="microphone"):
            act()

"""The bridge to Ableton Live against an OSC server on the loopback that answers as AbletonOSC does, keeps silent, or answers wrongly."""

import json
import socket
import threading
import time

import numpy as np
import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from clvap import __main__ as cli
from clvap.audio import write
from clvap.console import BAD_INPUT
from clvap.data import manifests
from clvap.data.ableton import Live
from clvap.data.effects import AugmentError, Range
from tests.sounds import tone

TIMEOUT_S = 0.3


def packet(address: str, *values) -> bytes:
    message = OscMessageBuilder(address)
    for value in values:
        message.add_arg(value)
    return message.build().dgram


class FakeLive:
    """Two parameters and a switch on device 0 of track 0; clip 0 of 2 beats at 120 BPM; track 1 records. Answers to another port, as AbletonOSC."""

    def __init__(self, reply_port: int):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._reply = ("127.0.0.1", reply_port)
        self.values = [1.0, 0.5, 3.0]
        self.files = ["/sounds/door slam.wav", "/sets/Recorded/0001 1-Audio.wav"]
        self.heard: list[tuple] = []
        self.playing = self.recording = self.recorded = False
        self.answers: dict[str, object] = {}
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                message = OscMessage(self._socket.recv(65_536))
            except OSError:
                return
            self.heard.append((message.address, *message.params))
            answer = self.answers.get(message.address, self._answer(message.address, list(message.params)))
            if isinstance(answer, bytes):
                self._socket.sendto(answer, self._reply)
            elif answer is not None:
                self._socket.sendto(packet("/live/song/beat", 7), self._reply)  # what Live sends unasked
                self._socket.sendto(packet(message.address, *message.params, *answer), self._reply)

    def _answer(self, address: str, asked: list):
        if address == "/live/device/set/parameter/value":
            self.values[asked[2]] = asked[3]
        if address == "/live/clip/fire":
            self.playing = True
        if address == "/live/clip_slot/fire":
            self.recording = self.recorded = True
        if address == "/live/clip_slot/delete_clip":
            self.recorded = False
        if address == "/live/clip/stop":
            self.playing, self.recording = (False, self.recording) if asked[0] == 0 else (self.playing, False)
        return {
            "/live/test": ["ok"],
            "/live/device/get/parameters/name": ["Device On", "Dry/Wet", "Voices"],
            "/live/device/get/parameters/min": [0.0, 0.0, 1.0],
            "/live/device/get/parameters/max": [1.0, 1.0, 8.0],
            "/live/device/get/parameters/is_quantized": [True, False, True],
            "/live/device/get/parameter/value": [self.values[asked[2]]] if len(asked) == 3 else None,
            "/live/clip_slot/get/has_clip": [asked[:2] == [0, 0] or (asked[:1] == [1] and self.recorded)],
            "/live/clip/get/length": [2.0],
            "/live/song/get/tempo": [120.0],
            "/live/clip/get/is_playing": [self.playing],
            "/live/clip/get/is_recording": [self.recording],
            "/live/clip/get/file_path": [self.files[asked[0]] if asked else ""],
        }.get(address)

    def close(self):
        self._socket.close()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def reply_port() -> int:
    return free_port()


@pytest.fixture
def fake(reply_port):
    server = FakeLive(reply_port)
    yield server
    server.close()


@pytest.fixture
def live(fake, reply_port):
    with Live(port=fake.port, reply_port=reply_port, timeout_s=TIMEOUT_S) as connected:
        yield connected


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_parameters_are_set_at_random_within_their_range(live, fake):
    seen = [live.randomise(0, 0, rng(seed)) for seed in range(20)]
    assert all(set(one) == {"Dry/Wet", "Voices"} for one in seen), "the on switch is left alone"
    assert all(0 <= one["Dry/Wet"] <= 1 and one["Voices"] in range(1, 9) for one in seen)
    assert len({one["Voices"] for one in seen}) > 3
    assert live.randomise(0, 0, rng(5)) == live.randomise(0, 0, rng(5))
    assert fake.values[0] == 1.0


def test_only_the_parameters_asked_for_and_within_what_was_asked(live, fake):
    before = fake.values[2]
    for seed in range(10):
        assert 0.2 <= live.randomise(0, 0, rng(seed), {"Dry/Wet": Range(0.2, 0.3)})["Dry/Wet"] <= 0.3001
    assert fake.values[2] == before
    with pytest.raises(AugmentError, match="no parameter Drive; it has Device On, Dry/Wet, Voices"):
        live.randomise(0, 0, rng(), {"Drive": Range(0, 1)})
    with pytest.raises(AugmentError, match="Dry/Wet goes from 0 to 1 in Live, not 0 to 2"):
        live.randomise(0, 0, rng(), {"Dry/Wet": Range(0, 2)})


def test_a_clip_is_played_once_and_recorded(live, fake):
    waits: list[float] = []
    done = live.perform(0, 0, 0, rng(), record_track=1, wait=waits.append)
    assert done.seconds == 1.0 and sum(waits) >= 1.0
    assert done.settings.keys() == {"Dry/Wet", "Voices"}
    assert str(done.recording) == "/sets/Recorded/0001 1-Audio.wav"
    said = [message[0] for message in fake.heard]
    assert said.index("/live/device/set/parameter/value") < said.index("/live/clip_slot/fire") < said.index("/live/clip/fire") < said.index("/live/clip/stop")
    assert ("/live/track/set/arm", 1, 1) in fake.heard and fake.heard[-2] == ("/live/track/set/arm", 1, 0)
    assert not fake.playing and not fake.recording


def test_a_recording_slot_that_is_not_empty_is_left_alone(live, fake):
    live.play(0, 0, 1, wait=lambda seconds: None)
    with pytest.raises(AugmentError, match="slot 0 of the recording track 1 is not empty"):
        live.play(0, 0, 1, wait=lambda seconds: None)


def test_the_command_records_takes_and_keeps_them(fake, reply_port, tmp_path, capsys):
    sound, recording = write(tmp_path / "door slam.wav", tone(seconds=0.2)), write(tmp_path / "recorded.wav", tone(300, 0.3))
    fake.files = [str(sound), str(recording)]
    fake.answers["/live/song/get/tempo"] = [1_200.0]
    where = [str(tmp_path / "out"), "--port", str(fake.port), "--reply-port", str(reply_port), "--timeout", str(TIMEOUT_S)]
    what = ["--track", "0", "--clip", "0", "--record-track", "1", "--takes", "2", "--range", "Dry/Wet=0.2..0.4", "--json"]
    for made, kept in ((2, 0), (0, 2)):
        assert cli.main(["live", *where, *what]) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["made"], said["kept"]) == (made, kept)
    rows = manifests.read(said["manifest"])
    assert [row.path for row in rows] == [sound, sound] and rows[0].captions == ("door slam",)
    assert rows[0].imitation != rows[1].imitation and rows[0].imitation.read_bytes() == recording.read_bytes()
    assert not fake.recorded
    fake.files[1] = "/not/here.wav"
    assert cli.main(["live", *where, *what, "--takes", "3"]) == BAD_INPUT
    assert "run this command on the one Live runs on" in capsys.readouterr().err


def test_without_a_recording_track_nothing_is_recorded(live, fake):
    assert live.play(0, 0, wait=lambda seconds: None) == (1.0, None)
    assert not any("arm" in message[0] for message in fake.heard)


def test_an_empty_slot_and_a_clip_that_does_not_start(live, fake):
    with pytest.raises(AugmentError, match="track 0 has no clip in slot 3"):
        live.play(0, 3)
    fake.answers["/live/clip/get/is_playing"] = [False]
    with pytest.raises(AugmentError, match="does not start in Live"):
        live.play(0, 0, wait=lambda seconds: None)


def test_nobody_answers(reply_port):
    began = time.monotonic()
    with pytest.raises(AugmentError, match="start Live, install AbletonOSC and choose it under Preferences"):
        Live(port=free_port(), reply_port=reply_port, timeout_s=TIMEOUT_S)
    assert time.monotonic() - began < TIMEOUT_S + 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", reply_port))  # the port is free again


def test_falls_silent_in_the_middle_while_beats_keep_coming(live, fake):
    fake.answers["/live/clip/get/length"] = packet("/live/song/beat", 1)
    stop = threading.Event()

    def beats():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not stop.wait(0.01):
                sender.sendto(packet("/live/song/beat", 2), fake._reply)

    threading.Thread(target=beats, daemon=True).start()
    try:
        with pytest.raises(AugmentError, match="did not answer /live/clip/get/length"):
            live.play(0, 0)
    finally:
        stop.set()


def test_answers_wrongly(live, fake):
    fake.answers["/live/device/get/parameters/max"] = [1.0]
    with pytest.raises(AugmentError, match="do not fit together"):
        live.randomise(0, 0, rng())
    fake.answers["/live/device/get/parameters/max"] = [1.0, "loud", 8.0]
    with pytest.raises(AugmentError, match="is not understood"):
        live.randomise(0, 0, rng())
    del fake.answers["/live/device/get/parameters/max"]
    fake.answers["/live/device/get/parameter/value"] = [0.123]
    with pytest.raises(AugmentError, match="instead of"):
        live.randomise(0, 0, rng())
    fake.answers["/live/song/get/tempo"] = [0.0]
    with pytest.raises(AugmentError, match="give it a length"):
        live.play(0, 0)


def test_what_is_no_osc_and_what_live_reports(live, fake):
    fake.answers["/live/device/get/parameters/name"] = b"HTTP/1.1 400 Bad Request\r\n"
    with pytest.raises(AugmentError, match="does not speak OSC"):
        live.parameters(0, 0)
    fake.answers["/live/device/get/parameters/name"] = packet("/live/error", "Index out of range")
    with pytest.raises(AugmentError, match="Live: Index out of range"):
        live.parameters(0, 0)


def test_the_port_for_answers_is_taken(live, fake, reply_port):
    with pytest.raises(AugmentError, match=f"port {reply_port} is taken"):
        Live(port=fake.port, reply_port=reply_port, timeout_s=TIMEOUT_S)

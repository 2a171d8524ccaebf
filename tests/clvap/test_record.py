"""Recording through PortAudio: on a fake of it, and on what this machine really has."""

import json
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
import soundfile

import clvap.microphone
from clvap import __main__ as cli
from clvap.commands import record as command
from clvap.microphone import Microphone, MicrophoneError
from tests.fake_audio import BusyAudio, FakeAudio


def arguments(*given):
    parser = cli._parser()
    return parser.parse_args(["record", *map(str, given)])


def run(audio, *given):
    return command.recorded(Microphone(audio), arguments(*given))


def test_inputs_are_listed_and_the_usual_one_marked():
    found = Microphone(FakeAudio()).devices()
    assert [(one.number, one.name, one.channels, one.sample_rate_hz, one.default) for one in found] == [
        (1, "Desk Microphone", 1, 44_100, True), (2, "Desk Interface <1>", 8, 48_000, False),
    ]  # fmt: skip
    assert command.listed(Microphone(FakeAudio()), False).startswith("*   1  Desk Microphone")
    assert json.loads(command.listed(Microphone(FakeAudio()), True))["devices"][1]["name"] == "Desk Interface <1>"


@pytest.mark.parametrize(("wanted", "number"), [(None, 1), ("", 1), (2, 2), ("2", 2), ("interface", 2), ("desk microphone", 1)])
def test_an_input_is_chosen(wanted, number):
    assert Microphone(FakeAudio()).choose(wanted).number == number


@pytest.mark.parametrize(
    ("wanted", "said"), [("desk", "several inputs are called 'desk'"), ("nope", "no input is called 'nope'"), (0, "no input"), ("9", "no input")]
)
def test_a_wrong_input_is_answered_with_those_there_are(wanted, said):
    with pytest.raises(MicrophoneError, match=said) as raised:
        Microphone(FakeAudio()).choose(wanted)
    assert "1 Desk Microphone; 2 Desk Interface" in str(raised.value)


def test_no_input_and_a_busy_one_are_explained(tmp_path):
    with pytest.raises(MicrophoneError, match="plug a microphone in"):
        Microphone(FakeAudio(inputs=0)).devices()
    with pytest.raises(MicrophoneError, match=r"Device unavailable.*close other programs"):
        run(BusyAudio(), "--out", tmp_path / "x.wav")


def test_a_recording_of_so_many_seconds(tmp_path, capsys):
    said = run(FakeAudio(), "--out", tmp_path / "deep" / "voice.wav", "--seconds", 0.77, "--json")
    told = json.loads(said)
    samples, rate = soundfile.read(told["path"])
    assert len(samples) == round(0.77 * rate) and soundfile.info(told["path"]).subtype == "PCM_24" and told["device"] == "Desk Microphone"
    assert np.abs(samples).max() == pytest.approx(0.4, abs=0.01) and told["peak_db"] == pytest.approx(-8, abs=0.2) and told["seconds"] == 0.77
    shown = capsys.readouterr()
    assert shown.out == "" and "█" in shown.err and "0.8 s" in shown.err


def test_silence_ends_it_but_only_after_sound(tmp_path):
    path = run(FakeAudio(heard_s=0.5, quiet_s=2.0), "--out", tmp_path / "voice.wav", "--silence", 0.4)
    assert soundfile.info(path).duration == pytest.approx(2.9, abs=0.11)


def test_silence_is_warned_of(tmp_path, capsys):
    run(FakeAudio(heard_s=0.0), "--out", tmp_path / "voice.wav", "--seconds", 0.3)
    assert "muted" in capsys.readouterr().err


def test_a_wide_input_gives_two_channels(tmp_path):
    audio = FakeAudio()
    path = run(audio, "--device", "interface", "--out", tmp_path / "voice.wav", "--seconds", 0.2)
    assert soundfile.info(path).channels == 2 and audio.opened[0]["device"] == 2


def test_ctrl_c_keeps_what_there_is(tmp_path):
    def interrupted(seconds, peak_db):
        if seconds > 0.3:
            raise KeyboardInterrupt

    microphone = Microphone(FakeAudio())
    taken = microphone.record(tmp_path / "voice.wav", microphone.choose(), stop=threading.Event(), level=interrupted)
    assert taken.seconds == pytest.approx(0.35, abs=0.06) and soundfile.info(str(taken.path)).duration == pytest.approx(taken.seconds)


def test_stopped_before_anything_came_leaves_no_file(tmp_path):
    stop = threading.Event()
    stop.set()
    microphone = Microphone(FakeAudio())
    with pytest.raises(MicrophoneError, match="nothing was recorded"):
        microphone.record(tmp_path / "voice.wav", microphone.choose(), stop=stop)
    assert not (tmp_path / "voice.wav").exists()


def test_an_input_that_is_pulled_out_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(clvap.microphone, "_DEAD_AFTER_S", 0.3)
    with pytest.raises(MicrophoneError, match="gives no sound any more"):
        run(FakeAudio(dies_after_s=0.2), "--out", tmp_path / "voice.wav")


def test_places_that_cannot_be_written_are_told(tmp_path):
    with pytest.raises(MicrophoneError, match=r"ends in \.wav"):
        run(FakeAudio(), "--out", tmp_path / "voice.mp3")
    (tmp_path / "file").touch()
    with pytest.raises(MicrophoneError, match="could not be written"):
        run(FakeAudio(), "--out", tmp_path / "file" / "voice.wav")


def test_the_usual_place_is_in_the_workspace(tmp_path):
    path = run(FakeAudio(), "--workspace", tmp_path, "--seconds", 0.2)
    assert path.startswith(str(tmp_path / "recordings")) and path.endswith(".wav")


NO_LIBRARY = """
import ctypes.util, sys, types
ctypes.util.find_library = lambda name: None
sys.modules["_sounddevice_data"] = types.ModuleType("empty")
"""


@pytest.mark.parametrize(
    ("preparation", "said"),
    [
        ("", "no sound input|PortAudio"),
        ("import sounddevice; sounddevice.query_devices = lambda: []", "no sound input|PortAudio"),
        ("import sys; sys.modules['sounddevice'] = None", "pip install sounddevice"),
        (NO_LIBRARY, "PortAudio is not on this machine; install it"),
    ],
    ids=["as it is here", "no input", "no package", "no library"],
)
def test_what_this_machine_really_lacks_is_a_sentence(tmp_path, preparation, said):
    """A process of its own, with what stands in the way: exit 2, one sentence, no traceback."""
    record = ["record", "--seconds", "0.1", "--out", str(tmp_path / "x.wav")]
    program = f"{preparation}\nimport sys\nfrom clvap.__main__ import main\nsys.exit(main({record!r}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if not preparation and done.returncode == 0:
        pytest.skip("this machine has a microphone")
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    assert re.search(said, done.stderr) and done.stderr.count("\n") == 1


def test_wrong_numbers_are_refused(capsys):
    for wrong in (["--seconds", "-1"], ["--seconds", "x"], ["--silence", "nan"]):
        with pytest.raises(SystemExit) as stopped:
            cli.main(["record", *wrong])
        assert stopped.value.code == 2

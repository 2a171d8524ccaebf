"""Hosting of plug-ins: the wiring on a stand-in with pedalboard's interface, then a real VST3 effect built for the purpose."""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from clvap.audio import Clip
from clvap.data.effects import AugmentError, Range
from clvap.data.plugins import Plugin
from tests.sounds import tone

SDK = Path(os.environ.get("VST3_SDK") or "/usr/share/juce/modules/juce_audio_processors/format_types/VST3_SDK")


@dataclass
class Parameter:
    min_value: float = 0.0
    max_value: float = 1.0
    valid_values: list | None = None
    raw_value: float = 0.5


@dataclass
class Hosted:
    """A stereo gain with a mix in steps, a bypass and an output level, as `pedalboard.load_plugin` would return it."""

    parameters: dict = field(default_factory=lambda: {
        "gain": Parameter(0, 2), "mix": Parameter(valid_values=[0.0, 0.5, 1.0]), "bypass": Parameter(), "output_level": Parameter(),
    })  # fmt: skip
    gain: float = 1.0
    mix: float = 1.0
    is_instrument: bool = False
    resets: list = field(default_factory=list)

    def process(self, samples, rate, reset):
        self.resets.append(reset)
        if len(samples) != 2:
            raise ValueError(f"{len(samples)} channels")
        return samples * self.gain


@pytest.fixture
def file(tmp_path):
    (tmp_path / "Gain.vst3").touch()
    return tmp_path / "Gain.vst3"


def test_parameters_are_drawn_inside_their_ranges(file):
    hosted = Hosted()
    plugin = Plugin(file, {"gain": Range(0.5, 1.5), "mix": Range(0.4, 0.9)}, load=lambda path, plugin_name: hosted)
    gains = []
    for seed in range(20):
        made = plugin(tone(level=0.1), np.random.default_rng(seed))
        gains.append(hosted.gain)
        assert made.peak == pytest.approx(0.1 * hosted.gain, rel=1e-3) and made.samples.shape == tone().samples.shape
        assert hosted.mix in (0.5, 1.0)
    assert min(gains) >= 0.5 and max(gains) <= 1.5 and max(gains) - min(gains) > 0.5
    assert all(hosted.resets), "nothing of the sound before may ring on"
    assert plugin(tone(level=0.1), np.random.default_rng(3)).samples.tolist() == plugin(tone(level=0.1), np.random.default_rng(3)).samples.tolist()


def test_without_ranges_all_vary_but_what_bypasses_or_mutes(file):
    hosted = Hosted()
    Plugin(file, load=lambda path, plugin_name: hosted)(tone(), np.random.default_rng(0))
    raw = {name: parameter.raw_value for name, parameter in hosted.parameters.items()}
    assert raw["gain"] != 0.5 and raw["mix"] != 0.5 and raw["bypass"] == raw["output_level"] == 0.5


def test_what_the_plug_in_does_not_have_is_told_before_any_sound(file):
    def load(path, plugin_name):
        return Hosted()

    with pytest.raises(AugmentError, match="has no parameter drive; it has gain, mix"):
        Plugin(file, {"drive": Range(0, 1)}, load=load)
    for name, high in (("gain", 3), ("mix", 1.5)):
        with pytest.raises(AugmentError, match=f"{name} goes from 0 to ., not to {high}"):
            Plugin(file, {name: Range(0, high)}, load=load)
    with pytest.raises(AugmentError, match="an instrument"):
        Plugin(file, load=lambda path, plugin_name: Hosted(is_instrument=True))
    with pytest.raises(AugmentError, match="3 channels"):
        Plugin(file, load=load)(Clip(np.zeros((3, 100), np.float32)), np.random.default_rng(0))


def test_a_file_that_is_missing_and_one_that_is_no_plug_in(file):
    with pytest.raises(AugmentError, match=r"no such plug-in; give the path of a \.vst3"):
        Plugin(file.with_name("never.vst3"))
    with pytest.raises(AugmentError, match="no plug-in that can be loaded here"):
        Plugin(file)


@pytest.fixture(scope="module")
def drive(tmp_path_factory) -> Path:
    """A real VST3 effect, built here."""
    if not SDK.is_dir() or not shutil.which("g++") or sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("needs Linux, g++ and the VST3 SDK: its folder in VST3_SDK, or the one in Debian's juce-modules-source")
    bundle = tmp_path_factory.mktemp("vst3") / "Drive.vst3"
    library = bundle / "Contents/x86_64-linux/Drive.so"
    library.parent.mkdir(parents=True)
    parts = ["component", "componentbase", "bus", "editcontroller", "parameters", "initiids"]
    sources = [SDK / f"public.sdk/source/vst/vst{part}.cpp" for part in parts] + [SDK / "public.sdk/source/common/pluginview.cpp"]
    sources += [path for folder in ("base/source", "base/thread/source", "pluginterfaces/base") for path in (SDK / folder).glob("*.cpp")]
    flags = ["-std=c++17", "-O0", "-fPIC", "-shared", "-w", "-DRELEASE=1", f"-I{SDK}", "-o", str(library)]
    subprocess.run(["g++", *flags, Path(__file__).with_name("vst3_drive.cpp"), *sources, "-lpthread"], check=True)
    return bundle


@pytest.mark.slow
def test_a_real_plug_in_within_ranges(drive):
    plugin = Plugin(drive, {"gain_x": Range(0.5, 1.5), "drive": Range(0, 0)})
    peaks = [plugin(tone(level=0.01), np.random.default_rng(seed)).peak / 0.01 for seed in range(12)]
    assert all(0.49 < peak < 1.51 for peak in peaks) and max(peaks) - min(peaks) > 0.4
    clean, driven = (Plugin(drive, {"gain_x": Range(1, 1), "drive": Range(at, at)})(tone(), np.random.default_rng(0)) for at in (0, 1))
    assert np.abs(np.diff(driven.samples)).max() > 3 * np.abs(np.diff(clean.samples)).max()
    assert clean.samples.shape == tone().samples.shape, "a mono sound through a stereo effect stays mono"
    with pytest.raises(AugmentError, match="has no parameter mix; it has gain_x, drive, bypass"):
        Plugin(drive, {"mix": Range(0, 1)})
    with pytest.raises(AugmentError, match="gain_x goes from 0 to 2, not to 5"):
        Plugin(drive, {"gain_x": Range(1, 5)})


@pytest.mark.slow
def test_a_real_plug_in_repeats_for_a_seed_and_is_never_bypassed(drive):
    plugin = Plugin(drive)
    first, again, other = (plugin(tone(), np.random.default_rng(seed)).samples for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert np.array_equal(Plugin(drive)(tone(), np.random.default_rng(1)).samples, first)
    assert not any(plugin(tone(), np.random.default_rng(seed)) and plugin.parameters()["bypass"].raw_value for seed in range(5))

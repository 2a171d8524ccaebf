"""Exported files, read back by readers that are not this project's: soundfile, ffprobe, and a plain walk over the chunks."""

import json
import math
import shutil
import struct
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

from clvap.audio import Clip, read, write
from clvap.data import ucs
from generation.export import edges, loudness, names
from generation.export.formats import DEPTHS, RATES_HZ, ExportError, ExportSettings
from generation.export.metadata import About
from generation.export.write import export, quantised, render
from tests.e2e.required import missing
from tests.sounds import noise, tone

NAME = "LASRGun_Laser Zap 01_JDOE_SFXMINI"
ABOUT = About(
    description="kurzer heller Laser, café", keywords=("laser", "zap"), prompt="laser <zap> & more", seed=77, model="sfx-mini", licence="CC-BY-4.0",
    parent="beam_03.wav", made_s=1_700_000_000.0, ucs=names.fields(NAME),
)  # fmt: skip


def stereo(seconds=1.3, rate=44_100):
    left, right = tone(440, seconds).samples[0], noise(seconds, 0.1).samples[0]
    return Clip(np.stack([left, right]), rate)


def exported(tmp_path, clip, subtype="FLOAT", **settings):
    source = tmp_path / "source.wav"
    soundfile.write(str(source), clip.samples.T, clip.sample_rate_hz, subtype=subtype)
    return export(source, tmp_path / "out", NAME, ExportSettings(**settings), ABOUT)


def probe(path, *arguments):
    if shutil.which("ffprobe") is None:
        missing("ffprobe is not installed")
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", *arguments, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return json.loads(done.stdout)


def chunks(path):
    """The chunks of a WAV by name, in order."""
    data = path.read_bytes()
    assert data[:4] == b"RIFF" and data[8:12] == b"WAVE" and struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    at, found = 12, {}
    while at < len(data):
        name, size = data[at : at + 4].decode(), struct.unpack_from("<I", data, at + 4)[0]
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(data)
    return found


def decibels(value):
    return 20 * math.log10(value)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize(("kind", "depth"), [("wav", "16"), ("wav", "24"), ("wav", "float"), ("flac", "16"), ("flac", "24"), ("ogg", None)])
@pytest.mark.parametrize("clip", [tone(440, 0.7), stereo(0.7)], ids=["mono", "stereo"])
def test_every_format_reads_back(tmp_path, kind, depth, rate_hz, clip):
    made = exported(tmp_path, clip, format=kind, depth=depth, rate_hz=rate_hz, normalise="none")
    subtype = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT", None: "VORBIS"}[depth]
    header = soundfile.info(str(made.path))
    assert (header.samplerate, header.channels, header.subtype) == (rate_hz, clip.samples.shape[0], subtype)
    assert header.duration == pytest.approx(0.7, abs=0.001) and made.duration_s == pytest.approx(0.7, abs=0.001)
    back, wanted = read(made.path).samples, render(clip, ExportSettings(rate_hz=rate_hz, normalise="none")).clip.samples
    assert np.sqrt(np.mean((back - wanted) ** 2)) < (0.02 if kind == "ogg" else 4e-5)
    stream = probe(made.path)["streams"][0]
    assert stream["codec_name"] == {"16": "pcm_s16le", "24": "pcm_s24le", "float": "pcm_f32le"}.get(depth) if kind == "wav" else stream["codec_name"] in (
        "flac", "vorbis",
    )  # fmt: skip
    assert int(stream["sample_rate"]) == rate_hz and stream["channels"] == clip.samples.shape[0]


def test_more_channels_are_kept(tmp_path):
    clip = Clip(np.stack([noise(0.4, seed=seed).samples[0] for seed in range(6)]))
    made = exported(tmp_path, clip, depth="24")
    assert soundfile.info(str(made.path)).channels == 6 == probe(made.path)["streams"][0]["channels"]


def test_what_a_format_cannot_is_refused():
    assert DEPTHS["ogg"] == ()
    for wrong in (
        {"format": "mp3"}, {"rate_hz": 22_050}, {"format": "flac", "depth": "float"}, {"format": "ogg", "depth": "24"}, {"normalise": "rms"},
        {"normalise": "peak", "target": 3.0}, {"fade_in_ms": -1.0}, {"fade_out_ms": float("nan")}, {"loop": "pingpong"}, {"loop": "points", "fade_in_ms": 5.0},
    ):  # fmt: skip
        with pytest.raises(ExportError):
            ExportSettings(**wrong)


def test_sixteen_bits_that_nothing_was_done_to_stay_as_they_are(tmp_path):
    source = write(tmp_path / "source.wav", noise(0.3), "PCM_16")
    made = export(source, tmp_path / "out", "same", ExportSettings(depth="16", rate_hz=44_100, normalise="none"), ABOUT)
    assert np.array_equal(soundfile.read(str(made.path), dtype="int16")[0], soundfile.read(str(source), dtype="int16")[0])


def test_sixteen_bits_are_dithered():
    quiet = tone(1_000, 1.0, level=0.6 / 32_768).samples
    plain, dithered = np.rint(quiet[0] * 32_768), quantised(quiet, 16)[:, 0]
    spectrum = lambda x: np.abs(np.fft.rfft(x * np.hanning(len(x))))  # noqa: E731
    assert spectrum(plain)[3_000] > 20 * np.median(spectrum(plain))  # without dither a tone this quiet grows harmonics
    assert spectrum(dithered)[3_000] < 8 * np.median(spectrum(dithered)) and spectrum(dithered)[1_000] > 50 * np.median(spectrum(dithered))
    assert not quantised(np.zeros((1, 1_000), np.float32), 16).any()
    assert np.abs(quantised(np.full((1, 10), 2.0, np.float32), 24)).max() == 2**23 - 1


def test_the_true_peak_is_what_was_asked(tmp_path):
    clip = Clip((np.sin(np.pi / 2 * np.arange(44_100) + np.pi / 4) * 0.9).astype(np.float32)[None])  # its samples miss its peaks by 3 dB
    clip = edges.faded(clip, 50.0, 50.0)
    made = exported(tmp_path, clip, normalise="peak", rate_hz=44_100)
    assert made.loudness.true_peak_db == pytest.approx(-1.0, abs=0.01)
    assert decibels(np.abs(read(made.path).samples).max()) == pytest.approx(-4.0, abs=0.2)
    assert judged(made.path)["true_peak"] == pytest.approx(-1.0, abs=0.35)


def judged(path):
    """Loudness and true peak as ffmpeg measures them."""
    if shutil.which("ffmpeg") is None:
        missing("ffmpeg is not installed")
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr.rpartition("Summary:")[2]
    number = lambda name: float(said.partition(name)[2].split()[0])  # noqa: E731
    return {"lufs": number("I:"), "true_peak": number("Peak:")}


@pytest.mark.parametrize("clip", [stereo(4.0), tone(300, 3.0, 0.1)], ids=["stereo", "mono"])
def test_the_loudness_is_what_was_asked(tmp_path, clip):
    made = exported(tmp_path, clip, normalise="loudness", target=-23.0)
    assert made.loudness.lufs == pytest.approx(-23.0, abs=0.05)
    assert judged(made.path)["lufs"] == pytest.approx(-23.0, abs=0.2)


def test_loudness_does_not_push_peaks_over_the_ceiling(tmp_path):
    click = np.zeros((1, 88_200), np.float32)
    click[0, 40_000:40_040] = 0.8
    made = exported(tmp_path, Clip(click), normalise="loudness", target=-10.0)
    assert made.loudness.true_peak_db == pytest.approx(-1.0, abs=0.01) and made.loudness.lufs < -10


def test_short_sounds_are_measured_as_if_they_went_on():
    assert loudness.measure(tone(1_000, 0.1)).lufs == pytest.approx(loudness.measure(tone(1_000, 3.0)).lufs, abs=0.3)
    assert loudness.measure(tone(1_000, 0.002)).lufs > -40


def test_silence_stays_silent(tmp_path):
    for normalise in ("peak", "loudness", "none"):
        made = exported(tmp_path, Clip(np.zeros((1, 4_410), np.float32)), normalise=normalise)
        assert not read(made.path).samples.any() and made.loudness.lufs == -math.inf
        assert struct.unpack_from("<h", chunks(made.path)["bext"], 412)[0] == 0x7FFF


def test_long_sounds_are_measured_in_blocks_without_a_seam():
    clip = Clip(np.full((1, 1_200_000), 0.5, np.float32))
    assert loudness.measure(clip).true_peak_db == pytest.approx(loudness.measure(Clip(clip.samples[:, :60_000])).true_peak_db, abs=1e-3)


def test_without_normalising_only_what_would_clip_is_turned_down(tmp_path):
    loud = tone(440, 0.5, level=1.6)
    assert np.abs(read(exported(tmp_path, loud, normalise="none", depth="24").path).samples).max() <= 1
    assert np.abs(read(exported(tmp_path, loud, normalise="none", depth="float").path).samples).max() == pytest.approx(1.6, abs=0.01)


def test_fades_begin_and_end_in_silence(tmp_path):
    made = exported(tmp_path, Clip(np.full((2, 44_100), 0.5, np.float32)), fade_in_ms=100.0, fade_out_ms=200.0, normalise="none", rate_hz=44_100)
    samples = read(made.path).samples
    assert np.abs(samples[:, [0, -1]]).max() < 1e-4
    assert samples[0, 2_205] == pytest.approx(0.25, abs=0.001) and samples[0, -4_410] == pytest.approx(0.25, abs=0.001)
    assert samples[0, 22_050] == pytest.approx(0.5, abs=1e-4)
    both = edges.faded(Clip(np.ones((1, 100), np.float32)), 60_000.0, 60_000.0).samples[0]
    assert both[0] < 0.01 and both[-1] < 0.01 and both[49] > 0.99


def jump(clip, loop):
    """How far the loop's seam steps, over how far neighbouring samples step."""
    x = clip.samples[0]
    return abs(x[loop.start] - x[loop.end - 1]) / max(np.abs(np.diff(x)).max(), 1e-9)


def test_loop_points_meet_without_a_click():
    clip = tone(331.7, 2.0)
    made = edges.looped(clip, "points")
    assert made.clip is clip and made.loop.end - made.loop.start > 44_100
    assert jump(clip, made.loop) < 1.1
    period = 44_100 / 331.7
    assert (made.loop.end - made.loop.start) / period == pytest.approx(round((made.loop.end - made.loop.start) / period), abs=0.02)


def test_a_crossfaded_loop_has_no_seam_and_keeps_its_level():
    clip = noise(4.0)
    made = edges.looped(clip, "crossfade")
    assert made.loop == edges.Loop(0, made.clip.samples.shape[-1]) and made.clip.duration_s == pytest.approx(3.0, abs=0.01)
    assert np.array_equal(made.clip.samples[0, -1], clip.samples[0, made.loop.end - 1]) and made.clip.samples[0, 0] == clip.samples[0, made.loop.end]
    level = [np.sqrt(np.mean(made.clip.samples[0, at : at + 8_820] ** 2)) for at in range(0, 120_000, 8_820)]
    assert max(level) / min(level) < 1.15


@pytest.mark.parametrize("samples", [np.zeros((1, 3)), np.ones((1, 1)), np.full((1, 9_000), 0.3)], ids=["three", "one", "steady"])
@pytest.mark.parametrize("kind", ["points", "crossfade"])
def test_what_has_no_crossing_loops_whole(samples, kind):
    made = edges.looped(Clip(samples.astype(np.float32)), kind)
    assert made.loop.start == 0 and 0 < made.loop.end == made.clip.samples.shape[-1]


def test_the_broadcast_chunk(tmp_path):
    made = exported(tmp_path, stereo(1.0), normalise="loudness", target=-20.0)
    found = chunks(made.path)
    assert list(found) == ["fmt ", "bext", "iXML", "LIST", "data"]
    bext = found["bext"]
    text = lambda start, length: bext[start : start + length].rstrip(b"\0").decode("ascii")  # noqa: E731
    assert text(0, 256) == "kurzer heller Laser, cafe" and text(256, 32) == "CLVAP Studio" and len(text(288, 32)) == 32
    assert text(320, 10).startswith("2023-11-1") and len(text(330, 8)) == 8
    assert struct.unpack_from("<Q", bext, 338)[0] == 0 and struct.unpack_from("<H", bext, 346)[0] == 2
    lufs, spread, peak = struct.unpack_from("<hhh", bext, 412)
    assert lufs == -2_000 and spread == 0x7FFF and peak == pytest.approx(made.loudness.true_peak_db * 100, abs=1)
    assert text(602, 400) == "A=PCM,F=48000,W=24,M=stereo,T=CLVAP Studio; sfx-mini\r\n"
    tags = probe(made.path)["format"]["tags"]
    assert tags["encoded_by"] == "CLVAP Studio" and tags["date"].startswith("2023-11-1") and "SFX-MINI" in tags["coding_history"].upper()
    assert soundfile.info(str(made.path)).extra_info.count("Broadcast") or "bext" in soundfile.info(str(made.path)).extra_info


def test_ixml_and_info_tell_everything(tmp_path):
    found = chunks(exported(tmp_path, tone(), depth="float").path)
    root = ElementTree.fromstring(found["iXML"])
    user = {one.tag: one.text for one in root.find("USER")}
    assert user == {
        "TRACKTITLE": "Laser Zap 01", "DESCRIPTION": "kurzer heller Laser, café", "KEYWORDS": "laser, zap", "CATID": "LASRGun", "CATEGORY": "LASERS",
        "SUBCATEGORY": "GUN", "CATEGORYFULL": "LASERS-GUN", "FXNAME": "Laser Zap 01", "SHORTID": "JDOE", "SHOW": "SFXMINI", "SOURCE": "beam_03.wav",
        "LIBRARY": "CLVAP Studio", "EMBEDDER": "CLVAP Studio", "PROMPT": "laser <zap> & more", "SEED": "77", "MODEL": "sfx-mini", "LICENSE": "CC-BY-4.0",
    }  # fmt: skip
    assert root.find("ASWG/catId").text == "LASRGun" and root.find("ASWG/isLoop").text == "false" and root.find("SPEED/AUDIO_BIT_DEPTH").text == "32"
    assert b"INAM" in found["LIST"] and "café".encode() in found["LIST"] and struct.unpack("<I", found["fact"])[0] == 48_000


def test_control_characters_do_not_break_the_files(tmp_path):
    about = About(description="a\0b\x1bc\ud800 \u202e" + "long " * 2_000, prompt="]]></X>")
    source = write(tmp_path / "source.wav", tone(440, 0.2))
    wav = export(source, tmp_path, "strange", ExportSettings(), about)
    assert ElementTree.fromstring(chunks(wav.path)["iXML"]).find("USER/PROMPT").text == "]]></X>"
    for kind in ("flac", "ogg"):
        assert soundfile.info(str(export(source, tmp_path, "strange", ExportSettings(format=kind), about).path)).frames


def test_loops_are_told_to_samplers_and_engines(tmp_path):
    wav = exported(tmp_path, tone(440, 1.0), loop="points")
    fields = struct.unpack("<15I", chunks(wav.path)["smpl"])
    assert fields[2] == round(1e9 / 48_000) and fields[7] == 1 and fields[11:13] == (wav.loop.start, wav.loop.end - 1)
    for kind in ("flac", "ogg"):
        made = exported(tmp_path, tone(440, 1.0), loop="crossfade", format=kind)
        told = comments(made.path)
        assert (told["LOOPSTART"], int(told["LOOPLENGTH"])) == ("0", made.loop.end)
        assert soundfile.info(str(made.path)).frames == made.loop.end


def comments(path):
    """What ffprobe reads of the comments, which it finds at the stream in Ogg."""
    told = probe(path)
    return {name.upper(): text for name, text in (told["format"].get("tags", {}) | told["streams"][0].get("tags", {})).items()}


@pytest.mark.parametrize("kind", ["flac", "ogg"])
def test_vorbis_comments_tell_everything(tmp_path, kind):
    made = exported(tmp_path, stereo(3.0), format=kind)
    told = comments(made.path)
    assert told["TITLE"] == "Laser Zap 01" and told["CATID"] == "LASRGun" and told["SEED"] == "77" and told["LICENSE"] == "CC-BY-4.0"
    assert "kurzer heller Laser, café" in told["COMMENT"] and told["PROMPT"] == "laser <zap> & more"
    with soundfile.SoundFile(str(made.path)) as file:
        assert file.title == "Laser Zap 01" and file.license == "CC-BY-4.0" and len(file.read()) == 3 * 48_000
    if shutil.which("ffmpeg"):
        done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", str(made.path), "-f", "null", "-"], capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == ""  # a page with a wrong checksum would be told here


def test_too_long_or_unreadable_is_refused_before_it_is_read(tmp_path):
    soundfile.write(str(tmp_path / "hours.wav"), np.zeros(4_000 * 8_000, np.int16), 8_000, subtype="PCM_U8")
    with pytest.raises(ExportError, match="too long to export"):
        export(tmp_path / "hours.wav", tmp_path, "x", ExportSettings(rate_hz=96_000), ABOUT)
    soundfile.write(str(tmp_path / "wide.wav"), np.zeros((900, 9)), 44_100)
    with pytest.raises(ExportError, match="9 channels, of which FLAC holds 8"):
        export(tmp_path / "wide.wav", tmp_path, "x", ExportSettings(format="flac"), ABOUT)
    (tmp_path / "no.wav").write_text("no")
    with pytest.raises(ValueError, match="not a sound file"):
        export(tmp_path / "no.wav", tmp_path, "x", ExportSettings(), ABOUT)
    source = write(tmp_path / "fine.wav", tone(440, 0.2))
    with pytest.raises(ExportError, match="could not be written"):
        export(source, tmp_path / "fine.wav" / "below", "x", ExportSettings(), ABOUT)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("text", "category", "name"),
    [
        ("laser zap", "", "LASRGun_Laser Zap_CLVAP_NONE"),
        ("a dog barking in the distance", "", "ANMLDog_Dog Barking In Distance_CLVAP_NONE"),
        ("short bright thing", "LASRBeam", "LASRBeam_Short Bright Thing_CLVAP_NONE"),
        ("short bright thing", "BELLS", "BELLMisc_Short Bright Thing_CLVAP_NONE"),
        ("", "", "DSGNMisc_Untitled_CLVAP_NONE"),
        ("../../etc/passwd", "", "DSGNMisc_Etc Passwd_CLVAP_NONE"),
        ("x" * 400, "", f"DSGNMisc_X{'x' * 47}_CLVAP_NONE"),
    ],
)
def test_names_are_proposed(text, category, name):
    assert names.proposed(text, category) == name
    assert ucs.parse(name) is not None


def test_proposals_mostly_agree_with_the_starter_effects():
    from generation.procedural.catalog import catalog

    effects = catalog()
    same = [ucs.propose(one.caption).id == one.kind.cat_id for one in effects]
    assert np.mean(same) > 0.7
    assert np.mean([ucs.propose(one.caption).category == one.kind.category for one in effects]) > 0.8
    assert all(one.kind.cat_id in ucs.table() for one in effects)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../../etc/passwd", "etc passwd"), ("C:\\Windows\\x", "C Windows x"), ("CON", "_CON"), ("nul.wav", "_nul.wav"), ("COM1", "_COM1"), ("", "Untitled"),
        ("...", "Untitled"), ("a\0b\nc", "ab c"), ("=cmd()", "cmd()"), ("-rf", "rf"), ("name. . .", "name"), ("evil\u202egnp.exe", "evilgnp.exe"),
        ("é" * 300, "é" * 100), ("x" * 300, "x" * 120), ("a<b>c|d?e*f\"g", "a b c d e f g"), ("~/x", "x"),
    ],
)  # fmt: skip
def test_names_are_safe(given, kept):
    assert names.safe(given) == kept == names.safe(names.safe(given))


def test_names_are_told_apart():
    assert names.unique(["a", "A", "a_2", "b"]) == ["a", "A_2", "a_2_2", "b"]


def test_an_edited_name_says_its_fields():
    assert names.fields("DOORWood-Big_Barn Door_ME_FARM_extra").cat_id == "DOORWood"
    assert names.fields("my sound").fx_name == "my sound" and names.fields("my sound").cat_id == ""
    assert names.fields("DOORStrange_X").category == "DOOR"

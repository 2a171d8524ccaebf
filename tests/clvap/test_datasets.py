"""Each reader on a few files in the layout its collection is published in."""

import json
from pathlib import Path

import pytest

from clvap import __main__ as cli
from clvap.audio import write
from clvap.console import BAD_INPUT
from clvap.data import datasets, manifests
from clvap.data.rows import ManifestError
from tests.sounds import tone

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def put(folder: Path, *names: str) -> None:
    for name in names:
        write(folder / name, tone(seconds=0.1))


def table(folder: Path, name: str, text: str, encoding: str = "utf-8") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding=encoding)


@pytest.fixture
def esc50(tmp_path) -> Path:
    put(tmp_path, "audio/1-100032-A-0.wav", "audio/2-40730-A-1.wav", "audio/2-9-A-1.wav")
    table(
        tmp_path, "meta/esc50.csv",
        "filename,fold,target,category,esc10,src_file,take\n1-100032-A-0.wav,1,0,dog,True,100032,A\n"
        "2-40730-A-1.wav,2,1,rooster,True,40730,A\n2-9-A-1.wav,2,1,rooster,True,9,A\n",
    )  # fmt: skip
    table(
        tmp_path, "LICENSE",
        "101 - Dog:\n- [1-100032-A.ogg]: clip derived from rose_bark.wav (http://www.freesound.org/people/nfrae/sounds/100032/) by nfrae [CC0]\n"
        "- [2-40730-A.ogg]: clip derived from rooster (2).wav (http://www.freesound.org/people/pionium/sounds/40730/) by pionium [CC-Sampling+]\n",
    )  # fmt: skip
    return tmp_path


def test_esc50_as_published(esc50):
    dog, rooster, unlisted = datasets.read("esc50", esc50)
    assert dog.path == esc50 / "audio/1-100032-A-0.wav" and dog.path.is_file()
    assert (dog.label, dog.source, dog.split, dog.licence) == ("esc50/dog", "100032", "fold-1", "CC0-1.0")
    assert "nfrae" in dog.attribution and any("dog" in caption for caption in dog.captions)
    assert rooster.licence == "CC-Sampling+-1.0" and unlisted.licence == "CC-BY-NC-3.0"
    assert [row.split for row in datasets.read("esc50", esc50, folds=(2,))] == ["fold-2", "fold-2"]
    with pytest.raises(ManifestError, match="folds 1 to 5"):
        datasets.read("esc50", esc50, folds=(7,))


@pytest.mark.skipif(not (SHARED / "esc50/esc50.csv").is_file(), reason="needs the training data")
def test_esc50_in_one_folder():
    rows = datasets.read("esc50", SHARED / "esc50", folds=(4,))
    assert rows == manifests.esc50(SHARED / "esc50", (4,), licences=None)
    assert all(row.path.is_file() for row in rows)


def test_clotho(tmp_path):
    put(tmp_path, "development/Rain on tin .wav", "clotho_audio_evaluation/b.wav")
    header = "file_name,caption_1,caption_2,caption_3,caption_4,caption_5\n"
    table(tmp_path, "clotho_captions_development.csv", header + 'Rain on tin .wav,"Rain, falling",It rains,Drops,Water,Roof\n')
    table(tmp_path, "clotho_captions_evaluation.csv", header + "b.wav,A,B,C,D,E\n")
    table(
        tmp_path, "clotho_metadata_development.csv",
        "file_name,keywords,sound_id,sound_link,start_end_samples,manufacturer,license\n"
        'Rain on tin .wav,rain;tin,123,https://freesound.org/s/123/,"[0, 9]",Zo\u00eb,http://creativecommons.org/licenses/by/3.0/\n', "latin-1",
    )  # fmt: skip
    rain, b = datasets.read("clotho", tmp_path)
    assert rain.captions == ("Rain, falling", "It rains", "Drops", "Water", "Roof")
    assert (rain.source, rain.licence, rain.split, rain.attribution) == ("123", "CC-BY-3.0", "development", "Zo\u00eb on Freesound, 123")
    assert rain.path.is_file() and b.path.is_file() and b.licence == "unknown"
    assert datasets.read("clotho", tmp_path, parts=["evaluation"]) == [b]
    with pytest.raises(ManifestError, match="clotho_captions_development"):
        datasets.read("clotho", tmp_path / "development")


@pytest.fixture
def audioset(tmp_path) -> Path:
    put(tmp_path, "clips/Y-0RWZT-miFs.wav", "clips/abc123xyz_w_30.000.wav")
    table(tmp_path, "class_labels_indices.csv", 'index,mid,display_name\n0,/m/09x0r,"Speech"\n1,/m/032s66,"Gunshot, gunfire"\n')
    table(
        tmp_path, "eval_segments.csv",
        "# Segments csv created Sun Mar  5 10:54:25 2017\n# num_ytids=3\n# YTID, start_seconds, end_seconds, positive_labels\n"
        '-0RWZT-miFs, 420.000, 430.000, "/m/09x0r,/m/032s66"\nabc123xyz_w, 30.000, 40.000, "/m/09x0r"\nnot_here_00, 0.000, 10.000, "/m/09x0r"\n',
    )  # fmt: skip
    return tmp_path


def test_audioset_lists_and_the_clips_that_are_there(audioset):
    with pytest.warns(UserWarning, match="1 of 3 rows"):
        both, speech = datasets.read("audioset", audioset)
    assert both.path.name == "Y-0RWZT-miFs.wav" and both.captions == ("speech, gunshot, gunfire", "speech", "gunshot, gunfire")
    assert speech.path.name == "abc123xyz_w_30.000.wav" and speech.captions == ("speech",)
    assert speech.split == "eval" and speech.licence == "unknown"


def test_audioset_that_is_not_whole(audioset):
    with pytest.raises(ManifestError, match=r"balanced_train_segments\.csv"):
        datasets.read("audioset", audioset, lists=["balanced_train"])
    table(audioset, "bad_segments.csv", "abc123xyz_w, 30.000, 40.000\n")
    with pytest.raises(ManifestError, match="is no segment"):
        datasets.read("audioset", audioset, lists=["bad"])
    table(audioset, "bad_segments.csv", 'abc123xyz_w, 30.000, 40.000, "/m/never"\n')
    with pytest.raises(ManifestError, match="/m/never"):
        datasets.read("audioset", audioset, lists=["bad"])


VOCALSKETCH = (
    "id,filename,stimulus_type,included,draft,training,participant_id,satisfaction,sound_label,sound_label_id,sound_recording,sound_recording_id,"
    "audio_concept_subset,participants_sound_recording_description,participants_sound_recording_description_confidence,description_match\n"
)


def test_vocalsketch(tmp_path):
    put(tmp_path, "sound_recordings/seal_barking.wav", "sound_recordings/subsynth_374.wav")
    put(tmp_path, "vocal_imitations/included/seal - 1.wav", "vocal_imitations_set2/included/subsynth 374 - 2.wav", "vocal_imitations/excluded/seal - 3.wav")
    table(
        tmp_path, "vocal_imitations.csv",
        VOCALSKETCH + "1,seal - 1.wav,sound recording,True,False,False,9,,seal,,seal_barking.wav,5,everyday sounds,Seal bark,Very confident,True\n"
        "3,seal - 3.wav,sound recording,False,True,False,9,,seal,,seal_barking.wav,5,everyday sounds,,,\n"
        "4,pig - 4.wav,sound label,True,False,False,9,Mostly satisfied,pig,49,,,everyday sounds,,Confident,\n",
    )  # fmt: skip
    table(
        tmp_path, "vocal_imitaitons_set2.csv",
        VOCALSKETCH + "4.6E+15,subsynth 374 - 2.wav,sound recording,TRUE,FALSE,FALSE,9,,subsynth 374,,subsynth_374.wav,5,single synthesizer,boat,,\n",
    )  # fmt: skip
    seal, synth = datasets.read("vocalsketch", tmp_path)
    assert seal.captions == ("seal", "seal bark") and seal.path.name == "seal_barking.wav"
    assert seal.imitation == tmp_path / "vocal_imitations/included/seal - 1.wav"
    assert synth.captions == ("synthesizer sound",) and synth.imitation.parent.parent.name == "vocal_imitations_set2"


def test_vocal_imitation_set(tmp_path):
    cat = "000Animal_Domestic animals_ pets_Cat_Growling"
    reference = f"original_recordings/reference/{cat}_reference.wav"
    put(tmp_path, reference, f"vocal_imitations/included/{cat}-480.wav", f"original_recordings/non_reference/{cat}/146968__zabuhailo__catgrowls.wav")
    levels = "category_d1\tcategory_d2\tcategory_d3\tcategory_d4\tcategory_d5\tcategory_d6"
    row = f"{cat}-480.wav\t0\tAnimal\tDomestic animals, pets\tCat\tGrowling\t\t\t{cat}_reference.wav"
    table(
        tmp_path, "vocal_imitations.txt",
        f"\timitation_id\timitation_filename\tcategory_id\t{levels}\treference_filename\tincluded\tdraft\ttraining\tparticipant_id\n"
        f"0\t0\t{row}\tTrue\tFalse\tFalse\t57.0\n1\t1\t{row}\tFalse\tTrue\tFalse\t57.0\n",
    )  # fmt: skip
    table(
        tmp_path, "original_recordings_classes.txt",
        f"filename\tclassname\t{levels}\tis_reference\tmulti_labeled\n"
        f'{cat}_reference.wav\t{cat}\tAnimal\t"Domestic animals, pets"\tCat\tGrowling\t\t\tTRUE\tFALSE\n'
        f'146968__zabuhailo__catgrowls.wav\t{cat}\tAnimal\t"Domestic animals, pets"\tCat\tGrowling\t\t\tFALSE\tFALSE\n',
    )  # fmt: skip
    table(tmp_path, "original_recordings_license.csv", f"index,filename,username,user_url,file_url,freesound_id\n0,{cat}_reference.wav,kristopher,,,157166\n")
    (only,) = datasets.read("vocal-imitation-set", tmp_path)
    assert only.path == tmp_path / reference and only.imitation.name == f"{cat}-480.wav"
    assert only.captions == ("cat, growling", "growling")
    assert only.label == "vocal-imitation-set/Animal/Domestic animals, pets/Cat/Growling" and only.attribution.startswith("kristopher")
    other = datasets.read("vocal-imitation-set", tmp_path, non_reference=True)[1]
    assert other.imitation is None and other.path.is_file() and other.label == only.label


def test_vimsketch_with_and_without_its_lists(tmp_path):
    put(tmp_path, "references/003_148Sounds of things_Alarm_Air horn.wav", "references/300_012-Crow_cawing-everyday.wav")
    put(tmp_path, "vocal_imitations/02818_148Sounds of things_Alarm_Air horn.wav", "vocal_imitations/09000_012-Crow_cawing-everyday.wav")
    listed = datasets.read("vimsketch", tmp_path)
    assert [row.captions for row in listed] == [("alarm, air horn", "air horn"), ("crow cawing",)]
    assert listed[1].imitation.name.startswith("09000") and listed[1].path.name.startswith("300")
    for folder, name in (("references", "reference_file_names.csv"), ("vocal_imitations", "vocal_imitation_file_names.csv")):
        table(tmp_path, name, "\n".join(sorted(path.name for path in (tmp_path / folder).iterdir())))
    assert datasets.read("vimsketch", tmp_path) == listed
    (tmp_path / "reference_file_names.csv").write_text("003_148Sounds of things_Alarm_Air horn.wav\n")
    with pytest.raises(ManifestError, match="1 imitations of no reference"):
        datasets.read("vimsketch", tmp_path)


def test_a_sample_pack_by_its_folders_tables_and_texts(tmp_path):
    pack = tmp_path / "Pack"
    put(pack, "Drums/Loops/BreakBeat_Full_170bpm_03.wav", "Drums/hit.wav", "Drums/other.wav")
    table(pack, "Drums/hit.txt", "a heavy hit")
    table(pack, "Drums/captions.csv", "path,caption,category\nother.wav,something else,FX\n")
    rows = {row.path.name: row for row in datasets.read("folder", pack, licence="CC-BY-4.0")}
    assert rows["BreakBeat_Full_170bpm_03.wav"].captions == ("drums loops break beat full, 170 BPM",)
    assert rows["hit.wav"].captions == ("a heavy hit",) and rows["other.wav"].captions == ("something else",)
    assert rows["hit.wav"].source == "Drums/hit.wav" and rows["hit.wav"].licence == "CC-BY-4.0"
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ManifestError, match="no sound file"):
        datasets.read("folder", tmp_path / "nothing")


@pytest.mark.parametrize("kind", sorted(set(datasets.READERS) - {"folder"}))
def test_another_layout_is_said_to_be_another(kind, tmp_path):
    put(tmp_path, "a.wav")
    with pytest.raises(ManifestError, match=r"no |no such file"):
        datasets.read(kind, tmp_path)


def test_names_options_and_folders_that_do_not_exist(tmp_path):
    with pytest.raises(ManifestError, match="use one of esc50"):
        datasets.read("esc-50", tmp_path)
    with pytest.raises(ManifestError, match="has no option fold; it has folds, phrases"):
        datasets.read("esc50", tmp_path, fold=1)
    with pytest.raises(ManifestError, match="no such folder"):
        datasets.read("esc50", tmp_path / "never")


def test_the_command_writes_a_manifest(esc50, tmp_path, capsys):
    out = tmp_path / "out" / "esc50.csv"
    assert cli.main(["manifest", "esc50", str(esc50), str(out), "--folds", "1,2", "--licences", "permissive", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": 1, "imitations": 0, "kinds": 1, "manifest": str(out)}
    assert manifests.read(out)[0].licence == "CC0-1.0"
    for bad in (["esc50", str(esc50 / "audio"), str(out)], ["esc50", str(esc50), str(out), "--folds", "one"], ["clotho", str(esc50), str(out), "--folds", "1"]):
        assert cli.main(["manifest", *bad]) == BAD_INPUT
        out_text, err = capsys.readouterr()
        assert out_text == "" and err.count("\n") == 1

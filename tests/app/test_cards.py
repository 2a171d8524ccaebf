"""What the page says: escaped, ordered, and well-formed."""

import re
import time
from base64 import b64decode
from dataclasses import replace
from io import BytesIO
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from app.services.gestures import Gestures
from app.services.history import Entry, KeptAlike, KeptMatch, KeptPart, KeptTake
from app.services.sounds import Sounds
from app.ui import cards, cards_gesture, cards_history, cards_sound
from app.ui.plots import gesture_picture, sketch_mask, wave_mask
from clvap.audio import write
from clvap.contours import Contours, extract
from tests.fakes import tone

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def entry(tmp_path):
    matches = tuple(KeptMatch(f"/sounds/{EVIL}{i}.wav", EVIL, EVIL + "!", EVIL, 0.9 - i / 10, 1.0) for i in range(7))
    takes = (KeptTake("takes/01.wav", 0.2, 7, 1.0, 2.0), KeptTake("takes/02.wav", 0.8, 8, 1.0, 2.0, parent=EVIL))
    return Entry("id", tmp_path, time.time(), "local", EVIL, 0.5, False, matches, takes)


def test_no_text_from_outside_becomes_markup(entry, tmp_path):
    sounds = Sounds(tmp_path)
    shown = [
        cards_sound.hits(entry, sounds, True),
        cards_sound.hits(entry, sounds, True, EVIL),
        cards_sound.takes(entry, sounds, trouble=EVIL),
        cards_sound.takes(replace(entry, takes=(replace(entry.takes[1], performed=True, seed=None),)), sounds),
        cards_history.history([entry], sounds, None),
        cards.message(EVIL),
        cards.seed_bar(EVIL),
        cards.undo(EVIL, EVIL),
        cards_history.favourites([replace(entry, stars=entry.matches[:1], takes=(replace(entry.takes[0], favourite=True),))], sounds),
    ]
    for html in shown:
        tree = ElementTree.fromstring(re.sub(r"\b(data-\w+|download|hidden)(?=[ >])", r'\1=""', f"<r>{html}</r>"))
        assert not {"script", "img"} & {part.tag for part in tree.iter()}
        assert not [name for part in tree.iter() for name in part.attrib if name.startswith("on")]


def test_paths_are_shown_only_where_allowed(entry, tmp_path):
    sounds = Sounds(tmp_path)
    assert "/sounds/" in cards_sound.hits(entry, sounds, True) and "/sounds/" not in cards_sound.hits(entry, sounds, False)


def test_every_control_of_a_sound_has_a_name_and_says_what_it_wants(entry, tmp_path):
    sounds = Sounds(tmp_path)
    for html, acts in ((cards_sound.hits(entry, sounds, False), 7), (cards_sound.takes(entry, sounds), 2)):
        tree = ElementTree.fromstring(re.sub(r"\bdata-(play|seek|more|dots|ab|redo)(?=[ >])", r'data-\1=""', html))
        buttons = list(tree.iter("button"))
        assert all("".join(button.itertext()).strip() or button.get("aria-label") for button in buttons)
        for act, event in (("star", "like"), ("alike", "expand"), ("seed", "select"), ("vary", "retry"), ("perform", "edit"), ("export", None)):
            told = [button for button in buttons if button.get("data-act") == act]
            assert len(told) == acts and all(button.get("data-token") and button.get("data-on") == event for button in told)
    assert "data-act=\"delete\"" in html and "data-ab" not in html


def test_a_star_is_told_by_more_than_its_colour(entry, tmp_path):
    starred = replace(entry, stars=entry.matches[1:2], takes=(replace(entry.takes[0], favourite=True),))
    for html in (cards_sound.hits(starred, Sounds(tmp_path), False), cards_sound.takes(starred, Sounds(tmp_path))):
        assert html.count('aria-pressed="true"') == 1
    assert "★" in cards_history.history([starred], Sounds(tmp_path), None)
    assert cards_history.favourites([starred], Sounds(tmp_path)).count("<article") == 2
    assert "No favourites" in cards_history.favourites([entry], Sounds(tmp_path)) and "Nothing" in cards_history.history([], Sounds(tmp_path), None, True)


def test_the_gesture_s_loudness_is_drawn_over_every_sound(entry, tmp_path):
    heard = replace(entry, has_gesture=True, loudness=(0.0, 1.0, 0.5), part=KeptPart(2, 1.0, 1.5, 4.0))
    for html in (cards_sound.hits(heard, Sounds(tmp_path), False), cards_sound.takes(heard, Sounds(tmp_path))):
        line = re.search(r"--contour:url\(&quot;data:image/svg\+xml,([^&]*)&quot;\)", html)[1]
        assert ElementTree.fromstring(unquote(line)).tag.endswith("svg") and 'data-from="1.000" data-to="1.500"' in html
        assert html.count('class="contour"') == html.count("data-ab") == html.count("<article")
    assert "--contour" not in cards_sound.hits(entry, Sounds(tmp_path), False)


def test_what_is_shown_in_place_of_the_hits_says_what_it_is(entry, tmp_path):
    alike = replace(entry, alike=KeptAlike(EVIL, entry.matches[:2]))
    html = cards_sound.hits(alike, Sounds(tmp_path), False)
    assert html.count("<article") == 2 and "Like &lt;script&gt;" in html and 'data-act="back"' in html and "<script" not in html


def test_a_library_that_is_still_filled_is_not_one_in_which_nothing_fits(entry, tmp_path):
    nothing = replace(entry, matches=())
    assert "Widen the filters" in cards_sound.hits(nothing, Sounds(tmp_path), False)
    assert "still being filled" in cards_sound.hits(nothing, Sounds(tmp_path), False, filling=True)


def test_takes_keep_their_place_and_are_shown_best_first(entry, tmp_path):
    html = cards_sound.takes(entry, Sounds(tmp_path), pending=1)
    assert html.index("Take 1") < html.index("Take 2") and re.findall(r'style="order:(\d)"', html) == ["1", "0"] and "skeleton" in html


def test_a_take_says_what_it_was_made_from(entry, tmp_path):
    made = (replace(entry.takes[0], parent=None), replace(entry.takes[1], parent="door"), KeptTake("takes/03.wav", 0.9, None, 0.1, 2.0, "rain & wind", True))
    shown = cards_sound.takes(replace(entry, takes=made), Sounds(tmp_path))
    titles = re.findall(r"<h3[^>]*>([^<]*)</h3>", shown)
    assert titles == ["Take 1", "Take 2", "performed: rain &amp; wind"] and re.findall(r">(from [^<]*)<", shown) == ["from door"]
    assert shown.count("<span>#") == 2 and len(re.findall('data-act="perform"', shown)) == 3


def test_a_take_with_a_part_made_anew_says_which(entry, tmp_path):
    redone = KeptTake("takes/03-9.wav", 0.9, 9, 0.1, 3.0, "Take 2", start_s=1.2, end_s=2.4)
    shown = cards_sound.takes(replace(entry, takes=(redone,)), Sounds(tmp_path))
    assert ">of Take 2, 1.2 to 2.4 s</p>" in shown and 'data-redo data-seconds="3.000"' in shown


def test_takes_still_to_come_show_how_they_come_to_be(entry, tmp_path):
    sketch = sketch_mask(np.tile(np.linspace(0, 1, 40, dtype=np.float32)[:, None], (1, 200)))
    shown = cards_sound.takes(entry, Sounds(tmp_path), pending=3, sketches={1: sketch, 7: sketch})
    assert shown.count("waiting") == 3 and shown.count(f'--sketch:url({sketch})"') == 1 and len(sketch) < 3_000
    drawn = np.asarray(Image.open(BytesIO(b64decode(sketch.partition(",")[2]))))
    assert drawn.shape == (32, 96, 2) and drawn[0, :, 1].min() > 240 and drawn[-1, :, 1].max() < 10  # high sounds on top


def test_a_gesture_picture_is_well_formed_and_has_its_three_lines(tmp_path):
    heard = Gestures().choose(write(tmp_path / "v.wav", tone(1.0, 300.0)))
    picture = gesture_picture(heard.clip, heard.contours)
    drawn = ElementTree.fromstring(f"<r>{picture}</r>")
    lines = {path.get("class"): path.get("d") for path in drawn.iter("path")}
    assert all(lines[f"line {name}"].startswith("M") for name in ("loudness", "brightness", "pitch")) and len(picture) < 30_000


def test_several_gestures_are_marked_and_offered_one_is_not(three_gestures, tmp_path):
    gestures = Gestures()
    shown = cards_gesture.gesture(gestures.choose(three_gestures, 2), "token")
    tree = ElementTree.fromstring(re.sub(r"\bdata-(play|seek)(?=[ >])", r'data-\1=""', shown))
    chips = [part for part in tree.iter("button") if part.get("data-act") == "part"]
    assert [chip.get("data-part") for chip in chips] == ["0", "1", "2", "3"]
    assert [chip.get("aria-pressed") for chip in chips] == ["false", "false", "true", "false"]
    assert len(re.findall('class="mark', shown)) == 3 and shown.count("mark chosen") == 1
    part = gestures.read(three_gestures).parts[1]
    assert (float(tree.get("data-from")), float(tree.get("data-to"))) == (pytest.approx(part.start_s, abs=0.01), pytest.approx(part.end_s, abs=0.01))
    assert "data-from" not in cards_gesture.gesture(gestures.choose(three_gestures), "token")
    alone = cards_gesture.gesture(gestures.choose(write(tmp_path / "v.wav", tone(1.0, 300.0))), "token")
    assert "chip" not in alone and "mark" not in alone


def test_the_history_says_which_gesture_was_used(entry, tmp_path):
    used = replace(entry, has_gesture=True, part=KeptPart(2, 1.0, 1.5, 4.0))
    shown = cards_history.history([used], Sounds(tmp_path), None)
    assert " · gesture 2</b>" in shown and "--from:0.250;--to:0.375" in shown
    assert "gesture" not in re.sub("data-entry|gesture.wav", "", cards_history.history([entry], Sounds(tmp_path), None))


def test_where_there_is_no_pitch_none_is_drawn():
    clip = tone(1.0)
    frames = len(extract(clip).pitch)
    pitch = np.where(np.arange(frames) < frames // 2, 69, 0).astype(np.float32)
    picture = gesture_picture(clip, Contours(np.full(frames, -10, np.float32), np.full(frames, 90, np.float32), pitch))
    path = re.search(r'class="line pitch" d="([^"]*)"', picture)[1]
    x = [float(point.split()[0]) for point in re.split("[ML]", path)[1:]]
    y = {point.split()[1] for point in re.split("[ML]", path)[1:]}
    assert max(x) < 320 and len(y) == 1


def test_a_wave_mask_is_svg():
    drawn = ElementTree.fromstring(wave_mask(np.linspace(0, 1, 96, dtype=np.float32)))
    assert drawn.tag.endswith("svg")

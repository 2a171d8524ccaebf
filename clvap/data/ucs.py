"""The Universal Category System: file names such as `DOORWood_Barn Door Creak_JDOE_FARM.wav`, what their first part says, and which fits a caption."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

CATEGORIES = {
    "AERO": "aircraft", "AIR": "air", "ALRM": "alarm", "AMB": "ambience", "ANML": "animal", "ARCHV": "archived", "BEEP": "beep",
    "BELL": "bell", "BIRD": "bird", "BLLT": "bullet", "BOAT": "boat", "CERM": "ceramic", "CHAIN": "chain", "CHEM": "chemical",
    "CLOCK": "clock", "CLOTH": "cloth", "CMPT": "computer", "COM": "communication",
    "COMM": "communication", "COMP": "computer", "CREA": "creature", "CRWD": "crowd",
    "DEST": "destruction", "DESTR": "destruction", "DIRT": "dirt", "DOOR": "door", "DRWR": "drawer", "DSGN": "designed", "ELEC": "electricity",
    "EQUIP": "equipment", "EXPL": "explosion", "FART": "fart", "FEET": "footsteps", "FGHT": "fight", "FIRE": "fire",
    "FOLY": "foley", "FOOD": "food", "FRWK": "fireworks", "GAME": "game", "GEO": "geothermal", "GLAS": "glass", "GORE": "gore",
    "GUN": "gun", "HMN": "human", "HORN": "horn", "ICE": "ice", "LASR": "laser", "LETH": "leather",
    "LETHR": "leather", "LIQ": "liquid", "LIQD": "liquid",
    "MACH": "machine", "MAG": "magic", "MAGC": "magic", "MECH": "mechanical", "METL": "metal", "MOTR": "motor", "MOVE": "movement",
    "MUSC": "musical", "NATD": "natural disaster", "OBJ": "object", "PAPR": "paper", "PLAS": "plastic", "RAIN": "rain",
    "ROBT": "robot", "ROCK": "rock", "ROPE": "rope", "RUBR": "rubber", "SCI": "science fiction", "SNOW": "snow", "SPRT": "sports",
    "SWSH": "whoosh", "TOOL": "tool", "TOON": "cartoon", "TOY": "toy", "TRN": "train", "UI": "user interface", "VEGE": "vegetation",
    "VEH": "vehicle", "VOX": "voice", "WATR": "water", "WEAP": "weapon", "WHIS": "whistle", "WHSH": "whoosh", "WHST": "whistle", "WIND": "wind",
    "WING": "wings", "WNDW": "window", "WOOD": "wood", "WTHR": "weather",
}  # fmt: skip
_CAT_ID = re.compile(rf"({'|'.join(sorted(CATEGORIES, key=len, reverse=True))})([A-Z][a-zA-Z]*[a-z][a-zA-Z]*|)(?:-[^_]+)?")
_WITHOUT_SUBCATEGORY = {"SWSH", "WHSH"}
_EMPTY_SUBCATEGORIES = {"Misc", "General"}
_TABLE = Path(__file__).resolve().parents[2] / "assets" / "ucs.yaml"
_FALLBACK = "DSGNMisc"
_ENDINGS = ("ings", "ing", "ers", "er", "ies", "es", "ed", "s", "e", "y")
_UNTELLING = frozenset({
    "the", "and", "with", "for", "from", "into", "its", "one", "two", "small", "large", "big", "huge", "short", "long", "fast", "slow", "soft",
    "hard", "loud", "quiet", "light", "heavy", "high", "low", "deep", "past", "over", "up", "down", "falling", "rising", "fall", "rise", "tone",
    "sound", "sounds", "effect", "object", "thing", "things", "general", "designed", "real", "traditional",
})  # fmt: skip
_OF_THE_CATEGORY = 0.6  # how much a category's own name counts beside the words of a CatID
_HINT = 4.0


@dataclass(frozen=True)
class UcsName:
    """The parts of a file name `CatID_FXName_CreatorID_SourceID` that describe the sound.

    cat_id: category and subcategory in one word, such as DOORWood
    category: the category in words, such as "door"
    subcategory: the subcategory as written, such as "Wood"; empty where it says nothing
    fx_name: the free description
    """

    cat_id: str
    category: str
    subcategory: str
    fx_name: str


def parse(stem: str) -> UcsName | None:
    """A file name without its suffix, as UCS; None where it does not begin with a CatID of the system."""
    fields = stem.split("_")
    found = _CAT_ID.fullmatch(fields[0])
    if found is None or len(fields) < 2:
        return None
    code, subcategory = found.groups()
    if not subcategory and code not in _WITHOUT_SUBCATEGORY:
        return None
    named = "" if subcategory in _EMPTY_SUBCATEGORIES else subcategory
    return UcsName(code + subcategory, CATEGORIES[code], named, fields[1])


@dataclass(frozen=True)
class CatId:
    """One class of sounds of the system.

    id: such as LASRGun; category, subcategory: its official names, such as "LASERS" and "GUN"
    stems: of the words that speak for it
    """

    id: str
    category: str
    subcategory: str
    stems: frozenset[str]


@cache
def table() -> dict[str, CatId]:
    """CatIDs by their id, in the order of assets/ucs.yaml."""
    read = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    found = {}
    for category, ids in read.items():
        for cat_id, about in ids.items():
            subcategory, _, words = about.partition(",")
            spoken = words if subcategory in ("misc", "general") else f"{subcategory} {words}"
            found[cat_id] = CatId(cat_id, category, subcategory.upper(), frozenset(_stems(spoken)))
    return found


def propose(text: str, category: str = "") -> CatId:
    """The CatID that fits a caption best: rare words count most, earlier ones a little more; DSGNMisc where none speaks for any.

    category: what the sound's library says, a CatID, an official name, or any words
    """
    known = table()
    if category in known:
        return known[category]
    said = list(dict.fromkeys(_stems(text)))
    hint, rarity = set(_stems(category)), _rarity()

    def fit(one: CatId) -> float:
        of_category = set(_stems(one.category))
        score = sum(_weight(word, place, one, of_category, rarity) for place, word in enumerate(said))
        return score + _HINT * len(hint & of_category) / max(len(of_category), 1)

    best = max(known.values(), key=fit)  # the first of equals: a category's general one stands first
    return best if fit(best) > 0 else known[_FALLBACK]


def _weight(word: str, place: int, one: CatId, of_category: set[str], rarity: dict[str, float]) -> float:
    share = (word in one.stems) + _OF_THE_CATEGORY * (word in of_category) * (0.3 if word in one.stems else 1)
    return share * rarity.get(word, 0.0) / (1 + 0.03 * place)


@cache
def _rarity() -> dict[str, float]:
    """By stem, how much it tells: the fewer CatIDs it speaks for, the more."""
    known = table().values()
    used = Counter(stem for one in known for stem in one.stems | set(_stems(one.category)))
    return {stem: math.log(len(known) / count) for stem, count in used.items()}


def _stems(text: str) -> list[str]:
    """Words in lower case without their endings, good enough for "zapping lasers" to meet "laser zap"."""
    return [_stem(word) for word in re.findall(r"[a-z]{3,}", text.lower()) if word not in _UNTELLING]


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word

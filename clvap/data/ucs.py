"""The Universal Category System: file names such as `DOORWood_Barn Door Creak_JDOE_FARM.wav` and what their first part says."""

from __future__ import annotations

import re
from dataclasses import dataclass

CATEGORIES = {
    "AERO": "aircraft", "AIR": "air", "ALRM": "alarm", "AMB": "ambience", "ANML": "animal", "ARCHV": "archived", "BEEP": "beep",
    "BELL": "bell", "BIRD": "bird", "BLLT": "bullet", "BOAT": "boat", "CERM": "ceramic", "CHAIN": "chain", "CHEM": "chemical",
    "CLOCK": "clock", "CLOTH": "cloth", "COMM": "communication", "COMP": "computer", "CREA": "creature", "CRWD": "crowd",
    "DEST": "destruction", "DIRT": "dirt", "DOOR": "door", "DRWR": "drawer", "DSGN": "designed", "ELEC": "electricity",
    "EQUIP": "equipment", "EXPL": "explosion", "FART": "fart", "FEET": "footsteps", "FGHT": "fight", "FIRE": "fire",
    "FOLY": "foley", "FOOD": "food", "FRWK": "fireworks", "GAME": "game", "GEO": "geothermal", "GLAS": "glass", "GORE": "gore",
    "GUN": "gun", "HMN": "human", "HORN": "horn", "ICE": "ice", "LASR": "laser", "LETH": "leather", "LIQD": "liquid",
    "MACH": "machine", "MAGC": "magic", "MECH": "mechanical", "METL": "metal", "MOTR": "motor", "MOVE": "movement",
    "MUSC": "musical", "NATD": "natural disaster", "OBJ": "object", "PAPR": "paper", "PLAS": "plastic", "RAIN": "rain",
    "ROBT": "robot", "ROCK": "rock", "ROPE": "rope", "RUBR": "rubber", "SCI": "science fiction", "SNOW": "snow", "SPRT": "sports",
    "SWSH": "whoosh", "TOOL": "tool", "TOON": "cartoon", "TOY": "toy", "TRN": "train", "UI": "user interface", "VEGE": "vegetation",
    "VEH": "vehicle", "VOX": "voice", "WATR": "water", "WEAP": "weapon", "WHIS": "whistle", "WHSH": "whoosh", "WIND": "wind",
    "WING": "wings", "WNDW": "window", "WOOD": "wood", "WTHR": "weather",
}  # fmt: skip
_CAT_ID = re.compile(rf"({'|'.join(sorted(CATEGORIES, key=len, reverse=True))})([A-Z][a-zA-Z]*[a-z][a-zA-Z]*|)(?:-[^_]+)?")
_WITHOUT_SUBCATEGORY = {"SWSH", "WHSH"}
_EMPTY_SUBCATEGORIES = {"Misc", "General"}


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

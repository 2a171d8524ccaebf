"""What a file says of itself, by the rules of each container: Broadcast Wave `bext`, iXML, INFO and sampler chunks, Vorbis comments."""

from __future__ import annotations

import hashlib
import math
import struct
import time
import unicodedata
from dataclasses import dataclass, field
from xml.etree import ElementTree

from generation.export.edges import Loop
from generation.export.formats import ExportSettings
from generation.export.loudness import Loudness
from generation.export.names import UcsFields

ORIGINATOR = "CLVAP Studio"
_NOT_MEASURED = 0x7FFF


@dataclass(frozen=True)
class About:
    """What is known of a sound; empty where nothing is.

    description: one line, a caption
    prompt: the words it was asked for with
    seed: makes it again with that model
    model: name of the generator that made it
    licence: of the model and of the parent sample, as one text
    parent: the sample it was made from or is
    made_s: when, seconds since 1970
    """

    description: str = ""
    keywords: tuple[str, ...] = ()
    prompt: str = ""
    seed: int | None = None
    model: str = ""
    licence: str = ""
    parent: str = ""
    made_s: float = 0.0
    ucs: UcsFields = field(default_factory=UcsFields)

    @property
    def title(self) -> str:
        return self.ucs.fx_name or self.description

    def named(self) -> dict[str, str]:
        """Everything that is known, by the names that sound libraries use, in upper case; without what is empty."""
        said = {
            "TRACKTITLE": self.title, "DESCRIPTION": self.description, "KEYWORDS": ", ".join(self.keywords), "CATID": self.ucs.cat_id,
            "CATEGORY": self.ucs.category, "SUBCATEGORY": self.ucs.subcategory,
            "CATEGORYFULL": "-".join(filter(None, (self.ucs.category, self.ucs.subcategory))), "FXNAME": self.ucs.fx_name,
            "SHORTID": self.ucs.creator_id, "SHOW": self.ucs.source_id, "SOURCE": self.parent, "LIBRARY": ORIGINATOR, "EMBEDDER": ORIGINATOR,
            "PROMPT": self.prompt, "SEED": "" if self.seed is None else str(self.seed), "MODEL": self.model, "LICENSE": self.licence,
        }  # fmt: skip
        return {name: clean for name, text in said.items() if (clean := _printable(text))}


def bext(about: About, settings: ExportSettings, loudness: Loudness, channels: int) -> bytes:
    """The `bext` chunk of EBU Tech 3285, version 2. Its texts are ASCII, so letters lose their accents here; iXML keeps them."""
    when = time.localtime(about.made_s or time.time())
    reference = hashlib.sha256(repr((about, settings)).encode()).hexdigest()[:32]
    words = {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels")
    history = f"A=PCM,F={settings.rate_hz},W={settings.bits},M={words},T={ORIGINATOR}{f'; {about.model}' if about.model else ''}\r\n"
    fixed = struct.pack(
        "<256s32s32s10s8sQH64s5h180s",
        _ascii(about.description or about.title, 256), _ascii(ORIGINATOR, 32), reference.encode(),
        time.strftime("%Y-%m-%d", when).encode(), time.strftime("%H:%M:%S", when).encode(),
        0, 2, bytes(64), _hundredths(loudness.lufs), _NOT_MEASURED, _hundredths(loudness.true_peak_db), _NOT_MEASURED, _NOT_MEASURED, bytes(180),
    )  # fmt: skip
    return fixed + _ascii(history, 1_024) + b"\0"


def ixml(about: About, settings: ExportSettings, loop: Loop | None) -> bytes:
    """The `iXML` chunk: the UCS fields under USER, where sound libraries look for them, and under ASWG, where game studios do."""
    root = ElementTree.Element("BWFXML")
    texts = about.named()
    _add(root, {"IXML_VERSION": "2.10", "PROJECT": ORIGINATOR, "NOTE": texts.get("DESCRIPTION", "")})
    _add(ElementTree.SubElement(root, "BEXT"), {"BWF_DESCRIPTION": texts.get("DESCRIPTION", ""), "BWF_ORIGINATOR": ORIGINATOR})
    speed = ElementTree.SubElement(root, "SPEED")
    _add(speed, {"FILE_SAMPLE_RATE": str(settings.rate_hz), "AUDIO_BIT_DEPTH": str(settings.bits)})
    _add(ElementTree.SubElement(root, "USER"), texts)
    studio = {
        "catId": about.ucs.cat_id, "category": about.ucs.category, "subCategory": about.ucs.subcategory, "fxName": about.ucs.fx_name,
        "creatorId": about.ucs.creator_id, "sourceId": about.ucs.source_id, "usageRights": about.licence, "notes": about.prompt,
        "contentType": "sfx", "isLoop": "true" if loop else "false",
    }  # fmt: skip
    _add(ElementTree.SubElement(root, "ASWG"), {name: _printable(text) for name, text in studio.items()})
    return ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)


def info(about: About) -> bytes:
    """The `LIST` chunk of kind INFO, which the players and explorers of every system read."""
    texts = about.named()
    wanted = {"INAM": "TRACKTITLE", "ICMT": "DESCRIPTION", "IKEY": "KEYWORDS", "IGNR": "CATEGORY", "ICOP": "LICENSE"}
    told = {chunk: texts[name] for chunk, name in wanted.items() if name in texts} | {"ISFT": ORIGINATOR}
    parts = []
    for name, text in told.items():
        content = text.encode() + b"\0"
        parts.append(name.encode() + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2))
    return b"INFO" + b"".join(parts)


def smpl(loop: Loop, rate_hz: int) -> bytes:
    """The `smpl` chunk of a sampler: one loop that runs forwards for ever, its end counted as played."""
    return struct.pack("<9I", 0, 0, round(1e9 / rate_hz), 60, 0, 0, 0, 1, 0) + struct.pack("<6I", 0, 0, loop.start, loop.end - 1, 0, 0)


def vorbis(about: About, loop: Loop | None) -> list[tuple[str, str]]:
    """Comments for FLAC and Ogg: the usual names first, then all that is known; loops as game engines write them."""
    texts = about.named()
    usual = {"TITLE": "TRACKTITLE", "GENRE": "CATEGORY", "COMMENT": "DESCRIPTION"}
    pairs = [(name, texts[source]) for name, source in usual.items() if source in texts]
    pairs += [*texts.items(), ("DATE", time.strftime("%Y-%m-%d", time.localtime(about.made_s or time.time())))]
    return pairs + ([("LOOPSTART", str(loop.start)), ("LOOPLENGTH", str(loop.end - loop.start))] if loop else [])


def _add(parent: ElementTree.Element, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        if text:
            ElementTree.SubElement(parent, name).text = text


def _printable(text: str) -> str:
    """Without control characters, which XML cannot hold at all."""
    return "".join(letter for letter in text if unicodedata.category(letter) not in ("Cc", "Cs", "Cn", "Co") or letter in "\n\t").strip()[:2_000]


def _ascii(text: str, length: int) -> bytes:
    plain = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).encode("ascii", "replace")[:length]


def _hundredths(decibels: float) -> int:
    return round(decibels * 100) if math.isfinite(decibels) and abs(decibels) < 300 else _NOT_MEASURED

"""Vorbis comments put into FLAC and Ogg files that a library wrote without them (RFC 9639, Vorbis I section 5, RFC 3533)."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from clvap.files import whole
from generation.export.formats import ExportError

_COMMENTS, _PADDING, _LAST = 4, 1, 0x80
_VENDOR = b"CLVAP Studio"
_PAGE_HEADER = struct.Struct("<4sBBqIIIB")
_MOST_SEGMENTS = 255
_POLYNOMIAL = 0x04C11DB7


def into_flac(path: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Replace a FLAC file's comments."""
    with whole(path) as tagged, open(path, "rb") as file, open(tagged, "wb") as out:
        if file.read(4) != b"fLaC":
            raise ExportError(f"{path.name}: not FLAC")
        blocks, last = [], False
        while not last:
            head = file.read(4)
            last, kind = bool(head[0] & _LAST), head[0] & ~_LAST
            content = file.read(int.from_bytes(head[1:], "big"))
            if kind not in (_COMMENTS, _PADDING):
                blocks.append((kind, content))
        blocks.insert(1, (_COMMENTS, _packed(_VENDOR, pairs)))  # the stream's own description must stay first
        out.write(b"fLaC")
        for number, (kind, content) in enumerate(blocks, 1):
            out.write(bytes([kind | (_LAST if number == len(blocks) else 0)]) + len(content).to_bytes(3, "big") + content)
        shutil.copyfileobj(file, out)


def into_ogg(path: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Replace an Ogg Vorbis file's comments, in as many pages as before, so that the pages with sound stay as they are."""
    with whole(path) as tagged, open(path, "rb") as file, open(tagged, "wb") as out:
        first = _read_page(file)
        out.write(first.raw)
        serial, pages, packets = first.serial, 0, [b""]
        while len(packets) < 3:  # comments and setup: the third would be sound, which begins on a page of its own
            page = _read_page(file)
            pages += 1
            for length in page.segments:
                packets[-1] += page.content[:length]
                page.content = page.content[length:]
                if length < _MOST_SEGMENTS:
                    packets.append(b"")
        vendor_length = struct.unpack_from("<I", packets[0], 7)[0]
        vendor = packets[0][11 : 11 + vendor_length]
        comments = b"\x03vorbis" + _packed(vendor, pairs) + b"\x01"
        _write_pages(out, [comments, packets[1]], serial, pages)
        shutil.copyfileobj(file, out)


def _packed(vendor: bytes, pairs: Sequence[tuple[str, str]]) -> bytes:
    comments = [f"{name}={text}".encode() for name, text in pairs]
    listed = b"".join(struct.pack("<I", len(comment)) + comment for comment in comments)
    return struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(comments)) + listed


class _Page:
    """A page of an Ogg stream."""

    def __init__(self, raw: bytes, segments: bytes, serial: int) -> None:
        self.raw, self.segments, self.serial = raw, segments, serial
        self.content = raw[_PAGE_HEADER.size + len(segments) :]


def _read_page(file: BinaryIO) -> _Page:
    header = file.read(_PAGE_HEADER.size)
    if len(header) < _PAGE_HEADER.size or header[:4] != b"OggS":
        raise ExportError(f"{Path(file.name).name}: not an Ogg stream")
    segments = file.read(header[-1])
    return _Page(header + segments + file.read(sum(segments)), segments, _PAGE_HEADER.unpack(header)[4])


def _write_pages(out: BinaryIO, packets: list[bytes], serial: int, pages: int) -> None:
    lengths = [length for packet in packets for length in [*[255] * (len(packet) // 255), len(packet) % 255]]
    content, share = b"".join(packets), -(-len(lengths) // pages)
    if share > _MOST_SEGMENTS:
        raise ExportError("the texts of this sound are too long for an Ogg file; shorten its caption")
    continued = False
    for number in range(pages):
        segments = bytes(lengths[number * share : (number + 1) * share])
        part, content = content[: sum(segments)], content[sum(segments) :]
        ends = any(length < 255 for length in segments)
        header = [b"OggS", 0, int(continued), 0 if ends else -1, serial, number + 1, 0, len(segments)]
        header[6] = _checksum(_PAGE_HEADER.pack(*header) + segments + part)
        out.write(_PAGE_HEADER.pack(*header) + segments + part)
        continued = bool(segments) and segments[-1] == 255


def _checksum(page: bytes) -> int:
    total = 0
    for byte in page:
        total ^= byte << 24
        for _ in range(8):
            total = (total << 1) ^ (_POLYNOMIAL if total & 0x80000000 else 0)
        total &= 0xFFFFFFFF
    return total

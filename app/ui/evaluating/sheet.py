"""What figures look like: a few words, bars in groups, and a table that folds into blocks on a phone. Texts are escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Bar:
    """tone: number of its colour, the same for all bars of that name; share: 0 to 1; text: the figure as it is read"""

    tone: int
    name: str
    share: float
    text: str


@dataclass(frozen=True)
class Group:
    """Bars under a heading; chance: what a guess would reach, None where that says nothing."""

    title: str
    bars: tuple[Bar, ...]
    chance: float | None = None


@dataclass(frozen=True)
class Cell:
    """A figure of a table; kind: `better`, `worse` or empty."""

    text: str
    kind: str = ""


NOTHING = Cell("-")
"""Where there is no such figure."""


@dataclass(frozen=True)
class Head:
    """Name of a column, and what it means."""

    text: str
    about: str = ""


@dataclass(frozen=True)
class Sheet:
    """said: what was measured; heads: of all columns, of which the first `named` say what a row is about"""

    said: str
    groups: tuple[Group, ...]
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    named: int = 2


def drawn(sheet: Sheet, after: str = "") -> str:
    """The sheet as HTML; after: HTML under it."""
    return f'<div class="measured"><p>{escape(sheet.said)}</p>{_picture(sheet.groups)}{_table(sheet)}{after}</div>'


def change(by: float, least: float, less_is_better: bool = False) -> Cell:
    """A difference that counts once it is over `least`."""
    kind = "" if abs(by) < least else "better" if (by > 0) != less_is_better else "worse"
    return Cell(f"{by:+.3f}", kind)


def _picture(groups: Sequence[Group]) -> str:
    names = {bar.tone: bar.name for group in groups for bar in group.bars}
    key = "".join(f'<span class="tone-{tone}">{escape(name)}</span>' for tone, name in sorted(names.items())) if len(names) > 1 else ""
    return f'<div class="key">{key}</div><div class="questions">{"".join(map(_group, groups))}</div>'


def _group(group: Group) -> str:
    chance = f";--chance:{group.chance:.4f}" if group.chance is not None else ""
    kind = "" if group.chance is None else " chance"
    bars = "".join(
        f'<div class="measure{kind} tone-{bar.tone}" title="{escape(bar.name)}"><i style="--share:{min(max(bar.share, 0), 1):.4f}{chance}"></i>'
        f"<b>{escape(bar.text)}</b></div>"
        for bar in group.bars
    )
    spoken = ", ".join(f"{bar.name} {bar.text}" for bar in group.bars)
    return f'<div role="img" aria-label="{escape(group.title)}: {escape(spoken)}"><h4>{escape(group.title)}</h4>{bars}</div>'


def _table(sheet: Sheet) -> str:
    """Roles are told, since a phone lays the rows out as blocks, which takes a table's meaning away; there every figure carries its column's name."""
    head = "".join(
        f'<th role="columnheader" scope="col"{" class=named" if place < sheet.named else ""}>{_head(one)}</th>' for place, one in enumerate(sheet.heads)
    )
    body = "".join(f'<tr role="row">{_row(row, sheet)}</tr>' for row in sheet.rows)
    return (
        f'<details class="all-figures"><summary>All figures</summary><table role="table"><thead role="rowgroup"><tr role="row">'
        f'{head}</tr></thead><tbody role="rowgroup">{body}</tbody></table></details>'
    )


def _row(row: Sequence[Cell], sheet: Sheet) -> str:
    cells = []
    for place, (cell, head) in enumerate(zip(row, sheet.heads, strict=True)):
        if place < sheet.named:
            cells.append(f'<th role="rowheader" scope="row">{escape(cell.text)}</th>')
        else:
            empty = ' class="none"' if cell == NOTHING else ""
            cells.append(f'<td role="cell" data-of="{escape(head.text)}"{empty}><span class="{cell.kind}">{escape(cell.text)}</span></td>')
    return "".join(cells)


def _head(head: Head) -> str:
    return f'<abbr title="{escape(head.about)}">{escape(head.text)}</abbr>' if head.about else escape(head.text)

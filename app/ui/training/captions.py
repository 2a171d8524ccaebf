"""A folder as HTML: how much is in it, what is left out and why, and its captions to be mended where they stand."""

from __future__ import annotations

from collections import Counter
from html import escape
from itertools import count

from app.services.sounds import Sounds
from app.services.training import Pack, PackRow
from app.services.training.packs import Carried
from app.ui import cards

_PAGE = 40
_MOST_LEFT_OUT = 100
_drawn = count()


def summary(pack: Pack) -> str:
    """Number and length of the sounds, and what is left out by reason."""
    length = f"{pack.seconds / 3600:.1f} hours" if pack.seconds >= 3600 else f"{pack.seconds / 60:.1f} minutes"
    mended = sum(row.mended for row in pack.rows)
    changed = f", {mended:,} caption{'s' if mended > 1 else ''} changed" if mended else ""
    counted = f'<p class="pack"><b>{len(pack.rows):,}</b> sounds, {length}{changed}</p>'
    if not pack.left_out:
        return counted
    rows = "".join(f"<tr><td>{escape(one.file)}</td><td>{escape(one.reason)}</td></tr>" for one in pack.left_out[:_MOST_LEFT_OUT])
    more = len(pack.left_out) - _MOST_LEFT_OUT
    rest = f'<tr><td colspan="2">and {more:,} more</td></tr>' if more > 0 else ""
    return f'{counted}<details class="left-out"><summary>{len(pack.left_out):,} left out</summary><table>{rows}{rest}</table></details>'


def told(written: Carried) -> str:
    """What was written into the folder, and where what was there is now."""
    sidecars = written.sidecars
    if not sidecars.tables:
        return "captions.csv holds these captions already."
    kept = f" What was there is kept as {', '.join(sidecars.kept)}." if sidecars.kept else ""
    return f"{sidecars.captions:,} captions written to {', '.join(sidecars.tables)}.{kept}"


def table(pack: Pack, sounds: Sounds, find: str = "", page: int = 0) -> str:
    """A page of captions, those that hold `find` alone; each can be heard and written over."""
    found = [row for row in pack.rows if find.lower() in row.caption.lower() or find.lower() in row.file.lower()] if find else list(pack.rows)
    pages = -(-len(found) // _PAGE)
    page = min(max(page, 0), max(pages - 1, 0))
    shown = found[page * _PAGE : (page + 1) * _PAGE]
    if not shown:
        return cards.empty("No caption or file name holds that.")
    different = Counter(row.caption for row in pack.rows)
    told = f"{len(found):,} of {len(pack.rows):,} sounds" if find else f"{len(different):,} different captions"
    # the number makes every drawing a new one, also where it says what an earlier one said before somebody wrote over it
    rows = "".join(_row(row, sounds) for row in shown)
    return f'<div class="captions" data-drawn="{next(_drawn)}"><header><span>{told}</span>{_pager(page, pages)}</header>{rows}</div>'


def _row(row: PackRow, sounds: Sounds) -> str:
    file, caption = escape(row.file), escape(row.caption)
    return (
        f'<div class="sound caption-row{" mended" if row.mended else ""}">{cards.play(row.file, sounds.token(row.path))}'
        f'<input data-mend value="{caption}" placeholder="{escape(row.own)}" maxlength="500" aria-label="Caption of {file}">'
        f'<button hidden data-act="mend" data-file="{file}"></button><small title="{file}"><bdi>{file}</bdi></small></div>'
    )


def _pager(page: int, pages: int) -> str:
    if pages < 2:
        return ""
    back = f'<button class="quiet" data-act="page" data-page="{page - 1}" aria-label="Earlier page"{" disabled" if page == 0 else ""}>‹</button>'
    on = f'<button class="quiet" data-act="page" data-page="{page + 1}" aria-label="Next page"{" disabled" if page == pages - 1 else ""}>›</button>'
    return f"<nav>{back}<span>{page + 1} / {pages}</span>{on}</nav>"

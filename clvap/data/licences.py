"""Licences of training sounds by their SPDX-like names."""

from __future__ import annotations

import re

from clvap.data.rows import ManifestError, Row

PERMISSIVE = frozenset({"CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "BSD-3-Clause", "public-domain"})
SHARE_ALIKE = frozenset({"CC-BY-SA-3.0", "CC-BY-SA-4.0"})
RESTRICTED = frozenset({"CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-Sampling+-1.0"})
KNOWN = PERMISSIVE | SHARE_ALIKE | RESTRICTED
UNKNOWN = "unknown"
_SELECTIONS = {"all": None, "permissive": PERMISSIVE, "share-alike": PERMISSIVE | SHARE_ALIKE}
SELECTIONS = tuple(_SELECTIONS)
_URL = re.compile(r"creativecommons\.org/(?:licenses|publicdomain)/([a-z+-]+)/(\d\.\d)")


def spdx(written: str) -> str:
    """The SPDX-like name of a licence written as a Creative Commons address or as a name; other text as it is, "unknown" for none.

    `http://creativecommons.org/licenses/by/3.0/` becomes `CC-BY-3.0`.
    """
    found = _URL.search(written.lower())
    if not found:
        return written.strip() or UNKNOWN
    terms, version = found.groups()
    if terms == "zero":
        return f"CC0-{version}"
    return f"CC-{'Sampling+' if terms == 'sampling+' else terms.upper()}-{version}"


def selected(rows: list[Row], selection: str) -> list[Row]:
    """The rows whose licence is in a selection: "all", "permissive", or "share-alike" (which includes permissive).

    Raises ManifestError for another selection, and where nothing is left.
    """
    if selection not in _SELECTIONS:
        raise ManifestError(f"no selection of licences {selection!r}; use one of {', '.join(SELECTIONS)}")
    allowed = _SELECTIONS[selection]
    kept = [row for row in rows if allowed is None or row.licence in allowed]
    if rows and not kept:
        raise ManifestError(f"none of {len(rows)} rows is {selection}; they are {', '.join(sorted({row.licence for row in rows}))}")
    return kept

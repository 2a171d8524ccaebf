"""The user's own sounds: `Library` indexes folders and answers queries. See `clvap.library.library`."""

from clvap.library.indexer import IndexReport
from clvap.library.library import Library
from clvap.library.scan import LibraryError, Skipped
from clvap.library.search import Aspects, Filters, Match, Weights

__all__ = ["Aspects", "Filters", "IndexReport", "Library", "LibraryError", "Match", "Skipped", "Weights"]

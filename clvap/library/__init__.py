"""The user's own sounds: `Library` indexes folders and answers queries. See `clvap.library.library`."""

from clvap.library.atlas import Point
from clvap.library.indexer import IndexReport
from clvap.library.lessons import Lesson
from clvap.library.library import IndexedFolder, Library
from clvap.library.scan import LibraryError, Skipped
from clvap.library.search import Aspects, Filters, Listing, Match, Weights

__all__ = ["Aspects", "Filters", "IndexReport", "IndexedFolder", "Lesson", "Library", "LibraryError", "Listing", "Match", "Point", "Skipped", "Weights"]

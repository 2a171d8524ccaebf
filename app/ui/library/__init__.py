"""The Library tab: sounds found by words and shown on a map by their sound; folders added, indexed and removed on one's own machine."""

from app.ui.library.tab import LibraryTab

__all__ = ["LibraryTab"]

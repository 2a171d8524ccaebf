"""Sound effects made from nothing but arithmetic: the starter library of CLVAP Studio."""

from generation.procedural.catalog import catalog
from generation.procedural.render import render_starter_library

__all__ = ["catalog", "render_starter_library"]

"""Training from the page: a folder of sounds looked at and its captions mended, a recipe filled in, runs started and watched.

`packs` the sounds, `recipes` what is done with them, `runs` what became of it; `training` is what the page asks.
"""

from app.services.training.packs import Pack, PackRow
from app.services.training.recipes import Template, Wish
from app.services.training.runs import Curve, Demo, Run, RunView
from app.services.training.training import Board, Needs, Training

__all__ = ["Board", "Curve", "Demo", "Needs", "Pack", "PackRow", "Run", "RunView", "Template", "Training", "Wish"]

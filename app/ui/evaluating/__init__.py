"""The evaluate tab."""

from app.ui.evaluating.tab import EvaluateTab

__all__ = ["EvaluateTab"]

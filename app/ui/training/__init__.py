"""The tabs "Fine-tune Stable Audio" and "Train CLVAP": one form, one caption editor, one view of runs for both."""

from app.ui.training.tab import TrainingTab

__all__ = ["TrainingTab"]

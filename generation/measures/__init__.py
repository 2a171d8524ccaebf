"""Figures of sound that was made, beside sound that was recorded."""

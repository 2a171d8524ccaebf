"""Commands of `python -m clvap` that have a good deal to say: their arguments and what they print. Nothing heavy is imported before one runs."""

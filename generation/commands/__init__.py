"""Commands of `python -m generation` that have a good deal to say: their arguments and what they print. Nothing heavy is imported before one runs."""

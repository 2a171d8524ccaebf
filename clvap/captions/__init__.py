"""More captions for each sound: rewritten by a language model on any OpenAI-compatible endpoint, or from a table of synonyms and templates.

`synonyms` the table, `templates` captions without a model, `judge` which answers may be used, `endpoint` one request with its retries,
`answers` what was paid for already, `rewrite` the whole for a list of captions, `run` for a manifest or a folder.
"""


class CaptionError(ValueError):
    """Captions that cannot be made; the message says what to do."""

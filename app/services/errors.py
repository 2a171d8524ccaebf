"""Which errors are meant for people, and what is said about the others."""

from __future__ import annotations

import logging

_OWN_PACKAGES = ("clvap", "generation", "app")
_log = logging.getLogger(__name__)


class RequestError(ValueError):
    """A request that cannot be served as it is; the message says what to change."""


def explain(error: BaseException) -> str:
    """The sentence to show for an error.

    This project's own ValueErrors (AudioError, ModelError, ...) are written for people and shown as they are. They are
    told by their module, so that no heavy package is imported just to name its error. Anything else is logged whole.
    """
    if isinstance(error, ValueError) and type(error).__module__.partition(".")[0] in _OWN_PACKAGES:
        return str(error)
    _log.error("unexpected error", exc_info=error)
    return f"Something went wrong here ({type(error).__name__}); your sounds are safe. Try again, or look at the terminal for the details."

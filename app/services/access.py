"""Who may do what: one table by exposure, asked by every service before it does it, so that neither page nor endpoint is a way around it."""

from __future__ import annotations

from enum import Enum

from app.services.errors import RequestError
from app.settings import Settings


class Action(Enum):
    """Something that not every visitor may do; the value says it in words."""

    NAME_PATHS = "name a folder or file of this machine"
    NAME_ADDRESSES = "name an address for this machine to ask"
    SEE_PATHS = "see where files lie on this machine"
    EDIT_LIBRARY = "add, remove or describe sounds of the library"
    TRAIN = "train models"
    EVALUATE = "measure models on a folder of sounds"
    MANAGE_MODELS = "download, add, choose or delete models"
    SEE_JOBS = "see, stop or resume the work in progress"
    LOCAL_MICROPHONE = "record with this machine's microphone"


class Forbidden(RequestError):
    """Not for this visitor; the message says who may."""


def allowed(settings: Settings) -> frozenset[Action]:
    """What visitors of a run may do beside imitating, searching and downloading what is theirs.

    On the machine itself everything. Elsewhere nothing of the above, but for training by those who gave the password of --auth.
    """
    if settings.exposure == "local":
        return frozenset(Action)
    return frozenset({Action.TRAIN} if settings.auth is not None else ())


def require(settings: Settings, action: Action) -> None:
    """Raises Forbidden where visitors of this run may not."""
    if action not in allowed(settings):
        cure = "start the studio with --auth USER:PASS" if action is Action.TRAIN else "open the studio on the machine itself, without --share or --host"
        raise Forbidden(f"This page may not {action.value}: {cure}.")

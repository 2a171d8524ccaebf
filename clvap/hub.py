"""Models in folders and on the hub: fetched, saved with a card, published. Only safetensors and plain text travel; loads no weights itself."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from clvap import card
from clvap.checkpoints import ModelError

if TYPE_CHECKING:
    from clvap.model import Clvap

_NEEDED = ("config.json", "model.safetensors")
_TRAVEL = ["*.json", "*.safetensors", "*.txt", "*.md", "*.csv", "*.yaml", "*.png"]
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_id(name: str) -> bool:
    """Whether a name can be one of the hub's, as in owner/name."""
    return bool(_HUB_ID.fullmatch(name)) and ".." not in name


def fetch(repo_id: str, revision: str | None = None) -> Path:
    """The local folder of a model of the hub, downloaded where it is not there yet. Raises ModelError saying what to do."""
    folder = download(repo_id, _TRAVEL, revision)
    _complete(folder, repo_id)
    return folder


def download(repo_id: str, patterns: list[str], revision: str | None = None) -> Path:
    """The local folder with those files of a repository on the hub that match `patterns`. Raises ModelError saying what to do."""
    from huggingface_hub import snapshot_download

    with explaining(repo_id):
        return Path(snapshot_download(repo_id, revision=revision, allow_patterns=patterns))


@contextmanager
def explaining(repo_id: str) -> Iterator[None]:
    """What the hub's client raises about a repository, as a ModelError that says what to do."""
    from huggingface_hub import get_token
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        yield
    except GatedRepoError as error:
        page = f"https://huggingface.co/{repo_id}"
        if get_token():
            raise ModelError(f"{repo_id} is gated, and your token may not read it; accept its terms at {page} with the account of the token") from error
        raise ModelError(f"{repo_id} is gated; accept its terms at {page} and log in with: hf auth login") from error
    except RepositoryNotFoundError as error:
        raise ModelError(f"no model {repo_id} on the hub, or it is private; check the name, or log in with: hf auth login") from error
    except LocalEntryNotFoundError as error:
        raise ModelError(f"no folder {repo_id} on this machine, and the hub, which may have it, cannot be reached; connect or name a model folder") from error
    except _failures() as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise ModelError(f"{repo_id}: the disk is full; make room and go on") from error
        raise ModelError(f"{repo_id} could not be fetched ({_line(error)}); check the network and try again") from error


def save(model: Clvap, folder: Path, tokenizer=None, facts: dict[str, object] | None = None) -> Path:
    """Write a model, its tokenizer where one is given, and a card; a card written by hand stays. `facts`: further arguments of `card.gather`.

    Raises ModelError when the folder cannot be written or the facts cannot be read.
    """
    folder = Path(folder).expanduser()
    try:
        model.save(folder)
        if tokenizer is not None:
            tokenizer.save_pretrained(str(folder))
    except OSError as error:
        raise ModelError(f"{folder} cannot be written ({error.strerror}); choose another folder") from error
    _card(folder, **(facts or {}))
    return folder


def push(folder: Path, repo_id: str, private: bool = False, token: str | None = None, message: str = "Upload model") -> str:
    """Publish a model folder, with a card where it has none; the address of the commit.

    `token`: None takes HF_TOKEN or the one saved by `hf auth login`. Raises ModelError for an incomplete folder, without a token,
    without a network, and where the hub refuses.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    folder = Path(folder).expanduser()
    if not is_id(repo_id):
        raise ModelError(f"{repo_id!r} is no name on the hub; give OWNER/NAME")
    _complete(folder, str(folder))
    token = token or get_token()
    if not token:
        raise ModelError("publishing needs a token with write access; set HF_TOKEN or log in with: hf auth login")
    if not (folder / card.CARD).is_file():
        _card(folder, name=repo_id)
    api = HfApi(token=token)
    try:
        api.create_repo(repo_id=repo_id, private=private, exist_ok=True)
        done = api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message, allow_patterns=_TRAVEL)
    except HfHubHTTPError as error:
        raise ModelError(f"the hub refused {repo_id} ({_line(error)}); check that the token may write there") from error
    except _failures() as error:
        raise ModelError(f"the hub could not be reached ({_line(error)}); check the network and try again") from error
    return done.commit_url


def _card(folder: Path, **facts) -> None:
    if not (folder / card.CARD).is_file() or card.generated(folder):
        card.write(folder, card.gather(folder, **facts))


def _complete(folder: Path, name: str) -> None:
    absent = [needed for needed in _NEEDED if not (folder / needed).is_file()]
    if absent:
        raise ModelError(f"{name}: {' and '.join(absent)} missing; a model folder has {' and '.join(_NEEDED)}, pickled weights are not loaded")


def _failures() -> tuple[type[Exception], ...]:
    """What the hub's client raises where the network fails."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError, OfflineModeIsEnabled

    return HTTPError, HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__

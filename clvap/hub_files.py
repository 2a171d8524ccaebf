"""Files of models on the hub, fetched with their bytes counted; a download that was stopped, or killed, goes on where it was.

The hub's own client throws a started file away, which hurts where a file has gigabytes. Here a started file waits in the client's
cache under a name of its own; once whole it takes its place there, and whatever asks the client finds it. Loads no weights.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from clvap import hub
from clvap.checkpoints import ModelError
from clvap.progress import Progress, silent

_CHUNK_BYTES = 1 << 20
_TRIES = 5
_TIMEOUT_S = 30
_SPARE_BYTES = 200 << 20


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a repository: groups of patterns, of each the files that its first fitting pattern names.

    repository: OWNER/NAME
    needed: groups without which it is of no use
    also: groups that come along where they are there
    """

    repository: str
    needed: tuple[tuple[str, ...], ...]
    also: tuple[tuple[str, ...], ...] = ()

    def choose(self, names: Sequence[str]) -> list[str]:
        """The files to fetch of those there. Raises ModelError where a needed one is not."""
        chosen: list[str] = []
        for group in (*self.needed, *self.also):
            fitting = next((found for pattern in group if (found := [name for name in names if fnmatch(name, pattern) and name not in chosen])), [])
            if not fitting and group in self.needed:
                raise ModelError(f"{self.repository} has no {' or '.join(group)} on the hub; it is not a model of this kind")
            chosen += fitting
        return chosen


@dataclass(frozen=True)
class _File:
    """One file of a repository as it is now at a commit, its size in bytes."""

    repository: str
    commit: str
    name: str
    size: int


def fetch(wanted: Sequence[Wanted], progress: Progress = silent) -> list[Path]:
    """The local folders of what is wanted, fetched as far as it is not there yet; `progress` counts bytes of all of it and may raise to stop.

    Raises ModelError saying what to do where the hub refuses or cannot be reached, or the disk is too small.
    """
    files: list[_File] = []
    for one in wanted:
        with hub.explaining(one.repository):
            files += _files(one)
    told = _Told(progress, sum(file.size for file in files))
    there = [_cached_file(file) is not None for file in files]
    _check_room(sum(file.size - _started(file) for file, whole in zip(files, there, strict=True) if not whole))
    for file, whole in zip(files, there, strict=True):
        with hub.explaining(file.repository):
            if whole:
                told.add(file.size)
            else:
                _fetch(file, told)
    return [folder for one in wanted if (folder := cached(one)) is not None]


def cached(wanted: Wanted) -> Path | None:
    """The local folder of a repository where all that is needed of it is there; asks no network."""
    folder = snapshot(wanted.repository)
    whole = folder is not None and all(any(path.is_file() for pattern in group for path in folder.glob(pattern)) for group in wanted.needed)
    return folder if whole else None


def snapshot(repository: str) -> Path | None:
    """The local folder of a repository as last fetched, whole or not; None where nothing of it is there."""
    home = home_of(repository)
    try:
        folder = home / "snapshots" / (home / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return folder if folder.is_dir() else None


def home_of(repository: str) -> Path:
    """Where the hub's client keeps everything of a repository."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repository, repo_type="model")


def forget(repository: str) -> None:
    """Delete everything of a repository from the client's cache. Raises ModelError where the disk refuses."""
    try:
        shutil.rmtree(home_of(repository))
    except FileNotFoundError:
        return
    except OSError as error:
        raise ModelError(f"{repository} could not be deleted ({error.strerror}); close what uses it and try again") from error


def _files(wanted: Wanted) -> list[_File]:
    from huggingface_hub import HfApi

    info = HfApi().model_info(wanted.repository, files_metadata=True)
    sizes = {one.rfilename: one.size or 0 for one in info.siblings or ()}
    return [_File(wanted.repository, info.sha, name, sizes[name]) for name in wanted.choose(list(sizes))]


def _fetch(file: _File, told: _Told) -> None:
    """One file into the client's cache, going on with what an earlier try left."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    about = get_hf_file_metadata(hf_hub_url(file.repository, file.name))
    size, blob = about.size or file.size, home_of(file.repository) / "blobs" / (about.etag or "")
    if blob.is_file():  # of an earlier commit, and the same
        told.add(size)
    else:
        _complete(file, about.etag or "", size, told).replace(_made(blob))
        _mark(_part(file)).unlink(missing_ok=True)
    hf_hub_download(file.repository, file.name)  # finds the blob, and names it as the client does


def _complete(file: _File, etag: str, size: int, told: _Told) -> Path:
    """The whole file, under the name under which a started one waits."""
    from huggingface_hub import hf_hub_url

    part = _made(_part(file))
    _same_file_as_before(part, etag)
    start = part.stat().st_size if part.exists() else 0
    told.add(min(start, size))
    for _ in range(_TRIES):
        if _stream(hf_hub_url(file.repository, file.name), part, size, told):
            break
        time.sleep(1)
    else:
        raise ModelError(f"{file.repository}: the connection broke off {_TRIES} times; what came is kept, go on when the network is better")
    _check_whole(part, etag, size, file)
    return part


def _stream(url: str, part: Path, size: int, told: _Told) -> bool:
    """Append what is missing of a file; False where the connection broke off."""
    from huggingface_hub.errors import HTTPError
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    start = part.stat().st_size if part.exists() else 0
    if start >= size:
        return True
    headers = build_hf_headers() | {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        with get_session().stream("GET", url, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True) as response:
            hf_raise_for_status(response)
            goes_on = start > 0 and response.status_code == 206
            if start and not goes_on:
                told.add(-start)
            with open(part, "ab" if goes_on else "wb") as target:
                for chunk in response.iter_bytes(_CHUNK_BYTES):
                    target.write(chunk)
                    told.add(len(chunk))
    except HTTPError as error:
        if getattr(error, "response", None) is not None:
            raise
        return False
    return part.stat().st_size >= size


def _check_whole(part: Path, etag: str, size: int, file: _File) -> None:
    """Raises ModelError, and takes the file away, where it is not what the hub has; large files are named by their hash."""
    whole = part.stat().st_size == size
    if whole and len(etag) == 64:
        digest = hashlib.sha256()
        with open(part, "rb") as source:
            while block := source.read(_CHUNK_BYTES):
                digest.update(block)
        whole = digest.hexdigest() == etag
    if not whole:
        part.unlink()
        raise ModelError(f"{file.repository}: {file.name} arrived damaged; download it again")


def _part(file: _File) -> Path:
    """Where a started file waits."""
    return home_of(file.repository) / "started" / hashlib.sha256(file.name.encode()).hexdigest()[:16]


def _made(path: Path) -> Path:
    """The path, in a folder that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _mark(part: Path) -> Path:
    """Names the version that a started file is of."""
    return part.with_suffix(".etag")


def _same_file_as_before(part: Path, etag: str) -> None:
    mark = _mark(part)
    if part.exists() and not (mark.exists() and mark.read_text(encoding="utf-8") == etag):
        part.unlink()
    mark.write_text(etag, encoding="utf-8")


def _started(file: _File) -> int:
    part = _part(file)
    return min(part.stat().st_size, file.size) if part.exists() else 0


def _cached_file(file: _File) -> Path | None:
    path = home_of(file.repository) / "snapshots" / file.commit / file.name
    return path if path.is_file() and path.stat().st_size == file.size else None


def _check_room(needed: int) -> None:
    from huggingface_hub import constants

    existing = next(folder for folder in (Path(constants.HF_HUB_CACHE), *Path(constants.HF_HUB_CACHE).parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed + _SPARE_BYTES > free:
        raise ModelError(
            f"{gigabytes(needed)} are to come and {gigabytes(free)} are free where {existing} lies; make room, or set HF_HOME to a folder on a larger disk"
        )


class _Told:
    """Bytes there, of all that are to be there."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0
        self._progress(0, total, "asking the hub")

    def add(self, count: int) -> None:
        self._done += count
        self._progress(self._done, self._total, f"{gigabytes(self._done)} of {gigabytes(self._total)}")


def gigabytes(count: float) -> str:
    """A number of bytes as people say it."""
    for size, unit in ((1e9, "GB"), (1e6, "MB")):
        if count >= size:
            return f"{count / size:.{0 if unit == 'MB' and count >= 10 * size else 1}f} {unit}"
    return f"{count / 1e3:.0f} kB"

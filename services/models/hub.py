"""Weights from the authors' own repository on the model hub: one file by HTTPS, taken up again where it broke off."""

from http import HTTPStatus
from pathlib import Path

import httpx

from services.models.progress import Progress
from services.models.sources import SourceFailed, require_room
from services.models.weights import Weights

HUB_URL = "https://huggingface.co"

_TIMEOUT = httpx.Timeout(30, connect=10)


def from_hub(weights: Weights, folder: Path, progress: Progress, *, token: str | None, url: str = HUB_URL) -> Path:
    """Download the file, or what an earlier, broken off download left of it.

    Returns:
        The file, not yet checked.

    Raises:
        SourceFailed: the hub cannot be reached, or does not give it.
        OSError: the disk is full, or not ours to write.
    """
    partial = folder / f"{weights.file_name}.download"
    there = partial.stat().st_size if partial.is_file() else 0
    if there == weights.size_bytes:
        return partial
    require_room(folder, weights.size_bytes - there)
    progress.begin(f"download {weights.name} from the hub", total_bytes=weights.size_bytes)
    headers = {"Range": f"bytes={there}-", "Accept-Encoding": "identity"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    address = f"{url}/{weights.repository}/resolve/main/{weights.file_name}"
    try:
        with (
            httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client,
            client.stream("GET", address, headers=headers) as reply,
        ):
            _write(reply, partial, there=there, weights=weights, progress=progress)
    except httpx.HTTPError as error:
        raise SourceFailed(f"{type(error).__name__} {error}".strip()) from error
    return partial


def _write(reply: httpx.Response, partial: Path, *, there: int, weights: Weights, progress: Progress) -> None:
    if reply.status_code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        hint = ", is HF_TOKEN right?" if reply.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) else ""
        raise SourceFailed(f"the hub answers HTTP {reply.status_code}{hint}")
    resumed = there if reply.status_code == HTTPStatus.PARTIAL_CONTENT else 0
    progress.advance(resumed)
    size = resumed
    with partial.open("ab" if resumed else "wb") as target:
        for block in reply.iter_bytes():
            size += len(block)
            if size > weights.size_bytes:
                break
            target.write(block)
            progress.advance(len(block))
    if size > weights.size_bytes:
        partial.unlink()
        raise SourceFailed(f"the hub sends more than the {weights.size_bytes} bytes of {weights.file_name}")
    if size < weights.size_bytes:
        raise SourceFailed(f"the download broke off at {size} of {weights.size_bytes} bytes; run it again to go on")

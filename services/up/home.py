"""The data folder: its parts, the lock that only one supervisor holds, and the note that says where to find us."""

import errno
import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from agents.records import Record
from services.up.errors import CannotStart

LEAST_FREE_BYTES = 100_000_000
"""With less, SQLite, Valkey and the logs would fail within minutes."""


class Whereabouts(Record):
    """What `run/up.json` says while the supervisor runs."""

    gateway: str
    dashboard: str | None
    pid: int


class Home:
    """Paths in the data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.run = folder / "run"
        self.valkey = folder / "valkey"

    def make(self) -> None:
        """Make the folders, readable by their owner only, and see that there is room in them."""
        for folder in (self.folder, self.logs, self.run, self.valkey):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_space(self.folder, LEAST_FREE_BYTES, "the data folder")

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the folder for this process; two servers on the same files would ruin them."""
        descriptor = os.open(self.run / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor, self.folder)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def announced(self, whereabouts: Whereabouts) -> Generator[None]:
        """Say in `run/up.json` where the gateway is, for as long as it is there."""
        path = self.run / "up.json"
        draft = path.with_suffix(".tmp")
        draft.write_text(whereabouts.model_dump_json())
        draft.replace(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def require_space(folder: Path, needed_bytes: int, purpose: str) -> None:
    """Refuse to start on a disk that would be full soon."""
    free = free_bytes(folder)
    if free < needed_bytes:
        raise CannotStart(
            f"not enough room in {folder}: {purpose} needs {_gigabytes(needed_bytes)}, {_gigabytes(free)} are free; "
            "make room, or choose another folder with --home"
        )


@contextmanager
def explaining(folder: Path) -> Generator[None]:
    """Tell in one line what the system has against the data folder."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = f"the disk is full: {folder}; make room, or choose another folder with --home"
        else:
            reason = f"cannot use {problem.filename or folder}: {problem.strerror}; choose another folder with --home"
        raise CannotStart(reason) from problem


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode() or "unknown"
        raise CannotStart(
            f"{folder} is in use by another `pointsman up` (pid {holder}); "
            "stop that one, or choose another folder with --home"
        ) from None


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"

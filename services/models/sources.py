"""What the sources of weights have in common: how they fail, and the room they want."""

import errno
import os
import shutil
from pathlib import Path


class SourceFailed(Exception):
    """This source does not have the weights, or cannot be reached: try the next."""


def require_room(folder: Path, needed_bytes: int) -> None:
    """Raise the error of a full disk now, rather than a gigabyte later."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        words = f"{os.strerror(errno.ENOSPC)}: {needed_bytes / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free"
        raise OSError(errno.ENOSPC, words, f"{folder} needs {needed_bytes / 1e6:.0f} MB and has {free / 1e6:.0f} MB")

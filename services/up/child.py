"""Becomes the command it is given, and asks the kernel to end that command when the supervisor dies.

Run by file path with an isolated interpreter: `python -I -S child.py SUPERVISOR_PID COMMAND...`. It is a program of its
own, because code between fork and exec of a large process is not safe, and imports little, because every start pays.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h. The setting outlives exec. It follows the thread that forked: start children in the main one."""


def main(arguments: list[str]) -> None:
    supervisor, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(supervisor):  # it died before we asked, so no signal would come
            sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 - to become the command, without a shell, is the purpose
    except OSError as problem:
        sys.exit(f"cannot run {command[0]}: {problem.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])

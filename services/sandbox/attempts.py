"""Thirteen attempts to get out of a sandbox: what a test and `pointsman doctor` run against whatever is to hold code.

Each is a program that prints `OUT` where it got through; what only shows from outside is looked at from outside. All
traffic is to servers that are opened for it on the loopback address.
"""

import asyncio
import contextlib
import os
import socket
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.sandbox import Program, Ran, Sandbox

SECONDS = 4.0
LATE = 20.0
"""Whoever is stopped so long after his time was not stopped: a busy machine may take a while to do it."""
CANARY = "POINTSMAN_SANDBOX_CANARY"
_MARK = "31.41592"
"""How long a process sleeps that was left behind: it is known by it."""


@dataclass(frozen=True)
class Attempt:
    """One way out."""

    name: str
    code: str
    """`{...}` are filled with what is there to be reached."""


_READ_USERS = "print('OUT', open('/etc/passwd').readline())"
_READ_HIDDEN = "print('OUT', open({secret!r}).read())"
_CONNECT = "import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)\nprint('OUT')"
_UNIX = """
import socket
for address in ({path!r}, {abstract!r}):
    try:
        socket.socket(socket.AF_UNIX).connect(address)
        print('OUT', address)
    except OSError:
        pass
"""
_FORKS = """
import os, time
children = 0
try:
    while children < 200:
        if os.fork() == 0:
            time.sleep(3)
            os._exit(0)
        children += 1
except OSError:
    pass
if children >= 150:
    print('OUT', children)
"""
_MEMORY = "held = [bytearray(10**6) for _ in range(1500)]\nprint('OUT', len(held))"
_LOOP = "while True:\n    pass"
_WRITE = "open({outside!r}, 'w').write('x')\nprint('OUT')"
_ENVIRONMENT = "import os\nif {canary!r} in os.environ:\n    print('OUT')"
_PROC = """
import ctypes, glob, os
for name in glob.glob('/proc/[0-9]*/environ') + ['/proc/%d/mem' % os.getppid()]:
    try:
        with open(name, 'rb') as file:
            if {canary!r}.encode() in file.read(200_000) or name.endswith('mem'):
                print('OUT', name)
    except OSError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
SEIZE = 0x4206  # attaches without stopping what it gets hold of
if libc.ptrace(SEIZE, os.getppid(), 0, 0) == 0 or libc.ptrace(SEIZE, 1, 0, 0) == 0:
    print('OUT ptrace')
"""
_DISK = """
with open('big', 'wb') as file:
    for _ in range(300):
        file.write(bytes(10**6))
print('OUT')
"""
_DAEMON = """
import os, subprocess
gone, leave = os.pipe()
if os.fork() == 0:
    try:
        os.setsid()
    except OSError:
        pass
    if os.fork() == 0:
        for number in range(3):
            os.close(number)
        os.execv('/bin/sleep', ['sleep', {mark!r}])
    os._exit(0)
os.close(leave)
os.read(gone, 1)  # ends when the last of them has become another program, or has died
"""
_KERNEL = """
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
numbers = {{'x86_64': {{'keyctl': 250, 'bpf': 321, 'userfaultfd': 323, 'perf_event_open': 298, 'io_uring_setup': 425}},
           'aarch64': {{'keyctl': 219, 'bpf': 280, 'userfaultfd': 282, 'perf_event_open': 241, 'io_uring_setup': 425}}}}
for name, number in numbers[platform.machine()].items():
    ctypes.set_errno(0)
    if libc.syscall(number, 0, 0, 0, 0, 0) >= 0 or ctypes.get_errno() not in (1, 38):
        print('OUT', name, ctypes.get_errno())
if libc.unshare(0x10000000) == 0:
    print('OUT unshare')
"""

ATTEMPTS = (
    Attempt("read /etc/passwd", _READ_USERS),
    Attempt("read a secret of the host", _READ_HIDDEN),
    Attempt("connect by TCP", _CONNECT),
    Attempt("connect by unix socket", _UNIX),
    Attempt("fork without end", _FORKS),
    Attempt("take all memory", _MEMORY),
    Attempt("loop without end", _LOOP),
    Attempt("write outside", _WRITE),
    Attempt("read a secret of the environment", _ENVIRONMENT),
    Attempt("look into other processes", _PROC),
    Attempt("fill the disk", _DISK),
    Attempt("leave a process behind", _DAEMON),
    Attempt("reach the kernel's rarer doors", _KERNEL),
)


async def escapes(
    sandbox: Sandbox, attempts: Sequence[Attempt] = ATTEMPTS, *, seconds: float = SECONDS
) -> dict[str, str]:
    """Make the attempts, each for so long at most; gives those that got through, with what showed it.

    Raises as `Sandbox.run` does.
    """
    got_out: dict[str, str] = {}
    with _bait() as bait:
        for attempt in attempts:
            program = Program(code=attempt.code.format_map(bait), seconds=seconds, memory_mb=512)
            ran = await sandbox.run(program)
            if shown := await asyncio.to_thread(_shown, attempt, ran, bait, seconds):
                got_out[attempt.name] = shown
    return got_out


def _shown(attempt: Attempt, ran: Ran, bait: dict[str, object], seconds: float) -> str | None:
    if "OUT" in ran.stdout:
        return ran.stdout.strip()[:200]
    if attempt.code is _WRITE and Path(str(bait["outside"])).exists():
        return "the file is there"
    if attempt.code is _LOOP and (ran.how not in ("time", "killed") or ran.seconds > seconds + LATE):
        return f"it ended as {ran.how} after {ran.seconds:.1f} s"
    if attempt.code is _DAEMON and (left := _left_behind()) is not None:
        return f"process {left} is still there"
    return None


def _left_behind() -> int | None:
    """A process that outlives its program, though it be given a second to die."""
    for _ in range(10):
        if _sleeping() is None:
            return None
        time.sleep(0.1)
    return _sleeping()


def _sleeping() -> int | None:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"\0{_MARK}\0".encode() in (folder / "cmdline").read_bytes():
                return int(folder.name)
    return None


@contextlib.contextmanager
def _bait() -> Generator[dict[str, object]]:
    """Things to be reached, readable and writable by anybody: only the walls are in the way."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pointsman-bait-")))
        folder.chmod(0o777)
        secret = folder / "secret"
        secret.write_text("s3cret")
        secret.chmod(0o644)
        abstract = f"\0pointsman-bait-{os.getpid()}"
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        for address in (str(folder / "socket"), abstract):
            listening = stack.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(address)
            listening.listen()
        (folder / "socket").chmod(0o777)
        yield {
            "secret": str(secret),
            "port": tcp.getsockname()[1],
            "path": str(folder / "socket"),
            "abstract": abstract,
            "outside": str(folder / "written"),
            "canary": CANARY,
            "mark": _MARK,
        }

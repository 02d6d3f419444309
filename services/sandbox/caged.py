"""Runs a program in a process of its own that shuts itself in (`cage.py`), alone or inside of bubblewrap."""

import asyncio
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

from agents.errors import Unavailable
from agents.sandbox import Program, Ran, RanHow
from services.sandbox.cage import Wanted

CAGE = Path(__file__).with_name("cage.py")
FILE_BYTES = 64 * 1024 * 1024
"""The most that one file may grow to."""
OUTPUT_BYTES = 200_000
"""What is kept of each of stdout and stderr."""
_FIRST_UID, _UIDS = 61_000, 4_000
"""Users that nothing belongs to; each place of a process has one of its own."""
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/dev/urandom", "/dev/zero")

Walls = Literal["landlock", "bwrap"]


@dataclass(frozen=True)
class _Job:
    program: Program
    work: Path
    uid: int | None


class Caged:
    """CPython behind walls. Each program has a process, a folder and, where we are root, a user of its own."""

    def __init__(self, walls: Walls, *, places: int) -> None:
        """Make it.

        Args:
            walls: `landlock`, or `bwrap` for kernels without a Landlock that is new enough.
            places: Programs that run at once; more wait.
        """
        self.name = walls
        self._walls: Walls = walls
        self._free = asyncio.Semaphore(places)
        self._places = list(range(places))

    async def run(self, program: Program) -> Ran:
        """Run a program. Raises `Unavailable` where the cage cannot be shut here."""
        async with self._free:
            place = self._places.pop()
            given_up = threading.Event()
            running = asyncio.ensure_future(asyncio.to_thread(self._run, program, place, given_up))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                given_up.set()
                await asyncio.wait({running})
                raise
            finally:
                self._places.append(place)

    def _run(self, program: Program, place: int, given_up: threading.Event) -> Ran:
        uid = _FIRST_UID + (os.getpid() * 16 + place) % _UIDS if os.geteuid() == 0 else None
        folder = Path(tempfile.mkdtemp(prefix="pointsman-sandbox-"))
        try:
            folder.chmod(0o755)
            work = folder / "work"
            work.mkdir(mode=0o700)
            _lay_out(work, program, uid)
            with (folder / "out").open("w+b") as out, (folder / "err").open("w+b") as err:
                return self._supervised(_Job(program, work, uid), out, err, given_up)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _supervised(self, job: _Job, out: IO[bytes], err: IO[bytes], given_up: threading.Event) -> Ran:
        began = time.monotonic()
        with _pipe() as (told, telling), _pipe() as (hearing, saying):
            process = self._start(job, out, err, told=told, saying=saying)
            try:
                told.close()
                saying.close()
                with contextlib.suppress(BrokenPipeError):
                    telling.write(json.dumps(self._header(job)).encode())
                    telling.close()
                ended = _ends(process, began + job.program.seconds, given_up)
            finally:
                # Not reaped yet, so the group's number cannot have become another's: all that is left of it dies here.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            shut = hearing.read()
        seconds, stdout, stderr = time.monotonic() - began, _text(out), _text(err)
        if shut != b"shut" and ended:
            raise Unavailable(f"sandbox unavailable: {self.name}: {stderr.strip()[:300]}")
        return Ran(
            how=_how(process.returncode, stderr, timed_out=not ended),
            stdout=stdout,
            stderr=stderr,
            seconds=seconds,
            backend=self.name,
        )

    def _start(
        self, job: _Job, out: IO[bytes], err: IO[bytes], *, told: IO[bytes], saying: IO[bytes]
    ) -> "subprocess.Popen[bytes]":
        ours = (told.fileno(), saying.fileno())
        with (job.work.parent / "in").open("w+b") as stdin:
            stdin.write(job.program.stdin.encode("utf-8", "surrogatepass"))
            stdin.seek(0)
            try:
                started: Any = subprocess.Popen(  # noqa: S603  # what runs in it is shut in before it begins
                    [*self._command(job), *map(str, ours)],
                    stdin=stdin,
                    stdout=out,
                    stderr=err,
                    cwd="/",
                    env={},
                    pass_fds=ours,
                    start_new_session=True,
                    **cast("Any", self._outer_user(job)),
                )
            except OSError as error:
                raise Unavailable(f"sandbox unavailable: {self.name}: {error}") from error
        return started

    def _command(self, job: _Job) -> Sequence[str]:
        python = [sys.executable, "-I", "-B", "-X", "utf8", str(CAGE)]
        return python if self._walls == "landlock" else [*_bwrap(job.work), *python]

    def _outer_user(self, job: _Job) -> dict[str, int | tuple[int, ...]]:
        """Bubblewrap maps the user that starts it, and limits of processes do not bind root: so it is another one."""
        if self._walls == "landlock" or job.uid is None:
            return {}
        return {"user": job.uid, "group": job.uid, "extra_groups": ()}

    def _header(self, job: _Job) -> Wanted:
        program = job.program
        readable = [*_SYSTEM, sys.base_prefix, *([sysconfig.get_path("purelib")] if program.libraries else [])]
        return {
            "work": str(job.work),
            "uid": job.uid if self._walls == "landlock" else None,
            "landlock": self._walls == "landlock",
            "folders": [path for path in readable if Path(path).is_dir()],
            "files": [path for path in readable if Path(path).exists() and not Path(path).is_dir()],
            "libraries": program.libraries,
            "memory_bytes": program.memory_mb * 1024 * 1024,
            "file_bytes": FILE_BYTES,
            "cpu_seconds": int(program.seconds) + 1,
        }


@contextlib.contextmanager
def _pipe() -> Generator[tuple[IO[bytes], IO[bytes]]]:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as first, os.fdopen(writing, "wb") as second:
        yield first, second


def _lay_out(work: Path, program: Program, uid: int | None) -> None:
    for name, text in {**program.files, "main.py": program.code}.items():
        path = (work / name).resolve()
        if not path.is_relative_to(work.resolve()) or "\0" in name:
            raise ValueError(f"{name!r} is outside of the work folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
    if uid is not None:
        for path in (work, *work.rglob("*")):
            os.chown(path, uid, uid)


def _ends(process: "subprocess.Popen[bytes]", at: float, given_up: threading.Event) -> bool:
    """Wait for the end of a process, without reaping it; False if it has not ended by then."""
    handle = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        while not given_up.is_set() and (left := at - time.monotonic()) > 0:
            if poll.poll(min(left, 0.25) * 1000):
                return True
        return False
    finally:
        os.close(handle)


def _how(status: int, stderr: str, *, timed_out: bool) -> RanHow:
    if timed_out or status == -signal.SIGXCPU:
        return "time"
    if status == 0:
        return "ok"
    last = stderr.strip().rpartition("\n")[2]
    if last.startswith("MemoryError") or status in (-signal.SIGSEGV, -signal.SIGABRT):
        return "memory" if last.startswith("MemoryError") else "killed"
    return "killed" if status < 0 else "error"


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(OUTPUT_BYTES).decode("utf-8", "replace")


def _bwrap(work: Path) -> list[str]:
    """Hardened: its own first process would else keep our environment and could be traced."""
    readable = [path for path in (*_SYSTEM[:5], "/sbin", sys.base_prefix, sys.prefix) if Path(path).exists()]
    mounts = [part for path in dict.fromkeys(readable) for part in ("--ro-bind", path, path)]
    return [
        *("bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"),
        *("--clearenv", "--cap-drop", "ALL", *mounts),
        *("--ro-bind", str(CAGE), str(CAGE), "--proc", "/proc", "--dev", "/dev"),
        *("--size", str(FILE_BYTES), "--tmpfs", tempfile.gettempdir(), "--bind", str(work), str(work)),
        "--",
    ]

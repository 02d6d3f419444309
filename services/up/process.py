"""One running service: its process group, its output and its pid file."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from services.up import child, pidfiles
from services.up.logs import Console, LogFile, Output
from services.up.records import Service

_DRAIN_SECONDS = 0.5
"""A child of the child may hold the pipe open after its end."""


class Channel:
    """Where all processes of a service write, one after the other."""

    def __init__(self, service: Service, *, console: Console, logs: Path) -> None:
        self.name = service.name
        self.last_lines: deque[str] = deque(maxlen=20)
        self._console = console
        self._file = LogFile(logs / f"{file_name(service)}.log")

    async def open(self) -> tuple[asyncio.ReadTransport, Output, int]:
        """Open a pipe to here; its writing end is the caller's to close."""
        reading, writing = os.pipe()
        transport, output = await asyncio.get_running_loop().connect_read_pipe(
            lambda: Output(self.name, console=self._console, file=self._file, last_lines=self.last_lines),
            os.fdopen(reading, "rb", buffering=0),
        )
        return transport, output, writing

    def close(self) -> None:
        self._file.close()


class Running:
    """A process that was started, until it has ended and nothing of it is left."""

    def __init__(self, process: Process, *, pid_file: Path, pipe: tuple[asyncio.ReadTransport, Output] | None) -> None:
        self._process = process
        self._pid_file = pid_file
        self._pipe = pipe
        self._end = asyncio.create_task(self._clear_up())

    @property
    def alive(self) -> bool:
        return not self._end.done()

    async def ended(self) -> int:
        """Wait for its end and give its exit code, negative for a signal."""
        return await asyncio.shield(self._end)

    async def stop(self, grace_seconds: float) -> None:
        """Ask it to end, and make it end when it has not done so in time."""
        pidfiles.signal_session(self._process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_seconds):
                await self.ended()
        except TimeoutError:
            self.kill()
            await self.ended()

    def kill(self) -> None:
        if self.alive:
            pidfiles.signal_session(self._process.pid, signal.SIGKILL)

    async def _clear_up(self) -> int:
        code = await self._process.wait()
        pidfiles.signal_session(self._process.pid, signal.SIGKILL)
        if self._pipe is not None:
            transport, output = self._pipe
            try:
                async with asyncio.timeout(_DRAIN_SECONDS):
                    await output.closed.wait()
            except TimeoutError:
                transport.close()
                await output.closed.wait()
        self._pid_file.unlink(missing_ok=True)
        return code


async def start(service: Service, *, channel: Channel, environment: Mapping[str, str], run: Path) -> Running:
    """Start a service in a session of its own: Ctrl-C reaches the supervisor alone, and a signal all of the service.

    Call it in the main thread: the kernel ends the child when the thread that started it ends.
    """
    wrapper = (sys.executable, "-I", "-S", child.__file__, str(os.getpid()))
    if service.foreground:
        pipe, output = None, None
    else:
        transport, protocol, output = await channel.open()
        pipe = (transport, protocol)
    try:
        process = await asyncio.create_subprocess_exec(
            *wrapper,
            *service.command,
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    finally:
        if output is not None:
            os.close(output)
    pid_file = run / f"{file_name(service)}.pid"
    with suppress(OSError):  # a full disk must not take down what runs; only the sweep after our own kill -9 misses it
        pidfiles.write(pid_file, process.pid)
    return Running(process, pid_file=pid_file, pipe=pipe)


def file_name(service: Service) -> str:
    return service.name.replace(" ", "-")

"""The lines that services write: prefixed on the terminal, and kept in one file for each."""

import asyncio
import io
from collections import deque
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import BinaryIO, TextIO

OURSELVES = "pointsman"
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
"""ANSI colours of the prefixes; red is left for those who have to say that something is wrong."""
_LONGEST_LINE = 16_384
_CONTROLS = dict.fromkeys({*range(32), *range(127, 160)} - {ord("\t")})
"""Characters that could move the cursor or rename the window: what a model wrote may end up in a log."""


class LineSplitter:
    """Makes lines of the pieces that come out of a pipe."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            whole.append(self._rest)
            self._rest = b""
        return [_text(line) for line in whole]

    def flush(self) -> list[str]:
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


class Console:
    """Writes everybody's lines on one terminal, each behind the name of who wrote it."""

    def __init__(self, stream: TextIO, *, names: tuple[str, ...], colour: bool) -> None:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
        self._stream: TextIO | None = stream
        everybody = (OURSELVES, *names)
        width = max(len(name) for name in everybody)
        colours = cycle(_COLOURS)
        self._prefixes = {
            name: f"\033[{next(colours)}m{name:<{width}} |\033[0m" if colour else f"{name:<{width}} |"
            for name in everybody
        }

    def line(self, name: str, text: str) -> None:
        self._write(f"{self._prefixes[name]} {text}\n")

    def say(self, text: str) -> None:
        """Write a line of the supervisor's own."""
        self.line(OURSELVES, text)

    def show(self, text: str) -> None:
        """Write without a prefix, so that it can be copied."""
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # the terminal is gone; the files go on, and so do the services
            self._stream = None


class LogFile:
    """A file of at most so many bytes, with the one before it beside it."""

    def __init__(self, path: Path, *, most_bytes: int = 10_000_000) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._bytes = 0
        self._file: BinaryIO | None = self._fresh()

    def write(self, line: str) -> None:
        """Append a line.

        Raises:
            OSError: it cannot be kept; later lines are dropped without another error.
        """
        if self._file is None:
            return
        data = line.encode(errors="replace") + b"\n"
        try:
            if self._bytes + len(data) > self._most_bytes:
                self._file.close()
                self._file = self._fresh()
            self._file.write(data)
        except OSError:
            self.close()
            raise
        self._bytes += len(data)

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        self._file = None

    def _fresh(self) -> BinaryIO:
        with suppress(FileNotFoundError):
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        self._bytes = 0
        return self._path.open("wb", buffering=0)


class Output(asyncio.Protocol):
    """The reading end of a service's pipe: to the terminal, to its file, and its last lines to memory."""

    def __init__(self, name: str, *, console: Console, file: LogFile, last_lines: deque[str]) -> None:
        self._name = name
        self._console = console
        self._file = file
        self._last_lines = last_lines
        self._lines = LineSplitter()
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self._take(self._lines.feed(data))

    def connection_lost(self, exc: Exception | None) -> None:
        self._take(self._lines.flush())
        self.closed.set()

    def _take(self, lines: list[str]) -> None:
        for line in lines:
            self._last_lines.append(line)
            self._console.line(self._name, line)
            try:
                self._file.write(line)
            except OSError as problem:
                self._console.say(f"the log of {self._name} is no longer kept: {problem.strerror}")


def _text(line: bytes) -> str:
    """One line as text; of a progress bar that rewrites itself, its last state."""
    drawn = line.rstrip(b"\r").rpartition(b"\r")[2]
    return drawn.decode(errors="replace").translate(_CONTROLS)

"""Shows how far a fetch is: a bar on a terminal, a line now and then elsewhere."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn, TransferSpeedColumn
from rich.progress import Progress as Bars

_LINES = 4
"""How many lines a phase gives where there is no terminal."""


class Progress(Protocol):
    """What a long piece of work tells of itself: one phase after the other, each with its bytes."""

    def begin(self, phase: str, *, total_bytes: int) -> None: ...

    def advance(self, size: int) -> None: ...

    def note(self, line: str) -> None: ...


@contextmanager
def shown() -> Generator[Progress]:
    """Show progress on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console) as bars:
        yield Terminal(bars)


class Terminal:
    """One bar for each phase."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = None

    def begin(self, phase: str, *, total_bytes: int) -> None:
        self._task = self._bars.add_task(phase, total=total_bytes)

    def advance(self, size: int) -> None:
        if self._task is not None:
            self._bars.advance(self._task, size)

    def note(self, line: str) -> None:
        self._bars.console.print(line, highlight=False)


class Lines:
    """A few lines for each phase: what a log file can bear."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._phase, self._total, self._done, self._said = "", 1, 0, 0

    def begin(self, phase: str, *, total_bytes: int) -> None:
        self._phase, self._total, self._done, self._said = phase, max(total_bytes, 1), 0, 0
        self.note(f"{phase}: {total_bytes / 1e6:.0f} MB")

    def advance(self, size: int) -> None:
        self._done += size
        part = min(self._done * _LINES // self._total, _LINES)
        if part > self._said:
            self._said = part
            self.note(f"{self._phase}: {100 * part // _LINES} %")

    def note(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)

"""Which sandbox there is on this machine: the first one that works, or none, with the reason of each."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

from agents.errors import Unavailable
from agents.sandbox import Program, Ran, Sandbox
from services.sandbox.caged import Caged, Walls
from services.sandbox.monty import PureFirst
from services.sandbox.remote import Remote
from services.settings import Backend

REMEDY = "run the sandbox container, or set POINTSMAN_SANDBOX"


class Off:
    """No sandbox: what needs one is told why, and nothing runs."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    async def run(self, program: Program) -> Ran:
        raise Unavailable(f"sandbox unavailable: {self.reason}")


class Chosen:
    """Looks what works when it is first needed, and keeps to it."""

    def __init__(self, backend: Backend, *, socket: Path | None, places: int | None = None) -> None:
        self._backend: Backend = backend
        self._socket = socket
        self._places = places or max(os.cpu_count() or 1, 2)
        self._found: PureFirst | Off | None = None
        self._looking = asyncio.Lock()

    async def run(self, program: Program) -> Ran:
        """Run a program. Raises `Unavailable` where nothing here can hold it."""
        return await (await self.found()).run(program)

    async def found(self) -> PureFirst | Off:
        """What there is. A container that does not answer yet is asked for again at the next program."""
        async with self._looking:
            if self._found is None:
                full, reasons = await first_working(self._backend, socket=self._socket, places=self._places)
                if full is None:
                    return Off(f"{'; '.join(reasons)}; {REMEDY}")
                self._found = PureFirst(full[1], places=self._places)
            return self._found

    async def close(self) -> None:
        if isinstance(self._found, PureFirst):
            await self._found.close()


async def first_working(
    backend: Backend, *, socket: Path | None, places: int
) -> tuple[tuple[str, Sandbox] | None, list[str]]:
    """The first backend that holds a program here, with its name; and why those before it do not."""
    reasons: list[str] = []
    for name, candidate in candidates(backend, socket=socket, places=places):
        if isinstance(candidate, str):
            reasons.append(f"{name}: {candidate}")
            continue
        try:
            await candidate.run(Program(code="", seconds=20))
        except Unavailable as error:
            reasons.append(str(error).removeprefix("sandbox unavailable: "))
        else:
            return (name, candidate), reasons
    return None, reasons


def candidates(backend: Backend, *, socket: Path | None, places: int) -> list[tuple[str, Sandbox | str]]:
    """The backends to try, in order: each ready to run, or the reason why it cannot."""
    if backend == "off":
        return [("off", "it is switched off")]
    every: list[tuple[str, Sandbox | str]] = [
        ("container", Remote(socket) if socket else "no socket is set"),
        ("landlock", _caged("landlock", places)),
        ("bwrap", _caged("bwrap", places) if shutil.which("bwrap") else "the program is not installed"),
    ]
    return [
        (name, one) for name, one in every if backend == name or (backend == "auto" and (name != "container" or socket))
    ]


def _caged(walls: Walls, places: int) -> Sandbox | str:
    return Caged(walls, places=places) if sys.platform == "linux" else "only on Linux"

"""What it takes to run model-written code: a program goes in, what it printed and how it ended comes out."""

from collections.abc import Mapping
from typing import Literal, Protocol

from pydantic import Field

from agents.errors import Unavailable
from agents.records import Record

RanHow = Literal["ok", "error", "time", "memory", "killed"]
"""`error`: it raised or ended with a status other than 0; `time`, `memory`: it was stopped at that limit."""


class Program(Record):
    """Python to run, and the most it may take."""

    code: str
    stdin: str = ""
    files: Mapping[str, str] = Field(default_factory=dict)
    """Texts in its work folder, by name."""
    libraries: bool = False
    """May import the installed packages besides the standard library."""
    seconds: float = Field(default=5.0, gt=0, le=600)
    """Of wall clock."""
    memory_mb: int = Field(default=512, ge=64, le=8192)


class Ran(Record):
    """How a program ended."""

    how: RanHow
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    backend: str = ""
    """What it ran in."""

    @property
    def complaint(self) -> str:
        """The last line of what it complained about, for people."""
        last = self.stderr.strip().splitlines()[-1:] or [""]
        return last[0][:300] or {"time": "it took too long", "memory": "it took too much memory"}.get(self.how, "")


class Sandbox(Protocol):
    """Somewhere that model-written code can do no harm."""

    async def run(self, program: Program) -> Ran:
        """Run the program to its end or to its limit.

        Raises:
            Unavailable: there is no sandbox on this machine; the message names what was tried.
        """
        ...


class _NoSandbox:
    """Where there is none."""

    async def run(self, program: Program) -> Ran:
        raise Unavailable("sandbox unavailable: this process was started without one")


NO_SANDBOX: Sandbox = _NoSandbox()

"""What the supervisor is told: the services it starts, and how patient it is with them."""

from collections.abc import Awaitable, Callable

from agents.records import Record

Gate = Callable[[], Awaitable[bool]]
"""True once the service does its work; asked again and again while it starts."""


class Service(Record):
    """A process to start, and what has to be there before and after it."""

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    """It starts once these are ready."""
    uses: tuple[str, ...] | None = None
    """It is stopped before these; None: before those it starts after."""
    gate: Gate | None = None
    """None: it is ready once it runs."""
    gate_seconds: float = 90.0
    """It has so long to get ready."""
    once: bool = False
    """It runs to its end, and is ready when that was exit code 0."""
    foreground: bool = False
    """It writes to the terminal itself, as a progress bar has to."""
    optional: bool = False
    """When it fails, the rest goes on without it and without what starts after it."""
    background: bool = False
    """The whole is called ready without it."""

    @property
    def stops_before(self) -> tuple[str, ...]:
        return self.after if self.uses is None else self.uses


class Limits(Record):
    """How long the supervisor waits, and how often it tries."""

    first_pause_seconds: float = 0.5
    """Before the first restart; doubled at each further one."""
    longest_pause_seconds: float = 10.0
    settled_seconds: float = 10.0
    """A service that was up for so long starts again at the first pause."""
    crashes: int = 5
    """So many ends within the window are a crash loop."""
    crash_window_seconds: float = 60.0
    grace_seconds: float = 10.0
    """From SIGTERM to SIGKILL."""
    poll_seconds: float = 0.1
    """Between two looks at a gate."""

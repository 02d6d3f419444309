"""The fast path: Monty, an interpreter of a part of Python that has no doors at all, kept warm in a pool of processes.

What it does not know goes to the full sandbox, started afresh; what took too long or too much there does not, as it
would take it again.
"""

import asyncio
import time
from types import TracebackType

from pydantic_monty import (
    AsyncMonty,
    CollectStreams,
    MontyCrashedError,
    MontyError,
    MontyRuntimeError,
    MontySyntaxError,
)

from agents.sandbox import Program, Ran, RanHow, Sandbox

GRACE_SECONDS = 1.0
"""What the pool gives a worker that does not answer, before it is killed: some operations cannot be interrupted."""
_CERTAIN = ("AssertionError", "TimeoutError", "MemoryError")
"""Errors that are the program's own. Any other may come of what Monty does not know, so CPython is asked as well."""


class PureFirst:
    """Runs what it can in Monty, and the rest in the full sandbox."""

    def __init__(self, full: Sandbox, *, places: int) -> None:
        self._full = full
        self._pool = AsyncMonty(
            min_processes=0, max_processes=places, feed_duration_limit_grace=GRACE_SECONDS, checkout_timeout=60
        )
        self._opened = False
        self._opening = asyncio.Lock()

    async def run(self, program: Program) -> Ran:
        """Run a program. Raises `Unavailable` where it needs the full sandbox and there is none."""
        if not _may_be_pure(program):
            return await self._full.run(program)
        async with self._opening:
            if not self._opened:
                await self._pool.__aenter__()
                self._opened = True
        ran = await self._in_monty(program)
        return ran or await self._full.run(program)

    async def close(self) -> None:
        """End the pool's processes."""
        if self._opened:
            nothing: tuple[type[BaseException] | None, BaseException | None, TracebackType | None] = (None, None, None)
            await self._pool.__aexit__(*nothing)

    async def _in_monty(self, program: Program) -> Ran | None:
        printed = CollectStreams()
        began = time.monotonic()
        limits = {"max_feed_duration_secs": program.seconds, "max_memory": program.memory_mb * 1024 * 1024}
        how: RanHow = "ok"
        complaint = ""
        try:
            async with self._pool.checkout(limits=limits, assert_message_annotations=False) as session:  # pyright: ignore[reportArgumentType]
                await session.feed_run(program.code, print_callback=printed)
        except MontySyntaxError:
            return None  # perhaps only Monty's grammar does not have it
        except MontyRuntimeError as error:
            complaint = error.display("type-msg")
            if not complaint.startswith(_CERTAIN):
                return None
            how = _how(complaint)
            complaint = error.display()
        except MontyCrashedError:
            how, complaint = "killed", "the interpreter had to be stopped"
        except MontyError:
            return None
        texts = _streams(printed)
        return Ran(
            how=how,
            stdout=texts[0],
            stderr=texts[1] + complaint,
            seconds=time.monotonic() - began,
            backend="monty",
        )


def _may_be_pure(program: Program) -> bool:
    return not (program.files or program.stdin or program.libraries)


def _how(complaint: str) -> RanHow:
    if complaint.startswith("TimeoutError"):
        return "time"
    return "memory" if complaint.startswith("MemoryError") else "error"


def _streams(printed: CollectStreams) -> tuple[str, str]:
    pairs = printed.output
    return (
        "".join(text for stream, text in pairs if stream == "stdout"),
        "".join(text for stream, text in pairs if stream == "stderr"),
    )

"""What a method is, and where a part of one works; apart from the table of them all, which imports the composites."""

from dataclasses import replace
from typing import Protocol

from agents.context import Context
from agents.records import Answer, Task


class Method(Protocol):
    """A way to answer."""

    async def answer(self, task: Task, context: Context) -> Answer:
        """Answer the task; each model call, tool call and message is a journaled step."""
        ...


def within(context: Context, part: str) -> Context:
    """The place of a part of a method: its steps have keys of their own, and nobody reads along."""
    return replace(context.silent(), key=f"{context.key}.{part}" if context.key else part)

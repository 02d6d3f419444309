"""Methods are ways to answer: each takes a task and gives an answer, and a composite of methods is a method."""

from collections.abc import Callable, Mapping
from typing import Protocol

from agents.context import Context
from agents.methods.calculate import Calculate
from agents.methods.direct import Direct
from agents.methods.loop import Loop
from agents.methods.team import Team
from agents.records import Answer, MethodName, Task


class Method(Protocol):
    """A way to answer."""

    async def answer(self, task: Task, context: Context) -> Answer:
        """Answer the task; each model call, tool call and message is a journaled step."""
        ...


METHODS: Mapping[MethodName, Callable[..., Method]] = {
    "calculate": Calculate,
    "direct": Direct,
    "loop": Loop,
    "team": Team,
}
"""What makes each method; a method that is not here is not available."""

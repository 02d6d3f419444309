"""What methods share that work an answer over: a draft, the rounds, and the best so far where a limit ends them."""

from collections.abc import Callable
from typing import Protocol

from agents.context import Context
from agents.errors import BudgetExceeded
from agents.methods.method import Method, within
from agents.records import Answer, Task


class Work(Protocol):
    """One answer on its way through the rounds."""

    best: Answer
    """The draft, until something is known to be better."""

    async def revise(self) -> None:
        """Go through the rounds; whatever ends them, `best` is the best until then."""
        ...


async def worked_over(
    task: Task, context: Context, *, first: Method, begun: Callable[[Answer, Context], Work]
) -> Answer:
    """Make a draft and work it over; a call of tools is given as it is.

    Args:
        task: What is asked.
        context: The place of the method.
        first: Makes the draft.
        begun: Begins the work on it, in the place that is handed in, where nobody reads along.
    """
    draft = await first.answer(task, within(context, "round.0"))
    if draft.choices[0].tool_calls:
        return draft
    work = begun(draft, context.silent())
    try:
        await work.revise()
        best = work.best
    except BudgetExceeded:
        best = work.best.model_copy(update={"truncated": True})
    if context.on_text:
        await context.on_text(best.text)
    return best

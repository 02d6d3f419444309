"""Asks one model once."""

from dataclasses import dataclass

from agents.asking import answer_from, request_for
from agents.context import Context, call_model
from agents.records import Answer, Effort, Task


@dataclass(frozen=True)
class Direct:
    """One call; a reply that was cut off by its length is the answer as it is, and its finish reason says so."""

    model: str
    effort: Effort

    async def answer(self, task: Task, context: Context) -> Answer:
        return answer_from(await call_model(context, self.model, request_for(task, self.effort), key="model.0"))

"""Prompts that need no model: taken only when an exact answer is certain."""

import datetime as dt
from decimal import Decimal

from agents.calculator import Calculation, calculate
from agents.records import Effort, JsonSchemaCheck, Task
from router.records import Rung

COMPUTED = Rung(
    method="calculate",
    effort=Effort.NONE,
    quality=0.99,
    quality_low=0.97,
    quality_high=1.0,
    cost_usd=Decimal(0),
    seconds=0.0,
    accept="exact",
)
"""No wrong answer on the corpus of the unit tests; short of 1 because a rule that is wrong may yet be found."""


def exact(task: Task, *, today: dt.date | None) -> Calculation | None:
    """Compute the task's answer; None where it is not wholly a calculation, or where more than its answer is wanted."""
    return calculate(task.prompt, today=today, tables=task.attachments) if _wants_only_text(task) else None


def _wants_only_text(task: Task) -> bool:
    alone = len(task.messages) == 1 and task.messages[0].role == "user"
    shaped = (
        task.response_schema is not None
        or task.json_object
        or any(isinstance(check, JsonSchemaCheck) for check in task.checks)
    )
    sampled = task.sampling.n > 1 or task.sampling.logprobs
    return alone and task.model == "auto" and task.team is None and not (shaped or sampled or task.tools)

"""Outcomes in SQL: how good the answer of an attempt was, by its checks or by a user's word; no words of the prompt.

They outlive their runs. An attempt has at most one of each source, however often it is delivered.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import delete, func, select

from agents.records import Attempt, Usage, Verdict
from router.records import Plan
from services.records import Run
from services.store.rows import insert_ignoring, upsert
from services.store.tables import OutcomeRow, StepRow
from services.store.transaction import Transaction

CHECK_WEIGHT = 1.0
"""An executable check was run on the answer itself."""
JUDGE_WEIGHT = 0.5
"""Only models judged it."""
FEEDBACK_WEIGHT = 0.5
"""A user may like a wrong answer, and be displeased by a right one: two of them count as much as one check."""
KEPT = 100_000
"""The newest so many are kept; what the router learns halves in weight with age, so older ones hardly count."""


def decided(verdicts: Sequence[Verdict]) -> float | None:
    """The quality that the checks of an answer found; None where there was none, or one could not tell."""
    found = {verdict.outcome for verdict in verdicts}
    if "fail" in found:
        return 0.0
    return 1.0 if found == {"pass"} else None


async def note_checked(
    connection: Transaction, run: Run, plan: Plan, attempt: Attempt, verdicts: Sequence[Verdict], now: datetime
) -> None:
    """Note what these of its checks decided about an attempt, in the transaction that ends it."""
    quality = decided(verdicts)
    if quality is None or attempt.answer is None:
        return
    weight = JUDGE_WEIGHT if all(verdict.by for verdict in verdicts) else CHECK_WEIGHT
    used, usd = await _spent(connection, run.id, attempt.number)
    if run.origin == "replay" and used.model_calls == 0:
        return  # it is the recorded answer of another run, and was counted there
    values = _row(run, plan, attempt, used, usd, source="check", quality=quality, weight=weight, at=now)
    await insert_ignoring(connection, OutcomeRow, **values)


async def note_feedback(connection: Transaction, run: Run, *, score: float, now: datetime) -> None:
    """Note what a user thought of the answer that stands; a later word on the same run takes the place of this one."""
    standing = next((one for one in reversed(run.attempts) if one.answer and one.answer == run.answer), None)
    if run.plan is None or standing is None:
        return
    quality = max(score, 0.0)
    used, usd = standing.usage, standing.cost_usd
    values = _row(
        run, run.plan, standing, used, usd, source="feedback", quality=quality, weight=FEEDBACK_WEIGHT, at=now
    )
    await upsert(connection, OutcomeRow, on=("run_id", "attempt", "source"), **values)


async def measure(connection: Transaction) -> tuple[int, datetime | None]:
    """How many there are, and when the newest was noted."""
    row = (await connection.execute(select(func.count(), func.max(OutcomeRow.at)))).one()
    return row[0], row[1]


async def newest(connection: Transaction) -> list[Any]:
    """The newest outcomes of models; what has several ask, or none, tells nothing of one model at one effort."""
    query = select(OutcomeRow).where(OutcomeRow.method.notin_(("calculate", "ladder", "long_pass", "team")))
    return list(await connection.execute(query.order_by(OutcomeRow.at.desc()).limit(KEPT)))


async def forget_oldest(connection: Transaction) -> None:
    """Delete those that are not kept any more."""
    last = select(OutcomeRow.at).order_by(OutcomeRow.at.desc()).offset(KEPT).limit(1).scalar_subquery()
    await connection.execute(delete(OutcomeRow).where(OutcomeRow.at <= last))


async def _spent(connection: Transaction, run_id: str, attempt: int) -> tuple[Usage, Decimal]:
    """What an attempt used: a sum over its steps."""
    names = ("input_tokens", "output_tokens", "model_calls")
    sums = [func.sum(getattr(StepRow, name)).label(name) for name in names]
    query = select(func.sum(StepRow.cost_usd).label("cost_usd"), *sums)
    row = (await connection.execute(query.where(StepRow.run_id == run_id, StepRow.attempt == attempt))).one()
    return Usage(**{name: getattr(row, name) or 0 for name in names}), row.cost_usd or Decimal(0)


def _row(
    run: Run,
    plan: Plan,
    attempt: Attempt,
    used: Usage,
    usd: Decimal,
    *,
    source: Literal["check", "feedback"],
    quality: float,
    weight: float,
    at: datetime,
) -> dict[str, Any]:
    rung = plan.rungs[attempt.number - 1]
    assert attempt.answer is not None
    return {
        "run_id": run.id,
        "attempt": attempt.number,
        "source": source,
        "task_type": json.dumps(plan.task_type),
        "model": rung.model or attempt.answer.model,
        "effort": rung.effort,
        "method": rung.method,
        "samples": rung.samples,
        "quality": quality,
        "weight": weight,
        "words": plan.features.get("words"),
        "gain": plan.features.get("gain"),
        "input_tokens": used.input_tokens,
        "output_tokens": used.output_tokens,
        "seconds": attempt.seconds,
        "usd": usd,
        "at": at,
    }

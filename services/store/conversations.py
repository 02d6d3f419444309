"""Conversations in SQL: found again by the name the asker gave them, or by the answer that a client sends back."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from agents.records import Answer, ChatMessage, Effort, Task, ToolCall, Usage
from router.rules import Then
from router.session import Session
from services.records import EndStatus, Known
from services.store.tables import RunRow, StepRow
from services.store.transaction import Transaction

NO_MODELS = ("team/", "pointsman/")
"""How the names of what answers begin that is no model: there is nothing to stay with."""
CACHE_LASTS = timedelta(minutes=10)
"""For so long a server is taken to hold the prefix of a conversation; OpenAI's guide to prompt caching has 5 to 10."""
_LOOK_BACK = 5
"""Runs of a conversation that are looked at: one that failed, or that no model answered, says nothing of the next."""


@dataclass(frozen=True)
class Past:
    """What a conversation has come to."""

    session: Session | None = None
    settings: Then | None = None
    """What was set for it."""


def may_have_past(task: Task) -> bool:
    """Whether anything can have come before: the conversation has a name, or shows an answer."""
    return task.conversation is not None or digest_of_last(task.messages) is not None


async def past(connection: Transaction, task: Task, *, owner: str | None, now: datetime) -> Past:
    """What came before this task in its conversation. Where nothing can have, nothing is asked of the database."""
    if not may_have_past(task):
        return Past()
    digest = digest_of_last(task.messages)
    by_name = RunRow.conversation == task.conversation
    found = by_name if task.conversation is not None else RunRow.answer_digest == digest
    query = select(RunRow.known, RunRow.session, RunRow.ended_at).where(found, RunRow.owner == owner)
    rows = list(await connection.execute(query.order_by(RunRow.created_at.desc()).limit(_LOOK_BACK)))
    session = next((_aged(row.session, row.ended_at, now) for row in rows if row.session), None)
    known = Known.model_validate_json(rows[0].known) if rows and rows[0].known else Known()
    return Past(session, known.settings if task.conversation is not None else None)


async def past_of_agent(connection: Transaction, run_id: str, agent: str) -> Session | None:
    """Who answered last for an agent of a team, in this run."""
    query = select(StepRow).where(
        StepRow.run_id == run_id, StepRow.agent == agent, StepRow.kind == "model", StepRow.status == "ok"
    )
    row = (await connection.execute(query.order_by(StepRow.seq.desc()).limit(1))).first()
    if row is None:
        return None
    used = Usage(**{name: getattr(row, name) for name in Usage.model_fields})
    effort = Effort(json.loads(row.attributes).get("effort", Effort.NONE))
    return Session(model=row.model, effort=effort, cached_tokens=_held(used))


async def refuse_answer(connection: Transaction, run_id: str) -> None:
    """Note that the user refused a run's answer: the next turn may need more than what gave it."""
    stored = (await connection.execute(select(RunRow.session).where(RunRow.id == run_id))).scalar_one()
    if stored:
        refused = Session.model_validate_json(stored).model_copy(update={"failed_check": True})
        await connection.execute(update(RunRow).where(RunRow.id == run_id).values(session=refused.model_dump_json()))


def session_of(answer: Answer, status: EndStatus) -> Session | None:
    """What the next turn goes by after this answer; None where no model gave it."""
    if answer.model.startswith(NO_MODELS):
        return None
    return Session(
        model=answer.model,
        effort=answer.effort,
        cached_tokens=_held(answer.usage),
        failed_check=status == "unverified",
    )


def digest_of(answer: Answer) -> str | None:
    """What an answer is found by when a client sends it back; None for an empty one."""
    first = answer.choices[0]
    return _digest(first.text, first.tool_calls)


def digest_of_last(messages: Sequence[ChatMessage]) -> str | None:
    """The same, of the last answer in a conversation that a client sends."""
    last = next((message for message in reversed(messages) if message.role == "assistant"), None)
    return _digest(last.content, last.tool_calls) if last else None


def _digest(text: str, calls: Iterable[ToolCall]) -> str | None:
    said = "\n".join([text.strip(), *(call.id for call in calls)])
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest() if said else None


def _held(used: Usage) -> int:
    """Tokens of a call that its server's prefix cache holds and that come again: thoughts are not sent back."""
    return used.input_tokens + used.output_tokens - used.reasoning_tokens


def _aged(session: str, ended_at: datetime | None, now: datetime) -> Session:
    found = Session.model_validate_json(session)
    fresh = ended_at is not None and now - ended_at < CACHE_LASTS
    return found if fresh else found.model_copy(update={"cached_tokens": 0})

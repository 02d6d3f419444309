"""Who speaks to whom: pure functions from what was said so far to what has to be said next.

The ids of the messages are made from the run and the place in it, so that whoever repeats a step after a crash makes
the same messages again, and posting them twice is posting them once. The final message has one id in an attempt,
however the exchange ends: there is never a second one.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from agents.records import Message, Record, Task
from agents.team.inputs import fill, unplaced
from agents.team.spec import TeamSpec

USER = "user"


class Turn(Record):
    """What an agent said when it was spoken to."""

    agent: str
    message_id: str
    """The message that it answered."""
    text: str
    done: bool = False
    """It says that nothing is left to do; heard only from the agent that `stop_when` names."""
    truncated: bool = False
    """A limit cut its text short."""


def opening(spec: TeamSpec, task: Task, *, run_id: str, attempt: int, now: datetime) -> tuple[Message, ...]:
    """Give the message by which the user starts the exchange.

    Raises:
        InvalidTask: the team's inputs are not given as it needs them.
    """
    recipient = spec.tasks[0].agent if spec.team.process == "sequential" else spec.speakers[0]
    return (
        Message(
            id=_id(run_id, attempt, USER, recipient, 0),
            run_id=run_id,
            attempt=attempt,
            sender=USER,
            recipient=recipient,
            type="task",
            content=_request(spec, task),
            sent_at=now,
        ),
    )


def after_turn(
    spec: TeamSpec,
    task: Task,
    history: Sequence[Message],
    turn: Turn,
    *,
    run_id: str,
    attempt: int,
    now: datetime,
) -> tuple[Message, ...]:
    """Give what the end of a turn causes: the word to the next agent, or the `final` one to the user.

    Args:
        spec: The team.
        task: What the user asked.
        history: The messages of the attempt in the order they were sent, the answered one among them; what was sent
            after it changes nothing.
        turn: The turn that ended.
        run_id: The run.
        attempt: The attempt of the run that the team is.
        now: Time that the messages bear.
    """
    heard = up_to(history, turn.message_id)
    spoken = _spoken(spec, heard, turn, run_id=run_id, attempt=attempt, now=now)
    if spoken.recipient != USER:
        return (spoken,)
    unfinished = spec.decider is not None and not _is_done(spec, turn)
    return (_final(spec, heard, last=spoken, truncated=unfinished),)


def cut_short(
    spec: TeamSpec, history: Sequence[Message], *, run_id: str, attempt: int, now: datetime
) -> Message | None:
    """Give the `final` message of an exchange that a budget or a deadline ends; None where there is no result yet."""
    draft = _last_of(spec.result, exchange(history))
    if draft is None:
        return None
    last = draft.model_copy(update={"run_id": run_id, "attempt": attempt, "sent_at": now})
    return _final(spec, exchange(history), last=last, truncated=True)


def exchange(history: Sequence[Message]) -> tuple[Message, ...]:
    """Give the messages that agents answer, in order: one for each turn."""
    return tuple(message for message in history if message.type not in ("final", "steer"))


def up_to(history: Sequence[Message], message_id: str) -> tuple[Message, ...]:
    """Give the exchange up to a message, that one the last."""
    heard = exchange(history)
    ids = [message.id for message in heard]
    if message_id not in ids:
        raise ValueError(f"message {message_id} is not in the history of its exchange")
    return heard[: ids.index(message_id) + 1]


def _request(spec: TeamSpec, task: Task) -> str:
    """What is asked: the user's words, and the inputs that no agent's words have a place for; at least something."""
    values = fill(spec, task.inputs, prompt=task.prompt)
    told = unplaced(spec, values) if task.prompt else unplaced(spec, values) or values
    lines = [f"{name}: {value}" for name, value in told.items() if value and value != task.prompt]
    return "\n".join((task.prompt, *lines) if task.prompt else lines) or "Begin."


def _spoken(
    spec: TeamSpec, heard: Sequence[Message], turn: Turn, *, run_id: str, attempt: int, now: datetime
) -> Message:
    """What the turn says, to whom it goes: the next agent, or the user when it is the last turn."""
    recipient = _next(spec, turn, number=len(heard))
    return Message(
        id=_id(run_id, attempt, turn.agent, recipient, len(heard)),
        run_id=run_id,
        attempt=attempt,
        sender=turn.agent,
        recipient=recipient,
        type=_type(spec, turn),
        content=turn.text,
        in_reply_to=turn.message_id,
        tainted=any(message.tainted for message in heard),
        truncated=turn.truncated,
        sent_at=now,
    )


def _next(spec: TeamSpec, turn: Turn, *, number: int) -> str:
    """Who is spoken to after the turn of this number, from 1."""
    if spec.team.process == "sequential":
        return spec.tasks[number].agent if number < len(spec.tasks) else USER
    if _is_done(spec, turn) or number >= spec.team.termination.max_turns:
        return USER
    return spec.speakers[number % len(spec.speakers)]


def _is_done(spec: TeamSpec, turn: Turn) -> bool:
    return turn.done and turn.agent == spec.decider


def _type(spec: TeamSpec, turn: Turn) -> Literal["task", "draft", "critique", "reply"]:
    if spec.team.process == "sequential":
        return "task"
    if turn.agent == spec.decider:
        return "critique"
    return "draft" if turn.agent == spec.result else "reply"


def _final(spec: TeamSpec, heard: Sequence[Message], *, last: Message, truncated: bool) -> Message:
    """Bring the result to the user: the last words of the agent whose result it is, or what was said last of all."""
    result = _last_of(spec.result, (*heard, last)) or last
    return last.model_copy(
        update={
            "id": _id(last.run_id, last.attempt, "", USER, "final"),
            "recipient": USER,
            "type": "final",
            "content": result.content,
            "truncated": truncated or result.truncated,
        }
    )


def _last_of(agent: str, messages: Sequence[Message]) -> Message | None:
    return next((message for message in reversed(messages) if message.sender == agent), None)


def _id(run_id: str, attempt: int, sender: str, recipient: str, number: int | str) -> str:
    return hashlib.sha256(f"{run_id}/{attempt}/{number}/{sender}/{recipient}".encode()).hexdigest()[:32]

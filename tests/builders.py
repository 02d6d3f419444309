"""Valid records for tests: each argument has a default, so that a test says only what it is about."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.context import Clock, Context, Journal, Mailbox, OnText, Tool
from agents.errors import NotFound
from agents.methods.ways import Way
from agents.model import Completion, Model, ModelRequest
from agents.records import Answer, ChatMessage, Choice, Effort, Message, Step, Task, Usage
from tests.fakes import MemoryJournal, MemoryMailbox

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_clock() -> Clock:
    """A clock that goes on by a second each time it is read."""
    now = NOON

    def read() -> datetime:
        nonlocal now
        now += timedelta(seconds=1)
        return now

    return read


def a_task(prompt: str = "What is 6 * 7?", **fields: Any) -> Task:
    return Task(messages=(ChatMessage(role="user", content=prompt),) if prompt else (), **fields)


def a_request(prompt: str = "What is 6 * 7?", **fields: Any) -> ModelRequest:
    return ModelRequest(messages=(ChatMessage(role="user", content=prompt),), **fields)


def an_answer(text: str = "42", *, finish_reason: Any = "stop", **fields: Any) -> Answer:
    return Answer(choices=(Choice(text=text, finish_reason=finish_reason),), **fields)


def a_completion(text: str = "42", *, model: str = "small", choice: Choice | None = None, **fields: Any) -> Completion:
    fields.setdefault("usage", Usage(input_tokens=10, output_tokens=5, model_calls=1))
    return Completion(choices=(choice or Choice(text=text),), model=model, **fields)


def a_message(content: str = "hello", **fields: Any) -> Message:
    values: dict[str, Any] = {
        "id": "0" * 32,
        "run_id": "run",
        "attempt": 1,
        "sender": "user",
        "recipient": "writer",
        "type": "task",
        "sent_at": NOON,
        **fields,
    }
    return Message(content=content, **values)


def a_step(key: str = "1.model.0", **fields: Any) -> Step:
    values: dict[str, Any] = {"span_id": "0" * 16, "kind": "model", "name": "chat small", "started_at": NOON, **fields}
    return Step(key=key, **values)


def a_context(
    *models: Model,
    tools: Mapping[str, Tool] | Sequence[Tool] = (),
    journal: Journal | None = None,
    mailbox: Mailbox | None = None,
    on_text: OnText | None = None,
    clock: Clock | None = None,
) -> Context:
    """A world in memory, in the first attempt of the run `run`."""
    by_id = {model.id: model for model in models}

    def model(id_: str) -> Model:
        if id_ not in by_id:
            raise NotFound(f"there is no model {id_!r}", code="model_not_found")
        return by_id[id_]

    return Context(
        run_id="run",
        key="1",
        parent_id=None,
        attempt=1,
        models=model,
        tools=tools if isinstance(tools, Mapping) else {tool.spec.name: tool for tool in tools},
        journal=journal or MemoryJournal(),
        mailbox=mailbox or MemoryMailbox(),
        clock=clock or a_clock(),
        on_text=on_text,
    )


def always(model: str, effort: Effort = Effort.NONE, **fields: Any) -> Callable[[Task], Way]:
    """A choice of the way to answer that is the same for every turn."""

    def choose(task: Task) -> Way:
        return Way(model=model, effort=effort, **fields)

    return choose

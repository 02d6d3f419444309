"""What a method is handed of the world: models, tools, a journal, a mailbox, a clock; and the two ways to act on it."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from agents.errors import PointsmanError
from agents.model import Completion, Delta, Model, ModelRequest
from agents.records import Json, Message, Record, Step, StepKind, ToolSpec, Usage
from agents.sandbox import NO_SANDBOX, Sandbox

Clock = Callable[[], datetime]
"""Gives the time now, aware and in UTC."""

OnText = Callable[[str], Awaitable[None]]
"""Is given the pieces of the answer as they are written."""


_CHARACTERS_PER_TOKEN = 4
"""English has about 4.5 of them in a token; it counts only where a server sends several tokens in a piece."""


class Reservation(Record):
    """The most that a step can use, set aside in the budget before it begins."""

    tokens: int = 0
    usd: Decimal = Decimal(0)
    model_calls: int = 0
    tool_calls: int = 0


class Journal(Protocol):
    """Where each step is written down before anything follows from it."""

    async def open(self, step: Step, *, reserve: Reservation) -> Step:
        """Write that the step begins; or give back its finished record, if it was done before with the same input.

        Raises:
            BudgetExceeded: the reservation does not fit into what is left.
            Cancelled: the run was cancelled.
            LeaseLost: another process works on this run now.
        """
        ...

    async def close(self, step: Step) -> None:
        """Write how the step ended, with what it used.

        Raises:
            LeaseLost: another process works on this run now; nothing was written.
        """
        ...


class Mailbox(Protocol):
    """Where messages between agents are posted, and where the one that ends an exchange is waited for."""

    async def post(self, messages: Sequence[Message]) -> None:
        """Send the messages durably; one that was sent before, by its id, is not sent again."""
        ...

    async def final(self, attempt: int) -> Message:
        """Wait for the message of type `final` in this attempt. Raises as `Journal.open` does."""
        ...


class ToolResult(Record):
    """What a tool gave back."""

    text: str
    failed: bool = False


class Tool(Protocol):
    """Something that an agent may call."""

    @property
    def spec(self) -> ToolSpec: ...

    async def call(self, arguments: Json) -> ToolResult: ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """The world as one method sees it, and the place in the run where its steps belong."""

    run_id: str
    key: str
    """Prefix of the keys of the steps made here."""
    parent_id: str | None
    """Span that the steps made here belong under."""
    attempt: int = 0
    agent: str | None = None
    models: Callable[[str], Model]
    """Gives the model of a catalog id. Raises `NotFound`."""
    tools: Mapping[str, Tool]
    journal: Journal
    mailbox: Mailbox
    clock: Clock
    sandbox: Sandbox = NO_SANDBOX
    judges: tuple[str, ...] = ()
    """Catalog ids of the models that may judge or be asked for a second opinion, best first."""
    on_text: OnText | None = None
    """None: the answer may yet be withdrawn, so nobody may see it grow."""

    def silent(self) -> "Context":
        """The same place, with nobody reading along."""
        return replace(self, on_text=None)

    def step(self, kind: StepKind, name: str, *, key: str, **fields: object) -> Step:
        """Make the record of a step that begins here and now."""
        full = f"{self.key}.{key}" if self.key else key
        return Step.model_validate(
            {
                "span_id": span_id(self.run_id, full),
                "parent_id": self.parent_id,
                "key": full,
                "kind": kind,
                "name": name,
                "agent": self.agent,
                "attempt": self.attempt,
                "started_at": self.clock(),
                **fields,
            }
        )

    def below(self, step: Step, *, agent: str | None = None) -> "Context":
        """The place inside a step, for the steps that are part of it."""
        return replace(self, key=step.key, parent_id=step.span_id, attempt=step.attempt, agent=agent or self.agent)


def span_id(run_id: str, key: str) -> str:
    """Name a step for ever: 16 hexadecimal digits, as OpenTelemetry wants them."""
    return hashlib.sha256(f"{run_id}/{key}".encode()).hexdigest()[:16]


async def call_model(context: Context, model_id: str, request: ModelRequest, *, key: str) -> Completion:
    """Ask a model, as one journaled step: reserved before, settled after, and never paid again once it is finished.

    A call that is cancelled while it writes is hung up on, and its step ends as `lost` with what had been written.
    """
    model = context.models(model_id)
    tokens, usd = model.worst_cost(request)
    step = await context.journal.open(
        context.step("model", f"chat {model_id}", key=key, input=request.model_dump_json(), model=model_id),
        reserve=Reservation(tokens=tokens, usd=usd, model_calls=1),
    )
    if step.status == "ok" and step.output is not None:
        completion = Completion.model_validate_json(step.output)
        if context.on_text:
            await context.on_text(completion.choices[0].text)
        return completion
    seen = _Seen()
    try:
        completion = await _stream(model, request, context.on_text, seen)
    except PointsmanError as error:
        await context.journal.close(_ended(step, context, status="error", error=str(error), usage=Usage(model_calls=1)))
        raise
    except asyncio.CancelledError:
        usage, cost = seen.spent(model, request)
        with contextlib.suppress(PointsmanError):  # who cannot write leaves the step to whoever goes on with the run
            await to_its_end(
                context.journal.close(
                    _ended(step, context, status="lost", usage=usage, cost_usd=cost, error="cancelled")
                )
            )
        raise
    await to_its_end(
        context.journal.close(
            _ended(
                step,
                context,
                status="ok",
                model=completion.model,
                usage=completion.usage,
                cost_usd=completion.cost_usd,
                output=completion.model_dump_json(),
                attributes={
                    "effort": completion.effort,
                    "finish_reasons": [choice.finish_reason for choice in completion.choices],
                    "first_token_seconds": completion.first_token_seconds,
                },
            )
        )
    )
    return completion


async def call_tool(context: Context, name: str, arguments: Json, *, key: str) -> ToolResult:
    """Call a tool, as one journaled step. A tool that fails gives a result that says so, and the step says so too."""
    tool = context.tools[name]
    started = context.step("tool", f"execute_tool {name}", key=key, input=_as_json(arguments))
    step = await context.journal.open(started, reserve=Reservation(tool_calls=1))
    if step.status != "running" and step.output is not None:
        return ToolResult.model_validate_json(step.output)
    result = await tool.call(arguments)
    await context.journal.close(
        _ended(
            step,
            context,
            status="error" if result.failed else "ok",
            usage=Usage(tool_calls=1),
            output=result.model_dump_json(),
            error=result.text if result.failed else None,
        )
    )
    return result


async def to_its_end(closing: Coroutine[object, object, None]) -> None:
    """Close a step whatever is cancelled meanwhile: left open, it would hold its reservation while the run lasts."""
    task = asyncio.ensure_future(closing)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


class _Seen:
    """What has been written so far of an answer that may never be whole."""

    def __init__(self) -> None:
        self._pieces = 0
        self._characters = 0

    def add(self, delta: Delta) -> None:
        written = len(delta.text) + len(delta.reasoning)
        self._pieces += written > 0
        self._characters += written

    def spent(self, model: Model, request: ModelRequest) -> tuple[Usage, Decimal]:
        """Tokens and US dollars up to here, estimated: servers count at the end, and send about a token a piece."""
        if not self._pieces:
            return Usage(model_calls=1), Decimal(0)
        written = max(self._pieces, self._characters // _CHARACTERS_PER_TOKEN)
        cut = request.sampling.model_copy(update={"n": 1, "max_output_tokens": written})
        tokens, usd = model.worst_cost(request.model_copy(update={"sampling": cut}))
        return Usage(input_tokens=max(tokens - written, 0), output_tokens=written, model_calls=1), usd


async def _stream(model: Model, request: ModelRequest, on_text: OnText | None, seen: _Seen) -> Completion:
    stream = model.stream(request)
    try:
        async for event in stream:
            match event:
                case Delta():
                    seen.add(event)
                    if on_text and event.index == 0 and event.text:
                        await on_text(event.text)
                case Completion():
                    return event
    finally:
        await stream.aclose()
    raise AssertionError(f"{model.id} ended its stream without a completion")


def _ended(step: Step, context: Context, **fields: object) -> Step:
    return step.model_copy(update={"ended_at": context.clock(), **fields})


def _as_json(arguments: Json) -> str:
    return json.dumps(arguments, sort_keys=True, ensure_ascii=False)

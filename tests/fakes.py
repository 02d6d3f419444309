"""Working stand-ins for what the lower floors are handed: a model, a journal and a mailbox, all in memory."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from decimal import Decimal
from typing import Literal

from agents.context import Reservation
from agents.errors import BudgetExceeded, Cancelled, PointsmanError
from agents.model import Completion, Delta, ModelRequest
from agents.records import Budget, Choice, Json, Message, Step, ToolCall, Usage

Reply = str | Choice | Completion | PointsmanError
Script = Callable[[ModelRequest], Reply]


class ScriptedModel:
    """A model that says what it was told to, and keeps the requests it got.

    The replies come one after the other, or are made from the request. A text is streamed word by word; an error is
    raised after `words_before_error` words.
    """

    def __init__(
        self,
        name: str = "small",
        *,
        says: Iterable[Reply] | Script = (),
        usd_per_call: Decimal = Decimal(0),
        tokens_per_call: int = 15,
        words_before_error: int = 0,
    ) -> None:
        self._id = name
        self._script = says if callable(says) else _one_after_the_other(says)
        self._usd = usd_per_call
        self._tokens = tokens_per_call
        self._words_before_error = words_before_error
        self.requests: list[ModelRequest] = []
        self.aborted = 0

    @property
    def id(self) -> str:
        return self._id

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        self.requests.append(request)
        reply = self._script(request)
        ended = False
        try:
            if isinstance(reply, PointsmanError):
                for _ in range(self._words_before_error):
                    yield Delta(text="word ")
                raise reply
            completion = self._completion(reply, request)
            for piece in _pieces(completion.choices[0].text):
                yield Delta(text=piece)
            ended = True
            yield completion
        finally:
            self.aborted += not ended

    def worst_cost(self, request: ModelRequest) -> tuple[int, Decimal]:
        return self._tokens, self._usd

    def _completion(self, reply: str | Choice | Completion, request: ModelRequest) -> Completion:
        if isinstance(reply, Completion):
            return reply
        usage = Usage(input_tokens=self._tokens - 5, output_tokens=5, model_calls=1)
        return Completion(
            choices=(Choice(text=reply) if isinstance(reply, str) else reply,),
            model=self._id,
            usage=usage,
            cost_usd=self._usd,
            effort=request.effort,
        )


def calls(*called: tuple[str, str]) -> Choice:
    """A reply that calls tools: pairs of a name and its arguments as the model wrote them."""
    made = tuple(ToolCall(id=f"call_{n}", name=name, arguments=given) for n, (name, given) in enumerate(called))
    return Choice(text="", tool_calls=made, finish_reason="tool_calls")


class Crash(Exception):
    """The process dies here. Nothing in the product catches it."""


class MemoryJournal:
    """A journal in memory: it replays finished steps, keeps to a budget, and can let the process die at any write.

    It outlives the crash: the same journal, given to the next try, replays what was finished.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self.steps: dict[str, Step] = {}
        """The steps by key, in the order they were first opened."""
        self.cancelled = False
        self.writes = 0
        """Openings and closings so far; one that gives back a finished step counts too."""
        self._reserved: dict[str, Reservation] = {}
        self._crash: tuple[int, Literal["before", "after"]] | None = None

    def crash_at(self, write: int, when: Literal["before", "after"]) -> None:
        """Die once, before or after the write of this number (from 1, counted from now on) is on disk."""
        self._crash = (self.writes + write, when)

    async def open(self, step: Step, *, reserve: Reservation) -> Step:
        if self.cancelled:
            raise Cancelled("the run was cancelled")
        self.writes += 1
        self._die_if("before")
        before = self.steps.get(step.key)
        if before is None or before.output is None or before.input != step.input:
            self._reserved.pop(step.key, None)
            self._see_that_it_fits(reserve)
            self._reserved[step.key] = reserve
            self.steps[step.key] = before = step
        self._die_if("after")
        return before

    async def close(self, step: Step) -> None:
        self.writes += 1
        self._die_if("before")
        self._reserved.pop(step.key, None)
        self.steps[step.key] = step
        self._die_if("after")

    def of(self, kind: str) -> list[Step]:
        """The steps of one kind, in the order they were first opened."""
        return [step for step in self.steps.values() if step.kind == kind]

    @property
    def usage(self) -> Usage:
        return sum((step.usage for step in self.steps.values()), Usage())

    def _see_that_it_fits(self, reserve: Reservation) -> None:
        held = list(self._reserved.values())
        spent = self.usage
        wanted: dict[str, tuple[Decimal | int, Decimal | int | None]] = {
            "max_usd": (
                sum((step.cost_usd for step in self.steps.values()), Decimal(0))
                + sum((one.usd for one in held), reserve.usd),
                self.budget.max_usd,
            ),
            "max_tokens_total": (
                spent.total_tokens + sum((one.tokens for one in held), reserve.tokens),
                self.budget.max_tokens_total,
            ),
            "max_model_calls": (
                spent.model_calls + sum((one.model_calls for one in held), reserve.model_calls),
                self.budget.max_model_calls,
            ),
            "max_tool_calls": (
                spent.tool_calls + sum((one.tool_calls for one in held), reserve.tool_calls),
                self.budget.max_tool_calls,
            ),
        }
        for limit, (amount, most) in wanted.items():
            if most is not None and amount > most:
                raise BudgetExceeded(limit, f"{limit} is {most}, and {amount} would be needed")

    def _die_if(self, when: Literal["before", "after"]) -> None:
        if self._crash == (self.writes, when):
            self._crash = None
            raise Crash(f"{when} write {self.writes}")


Deliver = Callable[[Message, Sequence[Message]], Awaitable[Sequence[Message]]]
"""Takes a message and all that were posted so far, and gives what the turn that answers it causes."""


class MemoryMailbox:
    """A mailbox in memory.

    Whoever waits for the final message delivers the others, in order, each until it took effect.
    """

    def __init__(self, deliver: Deliver | None = None) -> None:
        self.deliver = deliver
        self.posted: dict[str, Message] = {}
        """The messages by id, in the order they were first posted."""
        self._answered: set[str] = set()

    async def post(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.posted.setdefault(message.id, message)

    async def final(self, attempt: int) -> Message:
        while True:
            said = [message for message in self.posted.values() if message.attempt == attempt]
            for message in said:
                if message.type == "final":
                    return message
            waiting = [message for message in said if message.id not in self._answered]
            if not waiting or self.deliver is None:
                raise AssertionError("nobody has anything to say, and no final message was posted")
            await self.post(await self.deliver(waiting[0], said))
            self._answered.add(waiting[0].id)


def _one_after_the_other(replies: Iterable[Reply]) -> Script:
    rest = iter(tuple(replies))

    def next_reply(request: ModelRequest) -> Reply:
        for reply in rest:
            return reply
        raise AssertionError(f"no reply is left for: {request.messages[-1].content[:200]}")

    return next_reply


def _pieces(text: str) -> Iterable[str]:
    return (f"{word} " if number < text.count(" ") else word for number, word in enumerate(text.split(" ")) if text)


def json_object(**properties: Json) -> Json:
    """JSON Schema of an object that has these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }

"""What a method needs of a language model: ask, read the text as it is written, get the whole with its usage."""

from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Literal, Protocol

from agents.records import ChatMessage, Choice, Effort, Json, Record, Sampling, ToolSpec, Usage, Usd


class ModelRequest(Record):
    """One call of a model."""

    messages: tuple[ChatMessage, ...]
    effort: Effort = Effort.NONE
    """Never `auto`: the plan has decided."""
    sampling: Sampling = Sampling()
    response_schema: Json | None = None
    json_object: bool = False
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"
    parallel_tool_calls: bool = True


class Delta(Record):
    """A piece of one choice, as it arrives."""

    kind: Literal["delta"] = "delta"
    index: int = 0
    text: str = ""
    reasoning: str = ""


class Completion(Record):
    """The whole of a model call, known to be whole: each choice has a finish reason, no error was reported."""

    kind: Literal["completion"] = "completion"
    choices: tuple[Choice, ...]
    model: str
    """Catalog id of the model that answered."""
    usage: Usage
    cost_usd: Usd = Decimal(0)
    seconds: float = 0.0
    """Wall clock from request sent to last byte, on the caller's clock."""
    first_token_seconds: float | None = None
    effort: Effort = Effort.NONE
    """The effort that was sent to the server, after the model's own map."""


class Model(Protocol):
    """A language model behind some server."""

    @property
    def id(self) -> str:
        """Its name in the catalog."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        """Yield the pieces as they are written and, last and once, the `Completion`.

        Closing the generator early (`aclose`) aborts the call at the server.

        Raises:
            InvalidTask: the server refuses the request as it stands.
            Unavailable: the server is down, full or too slow.
            MalformedOutput: the reply broke off, or is not what the protocol says.
        """
        ...

    def worst_cost(self, request: ModelRequest) -> tuple[int, Decimal]:
        """The most tokens (input and output) and US dollars that this request can use: what a budget reserves."""
        ...

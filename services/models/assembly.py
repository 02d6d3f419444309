"""OpenAI's chat protocol as model servers answer in it: an answer put together of its stream, and known to be whole."""

from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from agents.errors import MalformedOutput
from agents.model import Delta
from agents.records import Choice, ToolCall, Usage
from services.models.wire import new_call_id

UsageRule = Literal["last", "sum"]
"""How a server reports several choices: in one last frame for all, or in one frame for each."""


# The reply as servers send it: any field may be missing or null.


class _Function(BaseModel):
    name: str | None = None
    arguments: str | None = None


class _ToolPiece(BaseModel):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Piece(BaseModel):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_ToolPiece] | None = None


class _ChoicePiece(BaseModel):
    index: int = 0
    delta: _Piece | None = None
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None


class _InputDetails(BaseModel):
    cached_tokens: int | None = None


class _OutputDetails(BaseModel):
    reasoning_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _Chunk(BaseModel):
    object: str | None = None
    choices: list[_ChoicePiece] | None = None
    usage: _Usage | None = None
    error: Any = None
    message: str | None = None
    code: Any = None


class _Growing:
    """One choice while it is being written."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.calls: dict[int, ToolCall] = {}
        self.logprobs: list[Any] = []
        self.finish_reason: str | None = None


def _named(call: ToolCall) -> ToolCall:
    return call if call.id else call.model_copy(update={"id": new_call_id()})


class ErrorFrame(Exception):
    """The server reported an error in the middle of its stream."""

    def __init__(self, error: Any) -> None:
        super().__init__("error frame")
        self.error = error


class Assembly:
    """Puts an answer together of the frames of its stream, and vouches that it is whole."""

    def __init__(self, model_id: str, *, n: int, usage_rule: UsageRule) -> None:
        self._model_id = model_id
        self._choices = [_Growing() for _ in range(n)]
        self._usage_rule: UsageRule = usage_rule
        self._usage: Usage | None = None
        self.begun = False
        """Something of the answer has come."""

    def add(self, data: bytes) -> list[Delta]:
        """Take in one frame, and give what it adds.

        Raises:
            ErrorFrame: it is an error.
            MalformedOutput: it is not what the protocol says, or the server gave the answer up.
        """
        try:
            chunk = _Chunk.model_validate_json(data)
        except ValidationError as error:
            raise self._broken(f"its server sent something that is no answer: {data[:80]!r}") from error
        if chunk.error or chunk.object == "error":
            raise ErrorFrame(chunk.error or {"message": chunk.message, "code": chunk.code})
        if chunk.usage is not None:
            self._count(chunk.usage)
        deltas = [self._grow(piece) for piece in chunk.choices or ()]
        return [delta for delta in deltas if delta.text or delta.reasoning]

    def choices(self) -> tuple[Choice, ...]:
        """The finished choices.

        Raises:
            MalformedOutput: one of them was not finished, whatever else the server said.
        """
        return tuple(self._finished(choice) for choice in self._choices)

    def usage(self) -> Usage:
        """What the server counted.

        Raises:
            MalformedOutput: it counted nothing, and an answer that cannot be counted cannot be paid.
        """
        if self._usage is None:
            raise self._broken("its server did not say what it used")
        return self._usage

    def _grow(self, piece: _ChoicePiece) -> Delta:
        if not 0 <= piece.index < len(self._choices):
            raise self._broken(f"its server sent choice {piece.index} of {len(self._choices)}")
        choice, delta = self._choices[piece.index], piece.delta or _Piece()
        text, reasoning = delta.content or "", delta.reasoning_content or delta.reasoning or ""
        choice.text.append(text)
        choice.reasoning.append(reasoning)
        for call in delta.tool_calls or ():
            self._call(choice, call)
        choice.logprobs += (piece.logprobs or {}).get("content") or []
        if piece.finish_reason == "abort":
            raise self._broken("its server gave it up")
        choice.finish_reason = piece.finish_reason or choice.finish_reason
        self.begun = self.begun or bool(text or reasoning or delta.tool_calls or piece.finish_reason)
        return Delta(index=piece.index, text=text, reasoning=reasoning)

    def _call(self, choice: _Growing, piece: _ToolPiece) -> None:
        index = piece.index if piece.index is not None else max(len(choice.calls) - (piece.id is None), 0)
        function = piece.function or _Function()
        known = choice.calls.get(index)
        if known is None:
            if not function.name:
                raise self._broken("its server sent a tool call without a name")
            known = ToolCall(id=piece.id or "", name=function.name, arguments="")
        choice.calls[index] = known.model_copy(
            update={"id": known.id or piece.id or "", "arguments": known.arguments + (function.arguments or "")}
        )

    def _count(self, usage: _Usage) -> None:
        reasoning = usage.reasoning_tokens or (usage.completion_tokens_details or _OutputDetails()).reasoning_tokens
        now = Usage(
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens or 0,
            reasoning_tokens=reasoning or 0,
            cached_tokens=(usage.prompt_tokens_details or _InputDetails()).cached_tokens or 0,
            model_calls=1,
        )
        before = self._usage
        if before is not None and self._usage_rule == "sum":
            # The prompt was read once, for all choices.
            now = now.model_copy(
                update={
                    "output_tokens": before.output_tokens + now.output_tokens,
                    "cached_tokens": min(before.cached_tokens, now.cached_tokens),
                }
            )
        self._usage = now

    def _finished(self, choice: _Growing) -> Choice:
        calls = tuple(_named(call) for _, call in sorted(choice.calls.items()))
        if len({call.id for call in calls}) < len(calls):
            raise self._broken("two of its tool calls have the same id")
        match choice.finish_reason:
            case "tool_calls" | "function_call":
                reason = "tool_calls"
            case "stop" if calls:
                reason = "tool_calls"
            case "stop" | "length" | "content_filter" as given:
                reason = given
            case None:
                raise self._broken("its stream ended in the middle")
            case other:
                raise self._broken(f"it ended with the finish reason {other!r}, which nobody knows")
        return Choice(
            text="".join(choice.text),
            reasoning="".join(choice.reasoning),
            tool_calls=calls,
            finish_reason=reason,
            logprobs={"content": choice.logprobs} if choice.logprobs else None,
        )

    def _broken(self, why: str) -> MalformedOutput:
        return MalformedOutput(f"the answer of model {self._model_id} broke off or cannot be read: {why}")

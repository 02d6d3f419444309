"""OpenAI's chat protocol as model servers speak it: the body that is sent, and the answer put together of its stream."""

import math
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ValidationError

from agents.errors import InvalidTask, MalformedOutput
from agents.model import Delta, ModelRequest
from agents.records import ChatMessage, Choice, Effort, Json, ToolCall, ToolSpec, Usage
from services.models.catalog import EffortSetting, ModelEntry

BYTES_PER_TOKEN = 3
"""English has about 4.5, code 3 to 4, Chinese 3 to 5 of UTF-8; taken low, so that an estimate errs on the safe side."""

_LEAST_ROOM = 256
"""Tokens left for an answer when the estimate says that the prompt fills the context: it may well be wrong."""

UsageRule = Literal["last", "sum"]
"""How a server reports several choices: in one last frame for all, or in one frame for each."""


def chat_body(request: ModelRequest, entry: ModelEntry, *, strict_tools: bool = False) -> Json:
    """The body of a chat request, without what effort adds.

    `top_logprobs` and `n` are bounded by `Sampling` itself: a number past the vocabulary has ended a whole server.
    """
    sampling = request.sampling
    wanted = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
        "n": sampling.n if sampling.n > 1 else None,
        "logprobs": True if sampling.logprobs else None,
        "top_logprobs": sampling.top_logprobs if sampling.logprobs else None,
        "response_format": _response_format(request),
    }
    return {
        "model": entry.model,
        "messages": [_message(message) for message in request.messages],
        entry.max_tokens_field: max_tokens(request, entry),
        "stream": True,
        "stream_options": {"include_usage": True},
        **{name: value for name, value in wanted.items() if value is not None},
        **_tool_fields(request, strict=strict_tools),
    }


def effort_fields(setting: EffortSetting, *, max_tokens: int, answer_tokens: int) -> Json:
    """What an effort adds to the body.

    A thinking budget leaves room for the answer in `max_tokens`: else the thought takes all, and the answer is empty.
    """
    fields: Json = {}
    if setting.thinking is not None:
        fields["chat_template_kwargs"] = {"enable_thinking": setting.thinking, "thinking": setting.thinking}
    if setting.reasoning_effort is not None:
        fields["reasoning_effort"] = setting.reasoning_effort
    if setting.budget_tokens is not None:
        room = max_tokens - min(answer_tokens, max(max_tokens // 4, 1))
        fields["custom_params"] = {"thinking_budget": min(setting.budget_tokens, room)}
    return fields


def with_effort(body: Json, entry: ModelEntry, effort: Effort) -> Json:
    """The body with what an effort, one that the entry lists, adds to it."""
    fields = effort_fields(
        entry.efforts[effort], max_tokens=int(body[entry.max_tokens_field]), answer_tokens=entry.max_output_tokens
    )
    return {**body, **fields}


def max_tokens(request: ModelRequest, entry: ModelEntry) -> int:
    """The most tokens one choice may have: what was asked for, else the catalog's default and the thinking budget."""
    asked = request.sampling.max_output_tokens
    if asked is not None:
        return min(asked, entry.context_tokens)
    budget = entry.efforts[entry.nearest(request.effort)].budget_tokens or 0
    room = max(entry.context_tokens - input_estimate(request), _LEAST_ROOM)
    return min(entry.max_output_tokens + budget, room)


def input_estimate(request: ModelRequest) -> int:
    """The tokens of a prompt, estimated from its length: rather half too many than too few.

    Digits count one each, as many tokenizers cut numbers so; the rest by `BYTES_PER_TOKEN`.
    """
    texts = [message.content + "".join(call.arguments for call in message.tool_calls) for message in request.messages]
    texts += [tool.model_dump_json() for tool in request.tools]
    text = "".join(texts)
    digits = sum(character.isdigit() for character in text)
    return 16 + 8 * len(texts) + digits + math.ceil((len(text.encode(errors="replace")) - digits) / BYTES_PER_TOKEN)


def _message(message: ChatMessage) -> Json:
    body: Json = {"role": message.role, "content": message.content}
    if message.name is not None:
        body["name"] = message.name
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    return body


def _response_format(request: ModelRequest) -> Json | None:
    if request.response_schema is not None:
        return {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": request.response_schema, "strict": True},
        }
    return {"type": "json_object"} if request.json_object else None


def _tool_fields(request: ModelRequest, *, strict: bool) -> Json:
    if not request.tools:
        return {}
    return {
        "tools": [_tool(tool, strict=strict) for tool in request.tools],
        "tool_choice": _tool_choice(request),
        "parallel_tool_calls": request.parallel_tool_calls,
    }


def _tool(tool: ToolSpec, *, strict: bool) -> Json:
    function: Json = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": {**function, "strict": True} if strict else function}


def _tool_choice(request: ModelRequest) -> str | Json:
    require_choice(request)
    if request.tool_choice in ("auto", "none", "required"):
        return request.tool_choice
    return {"type": "function", "function": {"name": request.tool_choice}}


def require_choice(request: ModelRequest) -> None:
    """Refuse the choice of a tool that is not offered."""
    names = [tool.name for tool in request.tools]
    if request.tool_choice not in ("auto", "none", "required", *names):
        raise InvalidTask(
            f"tool_choice is {request.tool_choice!r}; use auto, none, required or one of: {', '.join(names)}",
            param="tool_choice",
        )


# --- the reply, as servers send it: any field may be missing or null ---------------------------------------------------


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


def new_call_id() -> str:
    """An id for a tool call that came without one."""
    return f"call_{uuid4().hex}"


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

"""OpenAI's chat protocol as model servers take it: the body of a request, and what is set aside for it."""

import math
from uuid import uuid4

from agents.errors import InvalidTask
from agents.model import ModelRequest
from agents.records import ChatMessage, Effort, Json, ToolSpec
from services.models.catalog import EffortSetting, ModelEntry

BYTES_PER_TOKEN = 3
"""English has about 4.5, code 3 to 4, Chinese 3 to 5 of UTF-8; taken low, so that an estimate errs on the safe side."""

_LEAST_ROOM = 256
"""Tokens left for an answer when the estimate says that the prompt fills the context: it may well be wrong."""


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


def new_call_id() -> str:
    """An id for a tool call that came without one."""
    return f"call_{uuid4().hex}"

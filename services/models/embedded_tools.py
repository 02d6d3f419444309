"""Tool calls for a model that has none of its own: it answers in JSON, held to a schema that is a call or an answer."""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from agents.errors import MalformedOutput
from agents.model import ModelRequest
from agents.records import ChatMessage, Choice, Json, ToolCall, ToolSpec
from services.models.wire import new_call_id, require_choice

# The words were chosen by trial, with six questions to each of the two models: each called a tool where one was due,
# and only there, 5 times of 6 (1.5B) and 4 of 6 (0.5B, which may call again although the result is there). Without the
# example both call one for any question; with `answer` instead of `"tool": "none"` the small one calls one each time.
_TOOLS = "You have these tools:"
_WHEN = (
    "You do not know today's facts and you compute badly: when a tool is about what is asked, use it before you answer."
)
_REPLY = "Reply with one JSON object and nothing else:"
_CALL = '{"tool": "its name", "arguments": {...}} to use a tool;'
_ANSWER = (
    '{"tool": "none", "answer": "..."} to answer the user: when no tool is about what is asked, or its result is there.'
    "\n"
    'For example, "Who painted the Mona Lisa?" is about no tool: {"tool": "none", "answer": "Leonardo da Vinci."}'
)
_AFTER_RESULT = "Answer with this result, unless another tool is needed."

_NO_TOOL = "none"
_BEGUN_ANSWER = re.compile(r'^\s*\{\s*"tool"\s*:\s*"none"\s*,\s*"answer"\s*:\s*"')
_HALF_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?$")


def in_json(request: ModelRequest) -> ModelRequest:
    """The same request without tools: told in words, and held by a schema, to call one of them or to answer."""
    require_choice(request)
    words = [_TOOLS, *_described(request), _WHEN, _REPLY, _CALL]
    if request.tool_choice == "auto":
        words.append(_ANSWER)
    return request.model_copy(
        update={
            "messages": _with_system("\n".join(words), in_words(request.messages)),
            "response_schema": _schema(request),
            "json_object": False,
            "tools": (),
            # Both would cut or show the JSON, not the answer in it.
            "sampling": request.sampling.model_copy(update={"stop": (), "logprobs": False, "top_logprobs": None}),
        }
    )


def in_words(messages: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
    """A conversation with tool calls and results told as text, in the form that this model is asked to call them."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    return tuple(_told(message, names) for message in messages)


def out_of_json(choice: Choice, request: ModelRequest) -> Choice:
    """The tool call or the answer that a choice's JSON holds.

    Raises:
        MalformedOutput: it is neither.
    """
    try:
        value: dict[str, Any] = json.loads(choice.text)
    except ValueError:
        return _cut_answer(choice, request)
    match value:
        case {"tool": "none", "answer": answer}:
            text = answer if isinstance(answer, str) and not _wants_json(request) else _as_json(answer)
            return choice.model_copy(update={"text": _stopped(text, request)})
        case {"tool": str(name), "arguments": arguments}:
            call = ToolCall(id=new_call_id(), name=name, arguments=_as_json(arguments))
            return Choice(text="", reasoning=choice.reasoning, tool_calls=(call,), finish_reason="tool_calls")
        case _:
            raise MalformedOutput(f"the model wrote neither a tool call nor an answer: {choice.text[:80]}")


def _described(request: ModelRequest) -> list[str]:
    return [f"- {tool.name}: {tool.description} Arguments: {_as_json(tool.parameters)}" for tool in _offered(request)]


def _offered(request: ModelRequest) -> list[ToolSpec]:
    named = request.tool_choice not in ("auto", "required")
    return [tool for tool in request.tools if not named or tool.name == request.tool_choice]


def _schema(request: ModelRequest) -> Json:
    """A choice of shapes. References in a tool's own schema are moved along with it under `$defs`."""
    shapes: list[Json] = []
    definitions: Json = {}
    for number, tool in enumerate(_offered(request)):
        definitions[f"arguments{number}"] = _moved({"type": "object", **tool.parameters}, f"arguments{number}")
        reference = {"$ref": f"#/$defs/arguments{number}"}
        shapes.append(_shape({"tool": {"const": tool.name}, "arguments": reference}))
    if request.tool_choice == "auto":
        definitions["answer"] = _moved(_answer_schema(request), "answer")
        shapes.append(_shape({"tool": {"const": _NO_TOOL}, "answer": {"$ref": "#/$defs/answer"}}))
    return {"anyOf": shapes, "$defs": definitions}


def _shape(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _answer_schema(request: ModelRequest) -> Json:
    if request.response_schema is not None:
        return request.response_schema
    return {"type": "object"} if request.json_object else {"type": "string"}


def _wants_json(request: ModelRequest) -> bool:
    return request.response_schema is not None or request.json_object


def _moved(schema: Any, name: str) -> Any:
    match schema:
        case {"$ref": str(target), **rest} if target.startswith("#"):
            return {"$ref": f"#/$defs/{name}{target.removeprefix('#')}", **_moved(rest, name)}
        case dict():
            return {key: _moved(value, name) for key, value in cast("Json", schema).items()}
        case list():
            return [_moved(item, name) for item in cast("list[Any]", schema)]
        case _:
            return schema


def _with_system(words: str, messages: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
    if messages and messages[0].role == "system":
        first = messages[0].model_copy(update={"content": f"{messages[0].content}\n\n{words}"})
        return (first, *messages[1:])
    return (ChatMessage(role="system", content=words), *messages)


def _told(message: ChatMessage, names: dict[str, str]) -> ChatMessage:
    if message.tool_calls:
        calls = [f'{{"tool": {_as_json(call.name)}, "arguments": {call.arguments}}}' for call in message.tool_calls]
        return ChatMessage(role="assistant", content="\n".join([*filter(None, [message.content]), *calls]))
    if message.role == "tool":
        name = names.get(message.tool_call_id or "", "the tool")
        return ChatMessage(role="user", content=f"Result of {name}:\n{message.content}\n\n{_AFTER_RESULT}")
    return message


def _cut_answer(choice: Choice, request: ModelRequest) -> Choice:
    """An answer in plain words that was cut by its limit is still what it is; anything else that was cut is nothing."""
    begun = _BEGUN_ANSWER.match(choice.text)
    if choice.finish_reason == "length" and begun and not _wants_json(request):
        rest = _HALF_ESCAPE.sub(r"\1", choice.text[begun.end() :])
        with suppress(ValueError):
            return choice.model_copy(update={"text": _stopped(json.loads(f'"{rest}"'), request)})
    cut = choice.finish_reason == "length"
    why = "it was cut by its limit of tokens" if cut else choice.text[:80]
    raise MalformedOutput(f"the model's tool call or answer is no whole JSON: {why}")


def _stopped(text: str, request: ModelRequest) -> str:
    for stop in request.sampling.stop:
        text = text.partition(stop)[0]
    return _encodable(text)


def _as_json(value: object) -> str:
    return _encodable(json.dumps(value, ensure_ascii=False))


def _encodable(text: str) -> str:
    """The text without half characters: an escape such as `\\ud83d` may stand alone in a model's JSON."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

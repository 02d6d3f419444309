"""OpenAI's chat shapes: the request as a task, and a run as the reply, whole or in chunks."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from agents.errors import InvalidTask
from agents.records import Answer, Choice, Effort, Json, Sampling, Task, ToolSpec, Usage
from services.records import Run
from services.requests import MAX_MESSAGES, AnyEffort, Extras, Incoming

UNSUPPORTED = {
    "audio": None,
    "frequency_penalty": 0,
    "function_call": None,
    "functions": None,
    "logit_bias": None,
    "modalities": ["text"],
    "prediction": None,
    "presence_penalty": 0,
    "web_search_options": None,
}
"""OpenAI's fields that are not served, each with the value that asks for nothing."""


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class FunctionSpec(_Loose):
    """A function that the model may call."""

    name: str = Field(pattern=r"^[\w.-]{1,64}$")
    description: str = ""
    parameters: Json = Field(default_factory=lambda: {"type": "object", "properties": {}})


class Tool(_Loose):
    """A tool; functions are the only kind served."""

    type: Literal["function"]
    function: FunctionSpec


class NamedFunction(_Loose):
    name: str


class NamedTool(_Loose):
    """The tool that has to be called."""

    type: Literal["function"]
    function: NamedFunction


class JsonSchemaFormat(_Loose):
    schema_: Json = Field(alias="schema", default_factory=dict)


class ResponseFormat(_Loose):
    """How the answer has to look."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaFormat | None = None

    @model_validator(mode="after")
    def _schema_is_there(self) -> "ResponseFormat":
        if self.type == "json_schema" and (self.json_schema is None or not self.json_schema.schema_):
            raise ValueError("type 'json_schema' needs json_schema.schema")
        return self


class StreamOptions(_Loose):
    include_usage: bool = False


def _stops(value: object) -> object:
    return (value,) if isinstance(value, str) else value or ()


class ChatRequest(_Loose):
    """The body of `POST /v1/chat/completions`. Fields that OpenAI may add are ignored, ours are read strictly."""

    messages: Annotated[tuple[Incoming, ...], Field(min_length=1, max_length=MAX_MESSAGES)]
    model: str
    stream: bool = False
    stream_options: StreamOptions | None = None
    reasoning_effort: AnyEffort | None = None
    response_format: ResponseFormat | None = None
    tools: tuple[Tool, ...] | None = None
    tool_choice: Literal["auto", "none", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    max_completion_tokens: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    n: int | None = Field(default=None, ge=1, le=16)
    seed: int | None = None
    stop: Annotated[tuple[str, ...], BeforeValidator(_stops), Field(max_length=4)] = ()
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    metadata: Annotated[dict[str, Annotated[str, Field(max_length=512)]], Field(max_length=16)] | None = None
    pointsman: Extras = Extras()

    @model_validator(mode="before")
    @classmethod
    def _only_what_is_served(cls, value: Any) -> Any:
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            for name, nothing in UNSUPPORTED.items():
                if fields.get(name) not in (None, nothing, {}, []):
                    message = f"'{name}' is not supported: leave it out"
                    raise InvalidTask(message, param=name, code="unsupported_parameter")
        return value  # pyright: ignore[reportUnknownVariableType]  # still as it came

    @property
    def include_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def said(self) -> Json:
        """What is said of the plan, by OpenAI's field or ours."""
        by_openai = {"effort": self.reasoning_effort} if self.reasoning_effort else {}
        return by_openai | self.pointsman.said

    def task(self) -> Task:
        """The request as a task. Raises `InvalidTask` where its fields contradict each other."""
        extras = self.pointsman
        wanted = self.response_format
        schema = wanted.json_schema.schema_ if wanted and wanted.json_schema else None
        tools = tuple(ToolSpec.model_validate(tool.function.model_dump()) for tool in self.tools or ())
        return Task(
            messages=tuple(message.record() for message in self.messages),
            model=self.model,
            effort=extras.effort or self.reasoning_effort or Effort.AUTO,
            method=extras.method,
            samples=extras.samples,
            team=extras.team,
            inputs=extras.inputs,
            checks=extras.checks,
            budget=extras.budget,
            quality_target=extras.quality_target,
            conversation=extras.conversation,
            sampling=Sampling(
                temperature=self.temperature,
                top_p=self.top_p,
                max_output_tokens=self.max_completion_tokens or self.max_tokens,
                stop=self.stop,
                seed=self.seed,
                n=self.n or 1,
                logprobs=self.logprobs or False,
                top_logprobs=self.top_logprobs,
            ),
            response_schema=schema,
            json_object=wanted is not None and wanted.type == "json_object",
            tools=tools,
            tool_choice=_tool_choice(self.tool_choice, tools),
            parallel_tool_calls=self.parallel_tool_calls is not False,
            metadata=self.metadata or {},
        )


def completion(run: Run) -> Json:
    """The run as a `chat.completion`."""
    answer = run.answer or _nothing(run)
    return {
        "id": f"chatcmpl-{run.id}",
        "object": "chat.completion",
        "created": _seconds(run.created_at),
        "model": answer.model,
        "choices": [
            {
                "index": index,
                "message": _message(choice),
                "logprobs": choice.logprobs,
                "finish_reason": choice.finish_reason,
            }
            for index, choice in enumerate(answer.choices)
        ],
        "usage": usage(answer.usage),
        "pointsman": extras(run),
    }


def chunk(run_id: str, created: datetime, model: str, index: int, delta: Json, **more: Any) -> Json:
    """One `chat.completion.chunk`."""
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": None} | more
    return _chunk(run_id, created, model, [choice])


def last_chunks(run: Run, *, include_usage: bool, seen: bool) -> list[Json]:
    """The chunks that end a stream: what was not yet sent, the finish reasons, the usage and our extras."""
    answer = run.answer or _nothing(run)
    chunks: list[Json] = []
    for index, choice in enumerate(answer.choices):
        if choice.text and not (seen and index == 0):
            chunks.append(chunk(run.id, run.created_at, answer.model, index, {"content": choice.text}))
        chunks += [
            chunk(run.id, run.created_at, answer.model, index, {"tool_calls": [call]}) for call in _streamed(choice)
        ]
        finish = {"finish_reason": choice.finish_reason, "logprobs": choice.logprobs}
        chunks.append(chunk(run.id, run.created_at, answer.model, index, {}, **finish))
    if include_usage:
        ending = _chunk(run.id, run.created_at, answer.model, []) | {"usage": usage(answer.usage)}
        return [one | {"usage": None} for one in chunks] + [ending | {"pointsman": extras(run)}]
    chunks[-1] |= {"pointsman": extras(run)}
    return chunks


def extras(run: Run) -> Json:
    """What the key `pointsman` of a reply says of the run."""
    return {
        "run_id": run.id,
        "status": run.status,
        "plan": run.plan.model_dump(mode="json", include={"rungs", "why", "overrides"}) if run.plan else None,
        "effort": run.answer.effort if run.answer else None,
        "attempts": [
            attempt.model_dump(mode="json", exclude={"answer", "number", "seconds"}) for attempt in run.attempts
        ],
        "verified_by": list(run.verified_by),
        "usage": run.usage.model_dump(mode="json"),
        "cost_usd": format(run.cost_usd, "f"),
        "seconds": seconds(run),
        "error": run.error.model_dump() if run.error else None,
    }


def explained(run: Run) -> Json:
    """What `explain` adds: the whole plan, with what else was weighed and what was seen in the prompt."""
    return {"plan": run.plan.model_dump(mode="json")} if run.plan else {}


def seconds(run: Run) -> float:
    """Time from acceptance to the end."""
    return round(((run.ended_at or run.created_at) - run.created_at).total_seconds(), 3)


def usage(used: Usage) -> Json:
    """OpenAI's usage of one call."""
    return {
        "prompt_tokens": used.input_tokens,
        "completion_tokens": used.output_tokens,
        "total_tokens": used.total_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": used.reasoning_tokens},
    }


def _chunk(run_id: str, created: datetime, model: str, choices: list[Json]) -> Json:
    return {
        "id": f"chatcmpl-{run_id}",
        "object": "chat.completion.chunk",
        "created": _seconds(created),
        "model": model,
        "choices": choices,
    }


def _message(choice: Choice) -> Json:
    message: Json = {"role": "assistant", "content": choice.text, "refusal": None}
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["content"] = choice.text or None
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in choice.tool_calls
        ]
    return message


def _streamed(choice: Choice) -> list[Json]:
    """Tool calls as deltas: the first of each has its id and name, the next its arguments."""
    deltas: list[Json] = []
    for index, call in enumerate(choice.tool_calls):
        head = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        deltas += [head, {"index": index, "function": {"arguments": call.arguments}}]
    return deltas


def _tool_choice(choice: str | NamedTool | None, tools: tuple[ToolSpec, ...]) -> str:
    if not isinstance(choice, NamedTool):
        return choice or "auto"
    names = [tool.name for tool in tools]
    if choice.function.name not in names:
        known = ", ".join(names) or "none"
        raise InvalidTask(f"tool_choice names '{choice.function.name}'; tools are: {known}", param="tool_choice")
    return choice.function.name


def _nothing(run: Run) -> Answer:
    """What stands in for the answer of a run that a limit ended before there was one."""
    return Answer(choices=(Choice(text="", finish_reason="length"),), model=run.model or run.task.model)


def _seconds(time: datetime) -> int:
    return int(time.timestamp())


def as_data(value: Json) -> str:
    """One event of a stream."""
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n"

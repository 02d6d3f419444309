"""What comes in at the doors, read strictly: the body of `POST /api/runs`, our extras in it and in chat requests."""

import difflib
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from agents.errors import InvalidTask
from agents.records import Attachment, Budget, ChatMessage, CheckSpec, Effort, Json, MethodName, Task, ToolCall
from router.rules import Then

MAX_MESSAGES = 1000

Request = TypeVar("Request", bound=BaseModel)

EFFORTS: dict[str, Effort] = {
    **{effort.value: effort for effort in Effort},
    "minimal": Effort.LOW,
    "xhigh": Effort.HIGH,
    "ultra": Effort.MAX,
}
"""The efforts that clients know, in our words."""


def _effort(value: object) -> object:
    if isinstance(value, str) and value in EFFORTS:
        return EFFORTS[value]
    raise ValueError(f"effort '{value}' is none of {', '.join(EFFORTS)}")


AnyEffort = Annotated[Effort, BeforeValidator(_effort)]


class Extras(BaseModel):
    """The object `pointsman` of a request. A key that is not known is an error: a limit that is ignored costs money."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    effort: AnyEffort | None = None
    method: MethodName | None = None
    samples: int | None = Field(default=None, ge=1, le=64)
    team: str | None = None
    conversation: str | None = Field(default=None, min_length=1, max_length=200)
    """Any name: requests with the same one belong together, and what one of them says holds for the next."""
    inputs: Json = Field(default_factory=dict)
    quality_target: float | None = Field(default=None, ge=0, le=1)
    max_usd: Decimal | None = Field(default=None, ge=0, le=1_000_000)
    max_tokens_total: int | None = Field(default=None, ge=0, le=10**15)
    max_seconds: float | None = Field(default=None, gt=0, le=10**7)
    max_model_calls: int | None = Field(default=None, ge=0, le=10**9)
    max_tool_calls: int | None = Field(default=None, ge=0, le=10**9)
    checks: tuple[CheckSpec, ...] = ()
    explain: bool = False

    @property
    def said(self) -> Json:
        """What is said of the plan, by the names of a rule's settings; `auto` and null are something to say too."""
        return {name: getattr(self, name) for name in self.model_fields_set if name in Then.model_fields}

    @property
    def budget(self) -> Budget:
        return Budget.model_validate({name: getattr(self, name) for name in Budget.model_fields})


def _text(content: Any) -> Any:
    """A message's content as one text; its parts, where it comes in parts, have to be texts."""
    if not isinstance(content, list):
        return "" if content is None else content
    texts: list[str] = []
    parts = cast("list[Any]", content)
    for number, part in enumerate(parts):
        match part:
            case {"type": "text", "text": str(text)}:
                texts.append(text)
            case {"type": kind}:
                raise ValueError(f"part {number} is of type '{kind}', and no model here reads other than text")
            case _:
                raise ValueError(f"part {number} must be like {{'type': 'text', 'text': '...'}}")
    return "\n".join(texts)


class Function(BaseModel):
    """The function of a tool call."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    arguments: str


class Call(BaseModel):
    """A tool call that a model made earlier in the conversation."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    function: Function


class Incoming(BaseModel):
    """A chat message as clients send it. Fields that SDKs add are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[str, BeforeValidator(_text)] = ""
    name: str | None = None
    tool_calls: tuple[Call, ...] | None = None
    tool_call_id: str | None = None

    def record(self) -> ChatMessage:
        calls = tuple(
            ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
            for call in self.tool_calls or ()
        )
        return ChatMessage(
            role="system" if self.role == "developer" else self.role,
            content=self.content,
            name=self.name,
            tool_calls=calls,
            tool_call_id=self.tool_call_id,
        )


class RunRequest(BaseModel):
    """The body of `POST /api/runs`, and the `task` of a schedule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    messages: Annotated[tuple[Incoming, ...], Field(max_length=MAX_MESSAGES)] = ()
    model: str = "auto"
    team: str | None = None
    inputs: Json = Field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    pointsman: Extras = Extras()
    idempotency_key: Annotated[str, Field(max_length=200)] | None = None
    metadata: dict[str, str] = Field(default_factory=dict)

    def task(self) -> Task:
        extras = self.pointsman
        team = self.team or extras.team
        if not self.messages and not team:
            raise InvalidTask(
                "messages is empty: give at least one message, or a team with its inputs", param="messages"
            )
        return Task(
            messages=tuple(message.record() for message in self.messages),
            model=self.model,
            attachments=self.attachments,
            effort=extras.effort or Effort.AUTO,
            method=extras.method,
            samples=extras.samples,
            team=team,
            inputs=self.inputs or extras.inputs,
            checks=extras.checks,
            budget=extras.budget,
            quality_target=extras.quality_target,
            conversation=extras.conversation,
            metadata=self.metadata,
        )


def parse(kind: type[Request], body: object) -> Request:
    """Read a body. Raises `InvalidTask` that names the first wrong value and what would be right."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise invalid(error, kind) from error


def task_of(body: Json) -> Task:
    """The task in the body of `POST /api/runs`. Raises `InvalidTask`."""
    return parse(RunRequest, body).task()


def invalid(error: ValidationError, kind: type[BaseModel]) -> InvalidTask:
    """Say what is wrong with a body, in one sentence that helps."""
    detail = error.errors(include_url=False)[0]
    return invalid_detail(detail, [str(part) for part in detail["loc"]], kind)


def invalid_detail(detail: Any, where: list[str], kind: type[BaseModel] | None) -> InvalidTask:
    """The same, of one of pydantic's details and the place it is about."""
    param = ".".join(where) or "body"
    if detail["type"] == "extra_forbidden":
        known = _fields_at(kind, where[:-1])
        near = difflib.get_close_matches(where[-1], known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else f"; there are: {', '.join(sorted(known))}" if known else ""
        return InvalidTask(f"'{param}' is not a known field{hint}", param=param, code="unknown_field")
    if detail["type"] == "missing":
        return InvalidTask(f"'{param}' is missing", param=param, code="missing_field")
    message = detail["msg"].removeprefix("Value error, ")
    return InvalidTask(f"{param}={_short(detail['input'])}: {message}", param=param, code="invalid_value")


def _fields_at(kind: type[BaseModel] | None, path: list[str]) -> list[str]:
    current: Any = kind
    for name in path:
        field = current.model_fields.get(name) if hasattr(current, "model_fields") else None
        if field is None:
            return []
        current = field.annotation
    return list(current.model_fields) if hasattr(current, "model_fields") else []


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."

"""The records of a task and of what answering it left behind: frozen, and refusing unknown fields."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

Json = dict[str, Any]
"""A JSON object whose keys are somebody else's: a schema, tool arguments, span attributes."""


Usd = Annotated[Decimal, PlainSerializer(lambda amount: format(amount, "f"), return_type=str, when_used="json")]
"""US dollars; in JSON a string without an exponent."""


class Record(BaseModel):
    """What every record is: frozen, and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Effort(StrEnum):
    """How hard to think. `auto` lets the router decide; `max` is the long quality pass."""

    AUTO = "auto"
    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    MAX = "max"


# --- the task ---------------------------------------------------------------------------------------------------------


class ToolCall(Record):
    """A model's wish to call a tool."""

    id: str
    name: str
    arguments: str
    """JSON as the model wrote it, not yet parsed."""


class ToolSpec(Record):
    """A tool as it is offered to a model."""

    name: str
    description: str = ""
    parameters: Json = Field(default_factory=lambda: {"type": "object", "properties": {}})
    """JSON Schema of the arguments."""


class ChatMessage(Record):
    """One entry of a conversation with a model, as OpenAI's chat API knows it."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    """On an assistant's entry."""
    tool_call_id: str | None = None
    """On a tool's entry: the call it answers."""


class Attachment(Record):
    """A text file that came with the task."""

    name: str
    media_type: str = "text/plain"
    text: str


class Budget(Record):
    """The most that a run and everything it starts may spend; None is no limit of that kind."""

    max_usd: Usd | None = Field(default=None, ge=0)
    max_tokens_total: int | None = Field(default=None, ge=0)
    """Input and output tokens together, over all calls."""
    max_seconds: float | None = Field(default=None, gt=0)
    """From acceptance of the task to its end."""
    max_model_calls: int | None = Field(default=None, ge=0)
    max_tool_calls: int | None = Field(default=None, ge=0)


class JsonSchemaCheck(Record):
    """The answer is JSON that the schema accepts."""

    type: Literal["json_schema"] = "json_schema"
    schema_: Json = Field(alias="schema")
    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)


class RegexCheck(Record):
    """The pattern is found in the answer."""

    type: Literal["regex"] = "regex"
    pattern: str


class MathCheck(Record):
    """The answer's last number, or its `\\boxed{}`, equals the reference."""

    type: Literal["math"] = "math"
    reference: str


class TextCheck(Record):
    """The answer's words, its last line or the option it chooses are the reference's, spelling and marks aside."""

    type: Literal["text"] = "text"
    reference: str


class ArithmeticCheck(Record):
    """Every equation that the answer writes down is right: each is computed again."""

    type: Literal["arithmetic"] = "arithmetic"


class CodeCheck(Record):
    """The answer's program compiles and, in the sandbox, passes the tests."""

    type: Literal["code"] = "code"
    tests: str = ""
    """Python that is run after the program and raises where it is wrong; empty: it only has to compile."""
    weaker: bool = False
    """A model wrote the tests: passing them says less."""
    seconds: float = Field(default=5.0, gt=0, le=60)


class FormatCheck(Record):
    """The answer has the shape that was asked for; what is not given is not looked at."""

    type: Literal["format"] = "format"
    boxed: bool = False
    """It has a `\\boxed{}`."""
    tags: tuple[str, ...] = ()
    """It has each of these elements, closed: `answer` for `<answer>...</answer>`."""
    starts_with: str | None = None
    ends_with: str | None = None
    min_words: int | None = Field(default=None, ge=0)
    max_words: int | None = Field(default=None, ge=0)
    max_characters: int | None = Field(default=None, ge=0)
    language: str | None = None
    """ISO 639-1: the language it is written in, as far as its script and commonest words show."""


class CitationsCheck(Record):
    """Each span that the answer quotes stands in its sources: the task's attachments."""

    type: Literal["citations"] = "citations"
    min_quotes: int = Field(default=1, ge=0)


class NumberingCheck(Record):
    """The document's headings are numbered without gaps, and each reference to one has its target."""

    type: Literal["numbering"] = "numbering"
    of: Literal["answer", "attachments"] = "answer"


class RubricCheck(Record):
    """A model judges the answer by these points. It may veto; it never outweighs a check that was carried out."""

    type: Literal["rubric"] = "rubric"
    points: tuple[str, ...]
    judge: str = "auto"
    """The catalog id of the model that judges; `auto`: the best there is besides the one that answered."""
    min_score: float = Field(default=0.7, ge=0, le=1)


class AgreementCheck(Record):
    """Another model, asked anew, comes to the same answer."""

    type: Literal["agreement"] = "agreement"
    model: str = "auto"
    samples: int = Field(default=1, ge=1, le=16)


CheckSpec = Annotated[
    JsonSchemaCheck
    | RegexCheck
    | MathCheck
    | TextCheck
    | ArithmeticCheck
    | CodeCheck
    | FormatCheck
    | CitationsCheck
    | NumberingCheck
    | RubricCheck
    | AgreementCheck,
    Field(discriminator="type"),
]

MethodName = Literal[
    "calculate",
    "direct",
    "loop",
    "self_consistency",
    "best_of_n",
    "refine",
    "verify",
    "ladder",
    "long_pass",
    "team",
]


class Sampling(Record):
    """How a model is to write: passed on to the model as asked; None leaves the server's default."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_output_tokens: int | None = Field(default=None, ge=1)
    """Thinking included."""
    stop: tuple[str, ...] = ()
    seed: int | None = None
    """A wish: most servers do not keep it."""
    n: int = Field(default=1, ge=1, le=16)
    """Choices to return, as in OpenAI's API."""
    logprobs: bool = False
    top_logprobs: int | None = Field(default=None, ge=0, le=20)


class Task(Record):
    """What is asked."""

    messages: tuple[ChatMessage, ...]
    attachments: tuple[Attachment, ...] = ()
    model: str = "auto"
    """`auto`, a catalog id, or `team/<name>`."""
    effort: Effort = Effort.AUTO
    method: MethodName | None = None
    """A method the asker insists on; None leaves it to the router."""
    samples: int | None = Field(default=None, ge=1, le=64)
    team: str | None = None
    inputs: Json = Field(default_factory=dict)
    """Values for a team's `{name}` places."""
    checks: tuple[CheckSpec, ...] = ()
    budget: Budget = Budget()
    quality_target: float | None = Field(default=None, ge=0, le=1)
    """Chance of a right answer to aim at, 1 is best."""
    sampling: Sampling = Sampling()
    response_schema: Json | None = None
    """JSON Schema that the answer has to follow."""
    json_object: bool = False
    """Any JSON object is asked for, without a schema."""
    tools: tuple[ToolSpec, ...] = ()
    """The asker's own tools: a call ends the answer and is the asker's to carry out."""
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or the name of one tool."""
    parallel_tool_calls: bool = True
    conversation: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """The words of the last user's message: what is asked now."""
        return next((message.content for message in reversed(self.messages) if message.role == "user"), "")


# --- what answering leaves behind -------------------------------------------------------------------------------------


class Usage(Record):
    """What a step used. Only steps carry usage; every total is a sum over steps."""

    input_tokens: int = 0
    """Prompt tokens as the server counted them, cached ones included."""
    output_tokens: int = 0
    """Written tokens, thinking included."""
    reasoning_tokens: int = 0
    """The part of the output that was thinking."""
    cached_tokens: int = 0
    """The part of the input that the server had in its prefix cache."""
    model_calls: int = 0
    tool_calls: int = 0
    gpu_seconds: float = 0.0
    """Seconds of the serving machine, where the model's own machine was busy with this call; 0 for rented tokens."""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in Usage.model_fields})

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


Outcome = Literal["pass", "fail", "unsure"]


class Verdict(Record):
    """What a check found. `unsure` is never a pass."""

    check: str
    outcome: Outcome
    score: float | None = None
    """0 to 1, 1 is best; None where the check gives no degree."""
    evidence: str = ""
    by: str = ""
    """The model that judged; empty where the check was carried out and nobody's opinion is in it."""


StepKind = Literal["run", "route", "queue", "attempt", "turn", "model", "tool", "check", "vote", "message"]
StepStatus = Literal["running", "ok", "error", "lost"]
"""`lost`: its process died or was cancelled before it ended; what it used is not known."""


class Step(Record):
    """One thing that happened in a run. A span of the trace is a step in another dress."""

    span_id: str
    """16 hexadecimal digits, made from the run and the key: the same step has the same id when it is done again."""
    parent_id: str | None = None
    key: str
    """Names the step inside its run, the same at every repetition: `1.turn.critic.2.model.0`."""
    kind: StepKind
    name: str
    agent: str | None = None
    attempt: int = 0
    """Number of the attempt it belongs to, from 1; 0 is outside of any."""
    status: StepStatus = "running"
    started_at: datetime
    ended_at: datetime | None = None
    model: str | None = None
    """The model that answered, as its server named it in our catalog's terms."""
    usage: Usage = Usage()
    cost_usd: Usd = Decimal(0)
    attributes: Json = Field(default_factory=dict)
    input: str | None = None
    output: str | None = None
    error: str | None = None


class Choice(Record):
    """One finished text of a model call."""

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] = "stop"
    logprobs: Json | None = None
    """As the server gave them, in OpenAI's shape."""


class Answer(Record):
    """What a method gives: the text, and the model call whose answer it is."""

    choices: tuple[Choice, ...]
    """The answer first; more only where the asker wanted `n` of them."""
    model: str = "pointsman/calculate"
    """What answered: a catalog id, `team/<name>`, or `pointsman/calculate` when no model did."""
    usage: Usage = Usage()
    """Of the call whose answer stands; the whole spend is the sum over the steps."""
    effort: Effort = Effort.NONE
    """The effort that ran."""
    truncated: bool = False
    """A limit ended the work early: this is the best so far."""
    confidence: float | None = None
    """Chance that it is right, 0 to 1, as the method could tell; None where it could not."""

    @property
    def text(self) -> str:
        return self.choices[0].text


class Attempt(Record):
    """A rung that was climbed."""

    number: int
    rung: str
    """The rung in its short form: `direct small none`."""
    accepted: bool
    reason: str = ""
    """Why it may not stand, when it may not."""
    verdicts: tuple[Verdict, ...] = ()
    """Of the checks that were asked for first, in their order; then of those that suit the task."""
    verified_by: tuple[str, ...] = ()
    """Checks that ran and passed, and were asked for or executed tests."""
    answer: Answer | None = None
    usage: Usage = Usage()
    cost_usd: Usd = Decimal(0)
    seconds: float = 0.0


class Message(Record):
    """What one agent tells another. Each takes effect once."""

    id: str
    run_id: str
    attempt: int
    sender: str
    """`user`, or an agent's id."""
    recipient: str
    type: Literal["task", "draft", "critique", "reply", "final", "steer"]
    content: str
    in_reply_to: str | None = None
    tainted: bool = False
    """Its content goes back to something untrusted: web, file, mail."""
    truncated: bool = False
    """A limit cut its content short; of a `final`: the exchange ended before it was done, this is the best so far."""
    sent_at: datetime

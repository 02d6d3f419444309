"""What the gateway says, as records: frozen, and forgiving of fields that a newer gateway adds."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

Json = dict[str, Any]
"""A JSON object whose keys are somebody else's."""

TERMINAL = frozenset({"succeeded", "unverified", "truncated", "failed", "cancelled", "expired", "dead"})
STATUSES = ("queued", "running", "waiting", "waiting_approval", *sorted(TERMINAL))
METHODS = ("auto", "direct", "self_consistency", "best_of_n", "refine", "verify", "ladder")
EFFORTS = ("auto", "none", "low", "medium", "high", "max")


class Shape(BaseModel):
    """What every shape is."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Usage(Shape):
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    model_calls: int = 0
    tool_calls: int = 0

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class Rung(Shape):
    method: str
    model: str | None = None
    effort: str = "none"
    samples: int = 1
    team: str | None = None
    quality: float | None = None
    """Chance of a right answer, 0 to 1, 1 is best."""
    quality_low: float | None = None
    quality_high: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    seconds: float = 0.0
    accept: str = "always"

    @property
    def short(self) -> str:
        """The rung as attempts name theirs."""
        if self.method == "calculate":
            return self.method
        if self.method == "team":
            return f"team {self.team}"
        words = " ".join(word for word in (self.method, self.model, self.effort) if word)
        return f"{words} n<={self.samples}" if self.samples > 1 else words

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class Plan(Shape):
    rungs: tuple[Rung, ...] = ()
    considered: tuple[Rung, ...] = ()
    task_type: dict[str, float] = Field(default_factory=dict)
    features: Json = Field(default_factory=dict)
    why: str = ""
    would_change: tuple[str, ...] = ()
    """What would lead to other rungs, a sentence each."""
    overrides: tuple[str, ...] = ()
    """Which of somebody's rules had a say, a sentence each."""


class Verdict(Shape):
    check: str
    outcome: str
    score: float | None = None
    evidence: str = ""
    by: str = ""
    """The model whose opinion it is; empty where the check was carried out."""


class Choice(Shape):
    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None


class Answer(Shape):
    choices: tuple[Choice, ...] = ()
    model: str | None = None
    effort: str | None = None

    @property
    def text(self) -> str:
        return self.choices[0].text if self.choices else ""


class Attempt(Shape):
    number: int
    rung: str
    accepted: bool = False
    reason: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    verified_by: tuple[str, ...] = ()
    usage: Usage = Usage()
    cost_usd: Decimal = Decimal(0)
    seconds: float = 0.0
    answer: Answer | None = None


class Message(Shape):
    id: str
    sender: str
    recipient: str
    type: str
    content: str = ""
    sent_at: datetime | None = None
    tainted: bool = False
    span_id: str | None = None


class ChatMessage(Shape):
    role: str
    content: str | None = None


class Attachment(Shape):
    name: str
    text: str = ""


class Task(Shape):
    messages: tuple[ChatMessage, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    effort: str = "auto"
    team: str | None = None
    inputs: Json = Field(default_factory=dict)
    checks: tuple[Json, ...] = ()


class Problem(Shape):
    """What is wrong, as the gateway's error body says it."""

    message: str = ""
    type: str | None = None
    code: str | None = None
    param: str | None = None
    """The field that it is about, as a path: `pointsman.checks.0.pattern`."""


class RunSummary(Shape):
    """A run as a line of the list."""

    id: str
    title: str = ""
    status: str = "queued"
    origin: str | None = None
    team: str | None = None
    effort: str | None = None
    model: str | None = None
    rung: str | None = None
    cost_usd: Decimal = Decimal(0)
    usage: Usage = Usage()
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float | None = None
    steps: int = 0

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL


class RunList(Shape):
    runs: tuple[RunSummary, ...] = ()
    next: str | None = None


class Run(Shape):
    """A run with all that was asked, planned, tried and answered."""

    id: str
    title: str = ""
    status: str = "queued"
    origin: str | None = None
    task: Task = Task()
    plan: Plan | None = None
    attempts: tuple[Attempt, ...] = ()
    answer: Answer | None = None
    messages: tuple[Message, ...] = ()
    verified_by: tuple[str, ...] = ()
    """Names of the checks that ran and passed on the answer that stands."""
    cost_usd: Decimal = Decimal(0)
    usage: Usage = Usage()
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float | None = None
    steps: int = 0
    error: Problem | None = None

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL


class Accepted(Shape):
    id: str
    status: str = "queued"


class TeamInput(Shape):
    type: str = "string"
    required: bool = False
    description: str = ""


class Team(Shape):
    name: str
    description: str = ""
    source: str = "folder"
    inputs: dict[str, TeamInput] = Field(default_factory=dict)
    agents: tuple[str, ...] = ()
    process: str = ""
    yaml: str = ""


class TeamList(Shape):
    teams: tuple[Team, ...] = ()


class YamlProblem(Shape):
    """One thing wrong in a team file, and where."""

    line: int = 1
    column: int = 1
    path: str | None = None
    message: str
    nearest: str | None = None


class Verification(Shape):
    """What the gateway says of a team file."""

    name: str | None = None
    problems: tuple[YamlProblem, ...] = ()

    @property
    def valid(self) -> bool:
        return not self.problems


class Schedule(Shape):
    id: str
    name: str
    every: float | None = None
    cron: str | None = None
    at: datetime | None = None
    timezone: str | None = None
    misfire: str | None = None
    concurrency: str | None = None
    paused: bool = False
    next_due_at: datetime | None = None
    task: Json = Field(default_factory=dict)


class ScheduleList(Shape):
    schedules: tuple[Schedule, ...] = ()


class Slot(Shape):
    due_at: datetime
    outcome: str = "pending"
    reason: str | None = None
    run_id: str | None = None


class SlotList(Shape):
    slots: tuple[Slot, ...] = ()


class Model(Shape):
    id: str
    kind: str = ""
    healthy: bool = True
    queue: int = 0
    parameters_billion: float | None = None


class ModelList(Shape):
    models: tuple[Model, ...] = ()

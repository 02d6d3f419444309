"""The records of the running product: runs with their status, events, schedules with their slots, approvals."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from agents.records import Answer, Attempt, Json, Message, Record, Task, Usage, Usd
from router.records import Plan
from router.rules import Rule, Then
from router.session import Session

LiveStatus = Literal["queued", "running", "waiting_approval", "waiting"]
EndStatus = Literal["succeeded", "unverified", "truncated", "failed", "cancelled", "expired", "dead"]
Status = LiveStatus | EndStatus
END_STATUSES: tuple[EndStatus, ...] = (
    "succeeded",
    "unverified",
    "truncated",
    "failed",
    "cancelled",
    "expired",
    "dead",
)

Origin = Literal["chat", "api", "schedule", "replay"]


class Failure(Record):
    """Why a run has no good end, in the shape of an API error."""

    message: str
    type: str
    code: str | None = None


class Known(Record):
    """What was known of the asker and the conversation when a task was accepted; its plan goes by it."""

    session: Session | None = None
    settings: Then | None = None
    """What was set for the conversation."""
    key: str | None = None
    """Name of the API key."""
    key_overrides: Then | None = None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The settings as the rules they are."""
        of_conversation = self.settings and Rule(name="conversation", source="conversation", then=self.settings)
        of_key = self.key_overrides and Rule(name=self.key or "key", source="key", then=self.key_overrides)
        return tuple(rule for rule in (of_conversation, of_key) if rule)


class SentMessage(Message):
    """A message between agents, and the span it was sent from."""

    span_id: str


class Run(Record):
    """Task, plan, attempts, answer, status and times: the one record of a request."""

    id: str
    status: Status
    origin: Origin
    title: str
    owner: str | None = None
    task: Task
    team_yaml: str | None = Field(default=None, exclude=True)
    known: Known = Field(default=Known(), exclude=True)
    plan: Plan | None = None
    attempts: tuple[Attempt, ...] = ()
    answer: Answer | None = None
    messages: tuple[SentMessage, ...] = ()
    error: Failure | None = None
    model: str | None = None
    """What answered."""
    rung: str | None = None
    """The rung that is or was last climbed, in short form."""
    usage: Usage = Usage()
    cost_usd: Usd = Decimal(0)
    steps: int = 0
    trace_id: str
    trace_parent: str | None = Field(default=None, exclude=True)
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    deadline_at: datetime
    paused: bool = False
    last_seq: int = 0
    """Number of the run's last event."""

    @property
    def ended(self) -> bool:
        return self.status in END_STATUSES

    @property
    def verified_by(self) -> tuple[str, ...]:
        """The checks that ran on the answer that stands, and passed: those asked for, and tests that were executed."""
        accepted = next((attempt for attempt in reversed(self.attempts) if attempt.accepted), None)
        return accepted.verified_by if accepted else ()


class Event(Record):
    """Something that happened to a run. `seq` counts from 1 without gaps."""

    seq: int
    type: Literal["status", "plan", "attempt", "step", "message", "end"]
    data: Json


class Schedule(Record):
    """When a task is to be run again. Exactly one of `every`, `cron` and `at` is set."""

    id: str
    name: str
    every: float | None = None
    """Seconds from one due time to the next."""
    cron: str | None = None
    at: datetime | None = None
    timezone: str = "UTC"
    misfire: Literal["run_once", "run_all", "skip"] = "run_once"
    """What becomes of due times that passed while nothing ran."""
    concurrency: Literal["skip", "allow"] = "skip"
    """What becomes of a due time when the run of the one before has not ended."""
    task: Json
    """The body of `POST /api/runs`."""
    owner: str | None = None
    paused: bool = False
    created_at: datetime
    next_due_at: datetime | None = None


class Slot(Record):
    """One due time of a schedule, with its one outcome."""

    due_at: datetime
    outcome: Literal["pending", "ran", "missed", "skipped", "failed"]
    reason: str = ""
    run_id: str | None = None


class Approval(Record):
    """A question to a human: may this exact tool call be made?"""

    id: str
    run_id: str
    tool: str
    arguments: str
    digest: str
    """SHA-256 over tool and arguments: a decision is good for these only."""
    status: Literal["pending", "approved", "rejected", "expired"]
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None

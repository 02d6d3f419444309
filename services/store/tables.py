"""The tables. Everything that must outlive a process is in one of them."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Index, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.store.columns import Usd, Utc, Words


class Table(DeclarativeBase):
    """What every table is: its constraints have names that migrations can speak of."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class RunRow(Table):
    """A run: the task, the plan, the answer, what it spent. Each change of a run raises its `last_seq` by one."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    status: Mapped[str] = mapped_column(String(20))
    origin: Mapped[str] = mapped_column(String(20))
    """`chat`, `api`, `schedule` or `replay`."""
    title: Mapped[str] = mapped_column(Words)
    owner: Mapped[str | None] = mapped_column(String(36))
    """Id of the API key that asked."""
    task: Mapped[str] = mapped_column(Words)
    team: Mapped[str | None] = mapped_column(String(60))
    team_yaml: Mapped[str | None] = mapped_column(Words)
    """The team as it was when the run was accepted: all its turns follow this one."""
    effort: Mapped[str] = mapped_column(String(10))
    model: Mapped[str | None] = mapped_column(String(120))
    rung: Mapped[str | None] = mapped_column(String(160))
    plan: Mapped[str | None] = mapped_column(Words)
    answer: Mapped[str | None] = mapped_column(Words)
    error: Mapped[str | None] = mapped_column(Words)
    idempotency_key: Mapped[str | None] = mapped_column(String(250), unique=True)
    """The owner's id and the key that the asker gave."""
    conversation: Mapped[str | None] = mapped_column(String(200))
    """The name that the asker gave the conversation."""
    known: Mapped[str | None] = mapped_column(Words)
    """What was known of the asker and the conversation when the run was accepted (`services.records.Known`)."""
    answer_digest: Mapped[str | None] = mapped_column(String(64))
    """Of the answer's text and tool calls: by it a conversation is found again that has no name."""
    session: Mapped[str | None] = mapped_column(Words)
    """What the next turn of the same conversation goes by (`router.session.Session`); None where no model answered."""
    trace_id: Mapped[str] = mapped_column(String(32))
    trace_parent: Mapped[str | None] = mapped_column(String(16))
    """Span of the caller that the run's own span belongs under, where the caller sent one."""
    created_at: Mapped[datetime] = mapped_column(Utc)
    started_at: Mapped[datetime | None] = mapped_column(Utc)
    ended_at: Mapped[datetime | None] = mapped_column(Utc)
    deadline_at: Mapped[datetime] = mapped_column(Utc)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    paused: Mapped[bool] = mapped_column(default=False)
    last_seq: Mapped[int] = mapped_column(default=0)

    max_usd: Mapped[Decimal | None] = mapped_column(Usd)
    max_tokens_total: Mapped[int | None] = mapped_column(BigInteger)
    max_model_calls: Mapped[int | None]
    max_tool_calls: Mapped[int | None]
    cost_usd: Mapped[Decimal] = mapped_column(Usd, default=Decimal(0))
    input_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    output_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    reasoning_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    cached_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    model_calls: Mapped[int] = mapped_column(default=0)
    tool_calls: Mapped[int] = mapped_column(default=0)
    gpu_seconds: Mapped[float] = mapped_column(default=0.0)
    steps: Mapped[int] = mapped_column(default=0)
    reserved_usd: Mapped[Decimal] = mapped_column(Usd, default=Decimal(0))
    reserved_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved_model_calls: Mapped[int] = mapped_column(default=0)
    reserved_tool_calls: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        Index("ix_runs_created_at", "created_at", "id"),
        Index("ix_runs_status", "status", "created_at"),
        Index("ix_runs_conversation", "conversation", "owner", "created_at"),
        Index("ix_runs_answer_digest", "answer_digest", "owner", "created_at"),
    )


class StepRow(Table):
    """One step of a run: the journal, and the trace. `seq` is that of the step's last change."""

    __tablename__ = "steps"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    span_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    seq: Mapped[int]
    parent_id: Mapped[str | None] = mapped_column(String(16))
    key: Mapped[str] = mapped_column(String(300))
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(200))
    agent: Mapped[str | None] = mapped_column(String(60))
    attempt: Mapped[int]
    status: Mapped[str] = mapped_column(String(10))
    lease: Mapped[str | None] = mapped_column(String(64))
    """Message under whose lease the step runs."""
    started_at: Mapped[datetime] = mapped_column(Utc)
    ended_at: Mapped[datetime | None] = mapped_column(Utc)
    model: Mapped[str | None] = mapped_column(String(120))
    input_hash: Mapped[str] = mapped_column(String(64), default="")
    input_tokens: Mapped[int] = mapped_column(default=0)
    output_tokens: Mapped[int] = mapped_column(default=0)
    reasoning_tokens: Mapped[int] = mapped_column(default=0)
    cached_tokens: Mapped[int] = mapped_column(default=0)
    model_calls: Mapped[int] = mapped_column(default=0)
    tool_calls: Mapped[int] = mapped_column(default=0)
    gpu_seconds: Mapped[float] = mapped_column(default=0.0)
    cost_usd: Mapped[Decimal] = mapped_column(Usd, default=Decimal(0))
    reserved_usd: Mapped[Decimal] = mapped_column(Usd, default=Decimal(0))
    reserved_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved_model_calls: Mapped[int] = mapped_column(default=0)
    reserved_tool_calls: Mapped[int] = mapped_column(default=0)
    attributes: Mapped[str] = mapped_column(Words, default="{}")
    error: Mapped[str | None] = mapped_column(Words)

    __table_args__ = (Index("ix_steps_seq", "run_id", "seq"),)


class StepIoRow(Table):
    """The texts of a step, apart from it because they are long and read only when asked for."""

    __tablename__ = "step_io"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    span_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    input: Mapped[str | None] = mapped_column(Words)
    output: Mapped[str | None] = mapped_column(Words)


class EventRow(Table):
    """What happened to a run, one row for each number from 1 to its `last_seq`; never changed."""

    __tablename__ = "events"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(20))
    data: Mapped[str] = mapped_column(Words)
    at: Mapped[datetime] = mapped_column(Utc)


class MessageRow(Table):
    """A message on its way: outbox, inbox and lease in one row, so that it takes effect once.

    `state`: `outbox` (committed, not yet announced), `published` (announced on its stream), `received` (a worker has
    seen it), `leased` (being worked on), `done`, `dead` (given up, with the reason).
    """

    __tablename__ = "messages"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    seq: Mapped[int]
    attempt: Mapped[int]
    inbox: Mapped[str] = mapped_column(String(120))
    sender: Mapped[str] = mapped_column(String(60))
    recipient: Mapped[str] = mapped_column(String(60))
    type: Mapped[str] = mapped_column(String(20))
    content: Mapped[str] = mapped_column(Words)
    in_reply_to: Mapped[str | None] = mapped_column(String(64))
    tainted: Mapped[bool] = mapped_column(default=False)
    truncated: Mapped[bool] = mapped_column(default=False)
    traceparent: Mapped[str] = mapped_column(String(60))
    sent_at: Mapped[datetime] = mapped_column(Utc)
    state: Mapped[str] = mapped_column(String(10))
    changed: Mapped[float]
    """When `state` last changed, on the database's clock."""
    deliveries: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(255))
    lease_epoch: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[float | None]
    dead_reason: Mapped[str | None] = mapped_column(Words)

    __table_args__ = (
        Index("ix_messages_run", "run_id", "seq"),
        Index("ix_messages_state", "state", "changed"),
    )


class TeamRow(Table):
    """A team saved through the API; those in folders are not here."""

    __tablename__ = "teams"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    yaml: Mapped[str] = mapped_column(Words)
    saved_at: Mapped[datetime] = mapped_column(Utc)


class ScheduleRow(Table):
    """A recurring or one-off task."""

    __tablename__ = "schedules"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    every: Mapped[float | None]
    """Seconds."""
    cron: Mapped[str | None] = mapped_column(String(120))
    at: Mapped[datetime | None] = mapped_column(Utc)
    timezone: Mapped[str] = mapped_column(String(60))
    misfire: Mapped[str] = mapped_column(String(10))
    concurrency: Mapped[str] = mapped_column(String(10))
    task: Mapped[str] = mapped_column(Words)
    owner: Mapped[str | None] = mapped_column(String(36))
    paused: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(Utc)
    next_due_at: Mapped[datetime | None] = mapped_column(Utc)
    """None: nothing more will be due."""

    __table_args__ = (Index("ix_schedules_due", "paused", "next_due_at"),)


class SlotRow(Table):
    """One due time of a schedule, which ends in exactly one outcome."""

    __tablename__ = "slots"

    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedules.id", ondelete="CASCADE"), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(Utc, primary_key=True)
    outcome: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(Words, default="")
    run_id: Mapped[str | None] = mapped_column(String(36))
    decided_at: Mapped[datetime] = mapped_column(Utc)


class ApprovalRow(Table):
    """A human's yes or no to one exact tool call."""

    __tablename__ = "approvals"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    span_id: Mapped[str] = mapped_column(String(16))
    tool: Mapped[str] = mapped_column(String(120))
    arguments: Mapped[str] = mapped_column(Words)
    digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(10))
    decided_by: Mapped[str | None] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime] = mapped_column(Utc)
    decided_at: Mapped[datetime | None] = mapped_column(Utc)


class FeedbackRow(Table):
    """What a user thought of an answer."""

    __tablename__ = "feedback"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    score: Mapped[float]
    comment: Mapped[str] = mapped_column(Words, default="")
    created_at: Mapped[datetime] = mapped_column(Utc)


class OutcomeRow(Table):
    """How good the answer of one attempt was, and what it took. It outlives its run, so it holds none of its words."""

    __tablename__ = "outcomes"

    run_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(10), primary_key=True)
    """Who says so: `check` or `feedback`."""
    task_type: Mapped[str] = mapped_column(Words)
    """Probability of each task type, as JSON."""
    model: Mapped[str] = mapped_column(String(120))
    """As a reply names it: a catalog id, `team/<name>` or `pointsman/calculate`."""
    effort: Mapped[str] = mapped_column(String(10))
    method: Mapped[str] = mapped_column(String(30))
    samples: Mapped[int]
    quality: Mapped[float]
    """0 to 1, 1 is right."""
    weight: Mapped[float]
    """How much it counts; what an executable check says counts 1."""
    words: Mapped[int | None]
    """Words of the prompt."""
    gain: Mapped[float | None]
    """What the text model expected a larger model to gain."""
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    output_tokens: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float]
    usd: Mapped[Decimal] = mapped_column(Usd)
    at: Mapped[datetime] = mapped_column(Utc, index=True)


class RouterStateRow(Table):
    """What the router has learned from the outcomes; each version is one row."""

    __tablename__ = "router_state"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    learned: Mapped[str] = mapped_column(Words)
    outcomes: Mapped[int]
    """How many there were."""
    newest_at: Mapped[datetime | None] = mapped_column(Utc)
    """When the newest of them was noted."""
    at: Mapped[datetime] = mapped_column(Utc)


class ProbeRow(Table):
    """What the efforts of a model did when they were last measured; and who is about to measure them."""

    __tablename__ = "probes"

    model: Mapped[str] = mapped_column(String(120), primary_key=True)
    settings: Mapped[str] = mapped_column(Words)
    """What was measured: the server, the model's name there and what each effort sends. Of others it says nothing."""
    rows: Mapped[str | None] = mapped_column(Words)
    """`services.models.probe.Probed` for each effort; None before the first time."""
    at: Mapped[datetime | None] = mapped_column(Utc)
    claimed_at: Mapped[datetime | None] = mapped_column(Utc)
    """When a process began to measure it."""


class KeyRow(Table):
    """An API key: its hash, never itself."""

    __tablename__ = "keys"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    prefix: Mapped[str] = mapped_column(String(16), unique=True)
    digest: Mapped[str] = mapped_column(String(64))
    overrides: Mapped[str | None] = mapped_column(Words)
    """What its requests are planned by where they say nothing else (`router.rules.Then`)."""
    created_at: Mapped[datetime] = mapped_column(Utc)
    revoked_at: Mapped[datetime | None] = mapped_column(Utc)


class HeartbeatRow(Table):
    """A process that lives, and when it last said so on the database's clock."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    """`worker`, `upkeep` or `scheduler`."""
    beat_at: Mapped[float]

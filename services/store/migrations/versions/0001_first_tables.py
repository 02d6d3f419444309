"""First tables."""

import sqlalchemy as sa
from alembic import op

import services.store.columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("beat_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("overrides", services.store.columns.Words(), nullable=True),
        sa.Column("created_at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("revoked_at", services.store.columns.Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("prefix", name=op.f("uq_keys_prefix")),
    )
    op.create_table(
        "outcomes",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("task_type", services.store.columns.Words(), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("effort", sa.String(length=10), nullable=False),
        sa.Column("method", sa.String(length=30), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("quality", sa.Float(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("words", sa.Integer(), nullable=True),
        sa.Column("gain", sa.Float(), nullable=True),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("usd", services.store.columns.Usd(), nullable=False),
        sa.Column("at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "attempt", "source", name=op.f("pk_outcomes")),
    )
    with op.batch_alter_table("outcomes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outcomes_at"), ["at"], unique=False)

    op.create_table(
        "probes",
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("settings", services.store.columns.Words(), nullable=False),
        sa.Column("rows", services.store.columns.Words(), nullable=True),
        sa.Column("at", services.store.columns.Utc(timezone=True), nullable=True),
        sa.Column("claimed_at", services.store.columns.Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("model", name=op.f("pk_probes")),
    )
    op.create_table(
        "router_state",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("learned", services.store.columns.Words(), nullable=False),
        sa.Column("outcomes", sa.Integer(), nullable=False),
        sa.Column("newest_at", services.store.columns.Utc(timezone=True), nullable=True),
        sa.Column("at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_router_state")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("title", services.store.columns.Words(), nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=True),
        sa.Column("task", services.store.columns.Words(), nullable=False),
        sa.Column("team", sa.String(length=60), nullable=True),
        sa.Column("team_yaml", services.store.columns.Words(), nullable=True),
        sa.Column("effort", sa.String(length=10), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=True),
        sa.Column("rung", sa.String(length=160), nullable=True),
        sa.Column("plan", services.store.columns.Words(), nullable=True),
        sa.Column("answer", services.store.columns.Words(), nullable=True),
        sa.Column("error", services.store.columns.Words(), nullable=True),
        sa.Column("idempotency_key", sa.String(length=250), nullable=True),
        sa.Column("conversation", sa.String(length=200), nullable=True),
        sa.Column("known", services.store.columns.Words(), nullable=True),
        sa.Column("answer_digest", sa.String(length=64), nullable=True),
        sa.Column("session", services.store.columns.Words(), nullable=True),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("trace_parent", sa.String(length=16), nullable=True),
        sa.Column("created_at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("started_at", services.store.columns.Utc(timezone=True), nullable=True),
        sa.Column("ended_at", services.store.columns.Utc(timezone=True), nullable=True),
        sa.Column("deadline_at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("max_usd", services.store.columns.Usd(), nullable=True),
        sa.Column("max_tokens_total", sa.BigInteger(), nullable=True),
        sa.Column("max_model_calls", sa.Integer(), nullable=True),
        sa.Column("max_tool_calls", sa.Integer(), nullable=True),
        sa.Column("cost_usd", services.store.columns.Usd(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("model_calls", sa.Integer(), nullable=False),
        sa.Column("tool_calls", sa.Integer(), nullable=False),
        sa.Column("gpu_seconds", sa.Float(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("reserved_usd", services.store.columns.Usd(), nullable=False),
        sa.Column("reserved_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reserved_model_calls", sa.Integer(), nullable=False),
        sa.Column("reserved_tool_calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_runs_idempotency_key")),
    )
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.create_index("ix_runs_answer_digest", ["answer_digest", "owner", "created_at"], unique=False)
        batch_op.create_index("ix_runs_conversation", ["conversation", "owner", "created_at"], unique=False)
        batch_op.create_index("ix_runs_created_at", ["created_at", "id"], unique=False)
        batch_op.create_index("ix_runs_status", ["status", "created_at"], unique=False)

    op.create_table(
        "schedules",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("every", sa.Float(), nullable=True),
        sa.Column("cron", sa.String(length=120), nullable=True),
        sa.Column("at", services.store.columns.Utc(timezone=True), nullable=True),
        sa.Column("timezone", sa.String(length=60), nullable=False),
        sa.Column("misfire", sa.String(length=10), nullable=False),
        sa.Column("concurrency", sa.String(length=10), nullable=False),
        sa.Column("task", services.store.columns.Words(), nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=True),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("created_at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("next_due_at", services.store.columns.Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
    )
    with op.batch_alter_table("schedules", schema=None) as batch_op:
        batch_op.create_index("ix_schedules_due", ["paused", "next_due_at"], unique=False)

    op.create_table(
        "teams",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("yaml", services.store.columns.Words(), nullable=False),
        sa.Column("saved_at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_teams")),
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("span_id", sa.String(length=16), nullable=False),
        sa.Column("tool", sa.String(length=120), nullable=False),
        sa.Column("arguments", services.store.columns.Words(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("decided_by", sa.String(length=36), nullable=True),
        sa.Column("created_at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("expires_at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("decided_at", services.store.columns.Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_approvals_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_table(
        "events",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("data", services.store.columns.Words(), nullable=False),
        sa.Column("at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_events_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_events")),
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("comment", services.store.columns.Words(), nullable=False),
        sa.Column("created_at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_feedback_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_feedback_run_id"), ["run_id"], unique=False)

    op.create_table(
        "messages",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("inbox", sa.String(length=120), nullable=False),
        sa.Column("sender", sa.String(length=60), nullable=False),
        sa.Column("recipient", sa.String(length=60), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("content", services.store.columns.Words(), nullable=False),
        sa.Column("in_reply_to", sa.String(length=64), nullable=True),
        sa.Column("tainted", sa.Boolean(), nullable=False),
        sa.Column("truncated", sa.Boolean(), nullable=False),
        sa.Column("traceparent", sa.String(length=60), nullable=False),
        sa.Column("sent_at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("changed", sa.Float(), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=255), nullable=True),
        sa.Column("lease_epoch", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column("dead_reason", services.store.columns.Words(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_messages_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index("ix_messages_run", ["run_id", "seq"], unique=False)
        batch_op.create_index("ix_messages_state", ["state", "changed"], unique=False)

    op.create_table(
        "slots",
        sa.Column("schedule_id", sa.String(length=36), nullable=False),
        sa.Column("due_at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("reason", services.store.columns.Words(), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.Column("decided_at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("fk_slots_schedule_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("schedule_id", "due_at", name=op.f("pk_slots")),
    )
    op.create_table(
        "step_io",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("span_id", sa.String(length=16), nullable=False),
        sa.Column("input", services.store.columns.Words(), nullable=True),
        sa.Column("output", services.store.columns.Words(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_step_io_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "span_id", name=op.f("pk_step_io")),
    )
    op.create_table(
        "steps",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("span_id", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.String(length=16), nullable=True),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("agent", sa.String(length=60), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("lease", sa.String(length=64), nullable=True),
        sa.Column("started_at", services.store.columns.Utc(timezone=True), nullable=False),
        sa.Column("ended_at", services.store.columns.Utc(timezone=True), nullable=True),
        sa.Column("model", sa.String(length=120), nullable=True),
        sa.Column("input_hash", sa.String(length=64), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("reasoning_tokens", sa.Integer(), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), nullable=False),
        sa.Column("model_calls", sa.Integer(), nullable=False),
        sa.Column("tool_calls", sa.Integer(), nullable=False),
        sa.Column("gpu_seconds", sa.Float(), nullable=False),
        sa.Column("cost_usd", services.store.columns.Usd(), nullable=False),
        sa.Column("reserved_usd", services.store.columns.Usd(), nullable=False),
        sa.Column("reserved_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reserved_model_calls", sa.Integer(), nullable=False),
        sa.Column("reserved_tool_calls", sa.Integer(), nullable=False),
        sa.Column("attributes", services.store.columns.Words(), nullable=False),
        sa.Column("error", services.store.columns.Words(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_steps_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "span_id", name=op.f("pk_steps")),
    )
    with op.batch_alter_table("steps", schema=None) as batch_op:
        batch_op.create_index("ix_steps_seq", ["run_id", "seq"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("steps", schema=None) as batch_op:
        batch_op.drop_index("ix_steps_seq")

    op.drop_table("steps")
    op.drop_table("step_io")
    op.drop_table("slots")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index("ix_messages_state")
        batch_op.drop_index("ix_messages_run")

    op.drop_table("messages")
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_feedback_run_id"))

    op.drop_table("feedback")
    op.drop_table("events")
    op.drop_table("approvals")
    op.drop_table("teams")
    with op.batch_alter_table("schedules", schema=None) as batch_op:
        batch_op.drop_index("ix_schedules_due")

    op.drop_table("schedules")
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index("ix_runs_status")
        batch_op.drop_index("ix_runs_created_at")
        batch_op.drop_index("ix_runs_conversation")
        batch_op.drop_index("ix_runs_answer_digest")

    op.drop_table("runs")
    op.drop_table("router_state")
    op.drop_table("probes")
    with op.batch_alter_table("outcomes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outcomes_at"))

    op.drop_table("outcomes")
    op.drop_table("keys")
    op.drop_table("heartbeats")

"""Names of span attributes, after OpenTelemetry's GenAI conventions v0.1.0 (all still in development there)."""

from typing import Any

from agents.records import Step

SCHEMA_URL = "https://opentelemetry.io/schemas/gen-ai/1.42.0"

OPERATION = {"run": "invoke_workflow", "turn": "invoke_agent", "model": "chat", "tool": "execute_tool"}
"""`gen_ai.operation.name` of a step's kind, where the conventions have one."""

OPENINFERENCE = {
    "run": "CHAIN",
    "route": "DECISION",
    "queue": "CHAIN",
    "attempt": "CHAIN",
    "turn": "AGENT",
    "model": "LLM",
    "tool": "TOOL",
    "check": "EVALUATOR",
    "message": "CHAIN",
}
"""`openinference.span.kind` of a step's kind, which trace viewers draw by."""


def attributes(step: Step, *, run_id: str) -> dict[str, Any]:
    """The attributes of a step's span. Usage stands on model calls only: a total is a sum over spans."""
    named: dict[str, Any] = {
        "openinference.span.kind": OPENINFERENCE[step.kind],
        "pointsman.run.id": run_id,
        "pointsman.step.kind": step.kind,
        "pointsman.attempt.number": step.attempt or None,
        "gen_ai.operation.name": OPERATION.get(step.kind),
        "gen_ai.agent.name": step.agent,
        "error.type": step.status if step.status in ("error", "lost") else None,
    }
    if step.kind == "model":
        named |= {
            "gen_ai.provider.name": "pointsman",
            "gen_ai.request.model": step.name.removeprefix("chat "),
            "gen_ai.response.model": step.model,
            "gen_ai.request.reasoning.level": step.attributes.get("effort"),
            "gen_ai.response.finish_reasons": step.attributes.get("finish_reasons"),
            "gen_ai.response.time_to_first_chunk": step.attributes.get("first_token_seconds"),
            "gen_ai.usage.input_tokens": step.usage.input_tokens,
            "gen_ai.usage.output_tokens": step.usage.output_tokens,
            "gen_ai.usage.reasoning.output_tokens": step.usage.reasoning_tokens,
            "gen_ai.usage.cache_read.input_tokens": step.usage.cached_tokens,
            "pointsman.cost_usd": float(step.cost_usd),
            "pointsman.gpu_seconds": step.usage.gpu_seconds,
        }
    elif step.kind == "tool":
        named |= {"gen_ai.tool.name": step.name.removeprefix("execute_tool "), "gen_ai.tool.type": "function"}
    else:
        own = {name: value for name, value in step.attributes.items() if isinstance(value, str | bool | int | float)}
        named |= {f"pointsman.{step.kind}.{name}": value for name, value in own.items()}
    return {name: value for name, value in named.items() if value is not None}

"""Runs as a gateway would tell them, to be planted: a run with its spans, and the plans, rungs and verdicts in it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]


def rung(method: str, model: str | None, effort: str, quality: float, usd: str, seconds: float, **more: Any) -> Json:
    width = 0.07 if method != "calculate" else 0.01
    return {
        "method": method,
        "model": model,
        "effort": effort,
        "samples": 1,
        "team": None,
        "quality": quality,
        "quality_low": max(quality - width, 0),
        "quality_high": min(quality + width * 0.8, 1),
        "input_tokens": 420,
        "output_tokens": 300,
        "cost_usd": usd,
        "seconds": seconds,
        "accept": "always",
        **more,
    }


CALCULATE = rung("calculate", None, "none", 0.99, "0", 0.0, accept="exact")
SMALL = rung("direct", "small", "none", 0.58, "0.0003", 1.4, accept="checks")
VOTES = rung("self_consistency", "small", "low", 0.71, "0.0019", 6.2, samples=5, accept="checks")
LARGE = rung("direct", "large", "high", 0.83, "0.0112", 21.0)
RESEARCH = rung("team", None, "high", 0.88, "0.0197", 52.0, team="research")
DISTANT = rung(
    "direct", "an-organisation/a-model-with-a-very-long-name-instruct-2026-11-awq-int4", "low", 0.86, "0.031", 9
)


class Planted:
    """One run, with its spans in the order in which they came to be."""

    def __init__(self, run_id: str, title: str, *, status: str = "running", started: datetime, **more: Any) -> None:
        self.id, self.title, self.started = run_id, title, started
        self.status = status
        self.cancelled = False
        self.ended: datetime | None = None
        self.more: Json = {"effort": "auto", "origin": "dashboard", "team": None, "plan": None, **more}
        self.spans: dict[str, Json] = {}
        self.io: dict[str, Json] = {}
        self.attempts: list[Json] = []
        self.messages: list[Json] = []
        self.answer: Json | None = None
        self.error: Json | None = None
        self.events: list[tuple[int | None, str, Json]] = []
        self.seq = 0

    def span(self, kind: str, name: str, parent: str | None, start: float, end: float | None, **more: Any) -> str:
        """Add a span, times in seconds after the start of the run."""
        span_id = f"{self.id}-{len(self.spans):04d}"
        self._write(
            span_id,
            {
                "span_id": span_id,
                "key": span_id,
                "parent_id": parent,
                "name": name,
                "kind": kind,
                "agent": None,
                "start": self.at(start),
                "end": None if end is None else self.at(end),
                "status": "running" if end is None else "ok",
                "model": None,
                "input_tokens": 0,
                "output_tokens": 0,
                "cost_usd": "0",
                "attributes": {},
                **more,
            },
        )
        return span_id

    def end_span(self, span_id: str, end: float, **more: Any) -> None:
        self._write(span_id, self.spans.pop(span_id) | {"end": self.at(end), "status": "ok"} | more)

    def model(self, name: str, parent: str, start: float, end: float, asked: str, said: str, **more: Any) -> str:
        tokens_in, tokens_out = 180 + len(asked) // 4, max(len(said) // 4, 20)
        span_id = self.span(
            "model",
            f"chat {name}",
            parent,
            start,
            end,
            model=name,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost_usd=f"{(tokens_in + tokens_out * 4) * (4e-7 if name == 'small' else 2e-6):.6f}",
            attributes={"effort": "low", "finish_reasons": ["stop"], "first_token_seconds": 0.21},
            **more,
        )
        self.io[span_id] = {
            "input": json.dumps({"messages": [{"role": "user", "content": asked}], "effort": "low"}),
            "output": json.dumps({"choices": [{"text": said, "reasoning": "", "finish_reason": "stop"}]}),
        }
        return span_id

    def message(self, sender: str, recipient: str, kind: str, content: str, sent: float, span_id: str | None) -> None:
        record = {"id": f"{self.id}-m{len(self.messages)}", "sender": sender, "recipient": recipient, "type": kind}
        record |= {"content": content, "sent_at": self.at(sent), "tainted": kind == "reply", "span_id": span_id}
        self.messages.append(record)

    def attempt(self, taken: Json, *, accepted: bool, seconds: float, verdicts: list[Json], reason: str = "") -> None:
        self.attempts.append(
            {
                "number": len(self.attempts) + 1,
                "rung": short(taken),
                "accepted": accepted,
                "reason": reason,
                "verdicts": verdicts,
                "verified_by": [one["check"] for one in verdicts if accepted and one["outcome"] == "pass"],
                "usage": {"input_tokens": 1200, "output_tokens": 640, "model_calls": 2},
                "cost_usd": taken["cost_usd"],
                "seconds": seconds,
                "answer": self.answer,
            }
        )

    def finish(self, status: str, seconds: float) -> None:
        self.status, self.ended = status, self.started + timedelta(seconds=seconds)

    def emit(self, kind: str, body: Json, *, numbered: bool = True) -> None:
        self.events.append((len(self.events) + 1 if numbered else None, kind, body))

    def at(self, seconds: float) -> str:
        return (self.started + timedelta(seconds=seconds)).isoformat()

    def summary(self) -> Json:
        standing = next((one for one in self.attempts if one["accepted"]), None)
        until = self.ended or datetime.now(UTC)
        usage = {
            name: sum(span[name] for span in self.spans.values()) for name in ("input_tokens", "output_tokens")
        } | {"model_calls": sum(span["kind"] == "model" for span in self.spans.values())}
        return {
            "id": self.id,
            "title": self.title,
            "status": self.status,
            "origin": self.more["origin"],
            "team": self.more["team"],
            "effort": self.more["effort"],
            "model": self.answer["model"] if self.answer else None,
            "rung": standing["rung"] if standing else None,
            "cost_usd": f"{sum(float(span['cost_usd']) for span in self.spans.values()):.6f}",
            "usage": usage,
            "created_at": self.at(0),
            "started_at": self.at(0),
            "ended_at": self.ended.isoformat() if self.ended else None,
            "seconds": (until - self.started).total_seconds(),
            "steps": sum(span["kind"] != "run" for span in self.spans.values()),
        }

    def record(self) -> Json:
        task: Json = {
            "messages": [{"role": "user", "content": self.title}],
            "attachments": [],
            "inputs": {},
            "checks": [],
        }
        task |= {"effort": self.more["effort"], "team": self.more["team"], "budget": {}}
        if body := self.more.get("body"):
            task |= {name: body[name] for name in ("messages", "attachments", "inputs")}
            wishes = body["pointsman"]
            task["budget"] = {name: value for name, value in wishes.items() if name.startswith("max_")}
            task |= {name: wishes[name] for name in ("method", "samples", "checks") if name in wishes}
        grown = {"plan": self.more["plan"], "attempts": self.attempts, "answer": self.answer, "messages": self.messages}
        passed = [one["check"] for one in self.attempts[-1:] for one in one["verdicts"] if one["outcome"] == "pass"]
        return self.summary() | {"task": task, "error": self.error, "verified_by": passed} | grown

    def _write(self, span_id: str, span: Json) -> None:
        self.seq += 1
        self.spans[span_id] = span | {"seq": self.seq}


def short(taken: Json) -> str:
    if taken["method"] == "calculate":
        return "calculate"
    if taken["method"] == "team":
        return f"team {taken['team']}"
    words = f"{taken['method']} {taken['model']} {taken['effort']}"
    return f"{words} n<={taken['samples']}" if taken["samples"] > 1 else words


def plan(
    *rungs: Json,
    why: str,
    considered: tuple[Json, ...] = (),
    words: int = 310,
    would_change: tuple[str, ...] = (),
    **task_type: float,
) -> Json:
    features = {"words": words, "constraints": 5, "code": False, "digits": 0.02, "question": True}
    return {
        "rungs": list(rungs),
        "considered": list(considered),
        "task_type": task_type,
        "features": features,
        "why": why,
        "would_change": list(would_change),
        "overrides": [],
    }


def verdict(check: str, outcome: str, score: float | None, evidence: str, by: str = "") -> Json:
    return {"check": check, "outcome": outcome, "score": score, "evidence": evidence, "by": by}

"""Every method by its name through the real runner: what stands, what it costs, and what a crash leaves of it."""

import asyncio
import json
from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Any

import pytest

from agents.context import Context, call_model
from agents.errors import BudgetExceeded, InvalidTask
from agents.model import Completion, Delta, ModelRequest
from agents.records import (
    ArithmeticCheck,
    Budget,
    CodeCheck,
    Effort,
    MathCheck,
    MethodName,
    RubricCheck,
    Step,
    Task,
    ToolSpec,
)
from agents.sandbox import Sandbox
from services.bootstrap import Parts
from services.door import Asker
from services.gateway.openai_shapes import extras
from services.records import Run
from services.sandbox.choice import Chosen
from services.store import runs
from services.store.database import Database
from services.store.leases import Lease
from tests.builders import a_request, a_task
from tests.fakes import ScriptedModel
from tests.integration.house import a_house, a_worker, ended, until
from tests.integration.store_fixtures import a_journal, database, one_database

__all__ = ["database", "one_database"]

PUZZLE = "How many sheep does the captain own if he had 26 and bought 16 more?"
ANSWER = "He had 26 and bought 16.\n26 + 16 = 42\nThe answer is 42."
WRONG = "He had 26 and bought 16.\n26 + 16 = 41\nThe answer is 41."
DOUBLE = "```python\ndef double(x):\n    return 2 * x\n```"
TRIPLE = "```python\ndef double(x):\n    return 3 * x\n```"
FUNCTION = "Write a Python function double(x) that gives twice its argument."


@pytest.fixture
async def sandbox() -> AsyncGenerator[Sandbox]:
    chosen = Chosen("auto", socket=None)
    yield chosen
    await chosen.close()


async def answered(parts: Parts, task: Task) -> Run:
    lease, accepted = await parts.door.begin(task, asker=Asker(), gateway=parts.name)
    run = await parts.runner.climb(lease, accepted=accepted)
    assert run is not None
    return run


async def steps_of(parts: Parts, run_id: str) -> list[Step]:
    async with parts.database.read() as connection:
        return [step for _, step in await runs.spans(connection, run_id, since=0)]


def says(text: str) -> ScriptedModel:
    """A model that answers so, judges everything good, and writes tests that say nothing."""

    def reply(request: ModelRequest) -> str:
        schema = json.dumps(request.response_schema) if request.response_schema else ""
        return json.dumps(_praise(request.response_schema)) if schema else text

    return ScriptedModel("small", says=reply)


def _praise(schema: Any) -> Any:
    """Something that fits a schema: no faults, full marks."""
    properties = schema.get("properties", {})
    return {name: _filled(part, schema) for name, part in properties.items()}


def _filled(part: Any, whole: Any) -> Any:
    if "$ref" in part:
        return _praise(whole["$defs"][part["$ref"].rpartition("/")[2]])
    if "enum" in part:
        return part["enum"][-1]
    if "const" in part:
        return part["const"]
    if "anyOf" in part:
        return _filled(part["anyOf"][0], whole)
    match part.get("type"):
        case "array":
            return []
        case "boolean":
            return True
        case "integer" | "number":
            return part.get("maximum", 1)
        case _:
            return "good"


METHODS: tuple[tuple[MethodName, int | None, int], ...] = (
    ("direct", None, 1),
    ("loop", None, 1),
    ("self_consistency", 5, 2),
    ("best_of_n", 3, 3),
    ("refine", 1, 2),
    ("verify", 2, 2),
    ("ladder", None, 1),
)
"""Each method, with samples, and the calls that it makes at least."""


@pytest.mark.parametrize(("method", "samples", "calls"), METHODS, ids=[name for name, _, _ in METHODS])
async def test_each_method_answers_by_its_name(
    database: Database, redis_url: str, sandbox: Sandbox, method: MethodName, samples: int | None, calls: int
) -> None:
    model = says(ANSWER)
    async with a_house(database, redis_url, model, sandbox=sandbox) as parts:
        run = await answered(parts, a_task(PUZZLE, method=method, samples=samples))
    assert (run.status, run.error) == ("succeeded", None)
    assert run.answer is not None
    assert run.answer.text.endswith("42.")
    assert run.plan is not None
    assert [rung.method for rung in run.plan.rungs] == [method]
    assert run.usage.model_calls == len(model.requests) >= calls


async def test_a_vote_goes_to_what_most_samples_say_and_is_drawn_in_the_trace(
    database: Database, redis_url: str, sandbox: Sandbox
) -> None:
    model = ScriptedModel("small", says=[WRONG, ANSWER, ANSWER, ANSWER, ANSWER])
    async with a_house(database, redis_url, model, sandbox=sandbox) as parts:
        run = await answered(parts, a_task(PUZZLE, method="self_consistency", samples=5))
        steps = await steps_of(parts, run.id)
    assert run.answer is not None
    assert "42" in run.answer.text
    [vote] = [step for step in steps if step.kind == "vote"]
    assert vote.attributes["drawn"] >= 3
    assert vote.attributes["candidates"][0]["answer"] == "42"
    assert run.usage.model_calls == sum(step.usage.model_calls for step in steps)


async def test_a_reply_tells_of_each_rung_what_was_found_and_what_it_cost(
    database: Database, redis_url: str, sandbox: Sandbox
) -> None:
    small = ScriptedModel("small", says=[WRONG] * 20, usd_per_call=Decimal("0.001"))
    large = ScriptedModel("large", says=[ANSWER] * 20, usd_per_call=Decimal("0.01"))
    async with a_house(database, redis_url, small, large, sandbox=sandbox) as parts:
        run = await answered(parts, a_task(PUZZLE, checks=(MathCheck(reference="42"),)))
    said = extras(run)
    assert [attempt["accepted"] for attempt in said["attempts"]][-1] is True
    refused, *_, stood = said["attempts"]
    assert refused["reason"].startswith("math: fail")
    assert refused["verdicts"][0] | {"evidence": ""} == {
        "check": "math",
        "outcome": "fail",
        "score": refused["verdicts"][0]["score"],
        "evidence": "",
        "by": "",
    }
    assert stood["verdicts"][0]["outcome"] == "pass"
    assert said["verified_by"] == ["math"]
    assert sum(Decimal(attempt["cost_usd"]) for attempt in said["attempts"]) == Decimal(said["cost_usd"])
    assert all(attempt["usage"]["model_calls"] for attempt in said["attempts"])


# --- what may stand ---------------------------------------------------------------------------------------------------


async def test_code_is_verified_by_running_the_tests(database: Database, redis_url: str, sandbox: Sandbox) -> None:
    tests = CodeCheck(tests="assert double(3) == 6\nassert double(0) == 0")
    small, large = ScriptedModel("small", says=lambda _: TRIPLE), ScriptedModel("large", says=lambda _: DOUBLE)
    async with a_house(database, redis_url, small, large, sandbox=sandbox) as parts:
        run = await answered(parts, a_task(FUNCTION, checks=(tests,)))
    assert (run.status, run.verified_by, run.model) == ("succeeded", ("code",), "large")
    assert run.attempts[0].verdicts[0].outcome == "fail"


async def test_without_a_sandbox_code_is_not_called_verified_and_the_reason_is_told(
    database: Database, redis_url: str
) -> None:
    off = Chosen("off", socket=None)
    async with a_house(database, redis_url, ScriptedModel("small", says=lambda _: DOUBLE), sandbox=off) as parts:
        run = await answered(parts, a_task(FUNCTION, checks=(CodeCheck(tests="assert double(3) == 6"),)))
    assert (run.status, run.verified_by) == ("unverified", ())
    verdict = run.attempts[-1].verdicts[0]
    assert verdict.outcome == "unsure"
    assert "switched off" in verdict.evidence


async def test_what_suits_a_task_looks_on_though_nobody_asked_for_it(
    one_database: Database, redis_url: str, sandbox: Sandbox
) -> None:
    async with a_house(one_database, redis_url, ScriptedModel("small", says=[WRONG] * 20), sandbox=sandbox) as parts:
        run = await answered(parts, a_task(PUZZLE, method="direct"))
    assert run.status == "unverified"
    assert run.verified_by == ()
    assert [verdict.outcome for verdict in run.attempts[0].verdicts if verdict.check == "arithmetic"] == ["fail"]
    assert run.answer is not None
    assert run.answer.text == WRONG


async def test_a_check_that_nobody_asked_for_verifies_nothing(
    one_database: Database, redis_url: str, sandbox: Sandbox
) -> None:
    async with a_house(one_database, redis_url, ScriptedModel("small", says=[ANSWER] * 20), sandbox=sandbox) as parts:
        run = await answered(parts, a_task(PUZZLE, method="direct"))
        asked = await answered(parts, a_task(PUZZLE, method="direct", checks=(ArithmeticCheck(),)))
    assert [verdict.check for verdict in run.attempts[0].verdicts if verdict.outcome == "pass"] == ["arithmetic"]
    assert (run.status, run.verified_by) == ("succeeded", ())
    assert (asked.status, asked.verified_by) == ("succeeded", ("arithmetic",))


async def test_a_judge_is_named_and_its_calls_are_counted(one_database: Database, redis_url: str) -> None:
    small = ScriptedModel("small", says=["Tea is hot."] * 9)
    judge = ScriptedModel("large", says=lambda request: json.dumps(_praise(request.response_schema)))
    async with a_house(one_database, redis_url, small, judge) as parts:
        rubric = RubricCheck(points=("It is about tea.",))
        task = a_task("Write a line on tea.", model="small", method="direct", checks=(rubric,))
        run = await answered(parts, task)
    verdict = run.attempts[0].verdicts[0]
    assert verdict.by == "large"
    assert run.usage.model_calls == len(small.requests) + len(judge.requests)
    assert judge.requests


# --- what does not go together ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "param", "told"),
    [
        ({"method": "self_consistency", "tools": (ToolSpec(name="mine"),)}, "tools", "does not go with tools"),
        ({"method": "direct", "samples": 8}, "pointsman.samples", "use one of: self_consistency"),
        ({"samples": 8, "tools": (ToolSpec(name="mine"),)}, "tools", "samples=8 does not go with tools"),
        ({"method": "loop", "tools": (ToolSpec(name="mine"),)}, "tools", "use method 'direct'"),
    ],
)
async def test_wishes_that_exclude_each_other_are_refused(
    one_database: Database, redis_url: str, task: dict[str, Any], param: str, told: str
) -> None:
    model = ScriptedModel("small")
    async with a_house(one_database, redis_url, model) as parts:
        with pytest.raises(InvalidTask, match=told) as refused:
            await parts.door.begin(a_task(PUZZLE, **task), asker=Asker(), gateway=parts.name)
    assert refused.value.param == param
    assert model.requests == []


async def test_a_vote_on_several_choices_is_refused(one_database: Database, redis_url: str) -> None:
    task = a_task(PUZZLE, method="self_consistency", sampling={"n": 2})
    async with a_house(one_database, redis_url, ScriptedModel("small")) as parts:
        with pytest.raises(InvalidTask, match="does not go with n=2"):
            await parts.door.submit(task, origin="api", asker=Asker())


# --- budgets ----------------------------------------------------------------------------------------------------------


class Counting(ScriptedModel):
    """Costs 10 tokens and a cent a call, takes a moment for it, and never says the same twice: no vote is decided."""

    def __init__(self) -> None:
        numbers = iter(range(1000))
        super().__init__(
            "small",
            says=lambda _: f"The answer is {next(numbers)}.",
            usd_per_call=Decimal("0.01"),
            tokens_per_call=10,
        )

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        async for event in super().stream(request):
            await asyncio.sleep(0.01)
            yield event


@pytest.mark.parametrize(
    ("budget", "most"),
    [
        (Budget(max_model_calls=5), 5),
        (Budget(max_usd=Decimal("0.045")), 5),
        (Budget(max_tokens_total=45), 5),
    ],
    ids=["calls", "usd", "tokens"],
)
async def test_sixteen_samples_at_once_pass_a_limit_by_one_call_at_most(
    database: Database, redis_url: str, budget: Budget, most: int
) -> None:
    model = Counting()
    async with a_house(database, redis_url, model) as parts:
        run = await answered(parts, a_task(PUZZLE, method="self_consistency", samples=16, budget=budget))
    assert len(model.requests) <= most
    assert run.status == "truncated"
    assert run.answer is not None
    assert run.answer.truncated


async def test_sixteen_workers_on_one_budget_pass_it_by_one_call_at_most(database: Database, redis_url: str) -> None:
    model = Counting()
    async with a_house(database, redis_url, model) as parts:
        task = a_task(PUZZLE, method="direct", budget=Budget(max_usd=Decimal("0.045")))
        lease, _ = await parts.door.begin(task, asker=Asker(), gateway=parts.name)
        met = await asyncio.gather(*(_call(parts, lease, number) for number in range(16)))
        run = await parts.load_run(lease.run_id)
    assert run.cost_usd <= Decimal("0.05")
    assert run.usage.model_calls == len(model.requests) == 5
    assert sorted(met) == [""] * 5 + ["max_usd"] * 11


async def _call(parts: Parts, lease: Lease, number: int) -> str:
    """What a worker does that has a piece of the run: ask a model in its name. Gives the limit that it met, if any."""
    nothing: Any = None
    context = Context(
        run_id=lease.run_id,
        key=f"1.worker.{number}",
        parent_id=None,
        attempt=1,
        models=parts.world.models,
        tools={},
        journal=a_journal(parts.database, lease),
        mailbox=nothing,
        clock=parts.world.clock,
    )
    try:
        await call_model(context, "small", a_request(PUZZLE), key="model.0")
    except BudgetExceeded as error:
        return error.limit
    return ""


async def test_a_deadline_in_the_middle_gives_the_best_so_far(database: Database, redis_url: str) -> None:
    class SlowAtLast(ScriptedModel):
        async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
            if len(self.requests) >= 2:
                self.requests.append(request)
                await asyncio.sleep(60)
            async for event in super().stream(request):
                yield event

    model = SlowAtLast("small", says=lambda _: ANSWER if len(model.requests) == 1 else "The answer is 7.")
    async with a_house(database, redis_url, model) as parts:
        budget = Budget(max_seconds=2)
        run = await answered(parts, a_task(PUZZLE, method="self_consistency", samples=8, budget=budget))
    assert run.status == "truncated"
    assert run.answer is not None
    assert run.answer.truncated


# --- crashes ----------------------------------------------------------------------------------------------------------


async def test_finished_samples_are_not_paid_again_when_the_worker_dies(database: Database, redis_url: str) -> None:
    third = asyncio.Event()
    go_on = asyncio.Event()
    number = 0

    class Halting(ScriptedModel):
        async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
            nonlocal number
            number += 1
            if number == 3:
                third.set()
                await go_on.wait()
            async for event in super().stream(request):
                yield event

    texts = iter(range(1000))
    model = Halting("small", says=lambda _: f"The answer is {next(texts)}.")
    async with a_house(database, redis_url, model) as parts:
        task = a_task(PUZZLE, method="self_consistency", samples=4)
        run_id = await parts.door.submit(task, origin="api", asker=Asker())
        async with a_worker(parts, name="first") as worker:
            await asyncio.wait_for(third.wait(), 20)
            await until(parts, run_id, lambda run: run.usage.model_calls >= 2)
            before = {step.key for step in await steps_of(parts, run_id) if (step.kind, step.status) == ("model", "ok")}
            worker.stop()
        go_on.set()
        await asyncio.sleep(parts.settings.lease.total_seconds() + 0.2)
        await parts.upkeep.sweep()
        async with a_worker(parts, name="second"):
            run = await ended(parts, run_id)
        steps = await steps_of(parts, run_id)
    finished = {step.key for step in steps if (step.kind, step.status) == ("model", "ok")}
    assert run.status == "succeeded"
    assert len(before) >= 2
    assert before < finished
    assert len(finished) == 4
    # A request is noted when the model answers: four answers were made, and none of those finished was asked for again.
    assert len(model.requests) == 4


# --- the long pass ----------------------------------------------------------------------------------------------------


async def test_the_long_pass_tells_its_price_and_then_how_far_it_is(
    one_database: Database, redis_url: str, sandbox: Sandbox
) -> None:
    async with a_house(one_database, redis_url, says(ANSWER), sandbox=sandbox) as parts, a_worker(parts):
        task = a_task(PUZZLE, effort=Effort.MAX, samples=3)
        plan = await parts.door.preview(task, asker=Asker())
        run = await ended(parts, await parts.door.submit(task, origin="api", asker=Asker()))
        steps = await steps_of(parts, run.id)
    assert [rung.short for rung in plan.rungs] == ["long_pass small max n<=3"]
    assert plan.rungs[0].seconds > 0
    assert (run.status, run.error) == ("succeeded", None)
    assert run.answer is not None
    assert run.answer.text == ANSWER
    stages = [step.name for step in steps if step.name.startswith("stage")]
    assert [name.partition(":")[0] for name in stages] == ["stage 1 of 3", "stage 2 of 3", "stage 3 of 3"]

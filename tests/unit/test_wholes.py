"""The ladder and the long pass in a plan: when they are asked for, and what they are expected to cost."""

from decimal import Decimal
from typing import Any

import pytest

from agents.methods.roster import METHODS
from agents.records import Attachment, Effort, MethodName, Task, ToolSpec
from router.plan import plan as draw_up
from router.records import ModelCard, Plan
from router.rules import Then
from services.records import Known
from services.wholes import WHOLES, lower_rungs, whole_of, whole_plan, without_wholes
from tests.builders import a_task

CARDS = tuple(
    ModelCard(id=name, parameters_billion=size, context_tokens=32_000, usd_per_million_output_tokens=Decimal(price))
    for name, size, price in (("large", 70.0, 3), ("small", 7.0, 1), ("middle", 14.0, 2))
)
PUZZLE = "How many sheep does the captain own if he had 26 and bought 16 more?"


def planned(whole: MethodName, task: Task) -> Plan:
    rest = [method for method in METHODS if method not in WHOLES]
    return whole_plan(whole, task, CARDS, lambda one: draw_up(one, cards=CARDS, methods=rest))


@pytest.mark.parametrize(
    ("task", "known", "whole"),
    [
        ({"effort": Effort.MAX}, {}, "long_pass"),
        ({"method": "long_pass"}, {}, "long_pass"),
        ({"method": "ladder"}, {}, "ladder"),
        ({"effort": Effort.MAX, "method": "direct"}, {}, None),
        ({"effort": Effort.MAX, "team": "review"}, {}, None),
        ({"effort": Effort.MAX, "tools": (ToolSpec(name="mine"),)}, {}, None),
        ({}, {"settings": Then(effort=Effort.MAX)}, "long_pass"),
        ({"effort": Effort.LOW}, {"settings": Then(effort=Effort.MAX)}, None),
        ({}, {"key_overrides": Then(method="ladder")}, "ladder"),
        ({}, {}, None),
    ],
)
def test_who_asks_for_a_whole(task: dict[str, Any], known: dict[str, Any], whole: str | None) -> None:
    assert whole_of(a_task(PUZZLE, **task), Known(**known)) == whole


def test_a_whole_that_a_conversation_wants_is_kept_from_the_planner() -> None:
    known = Known(settings=Then(method="ladder", max_usd=Decimal(1)), key_overrides=Then(method="direct"))
    left = without_wholes(known)
    assert left.settings == Then(max_usd=Decimal(1))
    assert left.key_overrides == known.key_overrides


def test_a_ladder_is_one_rung_that_costs_less_than_all_of_it_and_may_cost_as_much() -> None:
    plan = planned("ladder", a_task(PUZZLE, method="ladder", effort=Effort.HIGH))
    [rung] = plan.rungs
    vote = draw_up(
        a_task(PUZZLE, method="self_consistency", samples=8, effort=Effort.HIGH), cards=CARDS, methods=METHODS
    ).rungs[-1]
    assert (rung.method, rung.model, rung.samples) == ("ladder", vote.model, 8)
    assert rung.cost_usd < vote.cost_usd
    assert rung.worst_usd > vote.worst_usd
    assert "direct small none, then" in plan.why


def test_a_ladder_goes_up_by_size_and_stays_with_a_model_that_was_named() -> None:
    plan = planned("ladder", a_task(PUZZLE, method="ladder"))
    below_large = [card.id for card in lower_rungs(a_task(PUZZLE), plan, "large", CARDS)]
    named = [card.id for card in lower_rungs(a_task(PUZZLE, model="middle"), plan, "middle", CARDS)]
    assert below_large == ["small", "middle", "large"]
    assert named == ["middle"]


def test_the_price_of_the_long_pass_is_told_before_it_begins_and_grows_with_the_document() -> None:
    text = "Clause 1. The tenant pays rent on the first day of each month. " * 200
    short = planned("long_pass", a_task(PUZZLE, effort=Effort.MAX)).rungs[-1]
    long = planned(
        "long_pass",
        a_task("Which clauses contradict?", effort=Effort.MAX, attachments=(Attachment(name="a", text=text * 5),)),
    )
    longer = planned(
        "long_pass",
        a_task("Which clauses contradict?", effort=Effort.MAX, attachments=(Attachment(name="a", text=text * 10),)),
    )
    assert (short.method, short.effort) == ("long_pass", Effort.MAX)
    assert 0 < short.cost_usd < short.worst_usd
    assert short.seconds > 0
    assert long.rungs[-1].input_tokens < longer.rungs[-1].input_tokens
    assert "about" in long.why
    assert "calls" in long.why


def test_a_calculation_is_computed_at_any_effort() -> None:
    assert [rung.method for rung in planned("long_pass", a_task("17% of 3,482", effort=Effort.MAX)).rungs] == [
        "calculate"
    ]

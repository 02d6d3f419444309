"""The plan: gates first, then what the asker insists on, then the policy; and errors that say what would do."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import InvalidTask, NotFound, Unavailable
from agents.records import (
    Attachment,
    Budget,
    ChatMessage,
    Effort,
    JsonSchemaCheck,
    MathCheck,
    RegexCheck,
    Sampling,
    Task,
    ToolSpec,
)
from router.plan import plan
from router.records import ModelCard, Plan, Rung
from router.session import Session
from tests.builders import a_task

SMALL = ModelCard(id="small", parameters_billion=0.5, context_tokens=8192, decode_tokens_per_second=35)
LARGE = ModelCard(id="large", parameters_billion=1.5, context_tokens=8192, decode_tokens_per_second=14)
RENTED = ModelCard(
    id="rented",
    parameters_billion=70,
    context_tokens=131_072,
    efforts=(Effort.NONE, Effort.LOW, Effort.HIGH),
    usd_per_million_input_tokens=Decimal("0.6"),
    usd_per_million_output_tokens=Decimal("1.2"),
)
BOTH = (SMALL, LARGE)
CLOSE = (
    SMALL.model_copy(update={"parameters_billion": 4.0}),
    LARGE.model_copy(update={"parameters_billion": 14.0, "decode_tokens_per_second": 25.0}),
)
"""Two that both do for small talk."""
ALL = (SMALL, LARGE, RENTED)
WORDS = "Natalia sold 48 clips in April and half as many in May. How many did she sell altogether?"


def changed(card: ModelCard, **fields: Any) -> ModelCard:
    return card.model_copy(update=fields)


def changed_task(task: Task, **fields: Any) -> Task:
    return task.model_copy(update=fields)


def test_a_calculation_needs_no_model() -> None:
    drawn = plan(a_task("What is 17% of 3,482?"), cards=())
    assert drawn.short == "calculate"
    assert drawn.rungs[0].accept == "exact"
    assert drawn.rungs[0].cost_usd == 0
    assert "17% of 3482 = 591.94" in drawn.why


def test_a_calculation_that_depends_on_today_is_given_the_date() -> None:
    task = a_task("how many days until Christmas?")
    assert plan(task, cards=BOTH, today=dt.date(2026, 11, 23)).short == "calculate"
    assert plan(task, cards=BOTH).rungs[0].method == "direct"


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "large"},
        {"tools": (ToolSpec(name="search"),)},
        {"response_schema": {"type": "object"}},
        {"json_object": True},
        {"attachments": (Attachment(name="notes.txt", text="1 + 1"),)},
        {"sampling": Sampling(n=2)},
        {"sampling": Sampling(logprobs=True)},
        {"checks": (JsonSchemaCheck(schema={"type": "object"}),)},
        {"method": "direct"},
    ],
    ids=str,
)
def test_the_gate_stays_shut_when_more_than_the_answer_is_wanted(fields: dict[str, Any]) -> None:
    assert {rung.method for rung in plan(a_task("1 + 1", **fields), cards=BOTH).rungs} == {"direct"}


@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_the_gate_stays_shut_inside_a_conversation(role: Any) -> None:
    task = a_task("1 + 1")
    longer = task.model_copy(update={"messages": (ChatMessage(role=role, content="As a joke:"), *task.messages)})
    assert plan(longer, cards=BOTH).rungs[0].method == "direct"


def test_a_computed_answer_that_a_check_may_refuse_has_models_behind_it() -> None:
    drawn = plan(a_task("1 + 1", checks=(RegexCheck(pattern="^two$"),)), cards=BOTH)
    assert drawn.rungs[0].method == "calculate"
    assert drawn.rungs[-1].method == "direct"
    assert {rung.accept for rung in drawn.rungs} == {"checks"}
    assert len(drawn.rungs) <= 3
    assert plan(a_task("1 + 1", checks=(RegexCheck(pattern="2"),)), cards=()).short == "calculate"


def test_one_rung_stands_alone_where_nothing_can_check_it() -> None:
    drawn = plan(a_task(WORDS), cards=ALL)
    assert len(drawn.rungs) == 1
    assert drawn.rungs[0].accept == "always"
    assert {rung.short for rung in drawn.considered} == {
        "direct small none",
        "direct large none",
        "direct rented none",
        "direct rented low",
        "direct rented high",
    } - {drawn.short}


def test_a_check_makes_it_worth_trying_the_cheap_way_first() -> None:
    quick = changed(SMALL, parameters_billion=8, decode_tokens_per_second=500, prefill_tokens_per_second=9000)
    slow = changed(RENTED, decode_tokens_per_second=20)
    drawn = plan(a_task(WORDS, checks=(MathCheck(reference="72"),)), cards=(quick, slow))
    assert len(drawn.rungs) > 1
    assert drawn.rungs[0].model == "small"
    assert [rung.quality for rung in drawn.rungs] == sorted(rung.quality for rung in drawn.rungs)
    assert "if a check fails" in drawn.why


def test_the_dial_decides_between_cheap_and_good() -> None:
    assert plan(a_task("hello!", effort=Effort.NONE), cards=CLOSE).short == "direct small none"
    assert plan(a_task("hello!", effort=Effort.MAX), cards=CLOSE).short == "direct large none"
    assert plan(a_task(WORDS, effort=Effort.MAX), cards=ALL).short == "direct rented high"


def test_cheap_is_not_taken_where_it_is_no_answer() -> None:
    assert plan(a_task(WORDS, effort=Effort.NONE), cards=BOTH).short == "direct large none"


def test_a_quality_target_takes_the_cheapest_that_reaches_it() -> None:
    reached = plan(a_task("hello!", quality_target=0.5), cards=CLOSE)
    assert reached.short == "direct small none"
    assert "cheapest that reaches the quality target" in reached.why
    missed = plan(a_task("hello!", quality_target=1.0), cards=CLOSE)
    assert missed.short == "direct large none"
    assert "Nothing reaches the quality target" in missed.why


def test_a_queue_in_front_of_a_model_counts() -> None:
    small, large = CLOSE
    idle = changed(small, id="idle")
    assert plan(a_task("hello!", effort=Effort.MAX), cards=(changed(small, queue=50), idle)).rungs[0].model == "idle"
    assert plan(a_task("hello!"), cards=(small, changed(large, queue=50))).rungs[0].model == "small"
    waits = plan(a_task("hello!"), cards=(changed(large, queue=5),))
    assert waits.rungs[0].seconds > plan(a_task("hello!"), cards=(large,)).rungs[0].seconds
    assert "5 requests wait in front of large" in waits.why


def test_a_model_that_is_down_is_not_planned() -> None:
    assert plan(a_task(WORDS), cards=(SMALL, changed(LARGE, healthy=False))).rungs[0].model == "small"


def test_without_a_healthy_model_the_asker_is_told_to_wait() -> None:
    with pytest.raises(Unavailable, match=r"small, large.*GET /api/models"):
        plan(a_task(WORDS), cards=[changed(card, healthy=False) for card in BOTH])
    with pytest.raises(Unavailable, match="catalog is empty"):
        plan(a_task(WORDS), cards=())


def test_a_prompt_that_only_a_sleeping_model_can_take_waits_for_it() -> None:
    with pytest.raises(Unavailable, match="rented"):
        plan(a_task("word " * 20_000), cards=(SMALL, changed(RENTED, healthy=False)))


def test_a_named_model_answers_at_the_effort_nearest_to_the_one_asked_for() -> None:
    drawn = plan(a_task(WORDS, model="rented", effort=Effort.MEDIUM), cards=ALL)
    assert drawn.short == "direct rented low"
    assert "Effort medium was asked for" in drawn.why
    assert plan(a_task(WORDS, model="rented", effort=Effort.MAX), cards=ALL).short == "direct rented high"
    weakest = changed(RENTED, efforts=(Effort.LOW, Effort.HIGH))
    assert plan(a_task(WORDS, model="rented", effort=Effort.NONE), cards=(weakest,)).short == "direct rented low"


def test_a_named_model_that_is_down_is_planned_with_a_warning() -> None:
    drawn = plan(a_task(WORDS, model="large"), cards=(SMALL, changed(LARGE, healthy=False)))
    assert drawn.short == "direct large none"
    assert "does not answer at the moment" in drawn.why


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFound, match=r"'gpt-9'.*auto, large, small, team/review") as model:
        plan(a_task(model="gpt-9"), cards=BOTH, teams=["review"])
    assert (model.value.param, model.value.code) == ("model", "model_not_found")
    with pytest.raises(NotFound, match=r"'revue'.*review") as team:
        plan(a_task(model="team/revue"), cards=BOTH, teams=["review"])
    assert (team.value.param, team.value.code) == ("model", "team_not_found")


@pytest.mark.parametrize("fields", [{"team": "review"}, {"model": "team/review"}, {"team": "review", "method": "team"}])
def test_a_team_that_is_named_is_the_plan(fields: dict[str, Any]) -> None:
    drawn = plan(a_task("Write about rain", **fields), cards=BOTH, teams=["review"])
    assert drawn.short == "team review"
    assert (drawn.rungs[0].team, drawn.rungs[0].model) == ("review", None)
    assert "review was asked for by name" in drawn.why


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ({"method": "refine"}, "pointsman.method", "'refine' is not available; available are: calculate, direct, team"),
        ({"method": "calculate"}, "pointsman.method", "wholly a calculation"),
        ({"method": "calculate", "model": "small"}, "pointsman.method", "asks no model"),
        ({"method": "team"}, "pointsman.team", "there are: review"),
        ({"method": "direct", "team": "review"}, "pointsman.method", "does not work with a team"),
        ({"model": "team/review", "team": "other"}, "pointsman.team", "two teams"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(fields: dict[str, Any], param: str, message: str) -> None:
    with pytest.raises(InvalidTask, match=message) as refused:
        plan(a_task(WORDS, **fields), cards=BOTH, teams=["review", "other"][:1])
    assert refused.value.param == param


def test_a_method_that_is_insisted_on_is_used() -> None:
    assert plan(a_task("1 + 1", method="calculate"), cards=()).short == "calculate"
    assert plan(a_task("1 + 1", method="direct"), cards=BOTH).rungs[0].method == "direct"


def test_tools_go_to_a_model_that_can_call_them() -> None:
    tools = (ToolSpec(name="search"),)
    cannot = changed(LARGE, tools=False)
    assert plan(a_task(WORDS, tools=tools), cards=(SMALL, cannot)).rungs[0].model == "small"
    assert plan(a_task(WORDS, tools=tools, tool_choice="none"), cards=(SMALL, cannot)).rungs[0].model == "large"
    with pytest.raises(InvalidTask, match="none of these models can call tools: large"):
        plan(a_task(WORDS, tools=tools), cards=(cannot,))


def test_a_schema_goes_to_a_model_that_can_follow_it_and_is_a_check() -> None:
    cannot = changed(LARGE, json_schema=False)
    drawn = plan(a_task(WORDS, response_schema={"type": "object"}), cards=(SMALL, cannot))
    assert drawn.rungs[-1].model == "small"
    assert drawn.rungs[-1].accept == "checks"


def test_a_prompt_that_fits_nowhere_is_refused_with_the_sizes() -> None:
    with pytest.raises(InvalidTask, match=r"about 285\d\d tokens of prompt.*8192 tokens in all") as refused:
        plan(a_task("word " * 20_000), cards=BOTH)
    assert refused.value.code == "context_length_exceeded"
    assert plan(a_task("word " * 20_000), cards=ALL).rungs[0].model == "rented"


def test_thinking_that_does_not_fit_is_not_planned() -> None:
    narrow = changed(RENTED, context_tokens=1000)
    drawn = plan(a_task(WORDS, effort=Effort.MAX), cards=(narrow,))
    assert drawn.short == "direct rented low"


def test_a_budget_too_small_for_anything_keeps_the_cheapest_and_says_so() -> None:
    drawn = plan(a_task(WORDS, effort=Effort.MAX, budget=Budget(max_usd=Decimal("0.0000001"))), cards=(RENTED,))
    assert drawn.short == "direct rented none"
    assert "Nothing fits into max_usd" in drawn.why


def test_a_better_rung_outside_of_the_budget_is_named_with_the_reason() -> None:
    drawn = plan(a_task(WORDS, budget=Budget(max_usd=Decimal(0))), cards=ALL)
    assert drawn.rungs[0].model == "large"
    assert "not within the budget" in drawn.why


def test_samples_that_no_method_draws_are_spoken_of() -> None:
    assert "8 samples were asked for" in plan(a_task(WORDS, samples=8), cards=BOTH).why


def test_the_plan_says_what_was_seen_and_what_would_change_it() -> None:
    drawn = plan(a_task("hello!", effort=Effort.MAX), cards=CLOSE)
    assert max(drawn.task_type, key=lambda kind: drawn.task_type[kind]) == "chat"
    assert sum(drawn.task_type.values()) == pytest.approx(1, abs=0.01)
    assert drawn.features["words"] == 1
    assert "Effort none or effort low would take direct small none." in drawn.would_change
    assert drawn.limits == Budget()


@pytest.mark.parametrize("effort", [Effort.NONE, Effort.LOW, Effort.AUTO, Effort.MAX])
@pytest.mark.parametrize("usd", [None, Decimal("0.0001"), Decimal("0.01")])
def test_what_would_change_the_choice_does(effort: Effort, usd: Decimal | None) -> None:
    asleep = changed(RENTED, id="asleep", healthy=False, parameters_billion=400)
    task = a_task(WORDS, effort=effort, budget=Budget(max_usd=usd))
    drawn = plan(task, cards=(*CLOSE, RENTED, asleep))
    causes: dict[str, str] = {}
    for sentence in drawn.would_change:
        together, outcome = sentence.removesuffix(".").split(" would take ")
        causes |= dict.fromkeys(together.lower().split(" or "), outcome)
    assert causes
    assert drawn.short not in causes.values()
    for cause, outcome in causes.items():
        cards = (*CLOSE, RENTED, changed(asleep, healthy="again" in cause))
        assert plan(changed_so(cause, task), cards=cards).short == outcome
    for turned in Effort:
        short = plan(changed_task(task, effort=turned), cards=(*CLOSE, RENTED, asleep)).short
        assert short == causes.get(f"effort {turned}", drawn.short)


def changed_so(cause: str, task: Task) -> Task:
    """What a cause in `would_change` speaks of."""
    match cause.split():
        case ["effort", effort]:
            return changed_task(task, effort=Effort(effort))
        case ["quality_target", target]:
            return changed_task(task, quality_target=float(target))
        case ["no", "max_usd"]:
            return changed_task(task, budget=Budget())
        case ["a", "check", "of", "the", "answer"]:
            return changed_task(task, checks=(MathCheck(reference="72"),))
        case _:
            assert cause == "asleep answering again"
            return task


def test_a_picture_goes_to_a_model_that_sees() -> None:
    picture = a_task("What is this?", attachments=(Attachment(name="a.png", media_type="image/png", text=""),))
    assert plan(picture, cards=(LARGE, changed(SMALL, modalities=("text", "image")))).rungs[0].model == "small"
    with pytest.raises(InvalidTask, match="none of these models can read images: small, large"):
        plan(picture, cards=BOTH)


def test_a_text_goes_to_a_model_that_knows_its_script() -> None:
    english, russian = changed(LARGE, languages=("en", "de")), changed(SMALL, languages=("ru",))
    assert plan(a_task("Почему небо голубое?"), cards=(english, russian)).rungs[0].model == "small"
    alone = plan(a_task("Почему небо голубое?"), cards=(english,))
    assert "mostly cyrillic" in alone.why


def test_a_named_method_is_planned_as_often_as_asked_on_the_best_model() -> None:
    task = a_task(WORDS, method="self_consistency", samples=6, effort=Effort.MAX)
    drawn = plan(task, cards=ALL, methods=("direct", "self_consistency"))
    assert (drawn.rungs[0].method, drawn.rungs[0].samples, drawn.rungs[0].model) == ("self_consistency", 6, "rented")
    once = plan(a_task(WORDS, method="direct", effort=Effort.MAX), cards=ALL)
    assert drawn.rungs[0].output_tokens == 6 * once.rungs[0].output_tokens
    with pytest.raises(InvalidTask, match="'self_consistency' is not available"):
        plan(task, cards=ALL)


def test_a_conversation_keeps_its_model_on_tool_turns() -> None:
    messages = (
        ChatMessage(role="user", content=WORDS),
        ChatMessage(role="assistant", content=""),
        ChatMessage(role="tool", content="24", tool_call_id="1"),
    )
    task = changed_task(a_task(WORDS, tools=(ToolSpec(name="search"),)), messages=messages)
    for model in ("small", "large"):
        drawn = plan(task, cards=BOTH, session=Session(model=model, effort=Effort.NONE))
        assert drawn.short == f"direct {model} none"
        assert "the loop stays with" in drawn.why
    forced = plan(
        task, cards=(SMALL, changed(LARGE, healthy=False)), session=Session(model="large", effort=Effort.NONE)
    )
    assert forced.rungs[0].model == "small"
    assert "which cannot go on" in forced.why


def test_after_a_failed_check_effort_rises_before_the_model_changes() -> None:
    thinking = changed(SMALL, parameters_billion=8, efforts=(Effort.NONE, Effort.HIGH))
    session = Session(model="small", effort=Effort.NONE, failed_check=True)
    drawn = plan(a_task(WORDS), cards=(thinking, changed(LARGE, parameters_billion=8.5)), session=session)
    assert drawn.short == "direct small high"
    assert "was refused" in drawn.why


def test_the_cache_that_would_be_lost_is_priced_in() -> None:
    small, large = (changed(card, context_tokens=65_536, decode_tokens_per_second=30.0) for card in CLOSE)
    task = a_task(f"{'word ' * 20_000}\n\nSummarise this.", effort=Effort.LOW)
    fresh = plan(task, cards=(small, large))
    other = "large" if fresh.rungs[-1].model == "small" else "small"
    held = Session(model=other, effort=Effort.NONE, cached_tokens=28_000)
    kept = plan(task, cards=(small, large), session=held)
    assert kept.rungs[0].model == other
    assert kept.rungs[0].seconds < next(rung.seconds for rung in fresh.considered if rung.model == other)


def test_yes_after_a_hard_request_plans_as_the_request_did() -> None:
    hard = f"{WORDS} Prove it, and write a program that computes it for any numbers, with tests."
    talked = (
        ChatMessage(role="user", content=hard),
        ChatMessage(role="assistant", content="I would start with the program."),
        ChatMessage(role="user", content="yes, do it"),
    )
    before, after = a_task(hard), changed_task(a_task("x"), messages=talked)
    assert plan(after, cards=ALL).short == plan(before, cards=ALL).short
    assert "approve of what was said before" in plan(after, cards=ALL).why


@settings(deadline=None)
@given(st.text(max_size=2500), st.sampled_from(Effort), st.none() | st.floats(0, 1))
def test_no_text_is_too_strange_to_plan_for(prompt: str, effort: Effort, target: float | None) -> None:
    drawn = plan(a_task(prompt or " ", effort=effort, quality_target=target), cards=ALL)
    assert 1 <= len(drawn.rungs) <= 3
    assert drawn == plan(a_task(prompt or " ", effort=effort, quality_target=target), cards=ALL)
    for rung in drawn.rungs:
        assert 0 <= rung.quality_low <= rung.quality <= rung.quality_high <= 1


def test_the_rungs_of_a_plan_are_what_their_record_checks_and_dumps() -> None:
    drawn = plan(a_task("Why is the sky blue?"), cards=ALL)
    assert Plan.model_validate(drawn.model_dump()) == drawn
    assert Plan.model_validate_json(drawn.model_dump_json()).model_dump() == drawn.model_dump()
    assert all(rung.model_fields_set == set(Rung.model_fields) for rung in (*drawn.rungs, *drawn.considered))

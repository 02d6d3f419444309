"""What the policy promises, on catalogs and budgets of every kind."""

import operator
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.records import Budget, ChatMessage, Effort, MathCheck, MethodName, Task
from router.costs import Cost
from router.plan import plan
from router.policy import AGREEMENT_RATIO, Candidate, Dial, Pull, choose, contenders, pull
from router.quality import Estimate
from router.records import ModelCard, Plan, Rung
from router.session import Session
from tests.builders import a_task

_LADDERS = st.sampled_from(
    [
        (Effort.NONE,),
        (Effort.NONE, Effort.HIGH),
        (Effort.LOW, Effort.MEDIUM, Effort.HIGH),
        (Effort.NONE, Effort.LOW, Effort.MEDIUM, Effort.HIGH, Effort.MAX),
    ]
)
_PRICES = st.sampled_from([Decimal(0), Decimal("0.1"), Decimal("0.9"), Decimal(3), Decimal(15)])


def _card(name: str) -> st.SearchStrategy[ModelCard]:
    return st.builds(
        ModelCard,
        id=st.just(name),
        parameters_billion=st.sampled_from([0.5, 1.5, 4.0, 8.0, 32.0, 70.0, 400.0]),
        context_tokens=st.just(100_000),
        efforts=_LADDERS,
        usd_per_million_input_tokens=_PRICES,
        usd_per_million_output_tokens=_PRICES,
        usd_per_hour=st.sampled_from([Decimal(0), Decimal(2)]),
        decode_tokens_per_second=st.sampled_from([5.0, 40.0, 200.0]),
        queue=st.integers(0, 20),
    )


_CATALOGS = st.tuples(_card("one"), _card("two"), _card("three"))
_PROMPTS = st.sampled_from(
    [
        "Why is the sky blue?",
        "Write a Python function that reverses a list",
        "A farmer has 12 cows and buys 5 more each year. How many cows does he have after 7 years?",
        "Translate to French: good morning",
        "hello",
    ]
)
_CHECKS = st.sampled_from([(), (MathCheck(reference="47"),)])
_EFFORTS = st.sampled_from(Effort)
_USD = st.sampled_from([None, *(Decimal(10) ** power for power in range(-6, 1))])


def best(drawn: Plan) -> float:
    return max(rung.quality for rung in drawn.rungs)


def dominates(other: Rung, rung: Rung) -> bool:
    theirs, ours = ((-each.quality, each.cost_usd, each.seconds, each.output_tokens) for each in (other, rung))
    return theirs != ours and all(a <= b for a, b in zip(theirs, ours, strict=True))


@settings(deadline=None)
@given(_CATALOGS, _PROMPTS, _CHECKS, _EFFORTS, st.none() | st.floats(0, 1), _USD, _USD)
def test_more_money_never_lowers_the_expected_quality(
    cards: Any,
    prompt: str,
    checks: Any,
    effort: Effort,
    target: float | None,
    one: Decimal | None,
    other: Decimal | None,
) -> None:
    less, more = sorted((one, other), key=lambda usd: Decimal("Infinity") if usd is None else usd)
    poor, rich = (
        plan(
            a_task(prompt, checks=checks, effort=effort, quality_target=target, budget=Budget(max_usd=usd)), cards=cards
        )
        for usd in (less, more)
    )
    assert best(poor) <= best(rich)


@settings(deadline=None)
@given(_CATALOGS, _PROMPTS, _CHECKS, _EFFORTS)
def test_a_dominated_rung_is_never_chosen(cards: Any, prompt: str, checks: Any, effort: Effort) -> None:
    drawn = plan(a_task(prompt, checks=checks, effort=effort), cards=cards)
    for rung in drawn.rungs:
        assert not any(dominates(other, rung) for other in (*drawn.rungs, *drawn.considered))


@settings(deadline=None)
@given(_CATALOGS, _PROMPTS, _CHECKS, _USD)
def test_the_most_effort_expects_at_least_the_quality_of_the_least(
    cards: Any, prompt: str, checks: Any, usd: Decimal | None
) -> None:
    least, high, most = (
        plan(a_task(prompt, checks=checks, effort=effort, budget=Budget(max_usd=usd)), cards=cards)
        for effort in (Effort.NONE, Effort.HIGH, Effort.MAX)
    )
    assert best(least) <= best(high) <= best(most)


@settings(deadline=None)
@given(_CATALOGS, _PROMPTS, _CHECKS, _EFFORTS, _USD)
def test_the_rungs_together_fit_the_budget_unless_the_plan_says_otherwise(
    cards: Any, prompt: str, checks: Any, effort: Effort, usd: Decimal | None
) -> None:
    drawn = plan(a_task(prompt, checks=checks, effort=effort, budget=Budget(max_usd=usd)), cards=cards)
    spent = sum((rung.worst_usd for rung in drawn.rungs), Decimal(0))
    assert usd is None or spent <= usd or "Nothing fits into max_usd" in drawn.why


@settings(deadline=None)
@given(_CATALOGS, _PROMPTS, _EFFORTS)
def test_a_second_rung_is_there_only_where_a_check_decides(cards: Any, prompt: str, effort: Effort) -> None:
    assert len(plan(a_task(prompt, effort=effort), cards=cards).rungs) == 1


@settings(deadline=None)
@given(_CATALOGS, _PROMPTS, _EFFORTS, st.integers(0, 3))
def test_no_more_rungs_than_calls_are_allowed(cards: Any, prompt: str, effort: Effort, calls: int) -> None:
    task = a_task(prompt, effort=effort, checks=(MathCheck(reference="1"),), budget=Budget(max_model_calls=calls))
    drawn = plan(task, cards=cards)
    assert len(drawn.rungs) <= max(calls, 1)
    assert calls > 0 or "Nothing fits into max_model_calls" in drawn.why


@settings(deadline=None)
@given(_CATALOGS, _PROMPTS, _EFFORTS, st.floats(0.5, 500))
def test_a_slow_rung_gives_way_to_the_deadline(cards: Any, prompt: str, effort: Effort, seconds: float) -> None:
    drawn = plan(a_task(prompt, effort=effort, budget=Budget(max_seconds=seconds)), cards=cards)
    [rung] = drawn.rungs
    if rung.seconds > seconds:
        assert "Nothing fits into max_seconds" in drawn.why
        assert all(other.seconds >= rung.seconds for other in drawn.considered)


@settings(deadline=None)
@given(_CATALOGS, _PROMPTS, _CHECKS, st.integers(100, 200_000))
def test_the_tokens_stay_within_the_budget_at_worst_unless_the_plan_says_otherwise(
    cards: Any, prompt: str, checks: Any, tokens: int
) -> None:
    drawn = plan(a_task(prompt, checks=checks, budget=Budget(max_tokens_total=tokens)), cards=cards)
    assert sum(rung.worst_tokens for rung in drawn.rungs) <= tokens or "Nothing fits into max_tokens_total" in drawn.why


@settings(deadline=None)
@given(_CATALOGS, _PROMPTS, _EFFORTS, st.sampled_from(["one", "two", "three"]), st.integers(0, 50_000), _USD)
def test_a_tool_turn_keeps_the_model_of_its_session(
    cards: Any, prompt: str, effort: Effort, model: str, cached: int, usd: Decimal | None
) -> None:
    messages = (*a_task(prompt).messages, ChatMessage(role="tool", content="done", tool_call_id="1"))
    task = Task(messages=messages, effort=effort, budget=Budget(max_usd=usd))
    session = Session(model=model, effort=Effort.NONE, cached_tokens=cached)
    drawn = plan(task, cards=cards, session=session)
    assert {rung.model for rung in drawn.rungs} == {model}
    assert drawn == plan(task, cards=cards, session=session)


_ALL_METHODS = ("direct", "self_consistency", "best_of_n", "refine", "verify")


@settings(deadline=None, max_examples=30)
@given(_CATALOGS, _PROMPTS, _CHECKS, _EFFORTS)
def test_no_method_or_number_of_samples_is_chosen_that_another_beats(
    cards: Any, prompt: str, checks: Any, effort: Effort
) -> None:
    drawn = plan(a_task(prompt, checks=checks, effort=effort), cards=cards, methods=_ALL_METHODS)
    assert not any(
        _burdens(other) != _burdens(rung) and all(map(operator.le, _burdens(other), _burdens(rung)))
        for rung in drawn.rungs
        for other in drawn.considered
    )


def _burdens(rung: Rung) -> tuple[Any, ...]:
    worst = (rung.worst_usd, rung.worst_tokens, rung.samples * (1 if rung.method == "self_consistency" else 9))
    return (-rung.quality, rung.cost_usd, rung.seconds, *worst)


def test_agreement_decides_only_where_the_last_rung_is_much_dearer() -> None:
    def ladder(ratio: float) -> tuple[tuple[str, ...], str]:
        votes, final = _rung("small", 0.6, 0.0001, method="self_consistency"), _rung("large", 0.9, 0.0001 * ratio)
        choice = choose(contenders([votes, final]), budget=Budget(), dial=Dial(Effort.AUTO), checked=False)
        return tuple(one.model for one in choice.chosen), choice.rungs[0].accept

    assert ladder(AGREEMENT_RATIO + 1) == (("small", "large"), "agreement")
    assert ladder(AGREEMENT_RATIO - 1) == (("large",), "always")


def _rung(model: str, quality: float, usd: float, *, method: MethodName = "direct") -> Candidate:
    money = Decimal(str(usd))
    used = Cost(10, 10, usd=money, seconds=0.0, gpu_seconds=0.0, worst_tokens=20, worst_usd=money)
    spread = Estimate(quality, quality - 0.1, quality + 0.05)
    return Candidate(model, Effort.NONE, estimate=spread, cost=used, liked=Pull({}), method=method)


def test_a_rung_made_unchecked_has_every_field_and_would_pass_the_check() -> None:
    rung = _rung("small", 0.8, 0.01).rung("always")
    assert list(vars(rung)) == list(Rung.model_fields)
    assert Rung.model_validate(vars(rung)) == rung


def test_of_two_about_alike_effort_comes_before_size() -> None:
    cards = [ModelCard(id=name, parameters_billion=size, context_tokens=9000) for name, size in (("s", 8), ("l", 70))]
    liked, used = pull(cards), Cost(10, 10, Decimal("0.01"), 1.0, 0.0, 20, Decimal("0.01"))
    thinking = Candidate("s", Effort.HIGH, estimate=Estimate(0.8, 0.7, 0.9), cost=used, liked=liked)
    larger = Candidate(
        "l", Effort.NONE, estimate=Estimate(0.805, 0.7, 0.9), cost=used._replace(worst_tokens=30), liked=liked
    )
    better = Candidate(
        "l", Effort.NONE, estimate=Estimate(0.85, 0.7, 0.9), cost=used._replace(worst_tokens=30), liked=liked
    )
    for other, chosen in ((larger, "s"), (better, "l")):
        options = contenders([thinking, other])
        assert choose(options, budget=Budget(), dial=Dial(Effort.AUTO), checked=False).chosen[0].model == chosen

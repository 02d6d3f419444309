"""What is learned from graded answers: it starts at the shipped estimate and ends at what was observed."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.records import Effort
from router.learn import TEXT_LABELS, Outcome, learned_from
from router.learned import Learned
from router.quality import Estimate, Outlook, expected
from router.records import ModelCard
from router.tables import load_tables
from router.tasktype import TASK_TYPES, TaskType

TABLES = load_tables()


def a_card(name: str = "mine", billion: float = 8.0, **fields: Any) -> ModelCard:
    return ModelCard(id=name, parameters_billion=billion, context_tokens=8192, **fields)


def an_outcome(quality: float, kind: TaskType = "math", **fields: Any) -> Outcome:
    values: dict[str, Any] = {"model": "mine", "words": 59, **fields}
    return Outcome(task_type={kind: 1.0}, quality=quality, **values)


def quality_of(
    learned: Learned, kind: TaskType = "math", *, card: ModelCard | None = None, words: int = 59, **fields: Any
) -> Estimate:
    asked: dict[str, Any] = {"effort": Effort.NONE, **fields}
    return expected(TABLES, {kind: 1.0}, words=words, card=card or a_card(), learned=learned, **asked)


def graded(rate: float, count: int, **fields: Any) -> list[Outcome]:
    right = round(rate * count)
    return [an_outcome(float(at < right), **fields) for at in range(count)]


@given(kind=st.sampled_from(TASK_TYPES), words=st.integers(0, 5000), billion=st.floats(0.3, 500))
def test_without_outcomes_the_shipped_estimate_stands_exactly(kind: TaskType, words: int, billion: float) -> None:
    card = a_card(billion=billion)
    learned = learned_from([], cards=[card])
    assert learned == Learned()
    assert quality_of(learned, kind, card=card, words=words) == expected(
        TABLES, {kind: 1.0}, words=words, card=card, effort=Effort.NONE
    )


@settings(max_examples=15, deadline=None)
@given(kind=st.sampled_from(TASK_TYPES), rate=st.floats(0.05, 0.95), effort=st.sampled_from([Effort.NONE, Effort.LOW]))
def test_many_outcomes_bring_the_estimate_to_the_observed_rate(kind: TaskType, rate: float, effort: Effort) -> None:
    outcomes = graded(rate, 3000, kind=kind, effort=effort)
    observed = sum(outcome.quality for outcome in outcomes) / len(outcomes)
    found = quality_of(learned_from(outcomes, cards=[a_card()]), kind, effort=effort)
    assert found.mean == pytest.approx(observed, abs=0.02)
    assert found.low < observed < found.high


@settings(max_examples=15, deadline=None)
@given(rate=st.floats(0.0, 1.0), count=st.integers(1, 80))
def test_the_estimate_lies_between_the_shipped_and_the_observed_one(rate: float, count: int) -> None:
    outcomes = graded(rate, count)
    observed = sum(outcome.quality for outcome in outcomes) / count
    shipped = quality_of(Learned()).mean
    low, high = sorted((shipped, observed))
    assert low - 0.01 <= quality_of(learned_from(outcomes, cards=[a_card()])).mean <= high + 0.01


def test_more_outcomes_narrow_the_interval() -> None:
    widths = [
        found.high - found.low
        for count in (0, 10, 100, 1000)
        for found in (quality_of(learned_from(graded(0.6, count), cards=[a_card()])),)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < widths[0] / 4


def test_failing_in_one_type_speaks_against_a_model_in_the_others_and_less_so() -> None:
    learned = learned_from(graded(0.05, 60, kind="reasoning"), cards=[a_card()])
    asked = quality_of(learned, "reasoning").mean - quality_of(Learned(), "reasoning").mean
    other = quality_of(learned, "planning").mean - quality_of(Learned(), "planning").mean
    assert asked < other < 0


def test_one_models_outcomes_say_nothing_of_another() -> None:
    other = a_card("other")
    learned = learned_from(graded(0.0, 60), cards=[a_card(), other])
    assert quality_of(learned, card=other) == quality_of(Learned(), card=other)


def test_one_way_of_asking_may_turn_out_worse_than_another_of_the_same_model() -> None:
    direct, voted = graded(0.8, 400), graded(0.3, 400, method="self_consistency", samples=5)
    learned = learned_from([*direct, *voted], cards=[a_card()])
    assert quality_of(Learned(), method="self_consistency", samples=5).mean > quality_of(Learned()).mean - 0.05
    assert quality_of(learned, method="self_consistency", samples=5).mean < quality_of(learned).mean - 0.2


def test_an_outcome_counts_for_each_type_as_far_as_the_prompt_may_be_of_it() -> None:
    outcomes = [an_outcome(0.0).model_copy(update={"task_type": {"math": 0.9, "chat": 0.1}}) for _ in range(40)]
    learned = learned_from(outcomes, cards=[a_card()])
    assert learned.rungs["math|mine|none|direct|1"].rows == pytest.approx(36)
    assert learned.rungs["chat|mine|none|direct|1"].rows == pytest.approx(4)
    counts = Outlook(TABLES, {"math": 0.5, "chat": 0.5}, words=59, learned=learned).counts(a_card(), Effort.NONE)
    assert counts == pytest.approx(20)


def test_old_outcomes_count_less_than_young_ones() -> None:
    old, young = graded(0.0, 100, age_days=360.0), graded(1.0, 100)
    learned = learned_from([*old, *young], cards=[a_card()])
    assert learned.labels == pytest.approx(100 + 100 / 16)
    assert quality_of(learned).mean > 0.8


def test_outcomes_of_a_model_that_left_the_catalog_are_left_out() -> None:
    assert learned_from(graded(0.5, 10), cards=[a_card("other")]) == Learned()


def test_what_is_written_and_how_long_it_takes_is_learned() -> None:
    card = a_card(prefill_tokens_per_second=1000, decode_tokens_per_second=100)
    outcomes = [an_outcome(1.0, output_tokens=1000, input_tokens=1000, seconds=22.0) for _ in range(200)]
    outlook = Outlook(TABLES, {"math": 1.0}, words=59, learned=learned_from(outcomes, cards=[card]))
    assert outlook.output_tokens(card, Effort.NONE) == pytest.approx(1000, rel=0.05)
    assert outlook.slowness(card, Effort.NONE) == pytest.approx(2.0, rel=0.05)
    other = a_card("other")
    assert outlook.output_tokens(other, Effort.NONE) == TABLES.types["math"].output_tokens
    assert outlook.slowness(other, Effort.NONE) == 1


def test_the_sign_of_the_length_is_learned_from_local_answers() -> None:
    outcomes = [an_outcome(float(words > 50), words=words) for words in (5, 300) for _ in range(300)]
    learned = learned_from(outcomes, cards=[a_card()])
    assert quality_of(Learned(), words=5).mean > quality_of(Learned(), words=300).mean
    assert quality_of(learned, words=5).mean < quality_of(learned, words=300).mean


def scored(count: int, *, informative: bool) -> list[Outcome]:
    """Answers of a small and a large model; the large one gains on the prompts of a high score, or on all alike."""
    found: list[Outcome] = []
    for at in range(count // 2):
        hard = at % 2 == 0
        small, large = (0.2, 0.9) if hard and informative else (0.55, 0.6)
        turn = (at // 2 % 20) / 20
        found.append(an_outcome(float(turn < small), model="small", gain=0.4 if hard else -0.4))
        found.append(an_outcome(float(turn < large), model="large", gain=0.4 if hard else -0.4))
    return found


def test_the_text_model_has_no_say_before_there_are_enough_labels_and_only_where_it_is_right() -> None:
    cards = [a_card("small", 8), a_card("large", 70)]
    assert learned_from(scored(TEXT_LABELS - 2, informative=True), cards=cards).text_weight == 0
    right = learned_from(scored(1600, informative=True), cards=cards).text_weight
    wrong = learned_from(scored(1600, informative=False), cards=cards).text_weight
    assert right > 0.4 > 0.1 > wrong


def test_what_was_learned_survives_being_stored() -> None:
    learned = learned_from([*graded(0.5, 20), *graded(0.9, 20, kind="chat", output_tokens=9)], cards=[a_card()])
    assert Learned.model_validate_json(learned.model_dump_json()) == learned

"""Rules: which apply, what they may set, and what they never loosen."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.errors import InvalidTask, NotFound
from agents.records import Budget, Effort, Task, ToolSpec
from router.plan import plan
from router.records import ModelCard, Plan
from router.rules import Rule, Then, When
from tests.builders import a_task

CARDS = (
    ModelCard(id="small", parameters_billion=8, context_tokens=65_536, efforts=(Effort.NONE, Effort.HIGH)),
    ModelCard(id="large", parameters_billion=70, context_tokens=65_536, efforts=(Effort.NONE, Effort.HIGH)),
)
QUESTION = "Why is the sky blue?"


def rule(name: str = "r", *, source: Any = "config", when: When | None = None, **then: Any) -> Rule:
    return Rule(name=name, source=source, when=when or When(), then=Then(**then))


def drawn(*rules: Rule, task: Task | None = None, **asked: Any) -> Plan:
    return plan(task or a_task(QUESTION), cards=CARDS, rules=rules, teams=["review"], **asked)


@pytest.mark.parametrize(
    ("when", "fits", "fails"),
    [
        (When(), {}, None),
        (When(keys=("ci",)), {"key": "ci"}, {"key": "web"}),
        (When(agents=("critic",)), {"agent": "critic"}, {}),
        (When(contains=("BLUE",)), {}, {"task": a_task("Why is grass green?")}),
        (When(pattern=r"sky\s+blue"), {}, {"task": a_task("skyblue")}),
        (When(min_prompt_tokens=100), {"task": a_task("word " * 200)}, {}),
        (When(max_prompt_tokens=100), {}, {"task": a_task("word " * 200)}),
        (When(scripts=("cyrillic",)), {"task": a_task("Почему небо голубое?")}, {}),
        (When(has_tools=True), {"task": a_task(QUESTION, tools=(ToolSpec(name="search"),))}, {}),
        (When(task_types=("chat",)), {"task": a_task("hello!")}, {}),
        (When(models=("auto",)), {}, {"task": a_task(QUESTION, model="small")}),
        (When(teams=("review",)), {"task": a_task(QUESTION, team="review")}, {}),
    ],
    ids=str,
)
def test_a_rule_applies_where_its_conditions_hold(when: When, fits: Any, fails: Any) -> None:
    capped = rule(when=when, max_seconds=77)
    assert drawn(capped, **fits).limits.max_seconds == 77
    assert fails is None or drawn(capped, **fails).limits.max_seconds is None


def test_the_first_rule_that_fits_wins() -> None:
    never, first, second = (
        rule("a", when=When(keys=("x",)), model="small"),
        rule("b", model="large"),
        rule("c", model="small"),
    )
    found = drawn(never, first, second)
    assert found.rungs[0].model == "large"
    assert found.overrides == ("Rule 'b' (config): model large.",)
    assert "asked for by rule 'b'" in found.why
    assert found.why.startswith("Rule 'b' (config)")


def test_conversation_goes_before_key_and_key_before_config() -> None:
    three = [rule(source, source=source, effort=effort) for source, effort in
             (("config", Effort.NONE), ("key", Effort.HIGH), ("conversation", Effort.LOW))]  # fmt: skip
    assert [text.split("'")[1] for text in drawn(*three).overrides] == ["conversation", "key", "config"]
    assert drawn(*three).overrides[0].endswith("effort low.")
    assert drawn(*three).overrides[1].endswith("nothing to set.")
    assert drawn(three[0], rule("m", source="key", model="large")).rungs[0].model == "large"


def test_what_the_request_says_itself_stays() -> None:
    task = a_task(QUESTION, model="small", effort=Effort.HIGH, quality_target=0.9)
    found = drawn(rule(model="large", effort=Effort.NONE, quality_target=0.1, not_models=("small",)), task=task)
    assert found.short == "direct small high"
    assert "'small', which was asked for by name, stays" in found.overrides[0]


def test_models_can_be_kept_in_and_kept_out() -> None:
    assert drawn(rule(only_models=("small",)), task=a_task(QUESTION, effort=Effort.MAX)).rungs[-1].model == "small"
    assert drawn(rule(not_models=("small",)), task=a_task(QUESTION, effort=Effort.NONE)).rungs[-1].model == "large"
    with pytest.raises(InvalidTask, match=r"the rules leave no model.*not small nor large"):
        drawn(rule(not_models=("small", "large")))


def test_a_name_that_no_model_has_can_be_given_one() -> None:
    alias = rule(when=When(models=("gpt-9",)), model="large")
    assert drawn(alias, task=a_task(QUESTION, model="gpt-9")).rungs[0].model == "large"
    with pytest.raises(NotFound):
        drawn(rule(model="large"), task=a_task(QUESTION, model="gpt-9"))


def test_what_is_not_there_is_said_and_not_used() -> None:
    found = drawn(rule(model="huge", method="refine"))
    assert "'huge' is not in the catalog" in found.overrides[0]
    assert "'refine' is not available" in found.overrides[0]
    assert found.rungs[0].method == "direct"


def test_a_pattern_that_takes_too_long_counts_as_not_found_and_is_said() -> None:
    found = drawn(rule("slow", when=When(pattern=r"(a|aa)+$"), max_seconds=5), task=a_task("a" * 5000 + "b"))
    assert found.limits.max_seconds is None
    assert "took too long" in found.overrides[0]


@pytest.mark.parametrize(
    "wrong", [{"when": {"pattern": "("}}, {"when": {"colour": "red"}}, {"then": {"effort": "huge"}}]
)
def test_a_rule_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate({"name": "r", "then": {}} | wrong)


_MONEY = st.none() | st.decimals("0.0001", "1", places=4)
_SECONDS = st.none() | st.floats(0.1, 1000)


@settings(deadline=None)
@given(
    _MONEY,
    _SECONDS,
    st.lists(st.tuples(st.sampled_from(["conversation", "key", "config"]), _MONEY, _SECONDS), max_size=4),
)
def test_no_rule_loosens_a_limit(usd: Decimal | None, seconds: float | None, rules: Any) -> None:
    task = a_task(QUESTION, budget=Budget(max_usd=usd, max_seconds=seconds))
    limits = drawn(*(rule(source=source, max_usd=m, max_seconds=s) for source, m, s in rules), task=task).limits
    assert usd is None or (limits.max_usd is not None and limits.max_usd <= usd)
    assert seconds is None or (limits.max_seconds is not None and limits.max_seconds <= seconds)

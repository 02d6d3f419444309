"""A ladder climbs from rung to rung until an answer may stand, and gives the best where none may."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.context import Context
from agents.errors import BudgetExceeded, Unavailable
from agents.methods.direct import Direct
from agents.methods.ladder import Ladder, LadderRung, Rule, may_stand
from agents.methods.signals import logprob_signals, read, signals_of
from agents.records import Answer, Budget, Choice, Effort, MathCheck, Sampling, Task, Verdict
from router.calibration import Calibration, Line, fit
from tests.builders import a_context, a_task, an_answer
from tests.fakes import Crash, MemoryJournal, Reply, ScriptedModel

PASS = Verdict(check="math", outcome="pass")
FAIL = Verdict(check="math", outcome="fail", evidence="found 41, expected 42")
UNSURE = Verdict(check="math", outcome="unsure", evidence="no number")
ALWAYS, CHECKED, SURE = Rule(), Rule(by="checks"), Rule(by="confidence", at_least=0.7)


@dataclass(frozen=True)
class Says:
    """A method that says something with a confidence, without a model."""

    text: str
    confidence: float | None = None

    async def answer(self, task: Task, context: Context) -> Answer:
        return an_answer(self.text, confidence=self.confidence, model="small")


def asks(model: str, rule: Rule) -> LadderRung:
    return LadderRung(Direct(model, Effort.NONE), rule)


def said(name: str, *replies: Reply) -> ScriptedModel:
    return ScriptedModel(name, says=replies)


@pytest.mark.parametrize(
    ("verdicts", "rule", "stands"),
    [
        ((), ALWAYS, True),
        ((PASS,), ALWAYS, True),
        ((FAIL,), ALWAYS, False),
        ((UNSURE,), ALWAYS, False),
        ((), CHECKED, False),
        ((PASS,), CHECKED, True),
        ((PASS, FAIL), CHECKED, False),
        ((PASS, UNSURE), CHECKED, False),
        ((PASS,), SURE, True),
        ((FAIL,), SURE, False),
    ],
)
def test_an_answer_stands_by_its_rule_and_never_against_a_check(
    verdicts: tuple[Verdict, ...], rule: Rule, stands: bool
) -> None:
    decided, reason = may_stand(an_answer(confidence=0.9), verdicts, rule)
    assert decided is stands
    assert bool(reason) is not stands


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_what_stands_at_a_threshold_stands_at_a_lower_one_and_with_more_confidence(
    confidence: float, one: float, two: float
) -> None:
    low, high = sorted((one, two))
    strict = may_stand(an_answer(confidence=confidence), (), Rule(by="confidence", at_least=high))[0]
    lenient = may_stand(an_answer(confidence=confidence), (), Rule(by="confidence", at_least=low))[0]
    assert lenient or not strict
    surer = may_stand(an_answer(confidence=max(confidence, two)), (), Rule(by="confidence", at_least=one))[0]
    assert surer or not may_stand(an_answer(confidence=confidence), (), Rule(by="confidence", at_least=one))[0]


def test_without_a_confidence_or_with_one_of_unfinished_work_nothing_stands_by_it() -> None:
    assert not may_stand(an_answer(), (), SURE)[0]
    assert not may_stand(an_answer(confidence=0.9, truncated=True), (), SURE)[0]


async def test_the_first_answer_that_passes_its_check_is_given_and_nothing_dearer_is_asked() -> None:
    small, large = said("small", "42"), said("large")
    ladder = Ladder((asks("small", CHECKED), asks("large", ALWAYS)))
    answer = await ladder.answer(a_task(checks=(MathCheck(reference="42"),)), a_context(small, large))
    assert (answer.text, answer.model) == ("42", "small")
    assert large.requests == []


async def test_it_climbs_when_the_check_fails() -> None:
    journal = MemoryJournal()
    small, large = said("small", "41"), said("large", "42")
    ladder = Ladder((asks("small", CHECKED), asks("large", ALWAYS)))
    task = a_task(checks=(MathCheck(reference="42"),))
    answer = await ladder.answer(task, a_context(small, large, journal=journal))
    assert (answer.text, answer.model) == ("42", "large")
    decisions = [journal.steps[f"1.rung.{n}.stand"].attributes["verdict"] for n in range(2)]
    assert decisions == ["fail", "pass"]


@pytest.mark.parametrize(("confidence", "given"), [(0.69, "second"), (0.7, "first"), (None, "second")])
async def test_it_climbs_while_an_answer_is_not_sure_enough(confidence: float | None, given: str) -> None:
    ladder = Ladder((LadderRung(Says("first", confidence), SURE), LadderRung(Says("second"), ALWAYS)))
    assert (await ladder.answer(a_task("Tell me."), a_context())).text == given


async def test_where_none_may_stand_the_one_that_did_best_by_the_checks_is_given() -> None:
    task = a_task(checks=(MathCheck(reference="42"),))
    rungs = (LadderRung(Says("42", 0.1), SURE), LadderRung(Says("41", 0.99), SURE))
    assert (await Ladder(rungs).answer(task, a_context())).text == "42"
    unchecked = (LadderRung(Says("a", 0.6), SURE), LadderRung(Says("b", 0.5), SURE))
    assert (await Ladder(unchecked).answer(a_task("Tell me."), a_context())).text == "a"


async def test_a_model_that_agrees_with_the_rung_below_makes_an_answer_surer() -> None:
    table = Calibration(
        about={}, lines=(Line(signal="agrees", line=fit([0, 0, 1, 1, 1, 1] * 5, [0, 0, 1, 1, 1, 1] * 5)),)
    )

    def chance(signals: Mapping[str, float], model: str) -> float | None:
        return table.chance(signals, model=model)

    rungs = (asks("a", SURE), asks("b", SURE), asks("c", ALWAYS))
    task = a_task("How many are 6 * 7?")
    agreed = await Ladder(rungs, chance).answer(
        task, a_context(said("a", "It is \\boxed{42}."), said("b", "\\boxed{42.0}"), said("c"))
    )
    assert agreed.model == "b"
    assert agreed.confidence is not None
    assert agreed.confidence > 0.7
    apart = await Ladder(rungs, chance).answer(
        task, a_context(said("a", "\\boxed{41}"), said("b", "\\boxed{42}"), said("c", "\\boxed{42}"))
    )
    assert apart.model == "c"


def with_logprobs(text: str, *logprobs: float) -> Choice:
    tokens = [{"token": "x", "logprob": one} for one in logprobs]
    return Choice(text=text, logprobs={"content": tokens})


async def test_log_probabilities_are_asked_for_where_a_chance_is_read_from_them_and_not_passed_on() -> None:
    small = said("small", with_logprobs("42", -0.1, -0.1))
    ladder = Ladder((asks("small", SURE),), lambda signals, _: 1 + signals["logprob_low"])
    answer = await ladder.answer(a_task("Tell me."), a_context(small))
    assert small.requests[0].sampling.logprobs
    assert answer.choices[0].logprobs is None
    assert answer.confidence == pytest.approx(0.9)
    wanted = a_task("Tell me.", sampling=Sampling(logprobs=True))
    again = await ladder.answer(wanted, a_context(said("small", with_logprobs("42", -0.1))))
    assert again.choices[0].logprobs is not None


def test_the_signals_are_those_that_are_there() -> None:
    task = a_task("How many are 6 * 7?")
    answer = Answer(choices=(with_logprobs("42", -0.5, -1.5),), confidence=0.75)
    found = read(answer, task)
    assert signals_of(answer, found, []) == {"logprob_sum": -2.0, "logprob_low": -1.0, "vote": 0.75}
    other = read(an_answer("41"), task)
    assert signals_of(an_answer("42"), found, [other]) == {"agrees": 0.0}
    assert signals_of(an_answer("42"), found, [other, found]) == {"agrees": 1.0}
    assert signals_of(an_answer("42", confidence=0.5), found, [], confidence="verified") == {"verified": 0.5}


def test_the_weakest_passage_is_weaker_than_the_mean() -> None:
    signals = logprob_signals([-0.1] * 100 + [-2.0] * 32 + [-0.1] * 100)
    assert signals["logprob_low"] == pytest.approx(-2.0)
    assert signals["logprob_sum"] == pytest.approx(-0.1 * 200 - 2.0 * 32)
    assert logprob_signals([]) == {}


async def test_a_model_that_is_down_is_passed_over() -> None:
    small, large = said("small", Unavailable("down")), said("large", "42")
    ladder = Ladder((asks("small", ALWAYS), asks("large", ALWAYS)))
    assert (await ladder.answer(a_task(), a_context(small, large))).model == "large"


async def test_when_every_model_is_down_the_last_failure_rises() -> None:
    small, large = said("small", Unavailable("first")), said("large", Unavailable("second"))
    with pytest.raises(Unavailable, match="second"):
        await Ladder((asks("small", ALWAYS), asks("large", ALWAYS))).answer(a_task(), a_context(small, large))


async def test_when_the_budget_ends_in_the_middle_the_best_so_far_is_given() -> None:
    small, large = said("small", "41"), said("large")
    ladder = Ladder((asks("small", CHECKED), asks("large", ALWAYS)))
    task = a_task(checks=(MathCheck(reference="42"),))
    journal = MemoryJournal(Budget(max_model_calls=1))
    answer = await ladder.answer(task, a_context(small, large, journal=journal))
    assert (answer.text, answer.truncated) == ("41", True)
    with pytest.raises(BudgetExceeded):
        await ladder.answer(task, a_context(small, large, journal=MemoryJournal(Budget(max_model_calls=0))))


async def test_a_replay_gives_the_same_answer_and_asks_no_model() -> None:
    journal = MemoryJournal()
    ladder = Ladder((asks("small", CHECKED), asks("large", ALWAYS)))
    task = a_task(checks=(MathCheck(reference="42"),))
    first = await ladder.answer(task, a_context(said("small", "41"), said("large", "42"), journal=journal))
    again = await ladder.answer(task, a_context(said("small"), said("large"), journal=journal))
    assert again == first


@pytest.mark.parametrize("when", ["before", "after"])
async def test_whatever_write_it_dies_at_it_goes_on_to_the_same_answer(when: Any) -> None:
    ladder = Ladder((asks("small", CHECKED), asks("large", ALWAYS)))
    task = a_task(checks=(MathCheck(reference="42"),))

    def place(journal: MemoryJournal) -> Context:
        small = ScriptedModel("small", says=lambda _: "41")
        large = ScriptedModel("large", says=lambda _: "42")
        return a_context(small, large, journal=journal)

    whole = MemoryJournal()
    expected = await ladder.answer(task, place(whole))
    for write in range(1, whole.writes + 1):
        journal = MemoryJournal()
        journal.crash_at(write, when)
        with pytest.raises(Crash):
            await ladder.answer(task, place(journal))
        assert await ladder.answer(task, place(journal)) == expected


async def test_nobody_reads_along_until_an_answer_stands() -> None:
    seen: list[str] = []

    async def on_text(text: str) -> None:
        seen.append(text)

    ladder = Ladder((asks("small", CHECKED), asks("large", ALWAYS)))
    task = a_task(checks=(MathCheck(reference="42"),))
    await ladder.answer(task, a_context(said("small", "41"), said("large", "42"), on_text=on_text))
    assert seen == ["42"]


def test_a_ladder_without_a_rung_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one rung"):
        Ladder(())

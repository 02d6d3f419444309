"""A verifier's faults count where a meta-verifier finds them to be there; the best candidate is given."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import BudgetExceeded
from agents.methods.critique import Critique, Fault
from agents.methods.verify import MetaVerdict, Verify, verified_score
from agents.model import ModelRequest
from agents.records import Budget, Effort, MathCheck
from tests.builders import a_context, a_task
from tests.fakes import Crash, MemoryJournal, Reply, ScriptedModel

GOOD = json.dumps({"faults": [], "score": 1.0})


def found(*problems: str, score: float = 0.5) -> str:
    return json.dumps({"faults": [{"quote": "", "problem": problem} for problem in problems], "score": score})


def rulings(*stands: bool) -> str:
    return json.dumps({"rulings": [{"reason": f"reason {n}", "stands": one} for n, one in enumerate(stands)]})


def verify(**options: Any) -> Verify:
    return Verify("writer", Effort.NONE, verifier="verifier", meta_verifier="meta", **options)


def world(writer: list[str], verifier: list[str], meta: list[str]) -> list[ScriptedModel]:
    return [
        ScriptedModel("writer", says=writer),
        ScriptedModel("verifier", says=verifier),
        ScriptedModel("meta", says=meta),
    ]


async def test_an_answer_without_a_fault_is_not_revised_and_has_its_score_as_confidence() -> None:
    models = world(["a proof"], [GOOD], [])
    answer = await verify().answer(a_task("Prove it."), a_context(*models))
    assert (answer.text, answer.confidence) == ("a proof", 1.0)


async def test_a_fault_that_does_not_stand_is_not_shown_to_the_writer_and_costs_nothing() -> None:
    models = world(["a proof"], [found("step 2 is wrong", score=0.0)], [rulings(False)])
    answer = await verify().answer(a_task("Prove it."), a_context(*models))
    assert (answer.text, answer.confidence) == ("a proof", 1.0)
    assert len(models[0].requests) == 1


async def test_the_writer_revises_on_the_faults_that_stand_alone() -> None:
    models = world(["a proof", "a better proof"], [found("made up", "real one"), GOOD], [rulings(False, True)])
    answer = await verify().answer(a_task("Prove it."), a_context(*models))
    assert (answer.text, answer.confidence) == ("a better proof", 1.0)
    told = models[0].requests[1].messages[-1].content
    assert "real one" in told
    assert "made up" not in told


async def test_a_fault_that_was_not_ruled_on_stands() -> None:
    models = world(["a proof", "a better proof"], [found("one", "two"), GOOD], ["I cannot say.", "Nor now."])
    journal = MemoryJournal()
    answer = await verify().answer(a_task("Prove it."), a_context(*models, journal=journal))
    assert answer.text == "a better proof"
    assert journal.steps["1.round.0.meta.0"].attributes["verdict"] == "unsure"


async def test_the_best_candidate_is_given_and_not_the_last() -> None:
    models = world(["first", "second"], [found("x", score=0.6), found("y", score=0.2)], [rulings(True), rulings(True)])
    answer = await verify(rounds=1).answer(a_task("Prove it."), a_context(*models))
    assert (answer.text, answer.confidence) == ("first", 0.6)


async def test_a_check_that_was_carried_out_outranks_every_score() -> None:
    models = world(["41", "42"], [found("x", score=0.8), found("y", score=0.1)], [rulings(True), rulings(True)])
    task = a_task(checks=(MathCheck(reference="42"),))
    answer = await verify(rounds=1).answer(task, a_context(*models))
    assert (answer.text, answer.confidence) == ("42", 0.1)


async def test_an_answer_that_fails_a_check_is_not_confident_whatever_the_verifier_says() -> None:
    models = world(["41", "40"], [GOOD, GOOD], [])
    task = a_task(checks=(MathCheck(reference="42"),))
    answer = await verify(rounds=1).answer(task, a_context(*models))
    assert (answer.text, answer.confidence) == ("41", 0.0)


async def test_several_verifications_are_averaged_and_drawn_anew_each_time() -> None:
    verifier = [found("x", score=0.5), GOOD, "not to be read", "again not"]
    models = world(["a proof"], verifier, [rulings(False)])
    answer = await verify(samples=3, rounds=0).answer(a_task("Prove it."), a_context(*models))
    assert answer.confidence == 1.0
    seeds = [request.sampling.seed for request in models[1].requests]
    assert seeds == [0, 1, 2, 2]


async def test_the_mean_is_over_the_verifications_that_could_be_read() -> None:
    models = world(["a proof"], [found("x", score=0.4), found("x", score=0.8)], [rulings(True), rulings(True)])
    answer = await verify(samples=2, rounds=0).answer(a_task("Prove it."), a_context(*models))
    assert answer.confidence == pytest.approx(0.6)


async def test_the_rounds_are_bounded() -> None:
    numbers = iter(range(100))
    writer = ScriptedModel("writer", says=lambda _: f"proof {next(numbers)}")
    verifier = ScriptedModel("verifier", says=lambda _: found("x", score=0.1))
    meta = ScriptedModel("meta", says=lambda _: rulings(True))
    await verify(rounds=3).answer(a_task("Prove it."), a_context(writer, verifier, meta))
    assert (len(writer.requests), len(verifier.requests), len(meta.requests)) == (4, 4, 4)


async def test_the_steps_say_who_said_what_in_which_role_and_round() -> None:
    journal = MemoryJournal()
    models = world(["a proof", "a better proof"], [found("real"), GOOD], [rulings(True)])
    await verify().answer(a_task("Prove it."), a_context(*models, journal=journal))
    said = {key: step.attributes for key, step in journal.steps.items() if step.kind == "check"}
    assert said["1.round.0.verify.0"]["by"] == "verifier (verifier)"
    assert said["1.round.0.meta.0"]["by"] == "meta (meta-verifier)"
    assert said["1.round.0.meta.0"]["evidence"] == "- stands: reason 0"
    assert (said["1.round.1.verify.0"]["verdict"], said["1.round.1.verify.0"]["round"]) == ("pass", 1)


@pytest.mark.parametrize("calls", [1, 2, 3, 4])
async def test_when_the_budget_ends_in_the_middle_the_best_so_far_is_given(calls: int) -> None:
    models = world(["a proof", "a better proof"], [found("real"), GOOD], [rulings(True)])
    journal = MemoryJournal(Budget(max_model_calls=calls))
    answer = await verify().answer(a_task("Prove it."), a_context(*models, journal=journal))
    assert (answer.text, answer.truncated) == ("a proof", True)
    assert answer.confidence == (0.5 if calls >= 3 else None)


async def test_without_even_a_draft_the_budget_is_exceeded() -> None:
    with pytest.raises(BudgetExceeded):
        await verify().answer(a_task(), a_context(*world([], [], []), journal=MemoryJournal(Budget(max_model_calls=0))))


async def test_a_replay_gives_the_same_answer_and_asks_no_model() -> None:
    journal = MemoryJournal()
    models = world(["a proof", "a better proof"], [found("real"), GOOD], [rulings(True)])
    first = await verify().answer(a_task("Prove it."), a_context(*models, journal=journal))
    again = await verify().answer(a_task("Prove it."), a_context(*world([], [], []), journal=journal))
    assert again == first


def by_request(name: str) -> ScriptedModel:
    """A model that says the same to the same request, whenever it is asked."""

    def says(request: ModelRequest) -> Reply:
        said = request.messages[-1].content
        match name:
            case "writer":
                return "a proof" if len(request.messages) == 1 else "a better proof"
            case "verifier":
                return GOOD if "a better proof" in said else found("real")
            case _:
                return rulings(True)

    return ScriptedModel(name, says=says)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_whatever_write_it_dies_at_it_goes_on_to_the_same_answer(when: Any) -> None:
    def place(journal: MemoryJournal) -> Any:
        return a_context(*(by_request(name) for name in ("writer", "verifier", "meta")), journal=journal)

    whole = MemoryJournal()
    expected = await verify().answer(a_task("Prove it."), place(whole))
    assert expected.text == "a better proof"
    for write in range(1, whole.writes + 1):
        journal = MemoryJournal()
        journal.crash_at(write, when)
        with pytest.raises(Crash):
            await verify().answer(a_task("Prove it."), place(journal))
        assert await verify().answer(a_task("Prove it."), place(journal)) == expected


@given(st.floats(0, 1), st.lists(st.booleans(), min_size=1, max_size=6))
def test_discarding_a_fault_never_lowers_the_score_and_discarding_all_gives_all_of_it_back(
    score: float, stands: list[bool]
) -> None:
    critique = Critique(faults=tuple(Fault(quote="", problem=str(n)) for n in range(len(stands))), score=score)
    verified = verified_score(critique, MetaVerdict(stands=tuple(stands)))
    assert verified is not None
    assert score <= verified <= 1
    assert verified_score(critique, MetaVerdict(stands=(True,) * len(stands))) == score
    assert verified_score(critique, MetaVerdict(stands=(False,) * len(stands))) == 1

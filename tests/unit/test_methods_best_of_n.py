"""Best of n: what is carried out decides before any opinion, and the first that passes ends the drawing."""

from dataclasses import replace

import pytest

from agents.errors import InvalidTask
from agents.methods.best_of_n import BestOfN
from agents.model import ModelRequest
from agents.records import Budget, CodeCheck, Effort, RegexCheck, RubricCheck, Sampling, Step
from tests.builders import a_context, a_task
from tests.fakes import MemoryJournal, Reply, ScriptedModel
from tests.unit.test_voting_programs import PROMPT, InProcess

STORY = "Tell me a story."


def best_of(samples: int = 4, **options: object) -> BestOfN:
    return BestOfN(model="small", effort=Effort.NONE, samples=samples, **options)  # type: ignore[arg-type]


def program(body: str) -> str:
    return f"```python\ndef double(x):\n    return {body}\n```"


def vote_of(journal: MemoryJournal) -> Step:
    (vote,) = journal.of("vote")
    return vote


def judging(request: ModelRequest) -> Reply:
    """Prefers whatever speaks of dragons; blind to places."""
    said = request.messages[-1].content
    first = said.index("dragon") < said.index("<second_") if "dragon" in said else None
    better = "same" if first is None else "first" if first else "second"
    return f'{{"reason": "It is better.", "better": "{better}"}}'


async def test_the_first_answer_that_passes_every_check_ends_the_drawing() -> None:
    journal = MemoryJournal()
    model = ScriptedModel(says=["no", "yes 1", "yes 2", "yes 3"])
    task = a_task(STORY, checks=(RegexCheck(pattern="yes"),))
    answer = await best_of(4, parallel=1).answer(task, a_context(model, journal=journal))
    assert (answer.text, len(model.requests)) == ("yes 1", 2)
    assert vote_of(journal).attributes["stopped"] == "checks: one passes all 1, after 2 of 4; chosen by checks"
    assert [step.attributes["verdict"] for step in journal.of("check")] == ["fail", "pass"]


async def test_who_passes_more_checks_is_better_though_a_judge_would_choose_another() -> None:
    model = ScriptedModel(says=["a dragon", "a", "ab", "a dragon"])
    judge = ScriptedModel("large", says=judging)
    task = a_task(STORY, checks=(RegexCheck(pattern="b"), RegexCheck(pattern="c")))
    context = replace(a_context(model, judge), judges=("large",))
    assert (await best_of(4).answer(task, context)).text == "ab"
    assert judge.requests == []


async def test_a_judge_decides_between_those_that_no_check_tells_apart_in_both_orders() -> None:
    journal = MemoryJournal()
    model = ScriptedModel(says=["Of a cat.", "Of a dragon."])
    judge = ScriptedModel("large", says=judging)
    task = a_task(STORY, checks=(RubricCheck(points=("It is exciting.",)),))
    context = replace(a_context(model, judge, journal=journal), judges=("small", "large"))
    answer = await best_of(2).answer(task, context)
    assert answer.text == "Of a dragon."
    assert vote_of(journal).attributes["stopped"].endswith("chosen by judge")
    there, back = (request.messages[-1].content for request in judge.requests)
    assert there.index("dragon") > there.index("cat")
    assert back.index("dragon") < back.index("cat")
    assert "It is exciting." in there


async def test_a_judge_that_prefers_a_place_prefers_nobody() -> None:
    model = ScriptedModel(says=["Of a cat.", "Of a dog.", "Of a dog."])
    judge = ScriptedModel("large", says=lambda _: '{"reason": "It comes first.", "better": "first"}')
    context = replace(a_context(model, judge), judges=("large",))
    assert (await best_of(3).answer(a_task(STORY), context)).text == "Of a dog."


async def test_without_a_judge_the_answer_that_most_samples_give_is_best() -> None:
    model = ScriptedModel(says=["Rome", "Paris", "Paris."])
    answer = await best_of(3).answer(a_task("The capital of France?"), a_context(model))
    assert answer.text == "Paris"
    assert answer.confidence == pytest.approx(3 / 5)


async def test_a_program_that_holds_the_examples_of_the_prompt_is_better() -> None:
    journal = MemoryJournal()
    model = ScriptedModel(says=[program("x * x"), program("x + x"), program("x * x"), "no program"])
    context = replace(a_context(model, journal=journal), sandbox=InProcess())
    answer = await best_of(4).answer(a_task(PROMPT), context)
    assert answer.text == program("x + x")
    assert vote_of(journal).attributes["candidates"][0]["examples"] == "4 of 4 hold"
    assert vote_of(journal).attributes["stopped"].endswith("chosen by examples")


async def test_tests_that_a_model_wrote_and_the_programs_vouch_for_each_other() -> None:
    task = a_task("Write a Python function double(x) that gives twice the number.")

    def reply(request: ModelRequest) -> Reply:
        if "assert statements" in request.messages[-1].content:
            return "```python\nassert double(2) == 4\nassert double(3) == 6\nassert double(5) == 11\n```"
        return replies.pop(0)

    replies = [program("x * x"), program("2 * x"), program("x + x"), program("x + 2")]
    journal = MemoryJournal()
    context = replace(a_context(ScriptedModel(says=reply), journal=journal), sandbox=InProcess())
    answer = await best_of(4).answer(task, context)
    assert answer.text == program("2 * x")
    assert vote_of(journal).attributes["stopped"].endswith("chosen by tests")
    assert answer.confidence == pytest.approx(3 / 6)


async def test_where_the_asker_gives_tests_no_model_is_asked_for_any() -> None:
    task = a_task("Write double(x).", checks=(CodeCheck(tests="assert double(3) == 6\nassert double(4) == 8"),))
    model = ScriptedModel(says=[program("x * x"), program("x + 3")])
    context = replace(a_context(model), sandbox=InProcess())
    assert (await best_of(2).answer(task, context)).text == program("x + 3")
    assert len(model.requests) == 2


async def test_without_a_sandbox_programs_are_still_chosen_by_agreement() -> None:
    model = ScriptedModel(says=[program("x * x"), program("x + x"), program("x  +  x"), "assert double(2) == 4"])
    answer = await best_of(3).answer(a_task(PROMPT), a_context(model))
    assert answer.text == program("x + x")


async def test_when_the_budget_ends_while_judging_the_best_so_far_is_given_as_truncated() -> None:
    model = ScriptedModel(says=["Of a cat.", "Of a dragon."])
    judge = ScriptedModel("large", says=judging)
    context = a_context(model, judge, journal=MemoryJournal(Budget(max_model_calls=2)))
    answer = await best_of(2).answer(a_task(STORY), replace(context, judges=("large",)))
    assert answer.truncated
    assert judge.requests == []


async def test_the_choice_is_replayed_from_its_record_without_a_call() -> None:
    journal = MemoryJournal()
    judge = ScriptedModel("large", says=judging)
    drawn = a_context(ScriptedModel(says=["Of a cat.", "Of a dragon."]), judge, journal=journal)
    first = await best_of(2).answer(a_task(STORY), replace(drawn, judges=("large",)))
    silent = a_context(ScriptedModel(says=()), ScriptedModel("large", says=()), journal=journal)
    assert await best_of(2).answer(a_task(STORY), replace(silent, judges=("large",))) == first


async def test_what_has_several_answers_of_its_own_is_refused() -> None:
    with pytest.raises(InvalidTask, match="n is 3"):
        await best_of(2).answer(a_task(STORY, sampling=Sampling(n=3)), a_context(ScriptedModel()))

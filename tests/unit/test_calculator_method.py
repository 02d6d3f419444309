"""The method that computes: one journaled step, no model, no usage."""

import pytest

from agents.errors import MalformedOutput
from agents.methods.calculate import Calculate
from agents.records import Attachment, Usage
from tests.builders import a_context, a_task
from tests.fakes import MemoryJournal


async def test_the_answer_is_computed_and_the_trace_shows_how() -> None:
    journal = MemoryJournal()
    answer = await Calculate().answer(a_task("What is 17% of 3,482?"), a_context(journal=journal))
    assert (answer.text, answer.model, answer.usage) == ("591.94", "pointsman/calculate", Usage())
    [step] = journal.steps.values()
    assert (step.kind, step.name, step.status, step.usage) == ("tool", "execute_tool calculator", "ok", Usage())
    assert step.attributes["steps"] == "17% of 3482 = 591.94"


async def test_a_finished_step_is_replayed() -> None:
    journal = MemoryJournal()
    for _ in range(2):
        answer = await Calculate().answer(a_task("1 + 1"), a_context(journal=journal))
        assert answer.text == "2"
    assert len(journal.steps) == 1
    assert journal.writes == 3, "opened and closed, then only opened"


async def test_whoever_reads_along_reads_the_answer() -> None:
    heard: list[str] = []

    async def listen(text: str) -> None:
        heard.append(text)

    await Calculate().answer(a_task("1 + 1"), a_context(on_text=listen))
    assert heard == ["2"]


async def test_what_is_no_calculation_is_refused_and_the_step_says_so() -> None:
    journal = MemoryJournal()
    with pytest.raises(MalformedOutput, match="Why is the sky blue"):
        await Calculate().answer(a_task("Why is the sky blue?"), a_context(journal=journal))
    [step] = journal.steps.values()
    assert (step.status, step.error) == ("error", "the prompt is no calculation")


async def test_a_question_on_an_attached_table_is_answered_from_it() -> None:
    prices = Attachment(name="prices.csv", text="name,price\nLamp,19.50\nDesk,120\n")
    task = a_task("What is the price of Lamp?", attachments=(prices,))
    answer = await Calculate().answer(task, a_context())
    assert answer.text == "19.50"

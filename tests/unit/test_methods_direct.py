"""The direct method: one call, and everything that was asked for is passed on."""

from typing import get_args

import pytest

from agents.errors import BudgetExceeded, MalformedOutput
from agents.methods.direct import Direct
from agents.methods.roster import METHODS
from agents.records import Attachment, Budget, ChatMessage, Choice, Effort, MethodName, Sampling, ToolSpec
from tests.builders import a_completion, a_context, a_task
from tests.fakes import MemoryJournal, ScriptedModel, calls, json_object


async def test_the_model_is_asked_once_and_its_words_are_the_answer() -> None:
    model, journal = ScriptedModel(says=["42"]), MemoryJournal()
    answer = await Direct("small", Effort.LOW).answer(a_task(), a_context(model, journal=journal))
    assert (answer.text, answer.model, answer.effort) == ("42", "small", Effort.LOW)
    assert [step.key for step in journal.of("model")] == ["1.model.0"]
    assert answer.usage == journal.usage


async def test_what_the_asker_wants_of_the_model_is_passed_on() -> None:
    schema, tool = json_object(n={"type": "integer"}), ToolSpec(name="mine")
    model = ScriptedModel(says=['{"n": 1}'])
    task = a_task(
        response_schema=schema,
        json_object=True,
        tools=(tool,),
        tool_choice="none",
        parallel_tool_calls=False,
        sampling=Sampling(temperature=0.5, n=2, seed=7),
    )
    await Direct("small", Effort.HIGH).answer(task, a_context(model))
    (request,) = model.requests
    assert request.response_schema == schema
    assert request.json_object
    assert (request.tools, request.tool_choice, request.parallel_tool_calls) == ((tool,), "none", False)
    assert request.sampling == task.sampling
    assert request.effort is Effort.HIGH


async def test_a_call_of_the_askers_own_tool_is_the_answer() -> None:
    model = ScriptedModel(says=[calls(("mine", "{}"))])
    answer = await Direct("small", Effort.NONE).answer(a_task(tools=(ToolSpec(name="mine"),)), a_context(model))
    assert answer.choices[0].tool_calls[0].name == "mine"
    assert answer.choices[0].finish_reason == "tool_calls"


async def test_a_reply_that_was_cut_off_says_so() -> None:
    model = ScriptedModel(says=[Choice(text="forty", finish_reason="length")])
    answer = await Direct("small", Effort.NONE).answer(a_task(), a_context(model))
    assert (answer.text, answer.choices[0].finish_reason, answer.truncated) == ("forty", "length", False)


async def test_the_model_that_answered_is_the_one_that_is_named() -> None:
    model = ScriptedModel(says=[a_completion("42", model="other", effort=Effort.MEDIUM)])
    answer = await Direct("small", Effort.HIGH).answer(a_task(), a_context(model))
    assert (answer.model, answer.effort) == ("other", Effort.MEDIUM)


async def test_documents_stand_before_the_last_question() -> None:
    model = ScriptedModel(says=["a"])
    said = (ChatMessage(role="user", content="first"), ChatMessage(role="assistant", content="yes"))
    task = a_task("What does it say?", attachments=(Attachment(name="notes.txt", text="Tea is hot."),))
    task = task.model_copy(update={"messages": (*said, *task.messages)})
    await Direct("small", Effort.NONE).answer(task, a_context(model))
    *before, last = model.requests[0].messages
    assert tuple(before) == said
    assert "\nTea is hot.\n" in last.content
    assert last.content.endswith("\n\nWhat does it say?")


async def test_documents_without_a_question_are_asked_about_alone() -> None:
    model = ScriptedModel(says=["a"])
    task = a_task("", attachments=(Attachment(name="notes.txt", text="Tea."),))
    await Direct("small", Effort.NONE).answer(task, a_context(model))
    assert [message.role for message in model.requests[0].messages] == ["user"]


async def test_the_answer_is_shown_as_it_is_written_where_it_may_be() -> None:
    shown: list[str] = []

    async def show(text: str) -> None:
        shown.append(text)

    context = a_context(ScriptedModel(says=["tea is hot"]), on_text=show)
    await Direct("small", Effort.NONE).answer(a_task(), context)
    assert shown == ["tea ", "is ", "hot"]


async def test_a_finished_call_is_not_paid_again() -> None:
    model, journal = ScriptedModel(says=["42"]), MemoryJournal()
    direct = Direct("small", Effort.NONE)
    first = await direct.answer(a_task(), a_context(model, journal=journal))
    assert await direct.answer(a_task(), a_context(model, journal=journal)) == first
    assert len(model.requests) == 1


async def test_a_stream_that_breaks_off_is_an_error_and_its_step_says_so() -> None:
    model, journal = ScriptedModel(says=[MalformedOutput("cut off")], words_before_error=2), MemoryJournal()
    with pytest.raises(MalformedOutput, match="cut off"):
        await Direct("small", Effort.NONE).answer(a_task(), a_context(model, journal=journal))
    assert [step.status for step in journal.of("model")] == ["error"]
    assert model.aborted == 1


async def test_nothing_is_asked_that_the_budget_does_not_hold() -> None:
    model, journal = ScriptedModel(says=["42"], tokens_per_call=100), MemoryJournal(Budget(max_tokens_total=99))
    with pytest.raises(BudgetExceeded, match="max_tokens_total"):
        await Direct("small", Effort.NONE).answer(a_task(), a_context(model, journal=journal))
    assert model.requests == []


def test_the_table_of_methods_has_every_method_that_can_be_asked_for() -> None:
    assert set(METHODS) == set(get_args(MethodName))

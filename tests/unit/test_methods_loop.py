"""The loop: it acts with tools, looks at what they gave, and ends."""

from collections import Counter

import pytest

from agents.context import ToolResult
from agents.errors import InvalidTask, MalformedOutput, NotFound
from agents.methods.loop import IN_FORM, Loop
from agents.model import ModelRequest
from agents.records import Choice, Effort, Json, ToolSpec
from agents.tools import TOOLS
from agents.tools.calculator import Calculator
from tests.builders import a_context, a_task
from tests.fakes import Crash, MemoryJournal, ScriptedModel, calls, json_object

SUM = ("calculator", '{"expression": "6 * 7"}')


class Counted:
    """A tool that counts its calls, and fails when it is told to."""

    def __init__(self) -> None:
        self.effects: Counter[str] = Counter()

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec(name="post", parameters=json_object(to={"type": "string"}))

    async def call(self, arguments: Json) -> ToolResult:
        self.effects[arguments["to"]] += 1
        return ToolResult(text=f"sent to {arguments['to']}", failed=arguments["to"] == "nobody")


def loop(*tools: str, **options: int) -> Loop:
    return Loop("small", Effort.LOW, tools or ("calculator",), **options)


async def test_a_tools_result_is_seen_by_the_next_call() -> None:
    model, journal = ScriptedModel(says=[calls(SUM), "It is 42."]), MemoryJournal()
    answer = await loop().answer(a_task(), a_context(model, tools=TOOLS, journal=journal))
    assert answer.text == "It is 42."
    assert model.requests[0].tools == (Calculator().spec,)
    asked, result = model.requests[1].messages[-2:]
    assert (asked.role, asked.tool_calls[0].name) == ("assistant", "calculator")
    assert (result.role, result.content, result.tool_call_id) == ("tool", "42", asked.tool_calls[0].id)
    assert [step.key for step in journal.steps.values()] == ["1.model.0", "1.tool.0.0", "1.model.1"]


async def test_several_calls_of_one_reply_are_all_carried_out_in_order() -> None:
    model = ScriptedModel(says=[calls(SUM, ("calculator", '{"expression": "2 + 2"}')), "42 and 4"])
    await loop().answer(a_task(), a_context(model, tools=TOOLS))
    assert [message.content for message in model.requests[1].messages[-2:]] == ["42", "4"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("calculator", '{"expression": '), "not JSON"),
        (("calculator", '"6 * 7"'), "not a JSON object"),
        (("calculator", '{"expr": "6 * 7"}'), "do not fit calculator"),
        (("calculator", ""), "do not fit calculator"),
        (("abacus", "{}"), "there is no tool 'abacus'; there are: calculator"),
    ],
)
async def test_a_call_that_no_tool_can_take_is_told_once(call: tuple[str, str], told: str) -> None:
    model, journal = ScriptedModel(says=[calls(call), calls(SUM), "42"]), MemoryJournal()
    answer = await loop().answer(a_task(), a_context(model, tools=TOOLS, journal=journal))
    assert answer.text == "42"
    asked, result = model.requests[1].messages[-2:]
    assert told in result.content
    assert asked.tool_calls[0].arguments == "{}", "a later server would refuse arguments that are not JSON"
    assert len(journal.of("tool")) == 1


async def test_a_model_that_cannot_call_tools_is_given_up() -> None:
    model = ScriptedModel(says=[calls(("calculator", "six")), calls(("calculator", "seven")), "never"])
    with pytest.raises(MalformedOutput, match="'seven'"):
        await loop().answer(a_task(), a_context(model, tools=TOOLS))
    assert len(model.requests) == 2


async def test_the_rounds_are_bounded_and_the_last_is_without_tools() -> None:
    model = ScriptedModel(says=[calls(SUM), calls(SUM), "enough"])
    assert (await loop(max_rounds=3).answer(a_task(), a_context(model, tools=TOOLS))).text == "enough"
    assert [request.tool_choice for request in model.requests] == ["auto", "auto", "none"]
    endless = ScriptedModel(says=lambda request: calls(SUM))
    with pytest.raises(MalformedOutput, match="after 3 rounds"):
        await loop(max_rounds=3).answer(a_task(), a_context(endless, tools=TOOLS))
    assert len(endless.requests) == 3


async def test_a_tool_that_fails_is_an_observation_and_its_step_is_an_error() -> None:
    tool, journal = Counted(), MemoryJournal()
    model = ScriptedModel(says=[calls(("post", '{"to": "nobody"}')), "It could not be sent."])
    answer = await loop("post").answer(a_task(), a_context(model, tools=[tool], journal=journal))
    assert answer.text == "It could not be sent."
    assert [step.status for step in journal.of("tool")] == ["error"]


async def test_an_answer_that_has_to_follow_a_schema_is_asked_for_at_the_end() -> None:
    schema = json_object(n={"type": "integer"})
    model = ScriptedModel(says=[calls(SUM), "It is 42.", '{"n": 42}'])
    answer = await loop().answer(a_task(response_schema=schema), a_context(model, tools=TOOLS))
    assert answer.text == '{"n": 42}'
    assert [request.response_schema for request in model.requests] == [None, None, schema]
    assert model.requests[-1].messages[-1].content == IN_FORM
    assert model.requests[-1].tools == ()


async def test_only_the_answer_is_shown_and_no_thinking_aloud() -> None:
    shown: list[str] = []

    async def show(text: str) -> None:
        shown.append(text)

    said = calls(SUM).model_copy(update={"text": "Let me reckon."})
    context = a_context(ScriptedModel(says=[said, "It is 42."]), tools=TOOLS, on_text=show)
    await loop().answer(a_task(), context)
    assert shown == ["It is 42."]


async def test_tools_of_the_asker_are_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidTask, match="'direct'"):
        await loop().answer(a_task(tools=(ToolSpec(name="mine"),)), a_context(ScriptedModel(), tools=TOOLS))


async def test_a_tool_that_is_not_there_is_named() -> None:
    with pytest.raises(NotFound, match="'abacus'; there are: calculator"):
        await loop("abacus").answer(a_task(), a_context(ScriptedModel(), tools=TOOLS))


async def test_a_crash_at_any_write_repeats_no_finished_call_and_no_finished_effect() -> None:
    def script(request: ModelRequest) -> Choice | str:
        seen = [message.content for message in request.messages if message.role == "tool"]
        targets = ["ann", "bob"]
        return calls(("post", f'{{"to": "{targets[len(seen)]}"}}')) if len(seen) < 2 else "sent"

    async def once(model: ScriptedModel, tool: Counted, journal: MemoryJournal) -> str:
        return (await loop("post").answer(a_task(), a_context(model, tools=[tool], journal=journal))).text

    whole = MemoryJournal()
    await once(ScriptedModel(says=script), Counted(), whole)
    for write in range(1, whole.writes + 1):
        for when in ("before", "after"):
            model, tool, journal = ScriptedModel(says=script), Counted(), MemoryJournal()
            journal.crash_at(write, when)
            with pytest.raises(Crash):
                await once(model, tool, journal)
            finished = {step.input for step in journal.steps.values() if step.status == "ok"}
            before, effects = len(model.requests), tool.effects.copy()
            assert await once(model, tool, journal) == "sent"
            assert not finished & {request.model_dump_json() for request in model.requests[before:]}
            assert len(model.requests) + tool.effects.total() <= 5 + 1
            done = {step.input for step in journal.of("tool")} & finished
            assert all(tool.effects[to] == effects[to] for to in ("ann", "bob") if f'{{"to": "{to}"}}' in done)


async def test_the_calculator_says_what_it_cannot_compute() -> None:
    result = await Calculator().call({"expression": "how many people live in Bern"})
    assert result.failed
    assert "how many people" in result.text

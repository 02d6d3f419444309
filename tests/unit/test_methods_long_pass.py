"""The long pass reads long documents in sections, works hard problems over in stages, and gives what it has in time."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.context import Context
from agents.errors import BudgetExceeded
from agents.methods.deadline import until
from agents.methods.direct import Direct
from agents.methods.long_pass import LongPass
from agents.methods.long_price import estimate, is_long
from agents.methods.method import Method
from agents.methods.refine import Refine
from agents.methods.sections import sections
from agents.methods.verify import Verify
from agents.model import Completion, Delta, ModelRequest
from agents.records import Answer, Attachment, Budget, Effort, Task
from router.records import ModelCard
from tests.builders import NOON, a_clock, a_context, a_task, an_answer
from tests.fakes import Crash, MemoryJournal, Reply, ScriptedModel

PARTS = ("apples", "bears", "cedars")
REPORT = "Bears are the point."


def contract() -> Attachment:
    paragraphs = [
        f"{n}. {name.title()}\n\nThis part is about {name}. " + "More words. " * 20 for n, name in enumerate(PARTS, 1)
    ]
    return Attachment(name="contract.md", text="\n\n".join(paragraphs))


def a_long_task(**fields: Any) -> Task:
    return a_task("What is it about?", attachments=(contract(),), **fields)


def notes(*pairs: tuple[str, str]) -> str:
    return json.dumps({"notes": [{"quote": quote, "note": note} for quote, note in pairs]})


def ruling(stands: bool) -> str:
    return json.dumps({"reason": "looked", "stands": stands})


def reader(*, refuted: str = "", report: str = REPORT, misquoting: str = "") -> ScriptedModel:
    """A model that notes what each section is about; its notes on `refuted` do not survive a second look."""

    def says(request: ModelRequest) -> Reply:
        said = request.messages[-1].content
        if request.response_schema is None:
            return report
        if "\n\nThe note:\n" in said:
            return ruling(not refuted or f"on {refuted}" not in said)
        section = said.rsplit("This is section", 1)[1]
        name = next(name for name in PARTS if f"about {name}" in section)
        quote = f"This part is about {name}."
        return notes((quote, f"on {name}"), (misquoting or quote, "again"))

    return ScriptedModel("large", says=says)


def long_pass(**options: Any) -> LongPass:
    sampler = Direct("large", Effort.NONE)

    def verifier(first: Method) -> Method:
        return Verify("large", Effort.NONE, first=first)

    def refiner(first: Method) -> Method:
        return Refine("large", Effort.NONE, first=first)

    return LongPass("large", Effort.NONE, sampler, verifier, refiner, section_tokens=90, **options)


# --- sections ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.text(alphabet="ab #.\n", max_size=80), max_size=5), st.integers(1, 60))
def test_the_sections_of_a_document_put_together_are_its_text(texts: list[str], characters: int) -> None:
    for text in texts:
        cut = sections([Attachment(name="a", text=text)], characters)
        assert "".join("".join(one.text for one in cut).split()) == "".join(text.split())
        assert all(len(one.text) <= characters for one in cut)


def test_a_heading_begins_a_section_where_the_one_before_is_half_full() -> None:
    text = "\n\n".join([f"## Part {n}\n\n{'word ' * 30}" for n in range(3)])
    cut = sections([Attachment(name="a", text=text)], 280)
    assert [one.title for one in cut] == ["## Part 0", "## Part 1", "## Part 2"]


# --- long documents ---------------------------------------------------------------------------------------------------


async def test_each_section_is_read_each_finding_looked_at_and_the_answer_written_from_them() -> None:
    journal, model = MemoryJournal(), reader()
    answer = await long_pass().answer(a_long_task(), a_context(model, journal=journal))
    assert (answer.text, answer.truncated) == (REPORT, False)
    names = [step.name for step in journal.of("check")]
    assert [name for name in names if name.startswith("section")] == [f"section {n} of 3" for n in (1, 2, 3)]
    assert [name for name in names if name.startswith("finding")] == [f"finding {n} of 3" for n in (1, 2, 3)]
    asked = model.requests[-1].messages[-1].content
    assert "on apples" in asked
    assert "This part is about cedars. More words" not in asked


async def test_what_can_be_checked_without_a_model_is_checked_before_one_is_asked() -> None:
    journal = MemoryJournal()
    await long_pass().answer(a_long_task(), a_context(reader(), journal=journal))
    kinds = [step.name for step in journal.steps.values() if step.kind in ("check", "model")]
    assert kinds.index("check numbering") < kinds.index("chat large")


async def test_a_finding_that_a_second_look_refutes_is_left_out() -> None:
    model = reader(refuted="bears")
    await long_pass().answer(a_long_task(), a_context(model))
    asked = model.requests[-1].messages[-1].content
    assert "on apples" in asked
    assert "on bears" not in asked


async def test_a_note_on_words_that_are_not_in_the_section_is_left_out_without_asking_anybody() -> None:
    journal, model = MemoryJournal(), reader(misquoting="This part is about whales.")
    await long_pass().answer(a_long_task(), a_context(model, journal=journal))
    assert "whales" not in model.requests[-1].messages[-1].content
    assert "1 left out" in journal.steps["1.section.1"].attributes["evidence"]


async def test_the_second_look_is_another_models_where_there_is_one() -> None:
    first, second = reader(), ScriptedModel("judge", says=lambda _: ruling(True))
    context = replace(a_context(first, second), judges=("large", "judge"))
    await long_pass().answer(a_long_task(), context)
    assert len(second.requests) == 3


async def test_an_answer_that_misquotes_is_asked_for_once_more() -> None:
    model = reader(report='It says: "These words are nowhere in the whole contract."')
    journal = MemoryJournal()
    await long_pass().answer(a_long_task(), a_context(model, journal=journal))
    assert "1.report.again" in journal.steps


async def test_a_section_whose_reading_cannot_be_understood_is_not_counted_as_read() -> None:
    model = ScriptedModel("large", says=lambda request: "hm" if request.response_schema else REPORT)
    await long_pass().answer(a_long_task(), a_context(model))
    assert "0 of them to the end" in model.requests[-1].messages[-1].content


@pytest.mark.parametrize("calls", range(1, 7))
async def test_when_the_budget_ends_what_was_found_so_far_is_given(calls: int) -> None:
    journal = MemoryJournal(Budget(max_model_calls=calls))
    answer = await long_pass().answer(a_long_task(), a_context(reader(), journal=journal))
    assert answer.truncated
    assert f"Read so far: {min(calls, 3)} of 3 sections." in answer.text
    assert "on apples" in answer.text


async def test_when_nothing_was_read_yet_the_budget_is_exceeded() -> None:
    with pytest.raises(BudgetExceeded):
        await long_pass().answer(a_long_task(), a_context(reader(), journal=MemoryJournal(Budget(max_model_calls=0))))


async def test_at_its_deadline_it_stops_reading_and_still_writes_the_answer() -> None:
    # The clock goes on by a second at each reading of it: the time for reading ends after the first sections.
    answer = await long_pass(seconds=40).answer(a_long_task(), a_context(reader(), clock=a_clock()))
    assert (answer.text, answer.truncated) == (REPORT, True)


async def test_read_back_long_after_its_deadline_it_comes_to_the_same_and_asks_no_model() -> None:
    journal = MemoryJournal()
    first = await long_pass(seconds=600).answer(a_long_task(), a_context(reader(), journal=journal))
    assert not first.truncated
    late = a_context(ScriptedModel("large"), journal=journal, clock=lambda: NOON.replace(year=2027))
    assert await long_pass(seconds=600).answer(a_long_task(), late) == first


@pytest.mark.parametrize("when", ["before", "after"])
async def test_whatever_write_it_dies_at_it_goes_on_to_the_same_answer(when: Any) -> None:
    whole = MemoryJournal()
    expected = await long_pass().answer(a_long_task(), a_context(reader(), journal=whole))
    for write in range(1, whole.writes + 1):
        journal = MemoryJournal()
        journal.crash_at(write, when)
        with pytest.raises(Crash):
            await long_pass().answer(a_long_task(), a_context(reader(), journal=journal))
        assert await long_pass().answer(a_long_task(), a_context(reader(), journal=journal)) == expected


# --- hard problems ----------------------------------------------------------------------------------------------------

GOOD = json.dumps({"faults": [], "score": 1.0})


async def test_a_hard_problem_is_sampled_then_verified_then_refined() -> None:
    journal = MemoryJournal()
    model = ScriptedModel("large", says=["a proof", GOOD, GOOD])
    answer = await long_pass().answer(a_task("Prove it."), a_context(model, journal=journal))
    assert (answer.text, answer.truncated) == ("a proof", False)
    stages = [step.name for step in journal.of("check") if step.name.startswith("stage")]
    assert stages == ["stage 1 of 3: samples", "stage 2 of 3: verification", "stage 3 of 3: refinement"]


@pytest.mark.parametrize("calls", [1, 2])
async def test_when_the_budget_ends_between_the_stages_the_best_so_far_is_given(calls: int) -> None:
    journal = MemoryJournal(Budget(max_model_calls=calls))
    model = ScriptedModel("large", says=["a proof", GOOD, GOOD])
    answer = await long_pass().answer(a_task("Prove it."), a_context(model, journal=journal))
    assert (answer.text, answer.truncated) == ("a proof", True)


@dataclass(frozen=True)
class Endless:
    """A model that begins to write and never ends."""

    id: str = "large"

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        yield Delta(text="Well, ")
        await asyncio.Event().wait()

    def worst_cost(self, request: ModelRequest) -> tuple[int, Decimal]:
        return 1, Decimal(0)


async def test_a_model_that_still_writes_at_the_deadline_is_cut_off() -> None:
    context = until(a_context(Endless()), NOON.replace(second=3))
    with pytest.raises(BudgetExceeded) as over:
        await Direct("large", Effort.NONE).answer(a_task(), context)
    assert over.value.limit == "max_seconds"


# --- the price --------------------------------------------------------------------------------------------------------

CARD = ModelCard(
    id="large",
    parameters_billion=8,
    context_tokens=8192,
    usd_per_million_input_tokens=Decimal("0.1"),
    usd_per_million_output_tokens=Decimal("0.4"),
    prefill_tokens_per_second=1000,
    decode_tokens_per_second=50,
)


async def test_the_estimate_counts_the_calls_that_are_made() -> None:
    model = reader()
    await long_pass().answer(a_long_task(), a_context(model))
    told = estimate(a_long_task(), CARD, section_tokens=90)
    # Three sections, a report, and looks at the findings: two a section are expected, one is made here.
    assert (told.calls, len(model.requests)) == (3 + 6 + 1, 3 + 3 + 1)


def test_the_estimate_is_the_price_of_its_tokens_and_the_time_of_one_call_after_the_other() -> None:
    told = estimate(a_task("Prove it."), CARD, samples=4, rounds=1, answer_tokens=500)
    assert told.usd == pytest.approx(
        Decimal(told.input_tokens) / 10**7 + Decimal(told.output_tokens) * 4 / 10**7, abs=Decimal("0.000001")
    )
    assert told.seconds == pytest.approx(told.input_tokens / 1000 + told.output_tokens / 50)
    assert told.tokens == told.input_tokens + told.output_tokens
    assert estimate(a_task("Prove it."), CARD, samples=8).calls == told.calls + 4 + (3 + 2)


def test_a_longer_document_is_dearer_and_a_machine_is_paid_by_the_hour() -> None:
    short = estimate(a_long_task(), CARD, section_tokens=90)
    twice = a_task("What is it about?", attachments=(contract(), contract()))
    assert estimate(twice, CARD, section_tokens=90).usd > short.usd
    rented = CARD.model_copy(update={"usd_per_hour": Decimal(2)})
    assert estimate(a_long_task(), rented, section_tokens=90).usd > short.usd


def test_a_task_is_long_when_its_documents_are_more_than_a_section() -> None:
    assert is_long(a_long_task(), section_tokens=90)
    assert not is_long(a_long_task())
    assert not is_long(a_task("word " * 5000))


async def test_the_parts_are_handed_in() -> None:
    @dataclass(frozen=True)
    class Fixed:
        text: str

        async def answer(self, task: Task, context: Context) -> Answer:
            return an_answer(self.text)

    recipe = LongPass("large", Effort.NONE, Fixed("a"), lambda _: Fixed("b"), lambda _: Fixed("c"))
    assert (await recipe.answer(a_task(), a_context())).text == "c"

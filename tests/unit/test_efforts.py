"""What was measured of an effort counts, not what the catalog hopes; and what does not go together is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agents.model import Model
from agents.records import Effort
from router.plan import plan as draw_up
from router.records import ModelCard
from services.efforts import Efforts
from services.models.probe import Measured, Probed, verdict
from tests.builders import a_task

NONE, LOW, HIGH = Effort.NONE, Effort.LOW, Effort.HIGH


def row(effort: Effort, reasoning: int, output: int = 100) -> Probed:
    return Probed(
        effort=effort,
        sent=effort,
        reasoning_tokens=reasoning,
        output_tokens=output,
        first_token_seconds=None,
        seconds=1.0,
    )


def measured(*rows: Probed, settings: str = "now") -> Measured:
    return Measured(settings=settings, at=datetime(2026, 1, 1, tzinfo=UTC), rows=rows)


@pytest.mark.parametrize(
    ("rows", "real"),
    [
        ((row(NONE, 0), row(LOW, 80), row(HIGH, 400)), (NONE, LOW, HIGH)),
        ((row(NONE, 0), row(LOW, 400), row(HIGH, 400)), (NONE, LOW)),
        ((row(NONE, 250), row(HIGH, 250)), (NONE,)),
        ((row(NONE, 0, 90), row(HIGH, 0, 100)), (NONE,)),
        ((row(NONE, 0, 90), row(HIGH, 0, 600)), (NONE, HIGH)),
        ((row(LOW, 30),), (LOW,)),
    ],
)
def test_of_efforts_that_come_to_the_same_the_weakest_counts(
    rows: tuple[Probed, ...], real: tuple[Effort, ...]
) -> None:
    assert measured(*rows).real == real


def test_what_was_measured_is_said_in_a_line() -> None:
    assert verdict((row(NONE, 5), row(HIGH, 5))) == "effort has no effect: 5 reasoning tokens at none and 5 at high"
    assert verdict((row(NONE, 0), row(HIGH, 9))) == "effort has an effect: 0 reasoning tokens at none, 9 at high"
    assert verdict((row(NONE, 0, 90), row(HIGH, 0, 600))).endswith("90 output tokens at none, 600 at high")
    assert verdict((row(LOW, 5),)) == "one effort only: there is nothing to compare"


class OneModel:
    """A catalog of one model with three efforts."""

    def get(self, model_id: str) -> Model:
        raise AssertionError(f"{model_id} is not to be asked")

    def cards(self) -> tuple[ModelCard, ...]:
        return (ModelCard(id="small", parameters_billion=6, context_tokens=8192, efforts=(NONE, LOW, HIGH)),)

    def settings_of(self, model_id: str) -> str:
        return "now"


class Stored(Efforts):
    """Measurements as if they had been read from the database."""

    def __init__(self, one: Measured) -> None:
        super().__init__(OneModel())
        self._measured = {"small": one}


def test_the_router_is_told_what_makes_a_difference() -> None:
    [card] = Stored(measured(row(NONE, 7), row(LOW, 7), row(HIGH, 7))).cards()
    assert card.efforts == (NONE,)


def test_a_measurement_of_something_else_says_nothing() -> None:
    efforts = Stored(measured(row(NONE, 7), row(HIGH, 7), settings="before"))
    [card] = efforts.cards()
    assert card.efforts == (NONE, LOW, HIGH)
    assert efforts.of("small") is None


@pytest.mark.parametrize(("asked", "said"), [(HIGH, True), (NONE, False), (Effort.AUTO, False)])
def test_an_effort_that_runs_as_another_is_said_in_the_plan(asked: Effort, said: bool) -> None:
    efforts = Stored(measured(row(NONE, 7), row(LOW, 7), row(HIGH, 7)))
    task: Any = a_task("Why is the sky blue?", effort=asked)
    plan = draw_up(task, cards=efforts.cards())
    notes = efforts.notes(task, plan)
    assert bool(notes) is said
    if said:
        assert notes[0].startswith("Effort high makes no difference on small and runs as none (measured 2026-01-01:")

"""A plan as charts: what lies on the frontier, which role a rung has, and the axes."""

import pytest

from dashboard.charts import (
    CHOSEN,
    REFUSED,
    STANDS,
    WEIGHED,
    Axis,
    described,
    frontier,
    natural_axis,
    quality_chart,
    types_chart,
)
from dashboard.shapes import Attempt, Json, Plan, Rung


def rung(model: str, quality: float | None, usd: str = "0", seconds: float = 1.0, tokens: int = 100) -> Rung:
    return Rung.model_validate(
        {
            "method": "direct",
            "model": model,
            "quality": quality,
            "quality_low": quality and quality - 0.1,
            "quality_high": quality and quality + 0.1,
            "cost_usd": usd,
            "seconds": seconds,
            "output_tokens": tokens,
        }
    )


SMALL = rung("small", 0.5, "0.001", 2)
DEAR = rung("dear", 0.45, "0.005", 1)
LARGE = rung("large", 0.8, "0.1", 9)


def points(plan: Plan, axis: Axis = Axis.COST, attempts: tuple[Attempt, ...] = ()) -> list[Json]:
    found: list[Json] = quality_chart(plan, axis, attempts=attempts)["data"]["values"]
    return found


@pytest.mark.parametrize(
    ("axis", "best"),
    [(Axis.COST, ["small", "large"]), (Axis.TIME, ["dear", "small", "large"]), (Axis.TOKENS, ["large"])],
)
def test_the_frontier_is_what_no_other_beats_at_its_price(axis: Axis, best: list[str]) -> None:
    assert [one.model for one in frontier([LARGE, DEAR, SMALL], axis)] == best


def test_a_rung_of_unknown_quality_is_on_no_chart() -> None:
    plan = Plan(rungs=(SMALL,), considered=(rung("riddle", None),))
    assert [point["rung"] for point in points(plan)] == ["direct small none"]
    assert "riddle" not in described(plan, Axis.COST)


def test_chosen_rungs_carry_their_number_and_lie_on_top() -> None:
    drawn = points(Plan(rungs=(SMALL, LARGE), considered=(DEAR,)))
    assert [(point["role"], point["number"]) for point in drawn] == [(WEIGHED, None), (CHOSEN, 1), (CHOSEN, 2)]
    assert (drawn[1]["interval"], drawn[1]["price"]) == ("40% to 60%", 0.001)


def test_what_was_climbed_is_told_apart() -> None:
    attempts = (
        Attempt(number=1, rung="direct small none"),
        Attempt(number=2, rung="direct large none", accepted=True),
    )
    assert [point["role"] for point in points(Plan(rungs=(SMALL, LARGE)), attempts=attempts)] == [REFUSED, STANDS]


def test_a_rung_whose_second_try_was_accepted_stands() -> None:
    tries = (Attempt(number=1, rung="direct small none"), Attempt(number=2, rung="direct small none", accepted=True))
    assert [point["role"] for point in points(Plan(rungs=(SMALL,)), attempts=tries)] == [STANDS]


@pytest.mark.parametrize(
    ("rungs", "kind"),
    [
        ((SMALL, LARGE), "log"),
        ((rung("free", 0.3, "0"), LARGE), "sqrt"),
        ((rung("a", 0.3, "1"), rung("b", 0.4, "2")), None),
        ((rung("a", 0.3), rung("b", 0.4)), None),
    ],
)
def test_prices_far_apart_share_an_axis(rungs: tuple[Rung, ...], kind: str | None) -> None:
    assert quality_chart(Plan(rungs=rungs), Axis.COST)["encoding"]["x"]["scale"].get("type") == kind


def test_where_nothing_costs_money_time_is_the_price() -> None:
    assert natural_axis(Plan(rungs=(SMALL,))) == Axis.COST
    assert natural_axis(Plan(rungs=(rung("local", 0.5),), considered=(rung("other", 0.6),))) == Axis.TIME


def test_likely_task_types_are_shown_likeliest_first_and_without_dust() -> None:
    chart = types_chart(Plan(task_type={"chat": 0.2, "code_write": 0.79, "math": 0.01}))
    assert [value["type"] for value in chart["data"]["values"]] == ["code write  79%", "chat  20%"]

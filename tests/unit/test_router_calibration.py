"""The chance that is read off an answer's signals never falls as they rise, and says no more than was seen."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from router.calibration import Calibration, Isotonic, Line, fit, load_calibration

SIGNALS = st.floats(-50, 50, allow_nan=False)
ROWS = st.lists(st.tuples(SIGNALS, st.sampled_from([0.0, 1.0])), min_size=1, max_size=60)


def fitted(rows: list[tuple[float, float]], *, doubt: float = 1.0) -> Isotonic:
    return fit([signal for signal, _ in rows], [outcome for _, outcome in rows], doubt=doubt)


@given(ROWS, SIGNALS, SIGNALS)
def test_a_higher_signal_never_has_a_lower_chance(rows: list[tuple[float, float]], one: float, two: float) -> None:
    line = fitted(rows)
    assert line.at(min(one, two)) <= line.at(max(one, two))


@given(ROWS, SIGNALS)
def test_a_chance_lies_between_0_and_1_and_is_never_either_where_there_is_doubt(
    rows: list[tuple[float, float]], signal: float
) -> None:
    assert 0 < fitted(rows).at(signal) < 1


@given(ROWS)
def test_the_mean_chance_of_the_blocks_is_the_share_of_right_answers(rows: list[tuple[float, float]]) -> None:
    line = fitted(rows, doubt=0)
    share = sum(outcome for _, outcome in rows) / len(rows)
    assert line.chance[0] <= share + 1e-9
    assert share - 1e-9 <= line.chance[-1]


@given(st.permutations([(float(n), float(n % 3 == 0 or n > 7)) for n in range(12)]))
def test_the_order_of_the_rows_does_not_matter(rows: list[tuple[float, float]]) -> None:
    assert fitted(rows) == fitted(sorted(rows))


def test_outcomes_that_rise_with_the_signal_are_kept_as_they_are() -> None:
    line = fitted([(1.0, 0.0), (2.0, 0.0), (3.0, 1.0), (4.0, 1.0)], doubt=0)
    assert (line.at(1.5), line.at(3.5)) == (0.0, 1.0)
    assert 0 < line.at(2.5) < 1


def test_outcomes_that_fall_as_the_signal_rises_are_pooled_into_their_share() -> None:
    line = fitted([(1.0, 1.0), (2.0, 1.0), (3.0, 0.0), (4.0, 0.0)], doubt=0)
    assert line.chance == (0.5,)
    assert line.at(-9) == line.at(9) == 0.5


def test_blocks_are_those_that_a_hand_calculation_pools() -> None:
    line = fitted([(1.0, 0.0), (2.0, 1.0), (3.0, 0.0), (4.0, 1.0)], doubt=0)
    assert line.signal == (1.0, 2.5, 4.0)
    assert line.chance == (0.0, 0.5, 1.0)


@given(st.lists(st.tuples(st.integers(0, 15), st.sampled_from([0.0, 1.0])), min_size=1, max_size=40))
def test_the_chances_are_those_of_the_min_max_formula(counted: list[tuple[int, float]]) -> None:
    rows = [(float(signal), outcome) for signal, outcome in counted]
    at = sorted({signal for signal, _ in rows})

    def mean(low: float, high: float) -> float:
        seen = [outcome for signal, outcome in rows if low <= signal <= high]
        return sum(seen) / len(seen)

    # Robertson, Wright and Dykstra 1988, theorem 1.4.4: the least-squares rising fit, from its definition.
    wanted = {round(max(min(mean(low, high) for high in at if high >= x) for low in at if low <= x), 9) for x in at}
    assert [round(chance, 9) for chance in fitted(rows, doubt=0).chance] == sorted(wanted)


def test_rows_and_outcomes_have_to_be_as_many() -> None:
    with pytest.raises(ValueError, match="1 signals and 2 outcomes"):
        fit([1.0], [0.0, 1.0])
    with pytest.raises(ValueError, match="at least one"):
        fit([], [])


@pytest.mark.parametrize(
    ("signal", "chance", "wrong"),
    [
        ((1.0, 2.0), (0.5,), "2 values"),
        ((2.0, 1.0), (0.1, 0.2), "do not rise"),
        ((1.0, 2.0), (0.2, 0.1), "fall"),
        ((1.0, 2.0), (0.2, 1.1), "outside"),
    ],
)
def test_a_line_that_is_not_one_is_refused(signal: tuple[float, ...], chance: tuple[float, ...], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        Isotonic(signal=signal, chance=chance)


def flat(chance: float) -> Isotonic:
    return Isotonic(signal=(0.0,), chance=(chance,))


def test_the_closest_line_counts() -> None:
    table = Calibration(
        about={},
        lines=(
            Line(signal="vote", line=flat(0.1)),
            Line(signal="vote", model="small", line=flat(0.2)),
            Line(signal="vote", task_type="math", line=flat(0.3)),
            Line(signal="vote", task_type="math", model="small", line=flat(0.4)),
        ),
    )
    asked = [("math", "small"), ("math", "large"), ("chat", "small"), ("chat", "large")]
    assert [table.chance({"vote": 1.0}, task_type=kind, model=model) for kind, model in asked] == [0.4, 0.3, 0.2, 0.1]


def test_the_chance_is_the_mean_of_what_the_signals_say_and_unknown_signals_say_nothing() -> None:
    table = Calibration(about={}, lines=(Line(signal="vote", line=flat(0.2)), Line(signal="agrees", line=flat(0.6))))
    assert table.chance({"vote": 1.0, "agrees": 1.0, "moon": 1.0}) == pytest.approx(0.4)
    assert table.chance({"moon": 1.0}) is None
    assert table.chance({}) is None


def test_the_table_survives_json() -> None:
    table = Calibration(about={"rows": 3}, lines=(Line(signal="vote", line=fit([0.5, 0.7, 1.0], [0, 1, 1])),))
    assert Calibration.model_validate_json(table.model_dump_json()) == table


def test_the_shipped_table_says_what_it_came_from_and_rises_with_every_signal() -> None:
    table = load_calibration()
    assert table.about["command"].startswith("python -m bench.fit_signals")
    assert table.about["problems"]
    for line in table.lines:
        rising = [line.line.at(value) for value in line.line.signal]
        assert all(low <= high for low, high in pairwise(rising))
        assert line.line.rows > 0

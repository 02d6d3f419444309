"""The calculator takes what it should, leaves what it should, and is never wrong."""

import datetime as dt
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.calculator import calculate
from agents.calculator.numbers import fixed, written
from agents.calculator.units import UNITS

TODAY = dt.date(2026, 11, 23)
CORPUS = [
    json.loads(line) for line in (Path(__file__).parent / "data" / "calculator.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("row", [row for row in CORPUS if row["exact"]], ids=lambda row: row["prompt"])
def test_a_calculation_is_answered_exactly(row: dict[str, str]) -> None:
    found = calculate(row["prompt"], today=TODAY)
    assert found is not None
    assert (found.kind, found.exact) == (row["kind"], row["exact"])


@pytest.mark.parametrize("row", [row for row in CORPUS if not row["exact"]], ids=lambda row: row["prompt"])
def test_what_is_no_calculation_or_has_two_readings_is_left_alone(row: dict[str, str]) -> None:
    assert calculate(row["prompt"], today=TODAY) is None


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    taken = sum(row["exact"] is not None for row in CORPUS)
    assert taken >= 60
    assert len(CORPUS) - taken >= 60


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("What is 17% of 3,482?", "591.94"),
        ("1,234 + 5,678", "6,912"),
        ("1234 + 5678", "6912"),
        ("10 / 3", "10 / 3 ≈ 3.333333333"),
        ("sqrt(2)", "sqrt(2) ≈ 1.414213562"),
        ("2,000,000 / 3", "2,000,000 / 3 ≈ 666,666.6667"),
        ("$19.99 * 3", "$59.97"),
        ("$100 / 3", "$100 / 3 ≈ $33.33"),
        ("17 % 5", "17 mod 5 = 2"),
        ("what percentage of 3 is 1", "1 / 3 ≈ 33.3333%"),
        ("convert 5 km to miles", "5 km ≈ 3.10686 miles"),
        ("How many inches are in a foot?", "1 foot = 12 inches"),
        ("72F to C", "72 °F ≈ 22.2222 °C"),
        ("1 gallon to liters", "1 US gallon = 3.785411784 liters"),
        ("90 days after 2026-01-15", "Wednesday, 15 April 2026"),
        ("how many days until Christmas?", "32 days (today is Monday, 23 November 2026)"),
        ("how many weeks between 2024-01-01 and 2024-03-01", "8 weeks and 4 days"),
    ],
)
def test_the_answer_reads_as_a_person_would_write_it(prompt: str, text: str) -> None:
    found = calculate(prompt, today=TODAY)
    assert found is not None
    assert found.text == text


def test_a_question_that_depends_on_today_is_left_alone_without_a_date() -> None:
    assert calculate("how many days until Christmas?") is None
    assert calculate("3 weeks from today") is None


def test_a_day_of_the_year_that_is_past_means_the_next_one() -> None:
    found = calculate("days until 1 March", today=TODAY)
    assert found is not None
    assert found.exact == str((dt.date(2027, 3, 1) - TODAY).days)


def test_the_derivation_tells_how_the_prompt_was_read() -> None:
    found = calculate("what is 20% off 80")
    assert found is not None
    assert found.steps == "80 less 20% of it = 64"


def test_work_is_bounded() -> None:
    assert calculate("9^9^9") is None
    assert calculate("99999999^99999999") is None
    assert calculate("1" * 5000 + " + 1") is None
    assert calculate("(" * 140 + "1+1" + ")" * 140) is None


@settings(deadline=None)
@given(st.text(max_size=320))
def test_no_text_is_too_strange_to_read(prompt: str) -> None:
    calculate(prompt, today=TODAY)


_TROUBLE = st.text(alphabet="0123456789.,+-*/^%()!=$€ x√'\"abcdefimnost?:", max_size=60)


@settings(deadline=None)
@given(_TROUBLE)
def test_no_text_that_resembles_a_calculation_is_too_strange_either(prompt: str) -> None:
    calculate(prompt, today=TODAY)


_NUMBERS = st.integers(0, 10**6).map(str) | st.decimals(0, 1000, places=2).map(str)
_EXPRESSIONS = st.recursive(
    _NUMBERS,
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: f"({' '.join(parts)})"),
    max_leaves=8,
).filter(lambda expression: expression.startswith("("))


@settings(deadline=None)
@given(_EXPRESSIONS)
def test_arithmetic_agrees_with_fractions(expression: str) -> None:
    found = calculate(f"Calculate {expression}")
    try:
        truth = _fraction(expression)
    except ZeroDivisionError:
        assert found is None
        return
    if truth == 0 or abs(truth) > Fraction(1, 10**15):
        assert found is not None
        assert Fraction(found.exact) == truth


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 999), st.sampled_from(["{p}% of {n}", "What is {p} percent of {n:,}?"]))
def test_percent_agrees_with_fractions(n: int, p: int, wording: str) -> None:
    found = calculate(wording.format(n=n, p=p))
    assert found is not None
    assert Fraction(found.exact) == Fraction(n * p, 100)


@settings(deadline=None)
@given(st.dates(dt.date(1753, 1, 1)), st.integers(0, 30_000))
def test_dates_agree_with_the_calendar(date: dt.date, days: int) -> None:
    found = calculate(f"{days} days after {date}")
    try:
        assert found is not None
        assert found.exact == str(date + dt.timedelta(days=days))
    except OverflowError:
        assert found is None


@settings(deadline=None)
@given(st.fractions(-(10**9), 10**9, max_denominator=10**6), st.integers(0, 12))
def test_writing_is_off_by_half_a_place_at_most(value: Fraction, decimals: int) -> None:
    assert abs(Fraction(fixed(value, decimals)) - value) * 2 <= Fraction(1, 10**decimals)
    shown, is_exact = written(value)
    assert (Fraction(shown) == value) if is_exact else (Fraction(shown) != value)


def test_every_unit_is_what_pint_says_it_is() -> None:
    import pint  # takes a second, and only here

    make: Any = pint.UnitRegistry  # its own types do not know of fractions
    registry = make(non_int_type=Fraction, cache_folder=None)
    spelled = {"°C": "degC", "°F": "degF", "K": "kelvin", "US gallon": "gallon", "imperial gallon": "imperial_gallon"}
    base = {"length": "m", "area": "m**2", "volume": "liter", "mass": "kg", "time": "s", "speed": "m/s"}
    base |= {"temperature": "kelvin", "energy": "J", "pressure": "Pa", "data": "bit"}
    for unit in set(UNITS.values()):
        words = unit.name.replace("square ", "sq_").replace("cubic ", "cu_").replace(" ", "_")
        name = spelled.get(unit.name, words.replace("watt_hour", "watt*hour"))
        quantity = registry.Quantity(Fraction(1), _pint(name))
        assert quantity.to(base[unit.dimension]).magnitude == (1 + unit.zero) * unit.factor, unit.name


def _pint(name: str) -> str:
    for prefix, power in (("sq_", "**2"), ("cu_", "**3")):
        if name.startswith(prefix):
            return f"{name.removeprefix(prefix)}{power}"
    return {"tonne": "metric_ton", "millibar": "millibar", "psi": "pound_force_per_square_inch"}.get(name, name)


def _fraction(expression: str) -> Fraction:
    if not expression.startswith("("):
        return Fraction(expression)
    inner, depth = expression[1:-1], 0
    for place, character in enumerate(inner):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0 and inner[place : place + 1] in "+-*/" and inner[place - 1] == " ":
            left, right = _fraction(inner[: place - 1]), _fraction(inner[place + 2 :])
            return {"+": left.__add__, "-": left.__sub__, "*": left.__mul__, "/": left.__truediv__}[character](right)
    raise AssertionError(expression)

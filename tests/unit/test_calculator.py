"""The calculator takes what it should, leaves what it should, and is never wrong."""

import csv
import datetime as dt
import io
import json
import statistics
import string
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.calculator import Calculation, calculate
from agents.calculator.numbers import fixed, written
from agents.calculator.records import Kind
from agents.calculator.units import units_by_name
from agents.records import Attachment, Record

TODAY = dt.date(2026, 11, 23)


class Row(Record):
    """A prompt of the corpus and its answer; None where it is to be left to a model."""

    prompt: str
    kind: Kind | None
    exact: str | None
    table: str | None = None
    """The text of the CSV file that comes with it."""


CORPUS = [
    Row.model_validate_json(line)
    for file in sorted((Path(__file__).parent / "data").glob("calculator*.jsonl"))
    for line in file.read_text("utf-8").splitlines()
]
POSITIVES = [row for row in CORPUS if row.exact is not None]
NEGATIVES = [row for row in CORPUS if row.exact is None]


def _answer(row: Row) -> Calculation | None:
    tables = (Attachment(name="orders.csv", media_type="text/csv", text=row.table),) if row.table else ()
    return calculate(row.prompt, today=TODAY, tables=tables)


@pytest.mark.parametrize("row", POSITIVES, ids=lambda row: row.prompt)
def test_a_calculation_is_answered_exactly(row: Row) -> None:
    found = _answer(row)
    assert found is not None
    assert (found.kind, found.exact) == (row.kind, row.exact)


@pytest.mark.parametrize("row", NEGATIVES, ids=lambda row: row.prompt)
def test_what_is_no_calculation_or_has_two_readings_is_left_alone(row: Row) -> None:
    assert _answer(row) is None


def test_no_answer_on_the_corpus_is_wrong_and_nearly_every_calculation_is_taken() -> None:
    answers = [(row, found.exact) for row in CORPUS if (found := _answer(row))]
    wrong = [row.prompt for row, answer in answers if answer != row.exact]
    right = sum(answer == row.exact for row, answer in answers)
    assert wrong == []
    assert right / len(POSITIVES) >= 0.95


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    kinds = Counter(row.kind for row in POSITIVES)
    assert len(POSITIVES) >= 300
    assert len(NEGATIVES) >= 300
    assert {kind: kinds[kind] >= 25 for kind in get_args(Kind)} == dict.fromkeys(get_args(Kind), True)
    assert len({(row.prompt, row.table) for row in CORPUS}) == len(CORPUS)


_AROUND = (
    "{} and explain why",
    "In chapter 3, {} is a joke",
    "Why is the answer to {} so famous?",
    "def f(): return {}",
    "{} apples",
    "Is it true that {}",
    "{} or so",
    "My son asked me: {}",
    "roughly {}",
    "{}, then write a poem",
    "what about {}",
)


@pytest.mark.parametrize("around", _AROUND)
def test_a_calculation_within_other_words_is_left_alone(around: str) -> None:
    around_it = [
        row.model_copy(update={"prompt": around.format(row.prompt)}) for row in POSITIVES if "\n" not in row.prompt
    ]
    assert [row.prompt for row in around_it if _answer(row)] == []


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
        ("65 inches in feet and inches", "65 inches = 5 feet 5 inches"),
        ("180 cm in feet and inches", "180 cm ≈ 5 feet 10.8661 inches"),
        ("what time is 3 hours after 10:30 pm", "1:30 am (the next day)"),
        ("8 bits in bytes", "8 bits = 1 byte"),
        ("is 2024 a leap year", "Yes"),
        ("255 in hex", "FF"),
        ("0xFF + 1", "0x100 (256 in decimal)"),
        ("mean of 1, 2, 4", "mean ≈ 2.333333333"),
        ("average of $10 and $25", "$17.50"),
        ("population standard deviation of 1, 2", "0.5"),
        ("sample standard deviation of 1, 2", "sqrt(0.5) ≈ 0.707106781"),
        ("sort $3, $20, $1", "$1, $3, $20"),
        ("1/3 as a percentage", "1/3 ≈ 33.3333%"),
        ("ISO week of 2024-12-30", "Week 1 of 2025"),
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


_WORDS = (
    *(
        "cat",
        "dog",
        "house",
        "river",
        "walked",
        "bought",
        "sold",
        "story",
        "chapter",
        "people",
        "years",
        "ago",
        "price",
        "of",
    ),
    *("the", "and", "plus", "minus", "times", "is", "was", "half", "total", "average", "in", "from", "to", "between"),
    *(
        "percent",
        "km",
        "hours",
        "lucky",
        "number",
        "joke",
        "team",
        "won",
        "score",
        "version",
        "page",
        "recipe",
        "cups",
        "json",
    ),
    *("csv", "keys", "sort", "convert", "please", "what", "how", "many"),
)
_PROSE = st.lists(st.sampled_from(_WORDS) | st.integers(0, 2100).map(str), min_size=2, max_size=25)


@settings(deadline=None)
@given(_PROSE, st.sampled_from(("story", "people", "because", "everyone", "remembered")), st.integers(0, 25))
def test_prose_with_numbers_in_it_is_never_taken(words: list[str], word: str, place: int) -> None:
    prose = " ".join([*words[:place], word, *words[place:]])
    assert calculate(prose, today=TODAY) is None
    assert calculate(prose.capitalize() + ".", today=TODAY) is None


def test_a_long_prompt_that_is_no_calculation_is_left_alone() -> None:
    assert calculate("What is 2 + 2? " * 7_000) is None
    assert calculate("Convert this CSV to JSON:\n" + "a,b\n" * 30_000) is None


_STYLES = ("Calculate {}", "What is {}?", "please compute {} for me", "{} =", "how much is {}, please?")
_NUMBERS = st.integers(0, 10**6).map(str) | st.decimals(0, 1000, places=2).map(str)
_EXPRESSIONS = st.recursive(
    _NUMBERS,
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: f"({' '.join(parts)})"),
    max_leaves=8,
).filter(lambda expression: expression.startswith("("))


@settings(deadline=None)
@given(_EXPRESSIONS, st.sampled_from(_STYLES), st.sampled_from((("*", "/"), ("×", "÷"), ("x", "/"), ("·", "÷"))))
def test_arithmetic_agrees_with_fractions(expression: str, style: str, signs: tuple[str, str]) -> None:
    found = calculate(style.format(expression.replace("*", signs[0]).replace("/", signs[1])))
    try:
        truth = _fraction(expression)
    except ZeroDivisionError:
        assert found is None
        return
    if truth == 0 or abs(truth) > Fraction(1, 10**15):
        assert found is not None
        assert Fraction(found.exact) == truth


_PERCENTAGES = ("{p}% of {n}", "What is {p} percent of {n:,}?", "please find {p} % of {n}", "{p}% of {n} is how much?")


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 999), st.sampled_from(_PERCENTAGES))
def test_percent_agrees_with_fractions(n: int, p: int, wording: str) -> None:
    found = calculate(wording.format(n=n, p=p))
    assert found is not None
    assert Fraction(found.exact) == Fraction(n * p, 100)


@settings(deadline=None)
@given(st.dates(dt.date(1753, 1, 1)), st.integers(0, 30_000))
def test_dates_agree_with_the_calendar(date: dt.date, days: int) -> None:
    found = calculate(f"{days} days after {date}")
    if date.toordinal() + days > dt.date.max.toordinal():
        assert found is None
        return
    assert found is not None
    assert found.exact == str(date + dt.timedelta(days=days))


@settings(deadline=None)
@given(st.integers(0, 2**60), st.sampled_from(((2, "b", "binary"), (8, "o", "octal"), (16, "X", "hexadecimal"))))
def test_bases_agree_with_python(number: int, base: tuple[int, str, str]) -> None:
    digits = f"{number:{base[1]}}"
    back = calculate(f"Convert the {base[2]} number {digits} to decimal")
    assert back is not None
    assert back.exact == str(number)
    there = calculate(f"convert {number:,} to {base[2]}")
    if there is None:
        assert set(str(number)) <= {"0", "1"}
    else:
        assert there.exact == digits


@settings(deadline=None)
@given(st.lists(st.integers(-999, 999) | st.decimals(-9, 9, places=2), min_size=2, max_size=12))
def test_statistics_agree_with_the_library(numbers: list[int | Decimal]) -> None:
    listed, values = ", ".join(map(str, numbers)), [Fraction(number) for number in numbers]
    for asked, truth in (
        (f"What is the mean of {listed}?", statistics.mean(values)),
        (f"median of [{listed}]", statistics.median(values)),
        (f"sum of {listed}", sum(values)),
        (f"population variance of {listed}", statistics.pvariance(values)),
        (f"the largest of these numbers: {listed}", max(values)),
    ):
        found = calculate(asked)
        assert found is not None, asked
        assert Fraction(found.exact) == truth, asked


_CELLS = st.text(alphabet=string.ascii_letters + " ,\"'é", min_size=1, max_size=8).map(str.strip).filter(bool)


@settings(deadline=None)
@given(st.lists(st.tuples(_CELLS, st.integers(-999, 999)), min_size=1, max_size=5))
def test_a_table_survives_the_way_from_csv_to_json_and_back(rows: list[tuple[str, int]]) -> None:
    rows = [(name, number) for name, number in rows if name.lower() not in {"true", "false", "null", "nan", "none"}]
    if not rows:
        return
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([("name", "n"), *rows])
    there = calculate(f"Convert this CSV to JSON:\n{written.getvalue()}")
    assert there is not None
    assert json.loads(there.text) == [{"name": name, "n": number} for name, number in rows]
    back = calculate(f"Convert this JSON to CSV:\n{there.text}")
    assert back is not None
    assert back.text == written.getvalue().strip()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
).filter(lambda value: isinstance(value, list | dict))


@settings(deadline=None)
@given(_JSON)
def test_json_is_laid_out_as_python_does_it(value: object) -> None:
    pretty = calculate(f"Pretty-print this JSON:\n{json.dumps(value)}")
    minified = calculate(f"minify this JSON: {json.dumps(value, indent=3)}")
    if "\\ud" in json.dumps(value):
        return
    assert pretty is not None
    assert minified is not None
    assert pretty.text == json.dumps(value, indent=2)
    assert minified.text == json.dumps(value, separators=(",", ":"))


def test_with_files_only_a_question_on_the_one_table_is_taken() -> None:
    table = Attachment(name="a.csv", text="name,price\nLamp,19.50\nDesk,120\n")
    assert calculate("2 + 2", tables=(table,)) is None
    assert calculate("What is the price of Lamp?", tables=(table, table)) is None
    assert calculate("What is the price of Lamp?", tables=(table.model_copy(update={"name": "a.txt"}),)) is None
    tabbed = Attachment(name="a", media_type="text/tab-separated-values", text="name\tprice\nLamp\t19.50\n")
    found = calculate("What is the price of Lamp?", tables=(tabbed,))
    assert found is not None
    assert (found.text, found.steps) == ("19.50", "row 1: price = 19.50")


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
    spelled |= {"US cup": "cup", "US pint": "pint", "US quart": "quart", "US fluid ounce": "fluid_ounce"}
    spelled |= {"bit/s": "bit/s", "kbit/s": "kilobit/s", "Mbit/s": "megabit/s", "Gbit/s": "gigabit/s"}
    spelled |= {"long ton": "UK_ton", "short ton": "US_ton", "light-year": "light_year"}
    base = {"length": "m", "area": "m**2", "volume": "liter", "mass": "kg", "time": "s", "speed": "m/s"}
    base |= {"temperature": "kelvin", "energy": "J", "pressure": "Pa", "data": "bit"}
    base |= {"power": "W", "frequency": "Hz", "data rate": "bit/s"}
    for unit in set(units_by_name().values()):
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

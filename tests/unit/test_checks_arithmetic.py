"""Which equations of an answer are called wrong, and above all which are not."""

import pytest

from agents.checks.arithmetic import check, judged
from agents.records import ArithmeticCheck
from tests.builders import a_task, an_answer

RIGHT = [
    "3 * 4 = 12",
    "3 × 4 = 12.",
    "So, he picks \\(3 \\times 4 = 12\\) bananas.",
    "\\[ \\text{Distance Micah ran} = 3.5 \\times 8 = 28 \\text{ miles} \\]",
    "\\[ 2 \\text{ pads/week} \\times 30 \\text{ sheets/pad} = 60 \\text{ sheets/week} \\]",
    "\\frac{1}{2} \\times 8 = 4",
    "\\[ \\frac{\\frac{1}{2}}{2} = 0.25 \\]",
    "$1,200 - $300 = $900",
    "The total is $1,200 - $300 = $900.",
    "\\$5 \\times 3 = \\$15",
    "$5 \\times 3 = 15$",
    "2 + 3 = 5 + 1 = 6",
    "52 - (8 + 28) = 52 - 36 = 16",
    "30% of 150 = 45",
    "0.30 \\times 150 = 45 \\text{ trees}",
    "25 / 100 = 25%",
    "(5/20) * 100 = 25%",
    "10 / 3 = 3.33",
    "10 / 3 ≈ 3.3",
    "2 / 3 = 0.66",
    "2 / 3 = 0.67",
    "10 / 3 \\approx 3",
    "1,234 * 9 ≈ 11,000",
    "3.33 * 3 = 10",
    "100 / 7 = about 14",
    "30 - 75 = -45",
    "-20 \\times 4 = -80",
    "2^3 = 8",
    "2^{10} = 1024",
    "2**3 = 8",
    "\\sqrt{16} = 4",
    "\\sqrt{16} + 1 = 5",
    "2(3 + 4) = 14",
    "(2 + 3)(4) = 20",
    "(since 3 + 4 = 7)",
    "**3 + 4 = 7**",
    "- 3 + 4 = 7",
    "1. 3 + 4 = 7",
    "12 = 3 × 4",
    "3 × 4 = 12, and 12 + 5 = 17",
    "1 hour (Monday) + 3 hours (Tuesday) = 4 hours",
    "2.5 million + 0.5 million = 3 million",
    "3 x 4 = 12",
    "60 minutes × 2 = 120 minutes",
    "5! = 120",
    "Cost = 3 * $2.50 = $7.50",
    "1{,}200 + 300 = 1{,}500",
    "\\boxed{3 + 4 = 7}",
    "7 ÷ 2 = 3.5",
]
NOT_LOOKED_AT_OR_RIGHT = [
    "2x + 3 = 12",
    "x = 5",
    "3x = 4x - 80",
    "y = 2 * z + 1",
    "f(3) = 9",
    "log_2 8 + 1 = 4",
    "17 / 5 = 3 remainder 2",
    "17 / 5 = 3 R 2",
    "1 hour + 30 minutes = 90 minutes",
    "2 feet * 3 = 72 inches",
    "1 hour = 60 minutes",
    "1 1/2 + 3 = 4.5",
    "total = price * 3 + 4 = 20",
    "Net change - 10 - 2 = 8",
    "the average of 3 + 5 = 4",
    "half of 10 + 2 = 7",
    "Week 2 = 10 * 3 = 30",
    "3,5 * 2 = 7",
    "3:00 + 2 = 5:00",
    "if a == 3 + 4: b <= 5",
    "```python\nx = 3 + 4 = 8\n```",
    "10 = 3 (mod 7)",
    "it is not true that 3 + 4 = 8",
    "2 + 3 ≠ 6",
    "3 + 4 = 12 - x",
    "the years 1939-1945 = the war",
    "2 + 2 = 4x",
    "a + 3 * 4 = 20",
    "5 dozen + 3 = 63",
]
WRONG = [
    ("3 * 4 = 13", "12"),
    ("So he has \\(130 - 39 = 92\\) trees left.", "91"),
    ("\\[ \\text{Total} = 3.5 \\times 52 = 176 \\text{ miles} \\]", "182"),
    ("\\frac{3}{4} \\times 9 = 5.25", "6.75"),
    ("$1,200 - $300 = $800", "900"),
    ("2 + 3 = 6 = 6", "5"),
    ("52 - (8 + 28) = 52 - 36 = 18", "16"),
    ("30% of 150 = 50", "45"),
    ("0.05 * 350,000 = 175,000", "17500"),
    ("10 / 3 = 3.43", "10/3"),
    ("2 / 3 = 0.76", "2/3"),
    ("10 / 3 \\approx 5", "10/3"),
    ("30 - 75 = 45", "-45"),
    ("2^3 = 6", "8"),
    ("\\sqrt{16} = 8", "4"),
    ("2(3 + 4) = 10", "14"),
    ("(since 3 + 4 = 8)", "7"),
    ("13 = 3 × 4", "13"),
    ("3 × 4 = 12, and 12 + 5 = 18", "17"),
    ("2 \\text{ pads/day} \\times 30 \\text{ sheets/pad} = 70 \\text{ sheets/day}", "60"),
    ("28 miles + 8 miles = 38 miles", "36"),
    ("25 / 100 = 30%", "0.25"),
]


@pytest.mark.parametrize("text", RIGHT)
def test_a_right_equation_is_found_and_passes(text: str) -> None:
    looked, wrong = judged(text)
    assert looked > 0
    assert wrong == []


@pytest.mark.parametrize("text", NOT_LOOKED_AT_OR_RIGHT)
def test_what_could_be_right_in_another_way_is_let_alone(text: str) -> None:
    assert judged(text)[1] == []


@pytest.mark.parametrize(("text", "value"), WRONG)
def test_a_wrong_equation_is_cited_with_its_value(text: str, value: str) -> None:
    verdict = check(ArithmeticCheck(), an_answer(text), a_task())
    assert verdict.outcome == "fail"
    assert f"should be {value}" in verdict.evidence


def test_one_wrong_equation_among_right_ones_fails_and_the_score_says_how_many() -> None:
    verdict = check(ArithmeticCheck(), an_answer("3 * 4 = 12\n12 + 5 = 18\n6 / 2 = 3\n1 + 1 = 2"), a_task())
    assert verdict.outcome == "fail"
    assert verdict.score == 0.75
    assert "'12 + 5 = 18' should be 17" in verdict.evidence
    assert "3 * 4" not in verdict.evidence


def test_without_an_equation_it_is_unsure() -> None:
    assert check(ArithmeticCheck(), an_answer("The answer is 42."), a_task()).outcome == "unsure"


def test_long_hostile_texts_are_looked_through_soon() -> None:
    hostile = ("3 + " * 30_000 + "3 = 4", "= " * 50_000, "(" * 50_000 + "=", "\\frac{" * 20_000 + "= 3")
    for text in (*hostile, "9" * 99_000 + "+1=2", "((" * 1000 + "=" * 1000, "3 + 3 = " * 20_000):
        assert judged(text)[1] == []

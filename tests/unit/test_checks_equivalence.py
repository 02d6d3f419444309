"""Whether written answers mean the same: a corpus of pairs, its mirror image, and inputs that want to take for ever."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from agents.checks import check, validate
from agents.checks.algebra.judging import equal as compared
from agents.checks.equivalence import compare, equal
from agents.errors import InvalidTask
from agents.records import MathCheck
from agents.sandbox import NO_SANDBOX, Program, Ran
from tests.builders import a_context, a_task, an_answer

CORPUS = Path(__file__).parent / "data" / "math_pairs.jsonl"
PAIRS = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]

HOSTILE = [
    "10**10**10",
    "10^{10^{10^{10}}}",
    "((((2^9999)^9999)^9999)^9999)",
    "9^{9^{9}}!",
    "100000!!!",
    "99999!",
    "\\binom{10^9}{5}",
    "\\int_0^1 \\int_0^x e^{e^{e^x}} dx",
    "\\sum_{n=1}^{10^9} n",
    "__import__('os').system('id')",
    "().__class__.__mro__",
    "lambda: 0",
    "e^{e^{e^{e^{9}}}}",
    "x^{10^{9}}",
    "\\sqrt[10^9]{2}",
    "1/0",
    "0^0",
    "\\frac{0}{0}",
    "\\sin" * 300,
    "(" * 900,
    "{" * 900,
    "\\frac{" * 300,
    "1+" * 900,
    "((((((((((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))))))))))",
    "\\{" * 300,
    "|" * 500,
    "1," * 900,
    "\u0000",
    "٣",
    "1e999999999",
    "\\begin{pmatrix}" * 100,
]


class SandboxThatSays:
    """A sandbox whose programs end as they are told to."""

    def __init__(self, ran: Ran) -> None:
        self._ran = ran
        self.programs: list[Program] = []

    async def run(self, program: Program) -> Ran:
        self.programs.append(program)
        return self._ran


def test_the_corpus_is_large_and_half_of_it_is_not_equal() -> None:
    different = sum(not pair["equal"] for pair in PAIRS)
    assert len(PAIRS) >= 250
    assert 0.4 < different / len(PAIRS) < 0.6


def test_no_pair_of_the_corpus_is_judged_wrongly_and_few_are_left_open() -> None:
    wrong: list[str] = []
    unsure: list[str] = []
    for pair in PAIRS:
        for left, right in ((pair["left"], pair["right"]), (pair["right"], pair["left"])):
            found, reason = compared(left, right)
            if found is None:
                unsure.append(f"{left} | {right}: {reason}")
            elif found != pair["equal"]:
                wrong.append(f"{left} | {right}")
    assert wrong == []
    assert len(unsure) < 0.05 * 2 * len(PAIRS), unsure


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("50%", "50"),
        ("16 miles", "16"),
        ("5 cm", "5"),
        ("1,5", "1.5"),
        ("(1,234)", "1234"),
        ("\\log 100", "2"),
        ("x/2y", "xy/2"),
        ("2, 1", "1, 2"),
        ("90^\\circ", "90"),
        ("0.333...", "\\frac{1}{3}"),
        ("\\approx 3.14", "3.14"),
        ("no solution", "none"),
        ("3:45", "1:15"),
        ("(-8)^{1/3}", "-2"),
        ("\\ln(x^2)", "2\\ln x"),
        ("5 apples", "5 oranges"),
        ("1011_2", "1011"),
        ("100, 200", "100,200"),
        ("\\sin x/2", "\\sin(x)/2"),
    ],
)
def test_what_has_two_readings_is_not_told(left: str, right: str) -> None:
    assert compared(left, right)[0] is None
    assert compared(right, left)[0] is None


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_inputs_are_never_equal_to_a_number_and_break_nothing(text: str) -> None:
    assert compared(text, "7")[0] is not True
    assert compared("x^2+\\sqrt{2}", text)[0] is not True


async def test_a_million_characters_are_refused_before_anything_is_started() -> None:
    sandbox = SandboxThatSays(Ran(how="ok"))
    assert await equal([("1" * 1_000_000, "2"), ("x" * 1_000_000, "y")], sandbox) == [None, None]
    assert sandbox.programs == []


async def test_plain_numbers_need_no_sandbox_and_the_rest_is_not_known_without_one() -> None:
    found = await compare([("1,234", "1234"), ("1/2", "0.25"), ("2\\sqrt{2}", "\\sqrt{8}")], NO_SANDBOX)
    assert [one.equal for one in found] == [True, False, None]
    assert "sandbox" in found[2].reason


async def test_one_program_compares_all_and_what_it_did_not_reach_is_not_known() -> None:
    sandbox = SandboxThatSays(Ran(how="time", stdout='[true, ""]\n[false, ""]\n{"broken'))
    pairs = [("x", "x + 0"), ("3", "3.0"), ("a", "b"), ("2x", "x2"), ("c", "d")]
    assert await equal(pairs, sandbox) == [True, True, False, None, None]
    assert len(sandbox.programs) == 1
    assert json.loads(sandbox.programs[0].stdin) == [["x", "x + 0"], ["a", "b"], ["2x", "x2"], ["c", "d"]]


@pytest.mark.parametrize("said", ["nonsense", "[1, 2, 3]", '["true", ""]', "null", "5", '{"a": 1, "b": 2}'])
async def test_a_line_that_is_no_verdict_is_not_one(said: str) -> None:
    assert await equal([("x", "y")], SandboxThatSays(Ran(how="ok", stdout=said))) == [None]


def math(reference: str, text: str, says: str) -> str:
    context = replace(a_context(), sandbox=SandboxThatSays(Ran(how="ok", stdout=says)))
    return asyncio.run(check(MathCheck(reference=reference), an_answer(text), a_task(), context)).outcome


def test_an_expression_is_compared_where_the_answer_says_it_is_the_answer() -> None:
    assert math("2\\sqrt{2}", "so \\boxed{\\sqrt{8}}", '[true, ""]') == "pass"
    assert math("2\\sqrt{2}", "so \\boxed{\\sqrt{6}}", '[false, ""]') == "fail"
    assert math("2\\sqrt{2}", "so \\boxed{\\sqrt{6}}", '[null, "too hard"]') == "unsure"
    assert math("x+1", "1+x", '[true, ""]') == "pass"
    assert math("x+1", "The answer is $1+x$.", '[true, ""]') == "pass"


def test_an_expression_that_was_only_met_on_the_way_never_fails_an_answer() -> None:
    assert math("x+1", "We try one thing\nand then $y = 2x$ in the long run of things", '[false, ""]') == "unsure"
    assert math("x+1", "I could not find out anything about it.\nSorry about that, really.", '[true, ""]') == "unsure"


def test_an_empty_reference_is_refused() -> None:
    with pytest.raises(InvalidTask, match="empty"):
        validate(MathCheck(reference=" "))

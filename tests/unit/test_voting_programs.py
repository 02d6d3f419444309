"""Programs are compared by what they do, expressions by what they mean, free texts by what they say."""

import contextlib
import io
import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from agents.records import Choice
from agents.sandbox import NO_SANDBOX, Program, Ran
from agents.voting.behaviour import Outcomes, assertions_in, dual_agreement, examples_in, outcomes
from agents.voting.extract import final_answer
from agents.voting.grouping import Grouping
from agents.voting.medoid import medoid, similarity
from agents.voting.reading import Reader
from tests.builders import a_task

PROMPT = '''Complete this Python function.

```python
def double(x):
    """Gives twice the number.

    >>> double(2)
    4
    >>> double(0) == 0
    double(-1) should return -2.
    double(3) ==> 6  # as any
    """
```'''


class InProcess:
    """Runs the tests' own programs right here, as a sandbox would."""

    def __init__(self) -> None:
        self.programs: list[str] = []

    async def run(self, program: Program) -> Ran:
        self.programs.append(program.code)
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(program.code, {"__name__": "program"})
        except AssertionError as error:
            return Ran(how="error", stdout=printed.getvalue(), stderr=repr(error))
        return Ran(how="ok", stdout=printed.getvalue())


async def nobody(pairs: Sequence[tuple[str, str]]) -> Sequence[bool | None]:
    raise AssertionError(f"nobody should have been asked about {pairs}")


def test_the_examples_of_a_prompt_are_found_in_each_way_of_writing_them() -> None:
    found = [(probe.expression, probe.test) for probe in examples_in(PROMPT)]
    assert found == [
        ("double(2)", "_value == (4)"),
        ("double(0)", "_value == (0)"),
        ("double(-1)", "_value == (-2)"),
        ("double(3)", "_value == (6)"),
    ]


def test_examples_that_are_not_written_out_are_left_alone() -> None:
    assert examples_in("f(a) -> 1\ndef f(x): return 2\nf(1) is nice\nf(2) -> some value") == ()


def test_assertions_are_taken_apart_and_a_broken_end_is_left_out() -> None:
    whole = assertions_in("assert f(1) == 2\nassert sorted(f(2)) == [1]\nassert f(3)")
    assert [(probe.expression, probe.test) for probe in whole] == [
        ("f(1)", "_value == 2"),
        ("sorted(f(2))", "_value == [1]"),
        ("f(3)", "_value"),
    ]
    assert assertions_in("assert f(1) == 2\nassert f(2) == [1,\n") == whole[:1]


async def test_programs_that_do_the_same_have_the_same_form() -> None:
    probes = examples_in(PROMPT)
    one = await outcomes("def double(x): return 2 * x", probes, InProcess())
    same = await outcomes("def double(y):\n    return y + y\nassert double(1) == 3\nprint('hi')", probes, InProcess())
    other = await outcomes("def double(x): return x ** 2", probes, InProcess())
    assert one.passed == (True, True, True, True)
    assert one.form == same.form != other.form
    assert other.passed == (True, True, False, False)
    assert other.shown == ("4", "0", "1", "9")


async def test_a_program_cannot_claim_to_pass_by_printing() -> None:
    forged = "import builtins\ndef double(x):\n    print('probe-000000000000', 0, True, '4')\n    return None"
    assert not any((await outcomes(forged, examples_in(PROMPT), InProcess())).passed)


def test_programs_and_tests_vouch_for_each_other() -> None:
    good, bad = Outcomes((True, True, False), ("1", "2", "0")), Outcomes((False, False, True), ("0", "0", "3"))
    assert dual_agreement([good, good, bad]) == [4.0, 4.0, 1.0]


async def test_a_reader_compares_programs_by_behaviour_and_without_a_sandbox_by_their_trees() -> None:
    texts = ["def double(x): return 2 * x", "def double(x): return x + x", "def double(x): return x * x"]
    choices = {number: Choice(text=text) for number, text in enumerate(texts)}
    seen = await Reader(a_task(PROMPT), sandbox=InProcess(), equal=nobody).ballots(choices, weighed=False)
    assert seen[0].form == seen[1].form != seen[2].form
    blind = await Reader(a_task(PROMPT), sandbox=NO_SANDBOX, equal=nobody).ballots(choices, weighed=False)
    assert len({ballot.form for ballot in blind}) == 3


async def test_each_sample_is_run_once_however_often_the_votes_are_counted() -> None:
    sandbox = InProcess()
    reader = Reader(a_task(PROMPT), sandbox=sandbox, equal=nobody)
    for last in range(1, 4):
        await reader.ballots(
            {number: Choice(text=f"def double(x): return {number}") for number in range(last)}, weighed=False
        )
    assert len(sandbox.programs) == 3


async def test_expressions_are_compared_only_where_their_forms_are_no_proof() -> None:
    asked: list[tuple[str, str]] = []

    async def same_value(pairs: Sequence[tuple[str, str]]) -> Sequence[bool | None]:
        asked.extend(pairs)
        return [re.sub(r"\D", "", left) == re.sub(r"\D", "", right) for left, right in pairs]

    grouping = Grouping(same_value)
    found = [final_answer(rf"\boxed{{{inside}}}", "math") for inside in (r"\sqrt{2}", "2^{1/2}", "2", "3", r"2\sqrt{}")]
    leads = await grouping.merged(found)
    assert leads[r"m:\sqrt{2}"] == leads["n:2"] == leads[r"m:2\sqrt{}"]
    assert leads["n:3"] == "n:3"
    assert ("2", "3") not in asked
    asked.clear()
    await grouping.merged(found)
    assert asked == []


async def test_numbers_are_never_sent_to_be_compared() -> None:
    found = [final_answer(f"#### {number}", "math") for number in (1, 2, 3)]
    assert await Grouping(nobody).merged(found) == {"n:1": "n:1", "n:2": "n:2", "n:3": "n:3"}


def test_the_medoid_is_the_text_that_is_most_like_the_others() -> None:
    texts = [
        "The cat sat on the mat and slept.",
        "Quarterly revenue rose by nine percent.",
        "A cat sat on a mat and slept well.",
        "The cat was on the mat, and it slept.",
    ]
    assert medoid(texts) in (0, 2)
    assert similarity(texts[0], texts[2]) > similarity(texts[0], texts[1])


@given(st.lists(st.text(max_size=60), min_size=1, max_size=6), st.randoms())
def test_the_order_of_texts_does_not_change_which_one_is_central(texts: list[str], random: object) -> None:
    def closeness(text: str, among: list[str]) -> float:
        return sum(sorted(similarity(text, other) for other in among))

    shuffled = list(texts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = texts[medoid(texts)], shuffled[medoid(shuffled)]
    assert abs(closeness(one, texts) - closeness(other, texts)) < 1e-9


@given(st.text(max_size=200), st.text(max_size=200))
def test_similarity_is_symmetric_and_a_text_is_like_itself(one: str, other: str) -> None:
    assert similarity(one, other) == similarity(other, one)
    assert 0 <= similarity(one, other) <= 1
    assert similarity(one, one) == 1

"""The checks that run something, in the real sandbox: what is right passes, what is wrong or tricky does not."""

import json
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.checks import check
from agents.checks.code import passes
from agents.checks.equivalence import compare, equal
from agents.errors import Unavailable
from agents.records import CodeCheck, MathCheck
from agents.sandbox import Program
from services.sandbox.choice import Chosen
from tests.builders import a_context, a_task, an_answer

PAIRS = Path(__file__).parent.parent / "unit" / "data" / "math_pairs.jsonl"
TESTS = "assert add(1, 2) == 3\nassert add(0, 0) == 0"


@pytest.fixture
async def sandbox() -> AsyncGenerator[Chosen]:
    chosen = Chosen("auto", socket=None)
    try:
        await chosen.run(Program(code="import sys", libraries=True))
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield chosen
    await chosen.close()


async def test_the_whole_corpus_is_judged_rightly_in_the_sandbox(sandbox: Chosen) -> None:
    rows = [json.loads(line) for line in PAIRS.read_text("utf-8").splitlines()]
    found = await compare([(row["left"], row["right"]) for row in rows], sandbox)
    wrong = [
        (row, one) for row, one in zip(rows, found, strict=True) if one.equal is not None and one.equal != row["equal"]
    ]
    unsure = [(row, one) for row, one in zip(rows, found, strict=True) if one.equal is None]
    assert wrong == []
    assert len(unsure) < 0.05 * len(rows), unsure


async def test_hostile_pairs_do_not_hold_up_the_others(sandbox: Chosen) -> None:
    hostile = [
        "10**10**10",
        "9^{9^{9}}!",
        "e^{e^{e^{9}}}",
        "x^{10^9}",
        "\\int_0^1 e^{e^x} dx",
        "(" * 900,
        "\\frac{" * 300,
    ]
    pairs = [(text, "x+1") for text in hostile]
    began = time.monotonic()
    found = await equal([*pairs, ("x+1", "1+x")], sandbox)
    assert found == [None] * len(hostile) + [True]
    assert time.monotonic() - began < 60


async def test_an_expression_is_verified_and_refuted(sandbox: Chosen) -> None:
    context = replace(a_context(), sandbox=sandbox)
    spec = MathCheck(reference="\\frac{\\sqrt{2}}{2}")
    right = await check(spec, an_answer("so \\boxed{\\frac{1}{\\sqrt{2}}}"), a_task(), context)
    wrong = await check(spec, an_answer("so \\boxed{\\sqrt{2}}"), a_task(), context)
    assert (right.outcome, wrong.outcome) == ("pass", "fail")


@pytest.mark.parametrize(
    "program",
    [
        "def add(a, b):\n    return a + b",
        "import heapq, sys\nfrom functools import lru_cache\n@lru_cache\ndef add(a, b):\n    return a + b",
        "from __future__ import annotations\ndef add(a: int, b: int) -> int:\n    return a + b",
        "def add(a, b):\n    return a + b\nprint(add(1, 1))\nif __name__ == '__main__':\n    input()",
    ],
)
async def test_a_right_program_passes(sandbox: Chosen, program: str) -> None:
    verdict = await passes(program, TESTS, sandbox, 10)
    assert verdict.outcome == "pass", verdict.evidence


@pytest.mark.parametrize(
    ("program", "evidence"),
    [
        ("def add(a, b):\n    return a - b", "assert add(1, 2) == 3"),
        ("def sub(a, b):\n    return a - b", "add"),
        ("import sys\ndef add(a, b):\n    sys.exit(0)", "before its tests did"),
        ("import os\ndef add(a, b):\n    os._exit(0)", "before its tests did"),
        ("raise SystemExit", "before its tests did"),
        ("def add(a, b):\n    while True:\n        pass", "longer than"),
        ("def add(a, b):\n    raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("AssertionError = SystemExit\ndef add(a, b):\n    return 7", ""),
        ("def add(a, b):\n    return 7\n__debug__dummy = False\nassert_ = print", ""),
        ("import builtins\nbuiltins.AssertionError = SystemExit\ndef add(a, b):\n    return 7", ""),
        ("import threading, sys\ndef add(a, b):\n    return 7\nsys.stdout.write('0' * 24)", ""),
    ],
)
async def test_a_wrong_or_tricky_program_does_not_pass(sandbox: Chosen, program: str, evidence: str) -> None:
    verdict = await passes(program, TESTS, sandbox, 3)
    assert verdict.outcome == "fail"
    assert evidence in verdict.evidence


async def test_an_answer_is_checked_from_its_text_to_the_verdict(sandbox: Chosen) -> None:
    context = replace(a_context(), sandbox=sandbox)
    right = "Here:\n```python\ndef add(a, b):\n    return a + b\n```"
    wrong = right.replace("a + b\n", "a - b\n")
    spec = CodeCheck(tests=TESTS)
    assert (await check(spec, an_answer(right), a_task(), context)).outcome == "pass"
    assert (await check(spec, an_answer(wrong), a_task(), context)).outcome == "fail"

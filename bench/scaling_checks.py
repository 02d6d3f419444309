"""Measures the checks: right programs and mutants of them in the sandbox, pairs of answers, and what looking costs.

`python -m bench.scaling_checks --data DIR`, where DIR holds HumanEval.jsonl.gz (openai/human-eval). Each canonical
solution must pass its held tests; each mutant, one operator or constant changed, should not. A mutant that passes is
listed and run once more in plain CPython without the check: where that fails, the check was deceived; where it does
not, the mutant does the same as the original, or the held tests do not notice.
"""

import argparse
import ast
import asyncio
import copy
import gzip
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.checks import arithmetic, citations, numbering, shape
from agents.checks.code import passes
from agents.checks.equivalence import compare
from agents.records import (
    Answer,
    ArithmeticCheck,
    Attachment,
    ChatMessage,
    Choice,
    CitationsCheck,
    FormatCheck,
    NumberingCheck,
    Task,
    Verdict,
)
from agents.sandbox import Program
from services.sandbox.choice import Chosen

SEED = 20261123
MUTANTS_EACH = 2
SECONDS = 15.0
CORPUS = Path(__file__).parent.parent / "tests" / "unit" / "data" / "math_pairs.jsonl"
RECORDED = Path(__file__).parent / "recorded"

_SWAPPED: Mapping[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}
"""What an operator becomes in a mutant."""


@dataclass(frozen=True)
class Problem:
    """A function to write, a way to do so, and the tests that tell."""

    id: str
    solution: str
    tests: str


def main() -> None:
    """Run all and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with HumanEval.jsonl.gz")
    parser.add_argument("--mutants", type=int, default=MUTANTS_EACH, help="mutants of each problem")
    given = parser.parse_args()
    asyncio.run(_all(given.data, given.mutants))


async def _all(data: Path, mutants: int) -> None:
    sandbox = Chosen("auto", socket=None)
    try:
        await _programs(problems(data), mutants, sandbox)
        await _pairs(sandbox)
    finally:
        await sandbox.close()
    _costs()


def problems(data: Path) -> list[Problem]:
    """Read the problems."""
    found: list[Problem] = []
    with gzip.open(data / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            tests = f"{row['test']}\n\ncheck({row['entry_point']})"
            found.append(Problem(row["task_id"], row["prompt"] + row["canonical_solution"], tests))
    return found


async def _programs(found: list[Problem], mutants: int, sandbox: Chosen) -> None:
    began = time.monotonic()
    right = [await passes(one.solution, one.tests, sandbox, SECONDS) for one in found]
    accepted = sum(verdict.outcome == "pass" for verdict in right)
    print(f"HumanEval canonical solutions accepted: {accepted}/{len(found)}")
    for problem, verdict in zip(found, right, strict=True):
        if verdict.outcome != "pass":
            print(f"  {problem.id}: {verdict.outcome}, {verdict.evidence}")
    changed = [(problem, *mutant) for problem in found for mutant in chosen(problem, mutants)]
    judged = [await passes(program, problem.tests, sandbox, SECONDS) for problem, program, _ in changed]
    without = len(found) - len({problem.id for problem, _, _ in changed})
    passed = [one for one, verdict in zip(changed, judged, strict=True) if verdict.outcome == "pass"]
    plain = [await _ends_well(program, problem.tests, sandbox) for problem, program, _ in passed]
    print(
        f"one-token mutants: {len(changed)} of {len(found) - without} problems, seed {SEED}; passed: {len(passed)}, "
        f"of which CPython alone fails {plain.count(False)}"
    )
    for (problem, _, change), ends_well in zip(passed, plain, strict=True):
        print(f"  {problem.id}: {change}{'' if ends_well else '  (false pass)'}")
    print(f"programs run in {time.monotonic() - began:.0f} s\n")


async def _ends_well(program: str, tests: str, sandbox: Chosen) -> bool:
    ran = await sandbox.run(Program(code=f"{program}\n\n{tests}\n", libraries=True, seconds=SECONDS))
    return ran.how == "ok"


def chosen(problem: Problem, number: int) -> list[tuple[str, str]]:
    """Some mutants of a problem's solution, each with the words of what was changed."""
    every = list(_mutants(problem.solution))
    random.Random(f"{SEED}/{problem.id}").shuffle(every)
    return every[:number]


def _mutants(source: str) -> Iterator[tuple[str, str]]:
    tree = ast.parse(source)
    for place, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            mutant = copy.deepcopy(tree)
            touched = next(one for number, one in enumerate(ast.walk(mutant)) if number == place)
            line, before = getattr(node, "lineno", 0), ast.unparse(node)
            change(touched)
            after = ast.unparse(touched)
            if after != before:
                yield ast.unparse(mutant), f"line {line}: {before} -> {after}"


def _changes(node: ast.AST) -> list[Callable[[ast.AST], None]]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _SWAPPED:
            return [_swap_comparison]
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) | ast.BoolOp(op=operator) if (
            type(operator) in _SWAPPED
        ):
            return [_swap_operator]
        case ast.Constant(value=bool()):
            return [lambda one: setattr(one, "value", not getattr(one, "value"))]  # noqa: B009
        case ast.Constant(value=int()):
            return [lambda one: setattr(one, "value", getattr(one, "value") + 1)]  # noqa: B009
        case _:
            return []


def _swap_comparison(node: ast.AST) -> None:
    assert isinstance(node, ast.Compare)
    swapped = _SWAPPED[type(node.ops[0])]()
    assert isinstance(swapped, ast.cmpop)
    node.ops = [swapped]


def _swap_operator(node: ast.AST) -> None:
    assert isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp)
    swapped = _SWAPPED[type(node.op)]()
    if isinstance(node, ast.BoolOp):
        assert isinstance(swapped, ast.boolop)
        node.op = swapped
    else:
        assert isinstance(swapped, ast.operator)
        node.op = swapped


async def _pairs(sandbox: Chosen) -> None:
    rows = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]
    began = time.monotonic()
    found = await compare([(row["left"], row["right"]) for row in rows], sandbox)
    took = time.monotonic() - began
    wrong = [row for row, one in zip(rows, found, strict=True) if one.equal is not None and one.equal != row["equal"]]
    unsure = sum(one.equal is None for one in found)
    different = sum(not row["equal"] for row in rows)
    outcome = f"wrong {len(wrong)}, unsure {unsure}; {took:.1f} s"
    print(f"pairs of answers: {len(rows)}, {different} of them not equal; {outcome}")
    for row in wrong:
        print(f"  {row['left']}  |  {row['right']}")
    print()


def _costs() -> None:
    texts = [
        json.loads(line)["text"]
        for path in sorted(RECORDED.glob("gsm8k-*.jsonl"))
        for line in path.read_text("utf-8").splitlines()[:300]
    ]
    source = "\n\n".join(texts[:20])
    task = Task(
        messages=(ChatMessage(role="user", content="Go on."),),
        attachments=(Attachment(name="source.txt", text=source),),
    )
    looks: Mapping[str, Callable[[Answer], Verdict]] = {
        "arithmetic": lambda answer: arithmetic.check(ArithmeticCheck(), answer, task),
        "format": lambda answer: shape.check(FormatCheck(boxed=True, language="en", max_words=900), answer, task),
        "citations": lambda answer: citations.check(CitationsCheck(), answer, task),
        "numbering": lambda answer: numbering.check(NumberingCheck(), answer, task),
    }
    print(f"CPU of a check, ms a sample, of {len(texts)} recorded answers; sources of {len(source)} characters")
    print("check        p50    p95")
    for name, look in looks.items():
        took = sorted(_cpu_ms(look, Answer(choices=(Choice(text=text),))) for text in texts)
        print(f"{name:10} {statistics.median(took):6.2f} {took[int(len(took) * 0.95)]:6.2f}")


def _cpu_ms(look: Callable[[Answer], Verdict], answer: Answer) -> float:
    began = time.thread_time()
    look(answer)
    return (time.thread_time() - began) * 1000


if __name__ == "__main__":
    main()

"""Measures the sandbox as a judge of programs: right ones have to pass their tests, and one-token mutants should not.

A mutant has one operator or constant changed. One that passes is listed and run once more in the sandbox without the
check: where it fails there, the check was deceived; where it does not, it does the same as the original, or the held
tests do not notice.
"""

import ast
import copy
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from agents.checks.code import passes
from agents.sandbox import Program, Sandbox
from bench.recorded_rows import Problem, humaneval
from bench.scaling_rows import Row

SEED = 20261123
MUTANTS_EACH = 2
SECONDS = 15.0

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


async def sandbox_rows(data: Path, sandbox: Sandbox) -> list[Row]:
    """The lines of canonical solutions and mutants of HumanEval."""
    found = list(humaneval(data))
    right = [await passes(one.canonical, one.reference, sandbox, SECONDS) for one in found]
    accepted = sum(verdict.outcome == "pass" for verdict in right)
    refused = [
        f"{problem.id}: {verdict.outcome}, {verdict.evidence}"
        for problem, verdict in zip(found, right, strict=True)
        if verdict.outcome != "pass"
    ]
    changed = [(problem, *mutant) for problem in found for mutant in chosen(problem, MUTANTS_EACH)]
    judged = [await passes(program, problem.reference, sandbox, SECONDS) for problem, program, _ in changed]
    passed = [one for one, verdict in zip(changed, judged, strict=True) if verdict.outcome == "pass"]
    deceived = [one for one in passed if not await _ends_well(one[1], one[0].reference, sandbox)]
    return [
        Row(
            what="sandbox: canonical solutions of HumanEval accepted",
            line="164 of 164",
            measured=f"{accepted} of {len(found)}",
            n=f"{len(found)} programs",
            listed=tuple(refused),
        ),
        Row(
            what="sandbox: one-token mutants of them that pass",
            line="0 falsely",
            measured=f"{len(passed)}, {len(deceived)} of them falsely: without the check, their tests fail",
            n=f"{len(changed)} mutants of {len({one.id for one, _, _ in changed})} programs",
            seeds=f"mutants by seed {SEED}",
            listed=tuple(
                f"{problem.id}, {change}{' (false pass)' if (problem, program, change) in deceived else ''}"
                for problem, program, change in passed
            ),
        ),
    ]


async def _ends_well(program: str, tests: str, sandbox: Sandbox) -> bool:
    ran = await sandbox.run(Program(code=f"{program}\n\n{tests}\n", libraries=True, seconds=SECONDS))
    return ran.how == "ok"


def chosen(problem: Problem, number: int) -> list[tuple[str, str]]:
    """Some mutants of a problem's solution, each with the words of what was changed."""
    every = list(_mutants(problem.canonical))
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

"""Checks that the answer's program compiles and, in the sandbox, passes its tests to the very end."""

import ast
import asyncio
import secrets

from agents.context import Context
from agents.errors import InvalidTask, Unavailable
from agents.records import Answer, CodeCheck, Task, Verdict
from agents.sandbox import Program, Ran, Sandbox
from agents.voting.behaviour import examples_in
from agents.voting.programs import defined_in, parsed, program_in

_LOOKS_AROUND = frozenset(
    ("atexit", "settrace", "setprofile", "excepthook", "_exit", "__file__", "_getframe", "getsource", "__builtins__")
)
"""Names with which a program can see or change how it is run; who tests it cannot trust what comes of it."""


async def check(spec: CodeCheck, answer: Answer, task: Task, context: Context) -> Verdict:
    """Take the program out, compile it, and run it with the tests."""
    wanted = await asyncio.to_thread(_called_in, spec.tests)
    program = await asyncio.to_thread(program_in, answer.text, wanted)
    if program is None:
        return _fail("there is no program in the answer")
    if problem := await asyncio.to_thread(compile_error, program):
        return _fail(problem)
    if not spec.tests.strip():
        return Verdict(check="code", outcome="pass", score=1.0, evidence="it compiles; there are no tests")
    if trick := await asyncio.to_thread(_trick, program):
        return Verdict(check="code", outcome="unsure", evidence=trick)
    verdict = await passes(program, spec.tests, context.sandbox, spec.seconds)
    if spec.weaker:
        return verdict.model_copy(update={"evidence": f"{verdict.evidence} (weaker: a model wrote the tests)"})
    return verdict


def validate(spec: CodeCheck) -> None:
    """Refuse tests that do not compile."""
    if spec.tests.strip() and (problem := compile_error(spec.tests)):
        raise InvalidTask(f"the tests of a code check are not Python: {problem}", param="checks", code="invalid_check")


async def passes(program: str, tests: str, sandbox: Sandbox, seconds: float) -> Verdict:
    """Run a program with its tests; it passes when it gets to the end of them, which only the runner can tell."""
    nonce = secrets.token_hex(12)
    try:
        ran = await sandbox.run(Program(code=_joined(program, tests, nonce), seconds=seconds))
    except Unavailable as error:
        return Verdict(check="code", outcome="unsure", evidence=str(error))
    if ran.how == "ok":
        if ran.stdout.rstrip().rpartition("\n")[2] == nonce:
            return Verdict(check="code", outcome="pass", score=1.0, evidence="it passes the tests")
        return _fail("it ended before its tests did")
    if ran.how == "time":
        return _fail(f"it took longer than {seconds:g} s")
    return _fail(_complaint(ran))


def doctests_of(prompt: str) -> str:
    """Asserts made from the examples that a prompt gives: `>>> f(1)`, `f(1) == 2`, `f(1) -> 2`; empty without any."""
    return "\n".join(f"assert {probe.test.replace('_value', probe.expression, 1)}" for probe in examples_in(prompt))


def compile_error(source: str) -> str:
    """What keeps a text from being a Python program; empty when nothing does."""
    try:
        compile(source, "<answer>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return f"it does not compile: {error or type(error).__name__}"
    return ""


def _joined(program: str, tests: str, nonce: str) -> str:
    """The program as a module that is imported, so that what it does when it is started is left out; then its tests."""
    name = "" if "__future__" in program else '__name__ = "answer"\n'
    return f"{name}{program}\n\n{tests}\n\nprint()\nprint({nonce!r})\n"


def _complaint(ran: Ran) -> str:
    """The last line, and the assertion that it came of."""
    lines = [line.strip() for line in ran.stderr.strip().splitlines()]
    asserted = [line for line in lines if line.startswith("assert ")]
    said = ran.complaint or f"it ended with {ran.how}"
    return f"{said}: {asserted[-1][:300]}" if asserted and asserted[-1] not in said else said


def _called_in(tests: str) -> frozenset[str]:
    tree = parsed(tests)
    if tree is None:
        return frozenset()
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)) - (defined_in(tests) or set())


def _trick(program: str) -> str:
    """Why what a run of it says could not be believed; empty where it could."""
    tree = parsed(program)
    if tree is None:
        return ""
    for node in ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        imported = {alias.name for alias in node.names} if isinstance(node, ast.Import | ast.ImportFrom) else set[str]()
        if found := ({name} | imported) & _LOOKS_AROUND:
            return f"the program uses {found.pop()!r}, with which it could get around its tests"
        if isinstance(node, ast.FunctionDef) and node.name == "__eq__" and _always_true(node):
            return "the program makes something that is equal to everything"
    if "main.py" in program:
        return "the program reads the file that it stands in"
    return ""


def _always_true(function: ast.FunctionDef) -> bool:
    last = function.body[-1]
    return len(function.body) <= 2 and isinstance(last, ast.Return) and isinstance(last.value, ast.Constant)


def _fail(evidence: str) -> Verdict:
    return Verdict(check="code", outcome="fail", score=0.0, evidence=evidence)

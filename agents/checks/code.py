"""Checks that the answer's program compiles and, in the sandbox, passes its tests to the very end."""

import ast
import asyncio
import secrets

import regex

from agents.context import Context
from agents.errors import InvalidTask, Unavailable
from agents.records import Answer, CodeCheck, Task, Verdict
from agents.sandbox import Program, Ran, Sandbox
from agents.voting.behaviour import examples_in

MAX_CHARACTERS = 200_000
_LANGUAGES = ("", "python", "py", "python3")
_FENCED = regex.compile(
    r"^[ \t]*(```+|~~~+)[ \t]*([\w+.#-]*)[^\n]*\n(.*?)(?:^[ \t]*\1|\Z)", regex.DOTALL | regex.MULTILINE
)
_BEGINS = regex.compile(r"^(?:def |class |import |from \w[\w.]* import |@|async def )", regex.MULTILINE)
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


def program_in(text: str, entry_point: str | frozenset[str] | None = None) -> str | None:
    """The program in an answer: in its fenced blocks, or in plain sight.

    Args:
        text: The answer.
        entry_point: A name that it has to define, or several of which one suffices.

    Returns:
        The last block that defines what is wanted, with the imports of those before it; None where there is none.
    """
    names = frozenset((entry_point,)) if isinstance(entry_point, str) else entry_point or frozenset[str]()
    text = text[:MAX_CHARACTERS]
    blocks = [found[2] for found in _FENCED.findall(text) if found[1].lower() in _LANGUAGES]
    if not blocks:
        return _unfenced(text)
    defined = [_defined(block) for block in blocks]
    fitting = [place for place, one in enumerate(defined) if one is not None and (one & names if names else one)]
    if not fitting:
        readable = [place for place, one in enumerate(defined) if one is not None]
        return blocks[(readable or range(len(blocks)))[-1]]
    last = fitting[-1]
    before = [blocks[place] for place in range(last) if (defined[place] or set()) - (defined[last] or set())]
    needed = [block for block in before if _only_defines(block)]
    return "\n\n".join([*needed, blocks[last]])


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


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _called_in(tests: str) -> frozenset[str]:
    tree = _parsed(tests)
    if tree is None:
        return frozenset()
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)) - (_defined(tests) or set())


def _defined(source: str) -> set[str] | None:
    """The names that a program defines; None where it is not Python."""
    tree = _parsed(source)
    if tree is None:
        return None
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    return names


def _only_defines(source: str) -> bool:
    tree = _parsed(source)
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom | ast.Assign
    return tree is not None and all(isinstance(node, kinds) for node in tree.body)


def _unfenced(text: str) -> str | None:
    if _parsed(text) is not None and _BEGINS.search(text):
        return text
    begins = _BEGINS.search(text)
    if begins is None:
        return None
    lines = text[begins.start() :].splitlines()
    for end in range(len(lines), max(0, len(lines) - 200), -1):
        candidate = "\n".join(lines[:end])
        if _parsed(candidate) is not None:
            return candidate
    return "\n".join(lines)


def _trick(program: str) -> str:
    """Why what a run of it says could not be believed; empty where it could."""
    tree = _parsed(program)
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

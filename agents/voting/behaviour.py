"""What programs do on given examples: two that do the same there are one answer, however they are written.

CodeT (Chen et al. 2022, arXiv 2207.10397): programs and tests, both written by a model, vouch for each other; the group
of programs that pass the same tests counts by its own size times the number of those tests.
"""

import ast
import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import regex

from agents.sandbox import Program, Sandbox

SECONDS = 5.0
"""For all probes of a program together."""
MOST_PROBES = 24
_CALL = regex.compile(r"\b[A-Za-z_]\w*\(")
_GIVES = regex.compile(r"\s*(?:#\s*)?(?:==>|=+>|->|➞|→|==?|should return|should be|returns?|gives)\s*(?P<wanted>\S.*)")
_PROMPT = ">>>"
_WRITTEN_OTHERWISE = {"true": "True", "false": "False", "null": "None"}
_ADDRESS = regex.compile(r" at 0x[0-9a-fA-F]+")

_PROBE = """
try:
    _value = ({expression})
    _shown = round(_value, 9) if isinstance(_value, float) else _value
    _shown = sorted(_shown, key=repr) if isinstance(_shown, (set, frozenset)) else _shown
    print({mark!r}, {number}, bool({test}), repr(_shown)[:200])
except Exception as _error:
    print({mark!r}, {number}, False, type(_error).__name__)
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """Something to evaluate, and what has to hold of its value."""

    expression: str
    test: str
    """Python in which `_value` is the value of the expression."""


@dataclass(frozen=True)
class Outcomes:
    """What a program did on each probe, in order."""

    passed: tuple[bool, ...]
    shown: tuple[str, ...]
    """The values, or the names of the errors; `?` where it did not get there."""

    @cached_property
    def form(self) -> str:
        """Equal forms did the same."""
        return "b:" + hashlib.sha256("\n".join(self.shown).encode()).hexdigest()[:16]


def examples_in(prompt: str) -> tuple[Probe, ...]:
    """The examples that a prompt gives for its function: those of a docstring, and lines such as `f(1) -> 2`."""
    lines = prompt.splitlines()
    probes = [_example(line, following) for line, following in itertools.zip_longest(lines, lines[1:], fillvalue="")]
    return tuple(dict.fromkeys(probe for probe in probes if probe is not None))[:MOST_PROBES]


def assertions_in(tests: str) -> tuple[Probe, ...]:
    """The assert statements of a test program that stand by themselves; nothing where it does not compile."""
    try:
        tree = ast.parse(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _by_line(tests) if tests.count("\n") else ()
    return _asserted(tree)


async def outcomes(program: str, probes: Sequence[Probe], sandbox: Sandbox) -> Outcomes:
    """Run the program and evaluate the probes after it. Raises `Unavailable` where there is no sandbox."""
    mark = "probe-" + hashlib.sha256(program.encode()).hexdigest()[:12]
    tail = "".join(
        _PROBE.format(expression=probe.expression, test=probe.test, mark=mark, number=number)
        for number, probe in enumerate(probes)
    )
    ran = await sandbox.run(Program(code=f"{_definitions(program)}\n{tail}", seconds=SECONDS))
    passed, shown = [False] * len(probes), ["?"] * len(probes)
    for line in ran.stdout.splitlines():
        name, _, rest = line.partition(" ")
        number, _, said = rest.partition(" ")
        if name == mark and number.isdigit() and int(number) < len(probes):
            truth, _, value = said.partition(" ")
            passed[int(number)] = truth == "True"
            shown[int(number)] = _ADDRESS.sub("", value)
    return Outcomes(tuple(passed), tuple(shown))


def dual_agreement(done: Sequence[Outcomes]) -> list[float]:
    """Score each program by how many pass the same tests as it does, times the number of those tests."""
    return [sum(other.passed == one.passed for other in done) * float(sum(one.passed)) for one in done]


def _definitions(program: str) -> str:
    """The program without what it does when it is started: its own trials may wait for input, or fail first."""
    tree = ast.parse(program)
    tree.body = [node for node in tree.body if not _is_trial(node)]
    return ast.unparse(tree)


def _is_trial(node: ast.stmt) -> bool:
    match node:
        case ast.Assert() | ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
            return True
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
        case _:
            return False


def _example(line: str, following: str) -> Probe | None:
    """What a line gives as an example; after Python's prompt, the value may stand on the line that follows."""
    start = _CALL.search(line)
    if start is None or line.lstrip().startswith("def "):
        return None
    ends = [place + 1 for place, character in enumerate(line) if character == ")" and place > start.start()]
    call, end = next(
        ((node, end) for end in ends if (node := _parsed(line[start.start() : end])) is not None), (None, 0)
    )
    if call is None or not _self_contained(call):
        return None
    gives = _GIVES.fullmatch(line[end:])
    at_prompt = line.lstrip().startswith(_PROMPT) and not line[end:].strip()
    wanted = gives["wanted"] if gives else following if at_prompt else ""
    value = _value_in(wanted.strip())
    return Probe(ast.unparse(call), f"_value == ({value})") if value is not None else None


def _value_in(text: str) -> str | None:
    """The literal that a text is, or begins with before a remark."""
    for candidate in (text.rstrip(".;,"), text.split("#", 1)[0], regex.split(r"\s+\(", text, maxsplit=1)[0]):
        spelled = _WRITTEN_OTHERWISE.get(candidate.strip(), candidate.strip())
        try:
            ast.literal_eval(spelled)
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
            continue
        return ast.unparse(ast.parse(spelled, mode="eval"))
    return None


def _self_contained(call: ast.expr) -> bool:
    """Every name in it is called, so that its arguments are written out."""
    called = {id(node.func) for node in ast.walk(call) if isinstance(node, ast.Call)}
    return isinstance(call, ast.Call) and all(
        id(node) in called for node in ast.walk(call) if isinstance(node, ast.Name)
    )


def _parsed(expression: str) -> ast.expr | None:
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _by_line(tests: str) -> tuple[Probe, ...]:
    """A model's tests may end in the middle of a line: what compiles by itself is taken."""
    return tuple(probe for line in tests.splitlines() if "\n" not in line for probe in assertions_in(line.strip()))[
        :MOST_PROBES
    ]


def _asserted(tree: ast.Module) -> tuple[Probe, ...]:
    asserted = [node.test for node in tree.body if isinstance(node, ast.Assert)]
    return tuple(dict.fromkeys(_probe(test) for test in asserted))[:MOST_PROBES]


def _probe(test: ast.expr) -> Probe:
    match test:
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if _calls(left):
            compared = ast.Compare(ast.Name("_value"), [operator], [right])
            return Probe(ast.unparse(left), ast.unparse(ast.fix_missing_locations(compared)))
        case _:
            return Probe(ast.unparse(test), "_value")


def _calls(node: ast.expr) -> bool:
    return any(isinstance(inner, ast.Call) for inner in ast.walk(node))

"""Programs out of answers: which one is taken, and what their run is worth; the runs themselves are scripted here."""

import asyncio
from dataclasses import replace

import pytest

from agents.checks import check, validate
from agents.checks.code import doctests_of
from agents.checks.suited import suited
from agents.errors import InvalidTask
from agents.records import (
    ArithmeticCheck,
    Attachment,
    CheckSpec,
    CitationsCheck,
    CodeCheck,
    MathCheck,
    NumberingCheck,
    Verdict,
)
from agents.sandbox import Program, Ran
from agents.voting.programs import program_in
from tests.builders import a_context, a_task, an_answer

ADD = "def add(a, b):\n    return a + b\n"


class Ending:
    """A sandbox whose programs end in one way; a whole one prints what the program's last line prints."""

    def __init__(self, ran: Ran, *, whole: bool = False) -> None:
        self._ran, self._whole = ran, whole
        self.programs: list[Program] = []

    async def run(self, program: Program) -> Ran:
        self.programs.append(program)
        last = program.code.strip().splitlines()[-1]
        printed = last.removeprefix("print(").removesuffix(")").strip("'") if self._whole else ""
        return self._ran.model_copy(update={"stdout": f"{self._ran.stdout}{printed}\n"})


def found(spec: CheckSpec, text: str, sandbox: Ending | None = None) -> Verdict:
    context = replace(a_context(), sandbox=sandbox) if sandbox else a_context()
    return asyncio.run(check(spec, an_answer(text), a_task(), context))


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        (f"Here:\n```python\n{ADD}```\nDone.", set[str](), ADD),
        (f"```\n{ADD}```", {"add"}, ADD),
        (f"```py\n{ADD}", set[str](), ADD),
        (f"```python\n{ADD}```\nUse:\n```python\nprint(add(1, 2))\n```", {"add"}, ADD),
        (f"```python\ndef add(a, b):\n    return 0\n```\nBetter:\n```python\n{ADD}```", {"add"}, ADD),
        (f"```bash\npip install x\n```\n```python\n{ADD}```", set[str](), ADD),
        (ADD, set[str](), ADD),
        (f"Sure, this adds:\n\n{ADD}\nIt is simple.", set[str](), "def add(a, b):\n    return a + b\n"),
        ("There is none.", set[str](), None),
    ],
)
def test_the_program_is_found(text: str, wanted: set[str], expected: str | None) -> None:
    program = program_in(text, wanted)
    assert (program or "").strip() == (expected or "").strip()


def test_imports_and_helpers_of_earlier_blocks_are_kept() -> None:
    blocks = ("import math", "def half(x):\n    return x / 2", "def go(x):\n    return half(math.pi)")
    text = "\n".join(f"```python\n{block}\n```" for block in blocks)
    program = program_in(text, {"go"})
    assert program is not None
    assert "import math" in program
    assert "def half" in program


def test_a_program_that_does_not_compile_fails_with_its_line() -> None:
    verdict = found(CodeCheck(), "```python\ndef f(:\n    pass\n```")
    assert verdict.outcome == "fail"
    assert "line 1" in verdict.evidence
    assert found(CodeCheck(), "```python\nreturn 3\n```").outcome == "fail"
    assert found(CodeCheck(), "no program here").outcome == "fail"


def test_without_tests_it_only_has_to_compile_and_says_so() -> None:
    verdict = found(CodeCheck(), f"```python\n{ADD}```")
    assert verdict.outcome == "pass"
    assert "no tests" in verdict.evidence


def test_a_run_that_gets_to_the_end_of_the_tests_passes() -> None:
    sandbox = Ending(Ran(how="ok", stdout="noise\n"), whole=True)
    assert found(CodeCheck(tests="assert add(1, 2) == 3"), f"```python\n{ADD}```", sandbox).outcome == "pass"
    assert "assert add(1, 2) == 3" in sandbox.programs[0].code


@pytest.mark.parametrize(
    ("ran", "evidence"),
    [
        (Ran(how="ok"), "ended before its tests did"),
        (
            Ran(how="error", stderr='  File "main.py", line 9\n    assert add(1, 2) == 4\nAssertionError'),
            "assert add(1, 2) == 4",
        ),
        (Ran(how="error", stderr="NameError: name 'add' is not defined"), "NameError"),
        (Ran(how="time"), "longer than 5 s"),
        (Ran(how="memory", stderr="MemoryError"), "MemoryError"),
        (Ran(how="killed"), "killed"),
    ],
)
def test_any_other_run_fails_with_its_last_words(ran: Ran, evidence: str) -> None:
    verdict = found(CodeCheck(tests="assert add(1, 2) == 3"), f"```python\n{ADD}```", Ending(ran))
    assert verdict.outcome == "fail"
    assert evidence in verdict.evidence


def test_without_a_sandbox_it_is_unsure() -> None:
    verdict = found(CodeCheck(tests="assert add(1, 2) == 3"), f"```python\n{ADD}```")
    assert verdict.outcome == "unsure"
    assert "sandbox" in verdict.evidence


def test_tests_of_a_model_are_called_weaker() -> None:
    spec = CodeCheck(tests="assert add(1, 2) == 3", weaker=True)
    assert "weaker" in found(spec, f"```python\n{ADD}```", Ending(Ran(how="ok"), whole=True)).evidence


@pytest.mark.parametrize(
    "program",
    [
        "import atexit\n",
        "import sys\nsys.excepthook = print\n",
        "import os\ndef add(a, b):\n    os._exit(0)\n",
        "text = open(__file__).read()\n",
        "text = open('main.py').read()\n",
        "class Any:\n    def __eq__(self, other):\n        return True\ndef add(a, b):\n    return Any()\n",
        "from inspect import getsource\n",
    ],
)
def test_a_program_that_looks_at_how_it_is_run_is_not_believed(program: str) -> None:
    sandbox = Ending(Ran(how="ok"), whole=True)
    verdict = found(CodeCheck(tests="assert add(1, 2) == 3"), f"```python\n{program}\n```", sandbox)
    assert verdict.outcome == "unsure"
    assert sandbox.programs == []


def test_tests_that_are_no_python_are_refused() -> None:
    with pytest.raises(InvalidTask, match="line 1"):
        validate(CodeCheck(tests="assert (("))
    validate(CodeCheck(tests=""))


def test_the_examples_of_a_prompt_become_asserts() -> None:
    prompt = 'def add(a, b):\n    """Add.\n    >>> add(1, 2)\n    3\n    >>> add([1], [2])\n    [1, 2]\n    """\n'
    prompt += "add(2, 2) == 4\nadd(0, 1) -> 1"
    tests = doctests_of(prompt)
    assert tests.splitlines() == [
        "assert add(1, 2) == (3)",
        "assert add([1], [2]) == ([1, 2])",
        "assert add(2, 2) == (4)",
        "assert add(0, 1) == (1)",
    ]
    assert doctests_of("Write a poem about f(x).") == ""


def test_checks_suit_the_task() -> None:
    code = "Write a Python function.\n\ndef add(a, b):\n    '''\n    >>> add(1, 2)\n    3\n    '''"
    assert suited(a_task(code)) == (CodeCheck(tests="assert add(1, 2) == (3)"),)
    assert suited(a_task("Write a Python function that sorts names.")) == (CodeCheck(),)
    assert suited(a_task("Write a Rust function that sorts names.")) == ()
    assert suited(a_task("How many apples are left?")) == (ArithmeticCheck(),)
    assert suited(a_task("Tell me a story.")) == ()
    document = (Attachment(name="a.txt", text="It is so."),)
    assert suited(a_task("Quote the passages.", attachments=document)) == (CitationsCheck(min_quotes=0),)
    assert suited(a_task("Quote the passages.")) == ()
    assert suited(a_task("Draft it with numbered sections.")) == (NumberingCheck(),)


def test_the_task_type_decides_where_it_is_known() -> None:
    assert suited(a_task("Show that it holds."), {"math": 0.9, "chat": 0.1}) == (ArithmeticCheck(),)
    assert suited(a_task("How many apples?"), {"math": 0.1, "chat": 0.9}) == ()


def test_a_check_that_was_asked_for_is_not_added_and_a_schema_leaves_no_prose_to_look_at() -> None:
    assert suited(a_task("How many are there?", checks=(ArithmeticCheck(), MathCheck(reference="3")))) == ()
    assert suited(a_task("How many are there?", json_object=True)) == ()

"""The tool `python`: what a model is told of a program that ran, failed, or could not be run."""

import pytest

from agents.errors import Unavailable
from agents.sandbox import Program, Ran, RanHow
from agents.tools import TOOLS, tools_with


class Scripted:
    """A sandbox that ends every program so."""

    def __init__(self, ran: Ran | Unavailable) -> None:
        self.ran = ran
        self.programs: list[Program] = []

    async def run(self, program: Program) -> Ran:
        self.programs.append(program)
        if isinstance(self.ran, Unavailable):
            raise self.ran
        return self.ran


async def test_what_a_program_prints_is_what_the_model_reads() -> None:
    sandbox = Scripted(Ran(how="ok", stdout="42\n"))
    result = await tools_with(sandbox)["python"].call({"code": "print(6 * 7)"})
    assert (result.text, result.failed) == ("42", False)
    assert [program.code for program in sandbox.programs] == ["print(6 * 7)"]


async def test_a_program_that_prints_nothing_says_so() -> None:
    result = await tools_with(Scripted(Ran(how="ok")))["python"].call({"code": "6 * 7"})
    assert result.text == "(it ran, and printed nothing)"


@pytest.mark.parametrize(
    ("how", "stderr", "told"),
    [
        ("error", "NameError: name 'x' is not defined", "it raised an error: NameError: name 'x' is not defined"),
        ("time", "", "it was stopped after 10 s"),
        ("memory", "MemoryError", "it took too much memory: MemoryError"),
        ("killed", "", "it was stopped"),
    ],
)
async def test_how_a_program_failed_is_told_after_what_it_printed(how: RanHow, stderr: str, told: str) -> None:
    ran = Ran(how=how, stdout="so far\n", stderr=stderr)
    result = await tools_with(Scripted(ran))["python"].call({"code": "x"})
    assert (result.text, result.failed) == (f"so far\n{told}", True)


async def test_endless_output_is_cut() -> None:
    result = await tools_with(Scripted(Ran(how="ok", stdout="x" * 100_000)))["python"].call({"code": "x"})
    assert len(result.text) < 11_000
    assert result.text.endswith("[... cut]")


async def test_without_a_sandbox_the_tool_is_off_with_the_reason() -> None:
    off = await tools_with(Scripted(Unavailable("sandbox unavailable: landlock ABI 3 < 6")))["python"].call(
        {"code": ""}
    )
    assert off.failed
    assert off.text == "the tool python is off: sandbox unavailable: landlock ABI 3 < 6"
    assert (await TOOLS["python"].call({"code": ""})).failed

"""Python for agents: a snippet is run in the sandbox, and what it printed comes back."""

from agents.context import ToolResult
from agents.errors import Unavailable
from agents.records import Json, ToolSpec
from agents.sandbox import Program, Ran, Sandbox

DESCRIPTION = (
    "Runs a Python program and gives what it prints. It has the standard library and a folder of its own, and neither "
    "network nor memory of earlier programs. Print every result."
)
PARAMETERS: Json = {
    "type": "object",
    "properties": {"code": {"type": "string", "description": "The whole program; it prints its results."}},
    "required": ["code"],
    "additionalProperties": False,
}
SECONDS = 10.0
_SHOWN_CHARACTERS = 10_000
"""Of each of what was printed and what was complained of: more would push the task out of the model's sight."""


class Python:
    """Runs a program in the sandbox; where there is none it runs nothing, and says why."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec(name="python", description=DESCRIPTION, parameters=PARAMETERS)

    async def call(self, arguments: Json) -> ToolResult:
        try:
            ran = await self._sandbox.run(Program(code=str(arguments["code"]), seconds=SECONDS))
        except Unavailable as error:
            return ToolResult(text=f"the tool python is off: {error}", failed=True)
        return ToolResult(text=_told(ran), failed=ran.how != "ok")


def _told(ran: Ran) -> str:
    if ran.how == "ok":
        return _cut(ran.stdout) or "(it ran, and printed nothing)"
    ended = {
        "error": "it raised an error",
        "time": f"it was stopped after {SECONDS:.0f} s",
        "memory": "it took too much memory",
        "killed": "it was stopped",
    }[ran.how]
    parts = (_cut(ran.stdout), f"{ended}: {_cut(ran.stderr)}" if ran.stderr.strip() else ended)
    return "\n".join(part for part in parts if part)


def _cut(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}\n[... cut]"

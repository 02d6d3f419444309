"""A calculator: exact arithmetic, percentages, units and dates, for agents that should not reckon in their head."""

from agents.calculator import calculate
from agents.context import ToolResult
from agents.records import Json, ToolSpec

DESCRIPTION = "Computes arithmetic, percentages, units and dates exactly. Use it for every calculation."
PARAMETERS: Json = {
    "type": "object",
    "properties": {
        "expression": {"type": "string", "description": "One calculation: 3 * (4.5 + 1/3), or: 17% of 3,482"}
    },
    "required": ["expression"],
    "additionalProperties": False,
}


class Calculator:
    """Gives what `agents.calculator` computes, and fails where it would have to guess."""

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec(name="calculator", description=DESCRIPTION, parameters=PARAMETERS)

    async def call(self, arguments: Json) -> ToolResult:
        expression = str(arguments["expression"])
        calculation = calculate(expression)
        if calculation is None:
            return ToolResult(text=f"cannot compute {expression[:200]!r}; give one calculation alone", failed=True)
        return ToolResult(text=calculation.text)

"""Tools that an agent may call."""

from collections.abc import Mapping

from agents.context import Tool
from agents.sandbox import NO_SANDBOX, Sandbox
from agents.tools.calculator import Calculator
from agents.tools.python import Python


def tools_with(sandbox: Sandbox) -> Mapping[str, Tool]:
    """Every tool there is, by the name that a team file calls it; what runs code does it in this sandbox."""
    return {"calculator": Calculator(), "python": Python(sandbox)}


TOOLS: Mapping[str, Tool] = tools_with(NO_SANDBOX)
"""The same where nothing has to run: for their names and what they say of themselves."""

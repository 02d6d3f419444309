"""Tools that an agent may call."""

from collections.abc import Mapping

from agents.context import Tool
from agents.tools.calculator import Calculator

TOOLS: Mapping[str, Tool] = {"calculator": Calculator()}
"""Every tool there is, by the name that a team file calls it."""

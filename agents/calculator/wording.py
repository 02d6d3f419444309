"""Regular expressions that are compiled when they are first needed: the calculator is imported by every process."""

import re
from functools import cache


@cache
def wording(pattern: str) -> re.Pattern[str]:
    """Compile the pattern, once; capitals do not matter."""
    return re.compile(pattern, re.IGNORECASE)

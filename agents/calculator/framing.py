"""Take the usual words around a question away: "What is ...?", "Please calculate ...", "... ="."""

import re

from agents.records import Record

LONGEST = 300
"""Characters; a longer prompt is no plain calculation, and the work on a shorter one is bounded."""

_POLITE = r"(?:(?:please|pls|can you|could you|would you|will you|tell me|show me|give me)\b,?\s+)*"
_COMPUTE = r"calculate|compute|evaluate|work out|how much (?:is|are|does|do)"
_ASK = r"what(?:\s+is|'s|\s+are|s|\s+does|\s+do)"
_RESULT = r"(?:the )?(?:result|answer|value) (?:of|to|for)\s+"
_OPENING = re.compile(rf"{_POLITE}(?:(?P<compute>{_COMPUTE})\b:?\s+|{_ASK}\b\s+)?(?P<result>{_RESULT})?", re.IGNORECASE)
_THANKS = re.compile(r",? ?\b(?:please|pls|for me|thanks|thank you)$", re.IGNORECASE)
_EQUALS = re.compile(r" ?(?:=|\b(?:equals?(?: to)?(?: what)?|is what|makes?))$", re.IGNORECASE)
_ODD_SPACES = str.maketrans({"\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2212": "-", "\u2019": "'", "\uff1f": "?"})


class Framed(Record):
    """The question itself, without the words around it."""

    text: str
    explicit: bool
    """The asker said that it is to be computed: `calculate`, `how much is`, `=`."""


def unframe(prompt: str) -> Framed | None:
    """Give the question in one line; None for what is too long, spread over lines, or empty."""
    line = prompt.strip().translate(_ODD_SPACES) if len(prompt) <= LONGEST else ""
    if not line or not line.isprintable():
        return None
    line = re.sub(r" {2,}", " ", line)
    opening = _OPENING.match(line)
    assert opening, "every part of the opening may be absent"
    question = _THANKS.sub("", line[opening.end() :].rstrip(" ?.")).rstrip(" ?.")
    text = _EQUALS.sub("", question).strip()
    explicit = any((opening["compute"], opening["result"], text != question))
    return Framed(text=text, explicit=explicit) if text else None

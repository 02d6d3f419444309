"""Take the usual words around a question away: "What is ...?", "Please calculate ...", "... ="."""

from agents.calculator.records import Framed
from agents.calculator.wording import wording

LONGEST = 300
"""Characters of a question; a longer one is no plain calculation, and the work on a shorter one is bounded."""
LONGEST_LIST = 2_000
"""Characters of a question with one number on each of its further lines."""

_HAIL = r"(?:(?:hey|hi|hello|quick question|quick|quickly)\b\s?[,:!]?\s+)?"
_POLITE = (
    r"(?:(?:please|pls|kindly|can you|could you|would you|will you|tell me|show me|give me|help me|let me know|"
    r"do you know|i need to know|i want to know|i'd like to know|i would like to know)\b,?\s+)*"
)
_COMPUTE = (
    r"calculate|compute|evaluate|work out|figure out|find|determine|solve|how much (?:is|are|does|do)|"
    r"what do (?:you|i) get (?:if|when) (?:you|i)"
)
_ASK = r"what(?:\s+is|'s|\s+are|s|\s+was|\s+does|\s+do|\s+would be|\s+will be)"
_RESULT = r"(?:the )?(?:exact )?(?:result|answer|value) (?:of|to|for)\s+"
_OPENING = rf"{_HAIL}{_POLITE}(?:(?P<compute>{_COMPUTE})\b:?\s+(?:out )?|{_ASK}\b\s+)?(?P<result>{_RESULT})?"
_THANKS = r",? ?\b(?:please|pls|for me|thanks|thank you|thx)[!.]*$"
_EQUALS = r" ?(?:=|\b(?:equals?(?: to)?(?: what)?|is what|is how much|makes?|comes? to))$"
_TURNED = r"what (?P<text>.*[0-9].*) (?:is|are|equals|makes|comes to)"
"""As in "tell me what 2 + 2 is"."""
_ODD_SPACES = str.maketrans({"\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2212": "-", "\u2019": "'", "\uff1f": "?"})


def one_line(prompt: str) -> str | None:
    """Write the question in one line; None for what is too long, spread over lines, or empty.

    Lines with a number each, below a first line that asks for something, are taken for a list.
    """
    if len(prompt) > LONGEST:
        return _listed(prompt) if len(prompt) <= LONGEST_LIST and "\n" in prompt[:LONGEST] else None
    line = prompt.strip()
    if "\n" in line:
        return _listed(line)
    line = line.translate(_ODD_SPACES)
    return wording(" {2,}").sub(" ", line) if line and line.isprintable() else None


def _listed(prompt: str) -> str | None:
    asked, *rest = prompt.strip().splitlines()
    numbers = [line.strip() for line in rest if line.strip()]
    if len(asked) > LONGEST or len(numbers) < 2 or not asked.isprintable():
        return None
    return f"{asked} {'; '.join(numbers)}" if all(_is_number(line) for line in numbers) else None


def _is_number(line: str) -> bool:
    return line.isascii() and line[-1].isdigit() and line.lstrip("-$").replace(",", "").replace(".", "").isdigit()


def unframe(line: str) -> Framed | None:
    """Give the question itself; None where nothing is left of it."""
    opening = wording(_OPENING).match(line)
    assert opening, "every part of the opening may be absent"
    question = wording(_THANKS).sub("", line[opening.end() :].rstrip(" ?.")).rstrip(" ?.")
    text = wording(_EQUALS).sub("", question).strip()
    explicit = any((opening["compute"], opening["result"], text != question))
    if turned := wording(_TURNED).fullmatch(text):
        text, explicit = turned["text"], True
    return Framed(text=text, explicit=explicit) if text else None

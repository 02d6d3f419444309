"""What stands inside of an answer's marks: fenced blocks, `\\boxed{}`, and the phrase after `the answer is`."""

import regex

TAIL_CHARACTERS = 20_000
"""The end of an answer, where what it settles on stands."""

_FENCED = regex.compile(r"```[ \t]*([A-Za-z0-9_+#.-]*)[^\n`]*\n(.*?)(?:```|\Z)", regex.DOTALL)
_SAYS = regex.compile(
    r"(?:\banswer\b[*_]*(?:[ \t]+to\b[^\n:=]{1,80}?)?[\s*_]*(?:\b(?:is|are|was|would be)\b[\s*_]*:?|[:=])|####)"
    r"[\s*_]*(?P<what>[^\n]+)",
    regex.IGNORECASE,
)


def fenced(text: str, *languages: str) -> list[str]:
    """The fenced blocks in these languages, or in none that is named; a last one may still be open."""
    if "```" not in text:
        return []
    return [body for language, body in _FENCED.findall(text) if not language or language.lower() in languages]


def boxed(text: str) -> str | None:
    """What stands in the last `\\boxed{}`; None where there is none that is closed."""
    start = text.rfind("\\boxed{")
    while start >= 0:
        inside = _braced(text, start + len("\\boxed{"))
        if inside is not None:
            return inside
        start = text.rfind("\\boxed{", 0, start)
    return None


def said(text: str) -> str | None:
    """The rest of the line after the last `answer is`, `answer:` or `####`."""
    tail = text[-TAIL_CHARACTERS:]
    lowered = tail.lower()
    if "answer" not in lowered and "####" not in tail:
        return None
    found = [match["what"].strip() for match in _SAYS.finditer(tail)]
    return found[-1].strip("*_ ") if found and found[-1].strip("*_ ") else None


def _braced(text: str, start: int) -> str | None:
    depth = 1
    for place in range(start, min(len(text), start + 2000)):
        if text[place] == "{":
            depth += 1
        elif text[place] == "}":
            depth -= 1
            if depth == 0:
                return text[start:place]
    return None

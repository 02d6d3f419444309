"""Checks that the answer is the reference in words: as a whole, on its last line, or by the letter of an option.

Compared is a normal form without case, articles, accents and marks. An answer that only mentions the reference in
passing is `unsure`: it may deny it.
"""

import regex

from agents.errors import InvalidTask
from agents.records import Answer, Task, TextCheck, Verdict
from agents.voting.words import normal

MAX_REFERENCE_CHARACTERS = 1000
"""A longer text is never met word for word."""
_TAIL_CHARACTERS = 4000
"""The end of an answer, where what it settles on stands."""

_BOXED = regex.compile(r"\\boxed\{(?:\\text\{)?([^{}]*)\}")
_SETTLES = regex.compile(
    r"(?:\banswer\b(?: to [^\n:=]{1,80}?)?[\s*_`]*(?:\b(?:is|are|was|would be|should be)\b|[:=])"
    r"|\b(?:option|choice)(?=[\s*_`]+\(?[A-J]\b))[\s*_`]*[:=]?[\s*_`]*(?P<what>[^\n]+)",
    regex.IGNORECASE,
)
_STATEMENT = regex.compile(r"[^.;:!?\n]*\b(?:is|are|was|were)\s+(?P<what>[^;:!?\n]+?)[.!]?", regex.IGNORECASE)
_DOUBT = regex.compile(r"\b(?:not|never|no|or|if|think|thinks|believe|believed|said|say|might|may)\b|n['’]t\b", regex.I)
"""A statement with one of these may mean the opposite of its last words."""
_CLAUSE_END = regex.compile(r"[.!;](?=\s|$)")
_OPTION = regex.compile(r"^[ \t]*[*_]*\(?([A-J])[.):][*_]*[ \t]+([^\n]+)$", regex.MULTILINE)
_LETTER_FIRST = regex.compile(r"^[\s*_`]*(?:\(([A-J])\)|([A-J])[.):]|([A-J])[*_`]+(?=\s|$))")
_LETTER = regex.compile(r"[\s(*_`]*([A-Ja-j])[\s).:*_`]*")


def check(spec: TextCheck, answer: Answer, task: Task) -> Verdict:
    accepted = _accepted(spec.reference, dict(_OPTION.findall(task.prompt)))
    settled = [phrase for text in _settled(answer.text) for phrase in _readings(text)]
    evidence = f"found {_shown(settled)}, expected {normal(spec.reference)!r}"
    if accepted.intersection(settled):
        return Verdict(check="text", outcome="pass", score=1.0, evidence=evidence)
    if answer.choices[0].finish_reason == "length":
        return Verdict(check="text", outcome="unsure", evidence="the answer was cut off before it could settle")
    whole = f" {normal(answer.text)} "
    if not _chose_another(spec.reference, settled) and any(f" {phrase} " in whole for phrase in accepted):
        return Verdict(check="text", outcome="unsure", evidence=f"{evidence}: it is mentioned, and more is said")
    return Verdict(check="text", outcome="fail", score=0.0, evidence=evidence)


def validate(spec: TextCheck) -> None:
    """Refuse a reference without a word in it, and one that no answer would repeat."""
    if not normal(spec.reference):
        raise InvalidTask(
            "the reference of a text check has no word in it; give the answer", param="checks", code="invalid_check"
        )
    if len(spec.reference) > MAX_REFERENCE_CHARACTERS:
        raise InvalidTask(
            f"the reference of a text check has {len(spec.reference)} characters; at most {MAX_REFERENCE_CHARACTERS} "
            "are compared",
            param="checks",
            code="invalid_check",
        )


def _accepted(reference: str, options: dict[str, str]) -> set[str]:
    """Every normal form that is right: the reference's, and where it is one of the options, the letter or its text."""
    wanted = {normal(reference)}
    letter = _letter(reference)
    if letter is None:
        named = _LETTER_FIRST.match(reference)
        same = [key for key, text in options.items() if normal(text) in wanted]
        letter = next((one for one in named.groups() if one), None) if named else same[0] if len(same) == 1 else None
    if letter is None:
        return wanted
    return wanted | {letter.lower()} | ({normal(options[letter])} if letter in options else set())


def _letter(text: str) -> str | None:
    found = _LETTER.fullmatch(text.strip())
    return found.group(1).upper() if found else None


def _settled(text: str) -> list[str]:
    """Where an answer says what it comes to: in a box or after `answer:`; else its last line, or all of it."""
    tail = text[-_TAIL_CHARACTERS:]
    if boxed := _BOXED.findall(tail):
        return [boxed[-1]]
    lines = [line for line in tail.splitlines() if regex.search(r"\w", line)]
    said = [found.group("what") for found in _SETTLES.finditer(tail)]
    if said and regex.search(r"\w", said[-1]):
        return [said[-1], _CLAUSE_END.split(said[-1], maxsplit=1)[0]]
    whole = [text] if len(text) <= 2 * MAX_REFERENCE_CHARACTERS else []
    stated = _STATEMENT.fullmatch(text.strip()) if whole and not _DOUBT.search(text) else None
    return [*lines[-1:], *whole, *([stated.group("what")] if stated else [])]


def _readings(text: str) -> list[str]:
    """What a phrase may mean: its words, and the letter it begins with, where it is marked as that of an option."""
    first = _LETTER_FIRST.match(text)
    letters = [letter.lower() for letter in first.groups() if letter] if first else []
    return [*([normal(text)] if normal(text) else []), *letters]


def _chose_another(reference: str, settled: list[str]) -> bool:
    """Whether an option was asked for and a letter given: then a mention of the right one does not count."""
    chosen = [phrase for phrase in settled if len(phrase) == 1 and "a" <= phrase <= "j"]
    return bool(chosen) and (_letter(reference) is not None or bool(_LETTER_FIRST.match(reference)))


def _shown(settled: list[str]) -> str:
    return repr(settled[0][:100]) if settled else "nothing"

"""Checks the shape of an answer: its box, its tags, how it begins and ends, its length and its language."""

from collections.abc import Iterator

import regex

from agents.checks.languages import LANGUAGES, language_of
from agents.errors import InvalidTask
from agents.records import Answer, FormatCheck, Task, Verdict

_TAG = regex.compile(r"[A-Za-z][\w.-]{0,63}")
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{N}\p{M}'’_-]*")
_WIDE = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]")


def check(spec: FormatCheck, answer: Answer, task: Task) -> Verdict:
    """Look at all that was asked for."""
    text = answer.text.strip()
    wrong = list(_wrong(spec, text))
    if wrong:
        return Verdict(check="format", outcome="fail", score=0.0, evidence="; ".join(wrong))
    if spec.language:
        found = language_of(text)
        if found is None:
            return Verdict(
                check="format", outcome="unsure", evidence=f"too little text to see whether it is {spec.language!r}"
            )
        if found != spec.language:
            evidence = f"the language is {found!r}, {spec.language!r} is wanted"
            return Verdict(check="format", outcome="fail", score=0.0, evidence=evidence)
    return Verdict(check="format", outcome="pass", score=1.0)


def validate(spec: FormatCheck) -> None:
    """Refuse what asks for nothing, contradicts itself, or names what is not known."""
    wanted = spec.model_dump(exclude={"type"}, exclude_defaults=True)
    if not wanted:
        raise _invalid("a format check asks for nothing; give at least one of its fields")
    for tag in spec.tags:
        if not _TAG.fullmatch(tag):
            raise _invalid(f"{tag[:80]!r} is no tag; give its name alone, such as 'answer'")
    if spec.min_words is not None and spec.max_words is not None and spec.min_words > spec.max_words:
        raise _invalid(f"min_words is {spec.min_words} and max_words only {spec.max_words}")
    if spec.language is not None and spec.language not in LANGUAGES:
        raise _invalid(f"language {spec.language[:20]!r} is not known; known are {', '.join(sorted(LANGUAGES))}")


def _wrong(spec: FormatCheck, text: str) -> Iterator[str]:
    if spec.boxed and not _has_box(text):
        yield "there is no closed \\boxed{} with something in it"
    for tag in spec.tags:
        yield from _tag(tag, text)
    if spec.starts_with is not None and not text.startswith(spec.starts_with.strip()):
        yield f"it starts with {text[:40]!r}, not with {spec.starts_with[:80]!r}"
    if spec.ends_with is not None and not text.endswith(spec.ends_with.strip()):
        yield f"it ends with {text[-40:]!r}, not with {spec.ends_with[:80]!r}"
    number = words(text) if spec.min_words is not None or spec.max_words is not None else 0
    if spec.min_words is not None and number < spec.min_words:
        yield f"it has {number} words, at least {spec.min_words} are wanted"
    if spec.max_words is not None and number > spec.max_words:
        yield f"it has {number} words, at most {spec.max_words} are allowed"
    if spec.max_characters is not None and len(text) > spec.max_characters:
        yield f"it has {len(text)} characters, at most {spec.max_characters} are allowed"


def words(text: str) -> int:
    """Count words; of what is written without spaces, each character is one."""
    wide = len(_WIDE.findall(text))
    return wide + len(_WORD.findall(_WIDE.sub(" ", text)))


def _tag(tag: str, text: str) -> Iterator[str]:
    name = regex.escape(tag)
    marks = [bool(found[1]) for found in regex.finditer(rf"<(/)?{name}(?:\s[^<>]*)?>", text)]
    depth, closed = 0, 0
    for closing in marks:
        depth += -1 if closing else 1
        if depth < 0:
            break
        closed += closing
    if not closed:
        yield f"there is no closed <{tag}>"
    elif depth:
        yield f"<{tag}> is opened and closed an unequal number of times"


def _has_box(text: str) -> bool:
    at = text.rfind("\\boxed{")
    if at < 0:
        return False
    start, depth = at + len("\\boxed{"), 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return bool(text[start:place].strip())
    return False


def _invalid(message: str) -> InvalidTask:
    return InvalidTask(message, param="checks", code="invalid_check")

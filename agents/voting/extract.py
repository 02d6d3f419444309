"""What an answer comes to, apart from the words around it: the part that a vote compares.

Equal forms are equal answers. Exact forms are tried first: numbers as fractions, options by their letter, JSON in
canonical form, programs by their syntax tree, short texts by their words. What has no such form is free text.
"""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

import regex

from agents.records import CodeCheck, JsonSchemaCheck, MathCheck, Task
from agents.voting.blocks import TAIL_CHARACTERS, boxed, fenced, said
from agents.voting.numbers import number_in, plain
from agents.voting.programs import parsed, program_in
from agents.voting.words import normal

Kind = Literal["math", "choice", "json", "code", "text"]

SHORT_CHARACTERS = 160
"""A text of one line up to here is an answer in itself; a longer one is free text."""

_OPTION = regex.compile(r"^[ \t]*[*_]*\(?([A-J])[.):][*_]*[ \t]+([^\n]+)$", regex.MULTILINE)
_LETTER = regex.compile(
    r"[\s(*_`]*(?:option|choice)?[\s(*_`]*([A-J])(?:[\s).:*_`].*)?", regex.DOTALL | regex.IGNORECASE
)
_MARKED = regex.compile(r"[\s*_`]*(?:\(([A-J])\)|([A-J])[.):]|([A-J])[\s*_`]*$)", regex.MULTILINE)
_LAST_NUMBER = regex.compile(r"-?[$€£]?-?\d[\d,]*(?:\.\d+)?(?:\s*/\s*\d+)?")
_ASKS_FOR_CODE = regex.compile(
    r"```(?:python|py)\b|^\s*def \w+\("
    r"|\b(?:write|implement|complete|create)\b[^.\n]{0,40}\b(?:python|function|program)\b",
    regex.IGNORECASE | regex.MULTILINE,
)
_ASKS_FOR_A_NUMBER = regex.compile(
    r"\bhow (?:many|much|far|long|old|tall|fast)\b|\\boxed|\bcalculate\b|\bcompute\b|\bsolve\b|\bevaluate\b"
    r"|\bwhat (?:is|was) the (?:value|sum|total|number|probability|product|average|area|cost|price)\b|\bpercent",
    regex.IGNORECASE,
)
_SPACE = regex.compile(r"\s+")
_VARIABLE = regex.compile(r"^[A-Za-z]\s*=\s*(?=\S)(?!.*=)")
_CLAUSE_END = regex.compile(r"[.;](?=\s|$)")


@dataclass(frozen=True, slots=True)
class Extracted:
    """What an answer comes to."""

    kind: Kind
    text: str
    """As it was written, for people."""
    form: str | None
    """Equal forms are equal answers; None: nothing was found that could be compared."""
    number: Fraction | None = None
    """Where it is one."""

    @property
    def symbolic(self) -> bool:
        """It is mathematics whose equality with another form takes more than a look."""
        return self.kind == "math" and self.form is not None and self.number is None


def options_of(prompt: str) -> dict[str, str]:
    """The options that a prompt offers, by their letters; empty where it is no multiple choice."""
    options = {letter: text.strip() for letter, text in _OPTION.findall(prompt)}
    return options if {"A", "B"} <= options.keys() else {}


def kind_of(task: Task) -> Kind:
    """What kind of answer a task asks for, as far as its checks, its schema and the words of its prompt show."""
    kinds = {type(check) for check in task.checks}
    if task.response_schema is not None or task.json_object or JsonSchemaCheck in kinds:
        return "json"
    if CodeCheck in kinds:
        return "code"
    if options_of(task.prompt):
        return "choice"
    if MathCheck in kinds:
        return "math"
    if _ASKS_FOR_CODE.search(task.prompt):
        return "code"
    return "math" if _ASKS_FOR_A_NUMBER.search(task.prompt) else "text"


def final_answer(text: str, kind: Kind, *, options: Mapping[str, str] | None = None, cut: bool = False) -> Extracted:
    """Find what an answer comes to.

    Args:
        options: texts of the options by their letters, for multiple choice.
        cut: the answer ended at its limit of length, so that its last words are not its conclusion.
    """
    match kind:
        case "json":
            return _json(text)
        case "code":
            return _code(text)
        case "choice":
            return _choice(text, options or {}, cut=cut)
        case "math":
            return _math(text, cut=cut)
        case "text":
            return _text(text, cut=cut)


def _math(text: str, *, cut: bool) -> Extracted:
    inside = boxed(text)
    if inside is not None:
        return _expression(inside)
    phrase = said(text)
    if phrase is not None and not cut:
        return _from_phrase(phrase)
    if not cut and len(text) <= SHORT_CHARACTERS and number_in(text.strip()) is not None:
        return _expression(text.strip())
    numbers = [] if cut else _LAST_NUMBER.findall(plain(text[-TAIL_CHARACTERS:]))
    return _expression(numbers[-1]) if numbers else Extracted("math", "", None)


def _from_phrase(phrase: str) -> Extracted:
    """`42 apples in all.` and `3 + 4 = 7` say one number; what says several is taken as it stands."""
    whole = _expression(_CLAUSE_END.split(phrase, maxsplit=1)[0])
    if whole.number is not None:
        return whole
    after = phrase.rsplit("=", 1)[-1]
    numbers = set(_LAST_NUMBER.findall(plain(after)))
    return _expression(numbers.pop()) if len(numbers) == 1 and "\\" not in after else whole


def _expression(text: str) -> Extracted:
    number = number_in(text)
    if number is not None:
        return Extracted("math", text.strip(), f"n:{number}", number)
    bare = _VARIABLE.sub("", plain(text)).strip().rstrip(".")
    if regex.fullmatch(r"[A-Za-z ,'-]{3,}", bare):
        return Extracted("math", text.strip(), f"t:{normal(bare)}")
    squeezed = _SPACE.sub("", bare)
    return Extracted("math", text.strip(), f"m:{squeezed}" if squeezed else None)


def _choice(text: str, options: Mapping[str, str], *, cut: bool) -> Extracted:
    named = _named(text, cut=cut)
    letter = next((chosen for phrase in named if (chosen := _letter(phrase, options)) is not None), None)
    if letter is None and not cut:
        marked = {letter for groups in _MARKED.findall(text[-TAIL_CHARACTERS:]) for letter in groups if letter}
        letter = marked.pop() if len(marked) == 1 else None
    if letter is None or (options and letter not in options):
        return Extracted("choice", "", None)
    return Extracted("choice", letter, f"c:{letter}")


def _named(text: str, *, cut: bool) -> list[str]:
    """The places where an answer names its option, the surest first."""
    lines = [line for line in text[-TAIL_CHARACTERS:].splitlines() if line.strip()]
    ends = lines[-1:] if not cut else []
    return [phrase for phrase in (boxed(text), said(text), *ends, text if len(lines) == 1 else None) if phrase]


def _letter(phrase: str, options: Mapping[str, str]) -> str | None:
    bare = plain(phrase).strip()
    found = _LETTER.fullmatch(bare)
    if found and (not options or found[1] in options):
        marked, rest = bare[found.end(1) : found.end(1) + 1], bare[found.end(1) :].strip(" ).:*_`")
        if marked in ("", *").:*_`") or normal(rest) in ("", normal(options.get(found[1], ""))):
            return found[1]
    meant = normal(bare)
    same = [letter for letter, option in options.items() if meant and normal(option) == meant]
    return same[0] if len(same) == 1 else None


def _json(text: str) -> Extracted:
    for candidate in (text.strip(), *reversed(fenced(text, "json", "json5", "javascript"))):
        try:
            value: object = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        canonical = json.dumps(_plain_json(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return Extracted("json", candidate, f"j:{canonical}")
    return Extracted("json", "", None)


def _plain_json(value: object) -> object:
    """Whole numbers without a point: 1.0 and 1 are the same JSON number."""
    if isinstance(value, dict):
        return {key: _plain_json(item) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_plain_json(item) for item in cast("list[object]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _code(text: str) -> Extracted:
    program = program_in(text) or ""
    tree = parsed(program)
    if tree is None or not tree.body:
        return Extracted("code", "", None)
    return Extracted("code", program, f"p:{ast.dump(_without_docstrings(tree))}")


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(
            node, clean=False
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _text(text: str, *, cut: bool) -> Extracted:
    inside = boxed(text) or (None if cut else said(text))
    short = text.strip() if "\n" not in text.strip() and len(text) <= SHORT_CHARACTERS and not cut else None
    found = inside if inside is not None and len(inside) <= SHORT_CHARACTERS else short
    if found is None:
        return Extracted("text", text, None)
    number = number_in(found)
    if number is not None:
        return Extracted("text", found, f"n:{number}", number)
    words = normal(plain(found))
    return Extracted("text", found, f"t:{words}" if words else None)

"""What an answer of mathematics can be besides an expression, and how one is read."""

import re
from dataclasses import dataclass
from typing import Literal

from agents.checks.algebra.nodes import Node, Unclear, mentions, negative, num
from agents.checks.algebra.parsing import parse
from agents.checks.algebra.spelling import balanced, folded
from agents.checks.algebra.units import Unit, counted, unit_of


@dataclass(frozen=True, slots=True)
class Quantity:
    """An expression, with what stands behind it."""

    node: Node
    unit: Unit | None = None
    noun: str = ""
    percent: bool = False
    based: bool = False
    """It was written in another base, and said so."""


@dataclass(frozen=True, slots=True)
class Group:
    """Several values, in brackets or side by side."""

    brackets: Literal["()", "[]", "(]", "[)", "{}", ""]
    items: tuple["Value", ...]
    alternatives: bool = False
    """They were joined by `or`, or by a sign of plus or minus: their order says nothing."""


@dataclass(frozen=True, slots=True)
class Union:
    """Pieces of the number line, or what is left of one when another is taken away."""

    pieces: tuple["Value", ...]
    without: "Value | None" = None


@dataclass(frozen=True, slots=True)
class Matrix:
    rows: tuple[tuple["Value", ...], ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """Sides with the signs between them: `1 < x \\le 3` has three sides and two signs."""

    sides: tuple[Node, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Word:
    text: str


Value = Quantity | Group | Union | Matrix | Relation | Ratio | Word

_NUMBER_LIST = re.compile(r"(?<![\d.])\d+,\d+(?![\d.])")
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_ENV = re.compile(r"\\begin\{([pb]?)matrix\}(.*)\\end\{\1matrix\}")
_SIGNS = re.compile(
    r"\\le(?![A-Za-z])|\\ge(?![A-Za-z])|\\ne(?![A-Za-z])|\\approx(?![A-Za-z])|\\equiv(?![A-Za-z])|[=<>]"
)
_TRAILING = re.compile(
    r"^(?P<value>.*?[\d)}\]A-Za-z])\s*"
    r"(?P<unit>\\text\s*\{[^{}]*\}(?:\s*\^\s*\{?-?\d\}?)?(?:\s*(?:\\cdot|/|\*)?\s*\\text\s*\{[^{}]*\}(?:\s*\^\s*\{?-?\d\}?)?)*)$"
)
_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_PLAIN_UNIT = re.compile(
    r"^(?P<value>(?:.*[\d)}])|.*\\pi)\s*(?P<unit>[A-Za-zµ€£¢°][A-Za-z°]*(?:\s*\^\s*\{?-?\d\}?)?"
    r"(?:\s*(?:/|\*|\\cdot|\sper\s|\s)\s*[A-Za-z]+(?:\s*\^\s*\{?-?\d\}?)?)*)$"
)
_WORDS_ALONE = re.compile(r"[A-Za-z][A-Za-z' -]*")
_LEAD = re.compile(r"(?:[A-Za-z](?:_\{?\w+\}?)?|\\(?:theta|alpha|beta|lambda|mu))\s*\\in(?![A-Za-z])\s*")


def read(text: str) -> Value:
    """Read a written answer as a whole. Raises `Unclear`."""
    text = folded(text)
    if not text:
        raise Unclear("it is empty")
    if r"\dots" in text or r"\approx" in text:
        raise Unclear("it leaves something out, or is only about right")
    return _value(text, depth=0)


def _value(text: str, depth: int) -> Value:
    text = text.strip()
    if depth > 8:
        raise Unclear("it is nested too deeply")
    if not balanced(text):
        raise Unclear("its braces do not close")
    if lead := _LEAD.match(text):
        text = text[lead.end() :]
    for reader in (_words, _union, _alternatives, _listed, _relation, _matrix, _bracketed, _plus_minus, _ratio):
        found = reader(text, depth + 1)
        if found is not None:
            return found
    return _quantity(text)


def _words(text: str, depth: int) -> Value | None:
    inside = _TEXT.fullmatch(text)
    words = (inside[1] if inside else text).strip()
    if inside and re.fullmatch(r"\(?[A-Za-z]\)?", words):
        return Quantity(Node("sym", name=words.strip("()")))
    if inside and not _WORDS_ALONE.fullmatch(words):
        return _value(words, depth)
    if words in {r"\emptyset", r"\{\}", r"\{ \}"}:
        return Group("{}", ())
    if words == r"\mathbb{R}":
        infinite = Quantity(Node("const", name="inf"))
        return Group("()", (Quantity(negative(infinite.node)), infinite))
    if _WORDS_ALONE.fullmatch(words) and (inside or len(words) > 3 or words.lower() in {"yes", "no"}):
        if words in {"sqrt", "infinity"} or " or " in words or " and " in words:
            return None
        return Word(" ".join(words.lower().split()))
    return None


def _union(text: str, depth: int) -> Value | None:
    if re.search(r"\\cap(?![A-Za-z])", text):
        raise Unclear("an intersection")
    minus = _split(text, re.compile(r"\\(?:setminus|backslash)(?![A-Za-z])"))
    if len(minus) == 2:
        return Union((_value(minus[0], depth),), _value(minus[1], depth))
    parts = _split(text, re.compile(r"\\cup(?![A-Za-z])|(?<=[)\]}])\s*U\s*(?=[(\[{\\])"))
    return Union(tuple(_value(part, depth) for part in parts)) if len(parts) > 1 else None


def _alternatives(text: str, depth: int) -> Value | None:
    joined = re.compile(r"\\text\s*\{\s*(?:or|and)\s*\}|(?<![A-Za-z\\])(?:or|and)(?![A-Za-z])|;")
    parts = _split(re.sub(r",\s*(?=(?:or|and)\b|\\text\s*\{\s*(?:or|and))", " ", text), joined)
    if len(parts) < 2:
        return None
    found: list[Value] = []
    for part in parts:
        inner = _value(part, depth)
        found.extend(inner.items if isinstance(inner, Group) and not inner.brackets else (inner,))
    return Group("", tuple(found), alternatives=not re.search(r"and|;", text))


def _listed(text: str, depth: int) -> Value | None:
    marked = _THOUSANDS.sub(lambda found: found[0].replace(",", "\ue000"), text)
    if _NUMBER_LIST.search(text):
        if "," in _outside(marked) and "\ue000" in marked and marked != text:
            raise Unclear("its commas may divide thousands or a list")
        if "," not in _outside(text):
            return None
        if marked == text:
            raise Unclear("its comma may be a decimal one")
        return _value(marked, depth)
    parts = _split(text, re.compile(","))
    return Group("", tuple(_value(part, depth) for part in parts)) if len(parts) > 1 else None


def _relation(text: str, depth: int) -> Value | None:
    sides = _split(text, _SIGNS)
    if len(sides) < 2:
        return None
    signs = tuple(found for found in _SIGNS.findall(text))
    if len(signs) != len(sides) - 1 or not set(signs) <= {"=", "<", ">", r"\le", r"\ge"}:
        raise Unclear("a relation of another kind")
    if len(sides) == 2 and signs == ("=",):
        name = sides[0].strip()
        if re.fullmatch(r"[A-Za-z](?:_\{?\w+\}?)?|\\[a-z]+", name) or re.fullmatch(r"[a-z]\s*\([a-z]\)", name):
            right = _value(sides[1], depth)
            if name.endswith(")") or not isinstance(right, Quantity) or right.unit or right.noun or right.percent:
                return right if name[-1:] == ")" or name not in {"e", "i"} else None
            return Relation((parse(name), right.node), signs)
        return Relation((parse(sides[0]), parse(sides[1])), signs)
    return Relation(tuple(parse(side) for side in sides), signs)


def _matrix(text: str, depth: int) -> Value | None:
    found = _ENV.fullmatch(text)
    if found is None:
        if "matrix" in text or "array" in text or "cases" in text:
            raise Unclear("a table of another kind")
        return None
    rows = [row for row in re.split(r"\\\\", found[2]) if row.strip()]
    return _rows(tuple(tuple(_value(cell, depth) for cell in row.split("&")) for row in rows))


def _rows(rows: tuple[tuple[Value, ...], ...]) -> Matrix:
    if not rows or len({len(row) for row in rows}) != 1:
        raise Unclear("a matrix with rows of different lengths")
    return Matrix(rows)


def _bracketed(text: str, depth: int) -> Value | None:
    text = text.replace(r"\langle", "(").replace(r"\rangle", ")")
    opening, closing = (r"\{", r"\}") if text.startswith(r"\{") else (text[:1], text[-1:])
    if opening not in {"(", "[", "{", r"\{"} or not text.endswith((")", "]", "}")):
        return None
    kind = opening[-1] + closing[-1]
    if kind not in {"()", "[]", "(]", "[)", "{}"}:
        return None
    inside = text[len(opening) : -len(closing)]
    if opening == "{" and text.endswith(r"\}"):
        raise Unclear("its braces do not match")
    if not _whole(inside):
        return None
    if re.search(r"\\mid(?![A-Za-z])|:|\|", inside) and kind == "{}":
        raise Unclear("a set by its description")
    if _THOUSANDS.search(inside):
        raise Unclear("its commas may divide thousands or a list")
    parts = _split(inside, re.compile(","))
    if kind == "()" and len(parts) == 1:
        return _value(inside, depth)
    if len(parts) == 1 and kind != "{}":
        return None
    items = tuple(_value(part, depth) for part in parts) if inside.strip() else ()
    if kind == "{}":
        items = tuple(inner for item in items for inner in _several(item))
    rows = [item.items for item in items if isinstance(item, Group) and item.brackets == "[]"]
    if kind == "[]" and rows and len(rows) == len(items):
        return _rows(tuple(rows))
    return Group(kind, items)  # pyright: ignore[reportArgumentType]  # it is one of the five


def _several(item: Value) -> tuple[Value, ...]:
    return item.items if isinstance(item, Group) and not item.brackets and item.alternatives else (item,)


def _plus_minus(text: str, depth: int) -> Value | None:
    if r"\pm" not in text and r"\mp" not in text:
        return None
    if text.count(r"\pm") != 1 or r"\mp" in text:
        raise Unclear("several signs of plus or minus")
    return Group("", tuple(_value(text.replace(r"\pm", sign), depth) for sign in "+-"), alternatives=True)


def _ratio(text: str, depth: int) -> Value | None:
    parts = _split(text, re.compile(":"))
    if len(parts) < 2:
        return None
    if re.fullmatch(r"\d{1,2}:\d{2}(?::\d{2})?", text):
        raise Unclear("a ratio or a time of day")
    return Ratio(tuple(parse(part) for part in parts))


def _quantity(text: str) -> Value:
    text = text.strip()
    if based := re.fullmatch(r"([0-9A-Fa-f]+)_\{?(\d{1,2})\}?", text):
        return _in_base(based[1], int(based[2]))
    if text.endswith("%"):
        return Quantity(parse(text[:-1]), percent=True)
    if worded := re.fullmatch(r"(.*\d)\s*(?:\\text\s*\{\s*)?per ?cent(?:\s*\})?", text):
        return Quantity(parse(worded[1]), percent=True)
    if text.endswith((r"^\circ", r"^\circ ")):
        return Quantity(parse(text.strip().removesuffix(r"^\circ")), unit=unit_of("°"))
    if degrees := re.fullmatch(r"(.*)\^\\circ\s*(?:\\text\s*\{)?\s*([CF])\s*\}?", text):
        return Quantity(parse(degrees[1]), unit=unit_of(f"°{degrees[2]}"))
    if money := re.fullmatch(r"(-?)\s*([$€£])\s*(.*)", text):
        amount = _scaled(money[3])
        return Quantity(negative(amount) if money[1] else amount, unit=unit_of(money[2]))
    if found := _TRAILING.fullmatch(text):
        words = _TEXT.sub(lambda inside: inside[1], found["unit"]).strip()
        return _with_words(found["value"], words)
    if found := _PLAIN_UNIT.fullmatch(text):
        words = found["unit"].strip()
        apart = text[len(found["value"]) : len(found["value"]) + 1] == " "
        if unit_of(words) and (apart or len(words) > 1) and not (len(words) == 1 and not apart):
            return Quantity(parse(found["value"]), unit=unit_of(words))
        if re.fullmatch(r"[A-Za-z]{4,}(?:[ '-][A-Za-z]+)*", words) and apart and "sqrt" not in words:
            return _with_words(found["value"], words)
    return Quantity(parse(text))


def _scaled(text: str) -> Node:
    found = re.fullmatch(r"(.*?)\s*(?:\\text\s*\{\s*)?(thousand|million|billion)(?:\s*\})?", text)
    if found is None:
        return parse(text)
    return Node("*", (parse(found[1]), num(counted(found[2])[0])))


def _with_words(value: str, words: str) -> Quantity:
    node = parse(value)
    if mentions(node, "inf"):
        raise Unclear("infinity of something")
    if not words:
        return Quantity(node)
    if unit := unit_of(words):
        return Quantity(node, unit=unit)
    factor, noun = counted(words)
    return Quantity(node if factor == 1 else Node("*", (node, num(factor))), noun=noun)


def _in_base(digits: str, base: int) -> Quantity:
    try:
        return Quantity(num(int(digits, base)), based=True)
    except ValueError:
        raise Unclear("digits that this base has not") from None


def _split(text: str, at: re.Pattern[str]) -> list[str]:
    """Split where no bracket is open."""
    depths = _depths(text)
    parts, start = list[str](), 0
    for found in at.finditer(text):
        if depths[found.start()] == 0:
            parts.append(text[start : found.start()])
            start = found.end()
    parts.append(text[start:])
    if len(parts) > 1 and any(not part.strip() for part in parts):
        raise Unclear("something is missing between its signs")
    return parts


def _depths(text: str) -> list[int]:
    """How many brackets are open before each character; half-open intervals close as any other."""
    depth, found = 0, list[int]()
    environments = 0
    for place, character in enumerate(text):
        if text.startswith(r"\begin{", place):
            environments += 1
        found.append(depth + environments)
        if text.startswith(r"\end{", place):
            environments -= 1
        depth += (character in "([{") - (character in ")]}")
    return found


def _outside(text: str) -> str:
    return "".join(character for character, depth in zip(text, _depths(text), strict=True) if depth == 0)


def _whole(inside: str) -> bool:
    """Whether the brackets around it belong to one another."""
    depth = 0
    for character in inside:
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            return False
    return depth == 0

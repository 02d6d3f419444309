"""Finds the equations between numbers that a text writes down, in plain signs or in TeX, with words all around them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import regex

MOST_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an equation, as the calculator reads it."""

    text: str
    numbers: tuple[str, ...]
    operators: int
    sums: bool
    """It adds or subtracts."""
    units: frozenset[str]
    """Words that stand behind its numbers, in the singular."""

    @property
    def first(self) -> str | None:
        return self.numbers[0] if self.numbers else None


@dataclass(frozen=True, slots=True)
class Equation:
    """Two sides that are said to be equal, or about so."""

    written: str
    left: Side
    right: Side
    about: bool


class _Token(NamedTuple):
    kind: str
    """`number`, `operator`, `function`, `open`, `close`, `word`, `stop` (a mark between sentences), `other`."""
    text: str


_FENCED = regex.compile(r"```.*?(?:```|\Z)", regex.DOTALL)
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?![\d])|\d+)(?:\.\d+)?|\.\d+"
_TOKEN = regex.compile(
    rf"\s*(?:(?P<number>(?:{_NUMBER})(?:\s?%)?(?:\s(?:hundred|thousand|million|billion)\b)?(?![\d:]|[.,:]\d|/\w*[A-Za-z]))"
    r"|(?P<times>(?<=[\d)]\s)[xX](?=\s[\d(]))|(?P<function>sqrt(?=\())"
    r"|(?P<word>[A-Za-z\p{L}][\p{L}\d_'’-]*(?:/\p{L}[\p{L}'’-]*)*)"
    r"|(?P<operator>[-+*/^×÷·!])|(?P<open>[(\[])|(?P<close>[)\]])|(?P<stop>[.,;:?¦]|\s[–—]\s)|(?P<other>\d[\d.,:/]*\w*|\S))"
)
_OF_A_SIDE = frozenset(("number", "operator", "function", "open", "close"))
_SIGN = regex.compile(r"(?P<about>≈|~=|≅)|(?<![=!<>:~+*/-])=(?![=>])")
_TEX = (
    (regex.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"),
    (regex.compile(r"\\(?:left|right|displaystyle|quad|qquad|big|Big|bigl|bigr)(?![A-Za-z])"), " "),
    (regex.compile(r"\\[,;:! ]|&"), " "),
    (regex.compile(r"\\(?:approx|simeq)(?![A-Za-z])"), "≈"),
    (regex.compile(r"\\times(?![A-Za-z])|\\cdot(?![A-Za-z])|\\ast(?![A-Za-z])"), " * "),
    (regex.compile(r"\\div(?![A-Za-z])"), " / "),
    (regex.compile(r"\\\[|\\\]|\\\(|\\\)|\$\$"), " ¦ "),
    (regex.compile(r"\\\$|\$(?=\d)"), ""),
    (regex.compile(r"\$"), " ¦ "),
    (regex.compile(r"\\%"), "%"),
    (regex.compile(r"\{,\}"), ","),
    (regex.compile(r"(?<=\d)\s*\*\*\s*(?=\d)"), "^"),
    (regex.compile(r"\*\*|__|`"), ""),
    (regex.compile(r"[−‐‑]"), "-"),
    (regex.compile(r"(?<=%)\s+of\s+(?=[\d(])"), " * "),
    (regex.compile(r"\b(?:US|USD)\b|[€£]"), ""),
)
_TEXT = regex.compile(r"\\(?:text|mathrm|textbf|textit|mathbf|operatorname|mbox)\s*\{([^{}]*)\}")
_BOXED = regex.compile(r"\\boxed\s*\{([^{}]*)\}")
_FRACTION = regex.compile(r"\\frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_SHORT_FRACTION = regex.compile(r"\\frac\s*(\d)\s*(\d)(?!\d)")
_ROOT = regex.compile(r"\\sqrt\s*\{([^{}]*)\}")
_POWER = regex.compile(r"\^\s*\{\s*(\d+)\s*\}")
_REMARK = regex.compile(r"\(\s*[\p{L}][\p{L}\s,.'’/-]*\)")
_BULLET = regex.compile(r"^[\s>#]*(?:(?:[-*•+]|\(?\d{1,2}[.)]|\(?[a-z]\))\s+)*")
_ROUGHLY = regex.compile(r"^\s*(?:about|approximately|roughly|around|nearly|almost|approx\.?)\s+(?=[\d$.(])", regex.I)
_MEANS_MORE_WORDS = (
    "log ln sin cos tan exp max min floor ceil ceiling gcd lcm mod modulo sum product average mean median half "
    "third quarter twice double triple square squared cube cubed root times plus minus over divided multiplied by "
    "per negative less more than difference ratio range each every remainder factorial choose if not isn't aren't "
    "cannot can't wrong incorrect wrongly mistake mistakenly false base dozen percent"
)
_MEANS_MORE = frozenset(_MEANS_MORE_WORDS.split())
"""Words before a side that may change what it comes to, or deny it."""
_BROKEN_WORDS = "remainder r rem mod modulo remaining-of or to and/or times plus minus divided over squared"
_BROKEN = frozenset(_BROKEN_WORDS.split())
"""Words behind a side that may go on with it."""


def equations(text: str) -> Iterator[Equation]:
    """Find what is said to be equal, number by number; a line at a time."""
    text = _FENCED.sub("\n", text[:MOST_CHARACTERS])
    for line in regex.split(r"\n|\\\\(?!\w)", text):
        if "=" in line or "≈" in line or "\\approx" in line:
            yield from _in_line(line)


def _in_line(line: str) -> Iterator[Equation]:
    if len(line) > 4000:
        return
    plain = _plain(line)
    signs = list(_SIGN.finditer(plain))
    starts = [0, *(sign.end() for sign in signs)]
    ends = [*(sign.start() for sign in signs), len(plain)]
    segments = [plain[start:end] for start, end in zip(starts, ends, strict=True)]
    for number, sign in enumerate(signs):
        behind = segments[number + 1]
        rough = _ROUGHLY.match(behind)
        left = _left(_tokens(segments[number]), first=number == 0)
        right = _right(_tokens(behind[rough.end() :] if rough else behind))
        if left and right and (left.operators or right.operators):
            about = bool(sign["about"]) or rough is not None
            mark = "≈" if about else "="
            yield Equation(f"{left.text} {mark} {right.text}", left, right, about)


def _plain(line: str) -> str:
    for pattern, to in _TEX:
        line = pattern.sub(to, line)
    line = _TEXT.sub(r" \1 ", line)
    line = _BOXED.sub(r"\1", line)
    line = _POWER.sub(r"^\1", line)
    for _ in range(4):
        line = _ROOT.sub(r" sqrt(\1)", line)
        line = _SHORT_FRACTION.sub(r"((\1)/(\2))", line)
        line = _FRACTION.sub(r"((\1)/(\2))", line)
    line = _REMARK.sub(" ", line)
    return _BULLET.sub("", line)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        part = match[kind].strip()
        attached = kind == "word" and found and found[-1].kind == "number" and not match[0][:1].isspace()
        if attached or (kind == "word" and len(part) == 1 and part not in "aAI"):
            kind = "other"  # a letter may be an unknown
        kind = "operator" if kind == "times" else kind
        found.append(_Token(kind, "*" if match.lastgroup == "times" else part))
    return found


def _left(tokens: Sequence[_Token], *, first: bool) -> Side | None:
    """The side that ends a segment; nothing where what stands before it may belong to it."""
    start = len(tokens)
    while start:
        kind = tokens[start - 1].kind
        if kind in _OF_A_SIDE:
            start -= 1
        elif kind == "word" and (length := _unit_behind(tokens, start)):
            start -= length
        else:
            break
    side, before = list(tokens[start:]), list(tokens[:start])
    if before and before[-1].kind == "other":
        return None
    side, cut = _closed(side, from_left=True)
    if (
        not side
        or side[0].kind not in {"number", "open", "function", "operator"}
        or (side[0].kind == "operator" and side[0].text != "-")
    ):
        return None
    words = [token.text.lower() for token in before[-4:] if token.kind == "word"]
    if not cut and before and before[-1].kind == "word":
        more = _MEANS_MORE.intersection(words[-3:]) or regex.search(r"[\d_]", before[-1].text)
        side = [] if more or side[0].kind == "operator" else side
    made = _side(side) if side else None
    labelled = bool(before) and not first
    return None if made is None or (not made.operators and (before or cut) and (first or labelled)) else made


def _right(tokens: Sequence[_Token]) -> Side | None:
    """The side that begins a segment; nothing where what follows it may go on with it."""
    end = 0
    while end < len(tokens):
        kind = tokens[end].kind
        if kind in _OF_A_SIDE:
            end += 1
        elif kind == "word" and end and tokens[end - 1].kind in {"number", "close"}:
            length = _unit_ahead(tokens, end)
            if not length or not (end + length < len(tokens) and tokens[end + length].kind in {"operator", "close"}):
                break
            end += length
        else:
            break
    behind = list(tokens[end:])
    if behind and (behind[0].kind == "other" or behind[0].text.lower() in _BROKEN):
        return None
    if any(token.text.lower() in {"remainder", "r", "rem", "mod"} for token in behind[:4]):
        return None
    unit = [behind[0]] if behind and behind[0].kind == "word" else []
    side, _ = _closed(list(tokens[:end]), from_left=False)
    if side and side[-1].kind == "operator" and side[-1].text != "!":
        return None
    return _side([*side, *unit]) if side else None


def _unit_behind(tokens: Sequence[_Token], end: int) -> int:
    """How many words before this place are the unit of a number before them: at most two."""
    for length in (1, 2):
        place = end - length
        if (
            place < 1
            or tokens[place].kind != "word"
            or tokens[place].text.lower() in _MEANS_MORE | {"and", "so", "then"}
        ):
            return 0
        if tokens[place - 1].kind in {"number", "close"}:
            return length
    return 0


def _unit_ahead(tokens: Sequence[_Token], start: int) -> int:
    length = 0
    while start + length < len(tokens) and tokens[start + length].kind == "word":
        if tokens[start + length].text.lower() in _MEANS_MORE:
            return 0
        length += 1
    return length if length <= 2 else 0


def _closed(tokens: list[_Token], *, from_left: bool) -> tuple[list[_Token], bool]:
    """Without the parentheses around the whole equation, and whether there were any."""
    depth, least = 0, 0
    for token in tokens:
        depth += (token.kind == "open") - (token.kind == "close")
        least = min(least, depth)
    if from_left and depth > 0 and least == 0:
        place, open_ = len(tokens), 0
        while place:
            place -= 1
            open_ += (tokens[place].kind == "close") - (tokens[place].kind == "open")
            if open_ < 0:
                break
        if place and tokens[place - 1].kind in {"operator", "number"}:
            return [], False
        return tokens[place + 1 :], True
    if not from_left and least < 0:
        open_ = 0
        for place, token in enumerate(tokens):
            open_ += (token.kind == "open") - (token.kind == "close")
            if open_ < 0:
                rest = tokens[place + 1 :]
                return ([], False) if rest and rest[0].kind in {"operator", "number"} else (tokens[:place], True)
    return (tokens, False) if depth == 0 and least == 0 else ([], False)


def _side(tokens: Sequence[_Token]) -> Side | None:
    parts = [token for token in tokens if token.kind != "word"]
    for one, other in pairwise(parts):
        if one.kind == other.kind == "number" or (one.kind == "close" and other.kind == "number"):
            return None
    text = " ".join("(" if token.text == "[" else ")" if token.text == "]" else token.text for token in parts)
    divided = "/" in _at_top(parts)
    text = regex.sub(r"(?<=\d) (?=\()", " " if divided else " * ", text)
    text = regex.sub(r"(?<=\)) (?=\()", " " if divided else " * ", text)
    text = regex.sub(r"sqrt \( ", "sqrt(", text).replace("( ", "(").replace(" )", ")").replace(" ^ ", "^")
    text = regex.sub(r"(^|[(*/^] ?)- (?=[\d(])", r"\1-", text).replace(" !", "!").replace(" %", "%")
    operators = [token.text for token in parts if token.kind == "operator"]
    unary = bool(parts) and parts[0].text == "-"
    return Side(
        text=text,
        numbers=tuple(token.text for token in parts if token.kind == "number"),
        operators=len(operators) - unary + (divided and not operators) + ("sqrt" in text),
        sums=bool({"+", "-"}.intersection(operators[unary:])),
        units=frozenset(
            _singular(piece) for token in tokens if token.kind == "word" for piece in token.text.lower().split("/")
        ),
    )


def _at_top(tokens: Sequence[_Token]) -> list[str]:
    depth, found = 0, list[str]()
    for token in tokens:
        depth += (token.kind == "open") - (token.kind == "close")
        if depth == 0:
            found.append(token.text)
    return found


def _singular(word: str) -> str:
    word = {"feet": "foot", "people": "person", "children": "child"}.get(word, word)
    return word.removesuffix("es") if word.endswith(("xes", "shes", "ches")) else word.rstrip("s")

"""Reads an expression in TeX or plain letters; what has two readings has none."""

import re
from collections.abc import Iterator
from fractions import Fraction

from agents.checks.algebra.nodes import Node, Unclear, negative, num, symbols

_DEEPEST = 40
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\ue000\d{3})+(?:\.\d+)?|\d+\.\d+|\d+\.(?=\\overline)|\.\d+|\d+)"
    r"|\\(?P<command>[A-Za-z]+)|(?P<letters>[A-Za-z]+)|(?P<mark>[-+*/^_(){}\[\]!|']|\\[{}|]))"
)
_GREEK_WORDS = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau phi varphi "
    "chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell"
)
_GREEK = frozenset(_GREEK_WORDS.split())
_FUNCTIONS = {
    **{
        name: name
        for name in [
            "sin",
            "cos",
            "tan",
            "cot",
            "sec",
            "csc",
            "arcsin",
            "arccos",
            "arctan",
            "sinh",
            "cosh",
            "tanh",
            "exp",
        ]
    },
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "abs": "abs",
    "floor": "floor",
    "ceil": "ceil",
}
_NOT_SYMBOLS_WORDS = "or and the is no not none if for all any yes an of in to nan inf"
_NOT_SYMBOLS = frozenset(_NOT_SYMBOLS_WORDS.split())
_INVERSE = {name: f"arc{name}" for name in ("sin", "cos", "tan")}


def parse(text: str) -> Node:
    """Read a whole text as one expression. Raises `Unclear`."""
    return _Parser(list(_tokens(text))).whole()


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Unclear(f"{text[at : at + 20]!r} is not read")
        kind = str(found.lastgroup)
        at = found.end()
        if kind == "letters":
            yield from _words(found["letters"])
        else:
            yield kind, found[kind].replace("\ue000", "")


def _words(word: str) -> Iterator[tuple[str, str]]:
    """A name that is known, or a product of symbols of one letter."""
    if word in _FUNCTIONS or word in {"sqrt", "cbrt", "ln", "log", "pi"} or (word in _GREEK and len(word) > 2):
        yield "command", word
    elif len(word) > 3 or word.lower() in _NOT_SYMBOLS:
        raise Unclear(f"{word!r} is a word")
    else:
        yield from (("letter", letter) for letter in word)


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._sum()
        if self._at != len(self._tokens):
            raise Unclear(f"{self._tokens[self._at][1]!r} is out of place")
        return node

    def _peek(self, ahead: int = 0) -> tuple[str, str]:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else ("", "")

    def _take(self, *wanted: str) -> str:
        kind, text = self._peek()
        if kind in {"mark", "command"} and text in wanted:
            self._at += 1
            return text
        return ""

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            raise Unclear(f"{wanted!r} is missing")

    def _sum(self, ends: str = "") -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Unclear("it is nested too deeply")
        sign = self._take("+", "-")
        first = self._product(ends)
        parts = [negative(first) if sign == "-" else first]
        while operator := self._take("+", "-"):
            term = self._product(ends)
            parts.append(negative(term) if operator == "-" else term)
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Node("+", tuple(parts))

    def _product(self, ends: str) -> Node:
        node = self._run(ends)
        divided = False
        while operator := self._take("*", "times", "cdot", "/", "div"):
            after = self._signed_run(ends)
            if operator in {"/", "div"}:
                if divided or after.op == "*":  # `1/2x`, `a/b/c`
                    raise Unclear("a division has two readings")
                node, divided = Node("/", (node, after)), True
            else:
                if divided and operator != "*" and operator != "times" and operator != "cdot":
                    raise Unclear("a division has two readings")
                node = Node("*", (node, after))
        return node

    def _signed_run(self, ends: str) -> Node:
        return negative(self._run(ends)) if self._take("-") else self._run(ends)

    def _run(self, ends: str) -> Node:
        """Factors that stand side by side."""
        factors = [self._power(ends)]
        while self._begins_factor(ends):
            start = self._peek()
            factor = self._power(ends)
            if start[0] == "number":
                raise Unclear("a number stands right behind something")
            if self._is_mixed(factors, factor, start):
                factors[-1] = Node("+", (factors[-1], factor))
            else:
                factors.append(factor)
        return factors[0] if len(factors) == 1 else Node("*", tuple(factors))

    def _is_mixed(self, factors: list[Node], factor: Node, start: tuple[str, str]) -> bool:
        """`1\\frac{1}{2}` is one and a half."""
        whole = len(factors) == 1 and factors[0].op == "num" and factors[0].number.denominator == 1
        if not whole or start != ("command", "frac") or factor.op != "/":
            return False
        top, bottom = factor.parts
        if top.op != "num" or bottom.op != "num":
            return False
        if not 0 < top.number < bottom.number:
            raise Unclear("a number before a fraction that is no part of a mixed number")
        return True

    def _begins_factor(self, ends: str) -> bool:
        kind, text = self._peek()
        if kind in {"number", "letter"}:
            return True
        if kind == "command":
            return text not in {"times", "cdot", "div", "rfloor", "rceil"}
        return kind == "mark" and (text in {"(", "{", "["} or (text == "|" and ends != "|")) and text != ends

    def _power(self, ends: str) -> Node:
        base = self._atom(ends)
        while self._take("!"):
            base = Node("!", (base,))
        if self._take("^"):
            if self._peek() == ("command", "circ"):
                raise Unclear("degrees inside of an expression")
            base = Node("^", (base, self._argument(signed=True)))
            if self._peek()[1] in {"^", "!"}:
                raise Unclear("a power of a power without parentheses")
        if self._peek()[1] == "'":
            raise Unclear("a derivative or a minute")
        return base

    def _argument(self, *, signed: bool = False) -> Node:
        """What TeX takes as one thing: a group, or one character."""
        if self._take("{"):
            node = self._sum()
            self._need("}")
            return node
        if signed and self._take("-"):
            return negative(self._argument())
        kind, text = self._peek()
        if kind == "number" and not signed and len(text) > 1:  # `\frac12`
            if not text.isdigit():
                raise Unclear("a number without braces")
            self._tokens[self._at] = ("number", text[1:])
            return num(int(text[0]))
        if kind in {"number", "letter"} or (kind == "command" and text in {"pi", "sqrt", "frac", *_GREEK}):
            return self._atom("")
        if text == "(":
            return self._atom("")
        raise Unclear("something is missing")

    def _atom(self, ends: str) -> Node:
        kind, text = self._peek()
        if not kind:
            raise Unclear("it breaks off")
        self._at += 1
        if kind == "number":
            return self._number(text)
        if kind == "letter":
            return self._symbol(text)
        if kind == "command":
            return self._command(text, ends)
        closing = {"(": ")", "{": "}", "[": "]", "|": "|"}.get(text)
        if closing is None or (text == "|" and ends == "|"):
            raise Unclear(f"{text!r} is out of place")
        inner = self._sum("|" if text == "|" else "")
        self._need(closing)
        return Node("abs", (inner,)) if text == "|" else inner

    def _number(self, text: str) -> Node:
        value = Fraction(text)
        following = self._peek()
        if following == ("mark", "_"):
            raise Unclear("a number with an index")
        if len(text) > 1 and text[0] == "0" and text.isdigit():
            raise Unclear("a number with leading zeros")
        if following == ("command", "overline"):
            self._at += 1
            return num(value + self._repeating(text))
        if (
            following == ("letter", "e")
            and "number" in (self._peek(1)[0], self._peek(2)[0])
            and self._peek(1)[1] in "+-0123456789"
        ):
            raise Unclear("`e` may be a power of ten")
        return num(value)

    def _repeating(self, before: str) -> Fraction:
        self._need("{")
        kind, digits = self._peek()
        self._at += 1
        self._need("}")
        decimals = before.partition(".")[2]
        if kind != "number" or not digits.isdigit():
            raise Unclear("digits under a line")
        return Fraction(int(digits), (10 ** len(digits) - 1) * 10 ** len(decimals))

    def _symbol(self, name: str) -> Node:
        if self._peek() == ("mark", "_"):
            self._at += 1
            index = self._argument()
            if index.op not in {"num", "sym"}:
                raise Unclear("an index that is no name")
            return Node("sym", name=f"{name}_{index.name or index.number}")
        if name in {"e", "i"}:
            return Node("const", name=name)
        if self._peek() == ("mark", "(") and name in {"f", "g", "h", "F", "G", "P", "p", "q"}:
            raise Unclear(f"{name} may be a function")
        return Node("sym", name=name)

    def _command(self, name: str, ends: str) -> Node:
        match name:
            case "frac":
                return Node("/", (self._argument(), self._argument()))
            case "binom":
                return Node("binom", (self._argument(), self._argument()))
            case "sqrt" | "cbrt":
                return self._root(name)
            case "pi":
                return Node("const", name="pi")
            case "infty":
                return Node("const", name="inf")
            case "lfloor" | "lceil":
                inner = self._sum()
                self._need(name.replace("l", "r", 1))
                return Node("floor" if name == "lfloor" else "ceil", (inner,))
            case "ln" | "log":
                return self._log(name, ends)
            case _ if name in _FUNCTIONS:
                return self._function(_FUNCTIONS[name], ends)
            case _ if name in _GREEK:
                return self._symbol(name)
            case _:
                raise Unclear(f"\\{name} is not read")

    def _root(self, name: str) -> Node:
        degree = num(3 if name == "cbrt" else 2)
        if name == "sqrt" and self._take("["):
            degree = self._sum()
            self._need("]")
        if self._peek()[0] == "number":  # `\sqrt12` is TeX for the root of 1, and meant as that of 12
            text = self._peek()[1]
            if len(text) > 1 and self._at and not text.isdigit():
                raise Unclear("a root of digits without braces")
            self._at += 1
            return Node("root", (degree, num(Fraction(text))))
        return Node("root", (degree, self._argument()))

    def _log(self, name: str, ends: str) -> Node:
        if name == "ln":
            return Node("log", (Node("const", name="e"), self._function_argument(ends)))
        if self._take("_"):
            base = self._argument()
            return Node("log", (base, self._function_argument(ends)))
        return Node("log", (self._function_argument(ends),))

    def _function(self, name: str, ends: str) -> Node:
        power: Node | None = None
        if self._take("^"):
            power = self._argument(signed=True)
            if power == num(-1):
                if name not in _INVERSE:
                    raise Unclear(f"an inverse of {name}")
                name, power = _INVERSE[name], None
            elif power.op != "num" or power.number < 1:
                raise Unclear("a power of a function")
        node = Node(name, (self._function_argument(ends),))
        return node if power is None else Node("^", (node, power))

    def _function_argument(self, ends: str) -> Node:
        if self._peek() in {("mark", "("), ("mark", "{"), ("mark", "[")} or self._peek() == ("mark", "|"):
            inner = self._atom(ends)
            if self._peek()[1] == "^":
                raise Unclear("a power behind a function's argument")
            return inner
        factors: list[Node] = []
        while self._begins_factor(ends) and not (self._peek()[0] == "command" and self._peek()[1] in _FUNCTIONS):
            if self._peek()[1] in {"ln", "log", "("}:
                break
            factors.append(self._power(ends))
        if not factors:
            raise Unclear("a function without its argument")
        if self._peek()[1] in {"/", "("}:
            raise Unclear("where a function's argument ends is open")
        if len(factors) > 1 and not symbols(factors[-1]) and factors[-1].op == "num":
            raise Unclear("where a function's argument ends is open")
        return factors[0] if len(factors) == 1 else Node("*", tuple(factors))

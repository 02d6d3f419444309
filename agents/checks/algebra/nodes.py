"""An expression as a tree, and why a text may have none."""

from dataclasses import dataclass
from fractions import Fraction


class Unclear(Exception):
    """Not readable in one way, or too large to compute."""


@dataclass(frozen=True, slots=True)
class Node:
    """A number, a constant, a symbol, or an operation on parts."""

    op: str
    """`num`, `const`, `sym`, `+`, `*`, `/`, `^`, `neg`, `root` (degree, radicand), `log` (base, argument), `binom`, `!`
    or the name of a function."""
    parts: tuple["Node", ...] = ()
    name: str = ""
    """Of a constant or a symbol."""
    number: Fraction = Fraction(0)


def num(value: Fraction | int) -> Node:
    return Node("num", number=Fraction(value))


def negative(node: Node) -> Node:
    return num(-node.number) if node.op == "num" else Node("neg", (node,))


def symbols(node: Node) -> frozenset[str]:
    """The letters that stand for something unknown."""
    own = frozenset((node.name,)) if node.op == "sym" else frozenset[str]()
    return own.union(*(symbols(part) for part in node.parts))


def mentions(node: Node, name: str) -> bool:
    """Whether a constant occurs in it."""
    return (node.op == "const" and node.name == name) or any(mentions(part, name) for part in node.parts)


def degree(node: Node) -> int | None:
    """The degree as a polynomial of all its symbols; None where it is not one."""
    if not symbols(node):
        return 0
    inner = [degree(part) for part in node.parts]
    known = [one for one in inner if one is not None]
    if len(known) < len(inner):
        return None
    match node.op:
        case "sym":
            return 1
        case "+" | "neg":
            return max(known)
        case "*":
            return sum(known)
        case "/":
            return known[0] if not symbols(node.parts[1]) else None
        case "^":
            power = node.parts[1]
            whole = power.op == "num" and power.number.denominator == 1 and 0 <= power.number <= 100
            return known[0] * int(power.number) if whole else None
        case _:
            return None

"""Compares two answers: equal, not equal, or not to be told."""

import random
import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import chain
from typing import Any

from agents.checks.algebra.nodes import Node, Unclear, degree, mentions, negative, num, symbols
from agents.checks.algebra.numeric import Undefined, exact, is_real, mp, same, value
from agents.checks.algebra.units import Unit
from agents.checks.algebra.values import Group, Matrix, Quantity, Ratio, Relation, Union, Value, Word, read

_POINTS = 8
_LEAST_POINTS = 4
"""Points at which both have a value, for two expressions to be called the same."""
_OPPOSITES = ({"yes", "no"}, {"true", "false"}, {"even", "odd"}, {"increasing", "decreasing"}, {"positive", "negative"})


def equal(left: str, right: str) -> tuple[bool | None, str]:
    """Compare two written answers; None with the reason where it cannot be told."""
    if _folded(left) == _folded(right):
        return True, ""
    try:
        first, second = read(left), read(right)
        answer = _compare(first, second)
    except (Unclear, Undefined) as reason:
        return None, str(reason)
    if answer is False and _may_be_list(left, right, first, second):
        return None, "a comma may divide thousands or a list"
    return answer, "" if answer is not None else "the two are of different kinds, or differ where they may"


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _may_be_list(left: str, right: str, first: Value, second: Value) -> bool:
    return type(first) is not type(second) and bool(re.search(r"\d,\d{3}", left + " " + right))


def _compare(a: Value, b: Value) -> bool | None:
    a, b = _unwrapped(a, b), _unwrapped(b, a)
    match a, b:
        case Quantity(), Quantity():
            return _quantities(a, b)
        case Word(), Word():
            return _words(a.text, b.text)
        case Matrix(), Matrix():
            if (len(a.rows), len(a.rows[0])) != (len(b.rows), len(b.rows[0])):
                return False
            return _all(_compare(x, y) for x, y in zip(chain(*a.rows), chain(*b.rows), strict=True))
        case Ratio(), Ratio():
            if len(a.parts) != len(b.parts):
                return False
            first = a.parts[0], b.parts[0]
            return _all(
                _nodes(Node("*", (x, first[1])), Node("*", (y, first[0])))
                for x, y in zip(a.parts, b.parts, strict=True)
            )
        case Relation(), Relation():
            return _relations(a, b)
        case (Union(), Group() | Union() | Relation()) | (Group() | Relation(), Union()):
            return _lines(a, b)
        case (Relation(), Group()) | (Group(), Relation()):
            return _lines(a, b)
        case Group(), Group():
            return _groups(a, b)
        case (Word(), _) | (_, Word()):
            return None
        case (Matrix(), _) | (_, Matrix()) | (Ratio(), _) | (_, Ratio()):
            return None
        case (Quantity(), Group()) | (Group(), Quantity()):
            group = a if isinstance(a, Group) else b
            assert isinstance(group, Group)
            return False if len(group.items) != 1 else None
        case _:
            return False


def _unwrapped(one: Value, other: Value) -> Value:
    """`x = 5` is 5, where the other does not say what it is the value of."""
    if isinstance(one, Relation) and not isinstance(other, Relation) and one.signs == ("=",):
        name, value_ = one.sides
        return Quantity(value_) if name.op == "sym" and name.name not in symbols(value_) else one
    if isinstance(one, Group) and one.alternatives and not isinstance(other, Relation):
        return Group(one.brackets, tuple(_unwrapped(item, other) for item in one.items), alternatives=True)
    return one


def _all(found: Iterable[bool | None]) -> bool | None:
    answers = list(found)
    return False if False in answers else None if None in answers else True


def _words(a: str, b: str) -> bool | None:
    if a == b:
        return True
    return False if {a, b} in _OPPOSITES else None


def _quantities(a: Quantity, b: Quantity) -> bool | None:
    if a.percent != b.percent:
        whole, part = (b, a) if a.percent else (a, b)
        if whole.unit or whole.noun:
            return None
        if _nodes(Node("/", (part.node, num(100))), whole.node):
            return True
        return False if _nodes(part.node, whole.node) is False else None  # `50` may be meant as `50 %`
    if a.based != b.based:
        return False if _nodes(a.node, b.node) is False and not _looks_based(a, b) else None
    if a.unit and b.unit:
        return _measures(a.node, a.unit, b.node, b.unit)
    if a.unit or b.unit:
        return _one_measure(a, b) if a.unit else _one_measure(b, a)
    same_value = _nodes(a.node, b.node)
    if a.noun and b.noun and a.noun.rstrip("s") != b.noun.rstrip("s"):
        return False if same_value is False else None
    return same_value


def _looks_based(a: Quantity, b: Quantity) -> bool:
    """The one that names no base may still be in that of the other: its digits say nothing."""
    other = b if a.based else a
    return other.node.op == "num" and other.node.number.denominator == 1


def _measures(a: Node, unit: Unit, b: Node, other: Unit) -> bool | None:
    if unit.powers != other.powers:
        return False
    return _nodes(Node("*", (a, num(unit.size))), Node("*", (b, num(other.size))))


def _one_measure(a: Quantity, b: Quantity) -> bool | None:
    """One says its unit and the other does not: money may go without, degrees are so many of pi, else who knows."""
    assert a.unit is not None
    if a.unit.powers == (("°", 1),) and mentions(b.node, "pi"):
        return _nodes(Node("*", (a.node, Node("/", (Node("const", name="pi"), num(180))))), b.node)
    if a.unit.powers in {(("$", 1),), (("€", 1),), (("£", 1),)} and a.unit.size == 1 and not b.noun:
        return _nodes(a.node, b.node)
    return None


# --- expressions ------------------------------------------------------------------------------------------------------


def _nodes(a: Node, b: Node) -> bool | None:
    infinite = _sign_of_infinity(a), _sign_of_infinity(b)
    if any(infinite):
        if (mentions(a, "inf") and not infinite[0]) or (mentions(b, "inf") and not infinite[1]):
            raise Unclear("infinity inside of an expression")
        return infinite[0] == infinite[1]
    if _has_open_log(a) or _has_open_log(b):
        answers = {_with_log(a, b, base) for base in ("e", "10")}
        return answers.pop() if len(answers) == 1 else None
    return _with_log(a, b, "e")


def _sign_of_infinity(node: Node) -> int:
    if node.op == "const" and node.name == "inf":
        return 1
    return -_sign_of_infinity(node.parts[0]) if node.op == "neg" else 0


def _has_open_log(node: Node) -> bool:
    return (node.op == "log" and len(node.parts) == 1) or any(_has_open_log(part) for part in node.parts)


def _with_log(a: Node, b: Node, log: str) -> bool | None:
    names = sorted(symbols(a) | symbols(b))
    if not names:
        first, second = exact(a), exact(b)
        if first is not None and second is not None:
            return first == second
        return same(value(a, log=log), value(b, log=log))
    if symbols(a) != symbols(b) and not (symbols(a) & symbols(b)) and a.op == b.op == "sym":
        return False
    return _everywhere(a, b, names, log)


def _everywhere(a: Node, b: Node, names: Sequence[str], log: str) -> bool | None:
    """Compare at random points, as no identity is needed for that: first where all is positive, then anywhere."""
    dice = random.Random(20260101)  # noqa: S311  # the same points every time
    imaginary = mentions(a, "i") or mentions(b, "i")
    met, doubtful = 0, False
    for number in range(3 * _POINTS):
        positive = number < _POINTS
        at = {name: _point(dice, positive=positive) for name in names}
        first, second = _at(a, at, log), _at(b, at, log)
        if first is None and second is None:
            continue
        if first is None or second is None:
            doubtful = True
            continue
        plain = imaginary or (is_real(first) and is_real(second))
        if same(first, second):
            met += 1
        elif plain:
            return False
        else:
            doubtful = True
    return True if met >= _LEAST_POINTS and not doubtful else None


def _point(dice: random.Random, *, positive: bool) -> Fraction:
    size = Fraction(dice.randint(1, 2999), dice.randint(101, 499))
    return size if positive or dice.random() < 0.5 else -size


def _at(node: Node, at: dict[str, Fraction], log: str) -> Any:
    try:
        return value(node, at, log=log)
    except Undefined:
        return None


# --- equations and inequalities ---------------------------------------------------------------------------------------


def _relations(a: Relation, b: Relation) -> bool | None:
    if (a.signs == ("=",)) != (b.signs == ("=",)):
        return False
    if a.signs == ("=",):
        return _equations(a, b)
    return _lines(a, b) if _unknown(a) == _unknown(b) else None


def _equations(a: Relation, b: Relation) -> bool | None:
    left, right = _difference(a), _difference(b)
    if symbols(left) != symbols(right):
        named = a.sides[0].op == b.sides[0].op == "sym" and len(symbols(left)) == len(symbols(right)) == 1
        return False if named or _nodes(a.sides[1], b.sides[1]) is False else None
    names = sorted(symbols(left))
    if not names:
        return None
    if _proportional(left, right, names):
        return True
    degrees = degree(left), degree(right)
    if None in degrees or (degrees[0] != degrees[1]):
        return None
    return False if degrees[0] == 1 or (degrees[0] == 2 and len(names) > 1) else None


def _difference(relation: Relation) -> Node:
    return Node("+", (relation.sides[0], negative(relation.sides[1])))


def _proportional(left: Node, right: Node, names: Sequence[str]) -> bool:
    dice = random.Random(7)  # noqa: S311  # the same points every time
    ratios: list[Any] = []
    for _ in range(2 * _POINTS):
        at = {name: _point(dice, positive=True) for name in names}
        first, second = _at(left, at, "e"), _at(right, at, "e")
        if first is None or second is None or same(second, 0):
            continue
        ratios.append(first / second)
    return len(ratios) >= _LEAST_POINTS and not same(ratios[0], 0) and all(same(one, ratios[0]) for one in ratios)


def _unknown(relation: Relation) -> str:
    names = frozenset[str]().union(*(symbols(side) for side in relation.sides))
    places = [place for place, side in enumerate(relation.sides) if side.op == "sym"]
    if len(names) != 1 or len(places) != 1 or len(relation.sides) > 3:
        raise Unclear("an inequality of another shape")
    return next(iter(names))


# --- groups -----------------------------------------------------------------------------------------------------------


def _groups(a: Group, b: Group) -> bool | None:
    if a.brackets == b.brackets == "{}" or (a.alternatives and b.alternatives):
        return _as_sets(a.items, b.items)
    if not a.brackets or not b.brackets:
        return _side_by_side(a, b)
    if a.brackets == b.brackets:
        if len(a.items) != len(b.items):
            return False
        return _all(_compare(x, y) for x, y in zip(a.items, b.items, strict=True))
    if "{}" in (a.brackets, b.brackets) or len(a.items) == 2 or len(b.items) == 2:
        return False
    return None  # `(1, 2, 3)` and `[1, 2, 3]`


def _side_by_side(a: Group, b: Group) -> bool | None:
    """At least one has no brackets: it may be a list in order, or all the solutions in any."""
    unordered = _as_sets(a.items, b.items)
    if unordered is False:
        return False
    if a.brackets == b.brackets and not (a.alternatives or b.alternatives):
        in_order = len(a.items) == len(b.items) and _all(_compare(x, y) for x, y in zip(a.items, b.items, strict=True))
        return True if in_order else None
    if a.alternatives or b.alternatives or "{}" in (a.brackets, b.brackets):
        return unordered
    return None


def _as_sets(a: Sequence[Value], b: Sequence[Value]) -> bool | None:
    if len(a) > 40 or len(b) > 40:
        raise Unclear("too many members")
    return _all((_within(a, b), _within(b, a)))


def _within(few: Sequence[Value], many: Sequence[Value]) -> bool | None:
    answers: list[bool | None] = []
    for one in few:
        found = [_compare(one, other) for other in many]
        answers.append(True if True in found else None if None in found else False)
    return _all(answers)


# --- the number line --------------------------------------------------------------------------------------------------

Piece = tuple[Any, bool, Any, bool]
"""From where, whether that belongs to it, to where, whether that does."""


def _lines(a: Value, b: Value) -> bool | None:
    if isinstance(a, Group) and isinstance(b, Relation) and a.brackets in ("{}", ""):
        return None
    if isinstance(b, Group) and isinstance(a, Relation) and b.brackets in ("{}", ""):
        return None
    first, second = _merged(_pieces(a)), _merged(_pieces(b))
    if len(first) != len(second):
        return False
    return all(
        one[1] == other[1] and one[3] == other[3] and _meet(one[0], other[0]) and _meet(one[2], other[2])
        for one, other in zip(first, second, strict=True)
    )


def _pieces(a: Value) -> list[Piece]:
    match a:
        case Union():
            pieces = [piece for part in a.pieces for piece in _pieces(part)]
            return _without(_merged(pieces), a.without) if a.without else pieces
        case Group(brackets="{}"):
            points = [_end(item) for item in a.items]
            return [(point, True, point, True) for point in points]
        case Group() if a.alternatives and all(isinstance(item, Relation) for item in a.items):
            return [piece for item in a.items for piece in _pieces(item)]
        case Group() if a.brackets and len(a.items) == 2:
            return [_piece(_end(a.items[0]), a.brackets[0] == "[", _end(a.items[1]), a.brackets[1] == "]")]
        case Relation():
            return [_from_relation(a)]
        case _:
            raise Unclear("not a part of the number line")


def _piece(low: Any, closed_low: bool, high: Any, closed_high: bool) -> Piece:
    if not low < high:
        raise Unclear("an interval that ends before it begins")
    if (closed_low and mp.isinf(low)) or (closed_high and mp.isinf(high)):
        raise Unclear("infinity belongs to no interval")
    return low, closed_low, high, closed_high


def _end(item: Value) -> Any:
    if not isinstance(item, Quantity) or item.unit or item.noun or item.percent or symbols(item.node):
        raise Unclear("an interval whose ends are no numbers")
    sign = _sign_of_infinity(item.node)
    if sign:
        return mp.inf * sign
    found = value(item.node)
    if not is_real(found):
        raise Unclear("an interval whose ends are no real numbers")
    return mp.re(found)


def _from_relation(relation: Relation) -> Piece:
    _unknown(relation)
    sides, signs = list(relation.sides), list(relation.signs)
    if set(signs) <= {">", r"\ge"}:
        sides.reverse()
        signs = [{">": "<", r"\ge": r"\le"}[sign] for sign in reversed(signs)]
    if not set(signs) <= {"<", r"\le"}:
        raise Unclear("an inequality of another shape")
    place = next(number for number, side in enumerate(sides) if side.op == "sym")
    low = (_end(Quantity(sides[place - 1])), signs[place - 1] == r"\le") if place else (-mp.inf, False)
    high = (_end(Quantity(sides[place + 1])), signs[place] == r"\le") if place + 1 < len(sides) else (mp.inf, False)
    if len(sides) == 3 and place != 1:
        raise Unclear("an inequality of another shape")
    return _piece(low[0], low[1], high[0], high[1])


def _merged(pieces: list[Piece]) -> list[Piece]:
    found: list[Piece] = []
    for piece in sorted(pieces, key=lambda one: (one[0], not one[1])):
        if found and _touch(found[-1], piece):
            last = found[-1]
            low_closed = last[1] or (_meet(last[0], piece[0]) and piece[1])
            if _meet(last[2], piece[2]):
                high: tuple[Any, bool] = (last[2], last[3] or piece[3])
            else:
                high = (last[2], last[3]) if last[2] > piece[2] else (piece[2], piece[3])
            found[-1] = (last[0], low_closed, *high)
        else:
            found.append(piece)
    return found


def _touch(before: Piece, after: Piece) -> bool:
    if _meet(before[2], after[0]):
        return before[3] or after[1]
    return before[2] > after[0]


def _meet(a: Any, b: Any) -> bool:
    if mp.isinf(a) or mp.isinf(b):
        return bool(a == b)
    return same(a, b)


def _without(pieces: list[Piece], taken: Value) -> list[Piece]:
    if not isinstance(taken, Group) or taken.brackets != "{}":
        raise Unclear("more than single points is taken away")
    for point in (_end(item) for item in taken.items):
        cut: list[Piece] = []
        for low, closed_low, high, closed_high in pieces:
            if low < point < high:
                cut += [(low, closed_low, point, False), (point, False, high, closed_high)]
            else:
                at_low, at_high = _meet(low, point), _meet(high, point)
                if not (at_low and at_high):
                    cut.append((low, closed_low and not at_low, high, closed_high and not at_high))
        pieces = cut
    return pieces

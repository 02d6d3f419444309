"""A plan as charts, in Vega-Lite's words: quality against price with the frontier, and what the task looks like."""

from collections.abc import Sequence
from enum import StrEnum

from dashboard.shapes import Attempt, Json, Plan, Rung


class Axis(StrEnum):
    """What a rung's quality is drawn against."""

    COST = "Cost"
    TIME = "Time"
    TOKENS = "Tokens"


ROLES = ("Chosen", "Answer stands", "Refused", "Weighed")
CHOSEN, STANDS, REFUSED, WEIGHED = ROLES

# At least 3:1 against the white and the dark background; white figures on the first are 4.5:1.
_ACCENT = "#4f6ae0"
_QUIET = "#7d8898"
_FRONTIER = "#b8741a"
_TITLES = {Axis.COST: "Expected cost (USD)", Axis.TIME: "Expected time (s)", Axis.TOKENS: "Expected tokens"}
_FORMATS = {Axis.COST: "$~r", Axis.TIME: "~r", Axis.TOKENS: "~s"}
_WIDE_RANGE = 20
"""From the largest over the smallest value on, the axis is logarithmic."""
_TYPES_SHOWN = 6
_LEAST_SHOWN = 0.02


def price(rung: Rung, axis: Axis) -> float:
    match axis:
        case Axis.COST:
            return float(rung.cost_usd)
        case Axis.TIME:
            return rung.seconds
        case Axis.TOKENS:
            return float(rung.tokens)


def natural_axis(plan: Plan) -> Axis:
    """What sets the rungs apart: money, or on one's own machine, time."""
    return Axis.COST if any(rung.cost_usd for rung in _every(plan)) else Axis.TIME


def frontier(rungs: Sequence[Rung], axis: Axis) -> list[Rung]:
    """The rungs that no other beats at the same price or less, cheapest first."""
    best: list[Rung] = []
    for rung in sorted(_known(rungs), key=lambda one: (price(one, axis), -(one.quality or 0))):
        if not best or (rung.quality or 0) > (best[-1].quality or 0):
            best.append(rung)
    return best


def quality_chart(plan: Plan, axis: Axis, *, attempts: Sequence[Attempt] = ()) -> Json:
    """Every rung at its expected quality and price; those chosen carry their number."""
    points = _points(plan, axis, attempts)
    line = [{"price": price(rung, axis), "quality": rung.quality} for rung in frontier(_every(plan), axis)]
    x = {"field": "price", "type": "quantitative", "title": _TITLES[axis], "scale": _scale(points)}
    x |= {"axis": {"format": _FORMATS[axis], "tickCount": 5, "labelOverlap": True, "grid": False}}
    y: Json = {"field": "quality", "type": "quantitative", "title": "Expected right", "scale": {"zero": False}}
    y |= {"axis": {"format": "%", "tickCount": 5}}
    shown = [role for role in ROLES if any(point["role"] == role for point in points)]
    colours = [_QUIET if role == WEIGHED else _ACCENT for role in shown]
    shapes = {CHOSEN: "circle", STANDS: "square", REFUSED: "diamond", WEIGHED: "circle"}
    legend = {"title": None, "orient": "bottom", "symbolSize": 90}
    role = {"field": "role", "type": "nominal", "legend": legend}
    tooltip = [
        {"field": "rung", "title": "Rung"},
        {"field": "role", "title": "Role"},
        {"field": "quality", "title": "Expected right", "format": ".0%"},
        {"field": "interval", "title": "90 % interval"},
        {"field": "price", "title": _TITLES[axis]},
    ]
    chosen = {"filter": "datum.number != null"}
    return {
        "data": {"values": points},
        "height": 300,
        "padding": {"bottom": 0},
        "encoding": {"x": x, "y": y},
        "layer": [
            {
                "data": {"values": line},
                "mark": {"type": "line", "interpolate": "step-after", "color": _FRONTIER, "strokeDash": [5, 3]},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 1.5},
                "encoding": {
                    "y": y | {"field": "low"},
                    "y2": {"field": "high"},
                    "color": {"field": "role", "type": "nominal", "scale": {"domain": shown, "range": colours}},
                },
            },
            {
                "mark": {"type": "point", "filled": True, "opacity": 1},
                "encoding": {
                    "color": role | {"scale": {"domain": shown, "range": colours}},
                    "shape": role | {"scale": {"domain": shown, "range": [shapes[one] for one in shown]}},
                    "size": {"condition": {"test": "datum.number != null", "value": 330}, "value": 70},
                    "tooltip": tooltip,
                },
            },
            {
                "transform": [chosen],
                "mark": {"type": "text", "color": "#ffffff", "fontWeight": "bold", "fontSize": 11, "tooltip": None},
                "encoding": {"text": {"field": "number", "type": "nominal"}},
            },
        ],
    }


def described(plan: Plan, axis: Axis) -> str:
    """The same for those who do not see it."""
    chosen = ", then ".join(rung.short for rung in plan.rungs)
    best = ", ".join(rung.short for rung in frontier(_every(plan), axis))
    return f"Expected quality against {axis.lower()}. Chosen: {chosen}. On the frontier, cheapest first: {best}."


def types_chart(plan: Plan) -> Json:
    """What kinds of task the prompt looks like, likeliest first."""
    ranked = sorted(plan.task_type.items(), key=lambda pair: -pair[1])
    shown = [pair for place, pair in enumerate(ranked[:_TYPES_SHOWN]) if place == 0 or pair[1] >= _LEAST_SHOWN]
    values = [{"type": f"{name.replace('_', ' ')}  {share:.0%}", "share": share} for name, share in shown]
    return {
        "data": {"values": values},
        "height": {"step": 22},
        "padding": {"bottom": 0},
        "mark": {"type": "bar", "color": _ACCENT, "height": 12, "cornerRadiusEnd": 3},
        "encoding": {
            "y": {
                "field": "type",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {"ticks": False, "domain": False, "labelLimit": 200, "labelPadding": 6},
            },
            "x": {"field": "share", "type": "quantitative", "scale": {"domain": [0, 1]}, "axis": None},
            "tooltip": [{"field": "type", "title": "Looks like"}],
        },
    }


def _every(plan: Plan) -> tuple[Rung, ...]:
    return (*plan.rungs, *plan.considered)


def _known(rungs: Sequence[Rung]) -> list[Rung]:
    return [rung for rung in rungs if rung.quality is not None]


def _points(plan: Plan, axis: Axis, attempts: Sequence[Attempt]) -> list[Json]:
    # Those chosen come last, and lie on top.
    weighed = [_point(rung, axis, WEIGHED, None) for rung in _known(plan.considered)]
    numbered = [(number, rung) for number, rung in enumerate(plan.rungs, start=1) if rung.quality is not None]
    return weighed + [_point(rung, axis, _role(rung, attempts), number) for number, rung in numbered]


def _role(rung: Rung, attempts: Sequence[Attempt]) -> str:
    tried = [attempt.accepted for attempt in attempts if attempt.rung == rung.short]
    if any(tried):
        return STANDS
    return REFUSED if tried else CHOSEN


def _point(rung: Rung, axis: Axis, role: str, number: int | None) -> Json:
    quality = rung.quality or 0.0
    low = quality if rung.quality_low is None else rung.quality_low
    high = quality if rung.quality_high is None else rung.quality_high
    return {
        "rung": rung.short,
        "role": role,
        "number": number,
        "quality": quality,
        "low": low,
        "high": high,
        "interval": f"{low:.0%} to {high:.0%}",
        "price": price(rung, axis),
    }


def _scale(points: Sequence[Json]) -> Json:
    """Far prices apart on one axis: logarithmic where none is zero, else by the square root, which knows zero."""
    prices = [float(point["price"]) for point in points]
    if not prices or max(prices) <= 0 or max(prices) < _WIDE_RANGE * min(prices):
        return {"zero": False, "padding": 24}
    return {"type": "log", "padding": 24} if min(prices) > 0 else {"type": "sqrt", "padding": 24}

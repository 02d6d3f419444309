"""Draws accuracy against cost: what one sample, more samples, stopping early and the ladder buy."""

from collections.abc import Sequence
from pathlib import Path

import vl_convert

from agents.records import Json
from bench.scaling_votes import Outcome, Votes, mean

# At least 3:1 against a white and a dark page: the picture has no background of its own.
_ACCENT = "#4f6ae0"
_OTHER = "#b8741a"
_LADDER = "#2f8f6b"
_QUIET = "#7a828e"
_SCALE = 2.0


def save(done: Votes, ladder: Sequence[Outcome], path: Path) -> None:
    """Write the picture as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(vl_convert.vegalite_to_png(spec(done, ladder), scale=_SCALE))


def spec(done: Votes, ladder: Sequence[Outcome]) -> Json:
    """The picture in Vega-Lite's words."""
    voting = [_point(f"n = {number}", one) for number, one in enumerate(done.fixed, 1)]
    alone = [_point("direct 0.5B", done.small), _point("adaptive voting, n ≤ 8", done.adaptive)]
    climbed = [_point("ladder", ladder)]
    last = [{**voting[-1], "name": "voting 1.5B"}]
    first = [{**voting[0], "name": "direct 1.5B"}]
    dearest = max(one["cost"] for one in (*voting, *alone, *climbed))
    x = {
        "field": "cost",
        "type": "quantitative",
        "title": "Tokens × billions of parameters, a problem",
        "axis": {"tickCount": 6},
        "scale": {"domain": [0, dearest * 1.1]},
    }
    y = {
        "field": "right",
        "type": "quantitative",
        "title": f"Right answers, GSM8K, {len(done.problems)} problems",
        "axis": {"format": ".0%", "tickCount": 6},
        "scale": {"zero": False, "nice": True, "padding": 16},
    }
    place = {"x": x, "y": y}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": 640,
        "height": 360,
        "background": None,
        "padding": 8,
        "config": _config(),
        "layer": [
            {"data": {"values": voting}, "mark": {"type": "line", "color": _ACCENT, "opacity": 0.6}, "encoding": place},
            _points(voting, place, color=_ACCENT, shape="circle"),
            _words(voting[1:], place, color=_ACCENT, dy=16),
            _words(first, place, color=_ACCENT, dy=16),
            _words(last, place, color=_ACCENT, dy=-14),
            _points(alone, place, color=_OTHER, shape="diamond"),
            _words(alone[:1], place, color=_OTHER, dx=10, align="left"),
            _words(alone[1:], place, color=_OTHER, dy=-14),
            _points(climbed, place, color=_LADDER, shape="square"),
            _words(climbed, place, color=_LADDER, dy=34),
        ],
    }


def _point(name: str, outcomes: Sequence[Outcome]) -> Json:
    reached = mean(outcomes)
    return {"name": name, "right": reached.right, "cost": reached.cost}


def _points(values: Sequence[Json], place: Json, *, color: str, shape: str) -> Json:
    mark = {"type": "point", "filled": True, "size": 90, "opacity": 1, "color": color, "shape": shape}
    return {"data": {"values": list(values)}, "mark": mark, "encoding": place}


def _words(values: Sequence[Json], place: Json, *, color: str, dx: int = 0, dy: int = 0, align: str = "center") -> Json:
    mark = {"type": "text", "fontSize": 12, "fontWeight": 600, "color": color, "dx": dx, "dy": dy, "align": align}
    return {
        "data": {"values": list(values)},
        "mark": {**mark, "baseline": "middle"},
        "encoding": {**place, "text": {"field": "name"}},
    }


def _config() -> Json:
    quiet = {"labelColor": _QUIET, "titleColor": _QUIET, "labelFontSize": 12, "titleFontSize": 13}
    lines = {"domainColor": _QUIET, "tickColor": _QUIET, "gridColor": _QUIET, "gridOpacity": 0.25}
    return {"font": "sans-serif", "view": {"stroke": None}, "axis": {**quiet, **lines}}

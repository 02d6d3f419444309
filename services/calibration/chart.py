"""The quality-cost frontier as a picture: a line for each router, a point for each model."""

from pathlib import Path
from typing import Any

from agents.errors import Unavailable
from router.evaluate.pair import CostUnit
from router.evaluate.report import ALWAYS_LARGE, ALWAYS_SMALL, ORACLE, RANDOM, Evaluation

WIDTH, HEIGHT = 760, 440
SCALE = 2
"""Pixels of the PNG for each of the picture's points."""
_COLOURS = ("#0b5fff", "#d9480f", "#2b8a3e", "#862e9c", "#c2255c", "#0c8599", "#5c940d")
_MARKED = {RANDOM: ("#495057", [2, 3]), ORACLE: ("#868e96", [7, 4])}
"""The two bounds: colour and dashes."""
_FULL_LINE = [1, 0]


def draw(evaluation: Evaluation, folder: Path) -> tuple[Path, Path]:
    """Write the picture as PNG and as a page of HTML that needs no network, and give their paths.

    Raises:
        Unavailable: the libraries that draw are not installed.
    """
    try:
        import altair  # loads for most of a second
        import vl_convert  # noqa: F401  # pyright: ignore[reportUnusedImport]  # altair writes both files with it
    except ImportError as error:
        raise Unavailable(f"drawing needs {error.name}: pip install altair vl-convert-python") from None
    chart = _chart(evaluation, altair)
    folder.mkdir(parents=True, exist_ok=True)
    png, html = (folder / f"frontier-{evaluation.source}.{kind}" for kind in ("png", "html"))
    chart.save(png, scale_factor=SCALE)
    chart.save(html, inline=True)
    return png, html


def _chart(evaluation: Evaluation, alt: Any) -> Any:  # altair's types are those of its schema, hardly of any use
    lines, names = _lines(evaluation)
    colours = iter(_COLOURS * len(names))
    looks = [_MARKED.get(router) or (next(colours), _FULL_LINE) for router in names]
    domain = list(names.values())
    legend = alt.Legend(title="router, APGR", symbolStrokeWidth=3, symbolSize=400, labelLimit=300)
    routers = (
        alt.Chart(alt.Data(values=lines))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X(
                "cost:Q",
                title=_cost_title(evaluation.cost_unit),
                scale=alt.Scale(zero=False, nice=False, padding=45),
            ),
            y=alt.Y(
                "quality:Q", title="Mean quality of the answers (1 is best)", scale=alt.Scale(zero=False, padding=12)
            ),
            color=alt.Color(
                "router:N", scale=alt.Scale(domain=domain, range=[colour for colour, _ in looks]), legend=legend
            ),
            strokeDash=alt.StrokeDash(
                "router:N", scale=alt.Scale(domain=domain, range=[dashes for _, dashes in looks]), legend=legend
            ),
            order="share:Q",
            tooltip=["router:N", alt.Tooltip("share:Q", format=".0%"), "cost:Q", "quality:Q"],
        )
    )
    title = alt.TitleParams(
        f"{evaluation.source}: {evaluation.small} to {evaluation.large}",
        subtitle=f"{evaluation.prompts} prompts; along each line ever more of them go to {evaluation.large}",
        anchor="start",
    )
    layers = alt.layer(routers, *_points(evaluation, alt))
    return layers.properties(width=WIDTH, height=HEIGHT, title=title).configure_axis(labelFontSize=12, titleFontSize=13)


def _lines(evaluation: Evaluation) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The points of each router's line, and what each router is called in the legend."""
    ranked = [one for one in evaluation.routers if len(one.costs) > 1]
    names = {one.name: f"{one.name}  {one.apgr.value:.3f}" for one in ranked if one.apgr.value is not None}
    points = [
        {"router": names[one.name], "share": share / 100, "cost": _shown(cost, evaluation), "quality": quality}
        for one in ranked
        for share, (cost, quality) in enumerate(zip(one.costs, one.qualities, strict=True))
    ]
    return points, names


def _points(evaluation: Evaluation, alt: Any) -> list[Any]:
    """The models alone: the two ends, by the prompts that both answered, and the others whose cost is known."""
    singles: list[dict[str, Any]] = [
        {"label": one.name, "cost": _shown(one.costs[0], evaluation), "quality": one.qualities[0]}
        for one in evaluation.routers
        if one.name in (ALWAYS_SMALL, ALWAYS_LARGE)
    ]
    singles += [
        {"label": one.model, "cost": _shown(one.cost, evaluation), "quality": one.quality.value}
        for one in evaluation.models
        if one.model not in (evaluation.small, evaluation.large) and one.cost is not None
    ]
    points = alt.Chart(alt.Data(values=singles)).encode(x="cost:Q", y="quality:Q", tooltip=["label:N", "cost:Q"])
    text = {"align": "center", "dy": 16, "fontSize": 12}
    return [
        points.mark_point(filled=True, size=90, color="black", opacity=1),
        # A white edge below the words: they stay readable where a line runs through them.
        points.mark_text(**text, color="white", stroke="white", strokeWidth=4).encode(text="label:N"),
        points.mark_text(**text, color="black").encode(text="label:N"),
    ]


def _shown(cost: float, evaluation: Evaluation) -> float:
    return cost * 1000 if evaluation.cost_unit == CostUnit.USD else cost


def _cost_title(unit: CostUnit) -> str:
    match unit:
        case CostUnit.USD:
            return "Cost of 1,000 answers (US dollars)"
        case CostUnit.SECONDS:
            return "Mean time of an answer (seconds)"
        case CostUnit.TOKENS:
            return "Mean length of an answer (output tokens)"
        case CostUnit.SHARE:
            return "Share of prompts sent to the large model (no prices in the data)"

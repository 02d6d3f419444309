"""`pointsman router evaluate`: how well prompts are routed, with intervals, baselines and a plot."""

from pathlib import Path

import click

from agents.errors import InvalidTask
from router.evaluate.report import Evaluation, Figure, Judged
from router.evaluate.report import evaluate as judge
from router.score import score
from services.calibration import chart, files, results
from services.cli.client import read_settings
from services.cli.output import AS_JSON, aside, print_json, print_table

FRONTIER = (25, 50, 75)
"""Points of the quality-cost frontier that the table shows: percent of prompts sent to the large model."""
COLUMNS = (
    *("router", "APGR", "CPT50", "CPT80", "gap closed", "AIQ"),
    *(f"cost, quality at {share} %" for share in FRONTIER),
)
MODEL_COLUMNS = ("model", "mean quality", "mean cost")


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    help="A file (JSONL, Parquet) or folder of graded prompts: prompt, s:<model>, usd:<model>, t:<model>, sub. "
    "Default: what calibration has stored.",
)
@click.option("--small", metavar="MODEL", help="Default: the cheapest.")
@click.option("--large", metavar="MODEL", help="Default: the best of the others.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the plots.")
@click.option("--resamples", type=click.IntRange(min=20), default=400, show_default=True, help="Behind the intervals.")
@AS_JSON
def evaluate(
    *, data: Path | None, small: str | None, large: str | None, out: Path | None, resamples: int, as_json: bool
) -> None:
    """Judge how well prompts are sent to the larger of two models, beside simple baselines and the oracle.

    Prints APGR, CPT, AIQ and the gap closed with 95 % intervals, and writes the quality-cost frontier as PNG and HTML.
    """

    stored = results.results_file(read_settings().folder)
    if data is None and not stored.exists():
        raise click.ClickException("no answers yet: `pointsman router calibrate --prompts FILE`, or give --data")
    sources = files.read_graded(data) if data else {"calibration": files.read_file(stored)}
    found: list[Evaluation] = []
    refused: list[str] = []
    for source, graded in sources.items():
        try:
            scores = {"pointsman": score}
            found.append(judge(graded, source=source, scores=scores, small=small, large=large, resamples=resamples))
        except InvalidTask as error:
            refused.append(f"{source}: {error}")
    if not found:
        raise click.ClickException("; ".join(refused))
    for reason in refused:
        aside(f"left out: {reason}")
    drawn = [chart.draw(one, out or stored.parent) for one in found]
    if as_json:
        pairs = zip(found, drawn, strict=True)
        print_json([one.model_dump(mode="json") | {"png": str(png), "html": str(html)} for one, (png, html) in pairs])
        return
    for one, (png, html) in zip(found, drawn, strict=True):
        print_evaluation(one)
        aside(f"plot: {png} and {html}")


def print_evaluation(one: Evaluation) -> None:
    """Print the two models, then a line for each way to divide the prompts between them."""
    unit = one.cost_unit
    click.echo(f"{one.source}: {one.prompts} prompts, {one.small} to {one.large}, cost in {unit}")
    if one.left_out:
        aside(f"{one.left_out} prompts without an answer of both are left out")
    models = [(model.model, _interval(model.quality), _number(model.cost)) for model in one.models]
    print_table(MODEL_COLUMNS, models, empty="no models")
    print_table(COLUMNS, [_row(router) for router in one.routers], empty="no routers")
    aside(
        f"95 % intervals by paired bootstrap over prompts, {one.resamples} resamples; AIQ of the two models without "
        f"any router: {_number(one.hull_aiq)}"
    )


def _row(router: Judged) -> tuple[object, ...]:
    return (
        router.name,
        _interval(router.apgr),
        _interval(router.cpt50),
        _interval(router.cpt80),
        _interval(router.gap_closed),
        _interval(router.aiq),
        *(_at(router, share) for share in FRONTIER),
    )


def _at(router: Judged, share: int) -> str:
    """Mean cost and quality with this share of prompts sent to the large model."""
    if len(router.costs) == 1:
        return ""
    return f"{_number(router.costs[share])} {router.qualities[share]:.3f}"


def _interval(figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return ""
    ends = "" if figure.low is None else f" [{figure.low:.3f}, {figure.high:.3f}]"
    return f"{figure.value:.3f}{ends}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"

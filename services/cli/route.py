"""`pointsman route`: the plan for a prompt, with its reasons; nothing is run."""

import click

from agents.records import Json
from services.cli.ask import EFFORT, MAX_USD, METHOD, SAMPLES, extras
from services.cli.checks import CHECKS
from services.cli.client import URL, connect
from services.cli.output import AS_JSON, in_seconds, in_usd, one_line, print_json, print_table, printable, rung_in_short

COLUMNS = ("", "rung", "quality", "at least", "cost", "time", "stands")
STANDS = {
    "exact": "it is computed",
    "checks": "if its checks pass",
    "agreement": "if its samples agree",
    "always": "as it is",
}


@click.command()
@click.argument("text")
@EFFORT
@METHOD
@SAMPLES
@CHECKS
@MAX_USD
@URL
@AS_JSON
def route(
    *,
    text: str,
    effort: str | None,
    method: str | None,
    samples: int | None,
    checks: tuple[str, ...],
    max_usd: float | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Show how TEXT would be answered, and why so, without answering it."""
    with connect(url) as gateway:
        wanted = extras(effort, max_usd, method=method, samples=samples, checks=checks)
        body = {"messages": [{"role": "user", "content": text}], "pointsman": wanted}
        plan = gateway.post("/api/route", body)
    if as_json:
        print_json(plan)
        return
    print_plan(plan)


def print_plan(plan: Json) -> None:
    """Print the rungs in the order they would be climbed, then the reasons."""
    print_table(COLUMNS, [(number, *_row(rung)) for number, rung in enumerate(plan["rungs"], 1)], empty="an empty plan")
    likely = sorted(plan.get("task_type", {}).items(), key=lambda pair: -pair[1])[:3]
    if likely:
        click.echo("kind of task: " + ", ".join(f"{name} {share:.0%}" for name, share in likely))
    click.echo(f"why: {one_line(printable(plan['why']), widest=2000)}")


def _row(rung: Json) -> tuple[object, ...]:
    return (
        rung_in_short(rung),
        f"{rung['quality']:.0%}",
        f"{rung['quality_low']:.0%}",
        in_usd(rung["cost_usd"]),
        in_seconds(rung["seconds"]),
        STANDS.get(rung["accept"], rung["accept"]),
    )

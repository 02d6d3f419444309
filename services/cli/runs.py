"""`pointsman runs`: what ran, what is running, and what became of it."""

import json
from pathlib import Path
from urllib.parse import quote

import click

from agents.records import Effort, Json
from services.cli.client import URL, Gateway, connect
from services.cli.follow import run_in_a_line
from services.cli.output import AS_JSON, aside, in_time, in_usd, plan_in_short, print_json, print_table, printable

PAGE = 200
"""The most that the gateway gives at once."""
LIST_COLUMNS = ("id", "status", "task", "answered by", "rung", "cost", "accepted at")
ATTEMPT_COLUMNS = ("", "rung", "accepted", "why", "verdicts", "tokens", "cost")


@click.group(no_args_is_help=True)
def runs() -> None:
    """List, show, cancel, replay or export runs."""


@runs.command("list")
@click.option("--status", help="Only these statuses, separated by commas: running,failed.")
@click.option("--team", help="Only runs of this team.")
@click.option("--model", help="Only runs that this model answered.")
@click.option("--search", metavar="TEXT", help="Only runs with this text in their first words.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many, newest first."
)
@URL
@AS_JSON
def list_runs(
    *,
    status: str | None,
    team: str | None,
    model: str | None,
    search: str | None,
    limit: int,
    url: str | None,
    as_json: bool,
) -> None:
    """List runs, newest first."""
    filters = {"status": status, "team": team, "model": model, "q": search}
    found: list[Json] = []
    cursor = None
    with connect(url) as gateway:
        while len(found) < limit:
            page = gateway.get("/api/runs", cursor=cursor, limit=min(limit, PAGE), **filters)
            found += page["runs"]
            cursor = page["next"]
            if cursor is None:
                break
    if as_json:
        print_json(found[:limit])
        return
    print_table(LIST_COLUMNS, [_listed(run) for run in found[:limit]], empty="no such run")


def _listed(run: Json) -> tuple[object, ...]:
    return (
        run["id"],
        run["status"],
        run["title"],
        run["model"],
        run["rung"],
        in_usd(run["cost_usd"]),
        in_time(run["created_at"]),
    )


@runs.command()
@click.argument("run_id")
@URL
@AS_JSON
def show(*, run_id: str, url: str | None, as_json: bool) -> None:
    """Show one run: its plan, what was tried, and the answer."""
    with connect(url) as gateway:
        run = gateway.get(f"/api/runs/{quote(run_id, safe='')}")
    if as_json:
        print_json(run)
        return
    click.echo(printable(f"{run['id']}: {run['status']}"))
    click.echo(f"task: {printable(run['title'])}")
    if run["plan"]:
        click.echo(f"plan: {plan_in_short(run['plan'])}")
        click.echo(f"why: {printable(run['plan']['why'])}")
    print_table(ATTEMPT_COLUMNS, [_attempted(attempt) for attempt in run["attempts"]], empty="nothing was tried yet")
    for message in run["messages"]:
        aside(f"{message['sender']} -> {message['recipient']} ({message['type']}): {message['content']}")
    if run["answer"]:
        click.echo()
        click.echo(printable(run["answer"]["choices"][0]["text"]))
    if run["error"]:
        click.echo(printable(f"error: {run['error']['message']}"))
    aside(run_in_a_line(run))


def _attempted(attempt: Json) -> tuple[object, ...]:
    usage: Json = attempt["usage"]
    return (
        attempt["number"],
        attempt["rung"],
        "yes" if attempt["accepted"] else "no",
        attempt["reason"],
        ", ".join(f"{verdict['check']}: {verdict['outcome']}" for verdict in attempt["verdicts"]),
        usage["input_tokens"] + usage["output_tokens"],
        in_usd(attempt["cost_usd"]),
    )


@runs.command()
@click.argument("run_id")
@URL
@AS_JSON
def cancel(*, run_id: str, url: str | None, as_json: bool) -> None:
    """Cancel a run: nothing further of it starts."""
    with connect(url) as gateway:
        said = gateway.post(f"/api/runs/{quote(run_id, safe='')}/cancel", {})
    if as_json:
        print_json(said)
        return
    click.echo(f"run {run_id} is {said['status']}")


@runs.command()
@click.argument("run_id")
@click.option("--from-span", metavar="SPAN", help="Keep what was done before this step and do the rest anew.")
@click.option("--model", help="With this model from there on.")
@click.option(
    "--effort", type=click.Choice([effort.value for effort in Effort]), help="With this effort from there on."
)
@URL
@AS_JSON
def replay(
    *, run_id: str, from_span: str | None, model: str | None, effort: str | None, url: str | None, as_json: bool
) -> None:
    """Run the same task again as a new run, with the model calls that were made before."""
    changes = {"from_span": from_span, "model": model, "effort": effort}
    with connect(url) as gateway:
        said = gateway.post(
            f"/api/runs/{quote(run_id, safe='')}/replay", {name: value for name, value in changes.items() if value}
        )
    if as_json:
        print_json(said)
        return
    click.echo(said["id"])
    aside(f"see it with `pointsman runs show {said['id']}`")


@runs.command()
@click.argument("run_id")
@click.option(
    "--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="File; default: standard output."
)
@URL
@AS_JSON
def export(*, run_id: str, output: Path | None, url: str | None, as_json: bool) -> None:
    """Write a run with all its steps as one JSON document."""
    del as_json  # It is JSON either way.
    with connect(url) as gateway:
        document = {"run": gateway.get(f"/api/runs/{quote(run_id, safe='')}"), "spans": _all_spans(gateway, run_id)}
    if output is None:
        print_json(document)
        return
    output.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    aside(f"wrote {len(document['spans'])} steps to {output}")


def _all_spans(gateway: Gateway, run_id: str) -> list[Json]:
    """Every span once, in its last state: one that changed while we read comes again."""
    spans: dict[str, Json] = {}
    since = 0
    while True:
        page = gateway.get(f"/api/traces/{quote(run_id, safe='')}/spans", since=since)
        spans |= {span["span_id"]: span for span in page["spans"]}
        if not page["spans"] or page["next_since"] == since:
            return list(spans.values())
        since = page["next_since"]

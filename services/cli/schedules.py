"""`pointsman schedules`: tasks that come back every so often, or once, later."""

from datetime import datetime
from urllib.parse import quote

import click

from agents.records import Json
from services.cli.ask import EFFORT, MAX_USD, extras
from services.cli.client import URL, connect
from services.cli.output import AS_JSON, in_time, print_json, print_table
from services.cli.teams import parse_inputs

COLUMNS = ("id", "name", "when", "timezone", "next", "paused")
SLOT_COLUMNS = ("due at", "outcome", "reason", "run")


@click.group(no_args_is_help=True)
def schedules() -> None:
    """Let a task run every so often, or later."""


@schedules.command("list")
@URL
@AS_JSON
def list_schedules(*, url: str | None, as_json: bool) -> None:
    """List schedules with their next due time."""
    with connect(url) as gateway:
        known = gateway.get("/api/schedules")["schedules"]
    if as_json:
        print_json(known)
        return
    print_table(
        COLUMNS, [_row(schedule) for schedule in known], empty="no schedules: see pointsman schedules add --help"
    )


def _row(schedule: Json) -> tuple[object, ...]:
    paused = "yes" if schedule["paused"] else ""
    return (
        schedule["id"],
        schedule["name"],
        when(schedule),
        schedule["timezone"],
        in_time(schedule["next_due_at"]),
        paused,
    )


def when(schedule: Json) -> str:
    """The rule of a schedule in words."""
    if schedule["every"] is not None:
        return f"every {schedule['every']:g} s"
    if schedule["cron"]:
        return f"cron {schedule['cron']}"
    return f"once at {in_time(schedule['at'])}"


@schedules.command()
@click.argument("prompt", required=False)
@click.option("--every", type=click.FloatRange(min=1), metavar="SECONDS", help="Again and again, this far apart.")
@click.option("--cron", metavar="RULE", help='By the clock: "0 7 * * 1-5" is 7 in the morning on working days.')
@click.option("--at", metavar="TIME", help="Once: 2026-12-01T07:00:00, in --timezone unless it names its own.")
@click.option(
    "--timezone", default="UTC", show_default=True, help="Where the clock of --cron and --at hangs: Europe/Zurich."
)
@click.option("--name", help="What to call it; default: the first words of its task.")
@click.option("--team", help="Let this team work instead of asking a prompt.")
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="A value for the team; may be given several times."
)
@click.option(
    "--misfire",
    type=click.Choice(["run_once", "run_all", "skip"]),
    default="run_once",
    show_default=True,
    help="What becomes of due times that passed while nothing ran.",
)
@EFFORT
@MAX_USD
@URL
@AS_JSON
def add(
    *,
    prompt: str | None,
    every: float | None,
    cron: str | None,
    at: str | None,
    timezone: str,
    name: str | None,
    team: str | None,
    inputs: tuple[str, ...],
    misfire: str,
    effort: str | None,
    max_usd: float | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Let PROMPT be asked, or a team work, at the times of --every, --cron or --at."""
    rules = {"every": every, "cron": cron, "at": at}
    given: Json = {rule: value for rule, value in rules.items() if value is not None}
    if len(given) != 1:
        raise click.UsageError("give exactly one of --every, --cron and --at")
    if at is not None:
        _require_time(at)
    if prompt is None and team is None:
        raise click.UsageError("give a prompt, or --team")
    messages = [{"role": "user", "content": prompt}] if prompt else []
    task = {"messages": messages, "team": team, "inputs": parse_inputs(inputs), "pointsman": extras(effort, max_usd)}
    body: Json = {"name": name, **given, "timezone": timezone, "misfire": misfire, "task": task}
    with connect(url) as gateway:
        added = gateway.post("/api/schedules", body)
    if as_json:
        print_json(added)
        return
    click.echo(f"{added['id']}: {when(added)}, next at {in_time(added['next_due_at'])}")


def _require_time(text: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--at {text!r} is no time: give it as 2026-12-01T07:00:00") from None


@schedules.command()
@click.argument("schedule_id")
@URL
@AS_JSON
def pause(*, schedule_id: str, url: str | None, as_json: bool) -> None:
    """Let a schedule rest: its due times pass without a run."""
    _set_paused(schedule_id, url=url, as_json=as_json, change={"paused": True})


@schedules.command()
@click.argument("schedule_id")
@URL
@AS_JSON
def resume(*, schedule_id: str, url: str | None, as_json: bool) -> None:
    """Let a schedule that rests go on."""
    _set_paused(schedule_id, url=url, as_json=as_json, change={"paused": False})


def _set_paused(schedule_id: str, *, url: str | None, as_json: bool, change: Json) -> None:
    with connect(url) as gateway:
        changed = gateway.send("PATCH", f"/api/schedules/{quote(schedule_id, safe='')}", body=change)
    if as_json:
        print_json(changed)
        return
    click.echo(f"{schedule_id} {'rests' if change['paused'] else 'goes on'}")


@schedules.command()
@click.argument("schedule_id")
@URL
@AS_JSON
def remove(*, schedule_id: str, url: str | None, as_json: bool) -> None:
    """Remove a schedule; the runs it has started stay."""
    with connect(url) as gateway:
        gateway.send("DELETE", f"/api/schedules/{quote(schedule_id, safe='')}")
    if as_json:
        print_json({"id": schedule_id, "removed": True})
        return
    click.echo(f"{schedule_id} is removed")


@schedules.command()
@click.argument("schedule_id")
@URL
@AS_JSON
def slots(*, schedule_id: str, url: str | None, as_json: bool) -> None:
    """Show what became of each due time."""
    with connect(url) as gateway:
        passed = gateway.get(f"/api/schedules/{quote(schedule_id, safe='')}/slots")["slots"]
    if as_json:
        print_json(passed)
        return
    rows = [(in_time(slot["due_at"]), slot["outcome"], slot["reason"], slot["run_id"]) for slot in passed]
    print_table(SLOT_COLUMNS, rows, empty="nothing has been due yet")

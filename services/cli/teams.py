"""`pointsman teams`: look at teams of agents, check their files, and let one work."""

from pathlib import Path
from urllib.parse import quote

import click

from agents.records import Json
from agents.team.config import TeamFileError, parse_team
from services.cli.ask import EFFORT, MAX_USD, extras, read_text
from services.cli.client import URL, connect
from services.cli.follow import GOOD_ENDS, follow, run_in_a_line
from services.cli.output import AS_JSON, aside, print_json, print_table, printable
from services.settings import environment


@click.group(no_args_is_help=True)
def teams() -> None:
    """List, validate, show or run teams of agents."""


@teams.command("list")
@URL
@AS_JSON
def list_teams(*, url: str | None, as_json: bool) -> None:
    """List the teams that the gateway knows."""
    with connect(url) as gateway:
        known = gateway.get("/api/teams")["teams"]
    if as_json:
        print_json(known)
        return
    rows = [(team["name"], team["description"], ", ".join(team["agents"])) for team in known]
    print_table(
        ("name", "what it does", "agents"), rows, empty="no teams: add a folder of team files with POINTSMAN_TEAMS"
    )


@teams.command()
@click.argument("files", type=click.Path(exists=True, dir_okay=False, path_type=Path), nargs=-1, required=True)
@AS_JSON
def validate(*, files: tuple[Path, ...], as_json: bool) -> None:
    """Check team files and say where they are wrong. Needs no gateway."""
    found = [(file, problem) for file in files for problem in _problems(file)]
    if as_json:
        print_json([{"file": str(file), **problem} for file, problem in found])
    else:
        for file, problem in found:
            nearest = f"; did you mean {problem['nearest']!r}?" if problem["nearest"] else ""
            click.echo(f"{file}:{problem['line']}:{problem['column']}: {problem['message']}{nearest}")
    if found:
        wrong = len({file for file, _ in found})
        raise click.ClickException(f"{len(found)} problems in {wrong} of {len(files)} team files")
    if not as_json:
        aside(f"{len(files)} team file{'s are' if len(files) > 1 else ' is'} right")


def _problems(file: Path) -> list[Json]:
    try:
        parse_team(read_text(file), environment=environment())
    except TeamFileError as error:
        return [problem.model_dump() for problem in error.problems]
    return []


@teams.command()
@click.argument("name")
@URL
@AS_JSON
def show(*, name: str, url: str | None, as_json: bool) -> None:
    """Show a team's file."""
    with connect(url) as gateway:
        team = gateway.get(f"/api/teams/{quote(name, safe='')}")
    if as_json:
        print_json(team)
        return
    click.echo(printable(team["yaml"]).rstrip())


@teams.command()
@click.argument("name")
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="A value for the team; may be given several times."
)
@EFFORT
@MAX_USD
@URL
@AS_JSON
def run(
    *, name: str, inputs: tuple[str, ...], effort: str | None, max_usd: float | None, url: str | None, as_json: bool
) -> None:
    """Let a team work, follow what its agents tell each other, and print the answer."""
    body: Json = {"team": name, "inputs": parse_inputs(inputs), "messages": [], "pointsman": extras(effort, max_usd)}
    with connect(url) as gateway:
        run_id = gateway.post("/api/runs", body)["id"]
        if not as_json:
            follow(gateway, run_id)
            aside(run_in_a_line(gateway.get(f"/api/runs/{quote(run_id, safe='')}")))
            return
        for event in gateway.follow(run_id):
            if event.type == "end":
                break
        ended = gateway.get(f"/api/runs/{quote(run_id, safe='')}")
    print_json(ended)
    if ended["status"] not in GOOD_ENDS:
        error: Json = ended["error"] or {}
        raise click.ClickException(f"run {run_id} {ended['status']}: {error.get('message')}")


def parse_inputs(given: tuple[str, ...]) -> dict[str, str]:
    """`topic=the moon` as a name and a value."""
    pairs: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--input {pair!r}: give it as NAME=VALUE")
        pairs[name] = value
    return pairs

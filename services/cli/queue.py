"""`pointsman queue`: what waits in the inboxes, and what was given up."""

from urllib.parse import quote

import click

from services.cli.client import URL, connect
from services.cli.output import AS_JSON, in_seconds, print_json, print_table


@click.group(no_args_is_help=True)
def queue() -> None:
    """See what waits, and take up again what was given up."""


@queue.command()
@URL
@AS_JSON
def show(*, url: str | None, as_json: bool) -> None:
    """Show what waits in each inbox."""
    with connect(url) as gateway:
        state = gateway.get("/api/queues")
    if as_json:
        print_json(state)
        return
    rows = [
        (row["inbox"], row["state"], row["messages"], in_seconds(row["oldest_seconds"])) for row in state["inboxes"]
    ]
    print_table(("inbox", "state", "messages", "oldest"), rows, empty="nothing waits and nothing is worked on")
    click.echo("processes: " + (", ".join(f"{number} {kind}" for kind, number in state["processes"].items()) or "none"))
    click.echo(f"given up: {len(state['dead'])}")


@queue.command()
@URL
@AS_JSON
def dead(*, url: str | None, as_json: bool) -> None:
    """List the messages that were given up, with the reason."""
    with connect(url) as gateway:
        letters = gateway.get("/api/queues")["dead"]
    if as_json:
        print_json(letters)
        return
    rows = [(letter["id"], letter["run_id"], letter["inbox"], letter["type"], letter["reason"]) for letter in letters]
    print_table(("message", "run", "inbox", "type", "why"), rows, empty="nothing was given up")


@queue.command()
@click.argument("message_id")
@URL
@AS_JSON
def retry(*, message_id: str, url: str | None, as_json: bool) -> None:
    """Take up again a message that was given up."""
    with connect(url) as gateway:
        said = gateway.post(f"/api/queues/dead/{quote(message_id, safe='')}/retry", {})
    if as_json:
        print_json(said)
        return
    click.echo(f"message {message_id} waits to be worked on again")

"""A run as it goes on in a terminal: who tells whom what, the answer as it is written, and how it ended."""

import click

from agents.records import Json
from services.cli.client import Gateway
from services.cli.output import aside, plan_in_short, printable, what_it_took, write

GOOD_ENDS = ("succeeded", "unverified", "truncated")
"""The statuses that come with an answer."""


def follow(gateway: Gateway, run_id: str) -> None:
    """Print a run until its end: the talk on stderr, the answer on stdout. Fails if it ends without an answer."""
    answer = _GrowingAnswer()
    for event in gateway.follow(run_id):
        said = event.json()
        match event.type:
            case "status":
                aside(f"run {run_id} is {said['status']}")
            case "message":
                aside(f"{said['sender']} -> {said['recipient']} ({said['type']}): {said['content']}")
            case "delta":
                answer.grow(said["text"], said.get("offset"))
            case "end":
                ended: Json = said.get("answer") or {}
                answer.finish(ended.get("text"))
                _close(run_id, said)
            case _:
                pass


def run_in_a_line(run: Json) -> str:
    """What came of a run besides its answer."""
    return what_it_took(
        model=run["model"] or "nothing answered",
        plan=plan_in_short(run["plan"]),
        cost_usd=run["cost_usd"],
        verified_by=run["verified_by"],
        status=run["status"],
        run_id=run["id"],
    )


def _close(run_id: str, end: Json) -> None:
    status = end["status"]
    if status not in GOOD_ENDS:
        error: Json = end.get("error") or {}
        raise click.ClickException(f"run {run_id} {status}: {error.get('message') or 'no reason was given'}")


class _GrowingAnswer:
    """What of the answer is on the terminal already."""

    def __init__(self) -> None:
        self._shown = ""

    def grow(self, text: str, offset: int | None) -> None:
        """Print what is new of a piece; after a lost connection or a restarted attempt pieces come again."""
        start = len(self._shown) if offset is None else offset
        if start > len(self._shown):
            return
        new = text[len(self._shown) - start :]
        write(new)
        self._shown += new

    def finish(self, whole: str | None) -> None:
        """Print what is missing of the whole answer; an answer that was written anew is printed anew."""
        if whole is None:
            return
        if not whole.startswith(self._shown):
            click.echo()
            aside("the answer was written anew:")
            self._shown = ""
        click.echo(printable(whole[len(self._shown) :]))
        self._shown = whole

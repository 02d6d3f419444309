"""`pointsman router calibrate`: a user's prompts over the catalog's rungs, priced first, resumable, with a table."""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agents.errors import InvalidTask, Unavailable
from agents.records import Effort, Json
from services.calibration import campaign, prompts, results, summary
from services.cli.client import URL, WHOLE_ANSWER, Gateway, GatewayError, connect, read_settings
from services.cli.output import AS_JSON, aside, in_seconds, in_usd, one_line, print_json, print_table

MOST_NAMED = 20
"""Prompts that are left out are named one by one up to so many."""
COLUMNS = ("model", "effort", "right", "of", "95 % interval", "unsure", "tokens", "time", "cost")
QUARTERS = 4
_BUSY = (429, 503)


@click.command()
@click.option(
    "--prompts",
    "file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSONL: prompt or messages, and reference, checks or response_schema; id if you like.",
)
@click.option(
    "--n", "count", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many prompts."
)
@click.option("--models", metavar="A,B", help="Only these models; default: all that answer.")
@click.option("--efforts", metavar="A,B", help="Only these efforts; default: all that each model has.")
@click.option("--parallel", type=click.IntRange(1, 64), default=4, show_default=True, help="Requests at once.")
@click.option("--yes", is_flag=True, help="Do not ask before money and time are spent.")
@URL
@AS_JSON
def calibrate(
    *,
    file: Path,
    count: int,
    models: str | None,
    efforts: str | None,
    parallel: int,
    yes: bool,
    url: str | None,
    as_json: bool,
) -> None:
    """Ask your own prompts of every model at every effort, check the answers, and let the router learn from them.

    Says first what it is expected to take. What is done is kept: start it again to go on after a break.
    """
    chosen, left_out = _chosen(file, count)
    stored = results.results_file(read_settings().folder)
    with connect(url) as gateway, results.writing(stored) as writer:
        cards = gateway.get("/api/models")["models"]
        rungs, silent = campaign.rungs_of(cards, models=_split(models), efforts=_efforts(efforts))
        for name in silent:
            aside(f"left out: model {name}, which does not answer now")
        jobs = campaign.missing(chosen, rungs, results.read_results(stored))
        aside(f"{len(chosen)} prompts for {len(rungs)} rungs; {len(jobs)} answers are missing")
        if jobs:
            _agree(campaign.price(jobs, _sender(gateway, "/api/route")), len(jobs), parallel=parallel, yes=yes)
        failed = _carry_out(jobs, gateway, writer, parallel=parallel)
        learned = _learn(gateway)
    wanted = {(one.key, *rung) for one in chosen for rung in rungs}
    lines = summary.summary(one for one in results.read_results(stored) if (one.key, *one.rung) in wanted)
    if as_json:
        body = {"rungs": [line.model_dump(mode="json") for line in lines], "results": str(stored), "learned": learned}
        print_json(body | {"failed": [_named(one) for one in failed], "left_out": [one._asdict() for one in left_out]})
    else:
        print_table(COLUMNS, [_row(line) for line in lines], empty="no answer could be graded")
        aside(f"answers are kept in {stored}; judge the router on them with `pointsman router evaluate`")
    if failed:
        raise click.ClickException(
            f"{len(failed)} of {len(jobs)} answers could not be had, the first from {failed[0].job.rung.model}: "
            f"{failed[0].reason}; start it again to try these again"
        )


def _chosen(file: Path, count: int) -> tuple[list[prompts.Prompt], list[prompts.LeftOut]]:
    """The prompts to ask, and those that nobody could grade, which are named."""
    usable, left_out = prompts.read_prompts(file)
    for name, reason in left_out[:MOST_NAMED]:
        aside(f"left out: {name}: {one_line(reason, widest=200)}")
    if len(left_out) > MOST_NAMED:
        aside(f"left out: {len(left_out) - MOST_NAMED} more")
    if not usable:
        raise click.ClickException(f"{file} has no prompt with a reference, checks or a response_schema")
    return prompts.spread(usable, count), left_out


def _carry_out(
    jobs: Sequence[campaign.Job], gateway: Gateway, writer: results.Writer, *, parallel: int
) -> list[campaign.Failed]:
    """Keep each answer as it comes; give what brought none."""
    failed: list[campaign.Failed] = []
    if not jobs:
        return failed
    with _bar(len(jobs)) as advance:
        for came in campaign.carry_out(jobs, _sender(gateway, "/v1/chat/completions"), parallel=parallel):
            if isinstance(came, results.Result):
                writer.append(came)
            else:
                failed.append(came)
            advance()
    return failed


def _split(names: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (names or "").split(",") if name.strip())


def _efforts(names: str | None) -> tuple[Effort, ...]:
    known = [effort.value for effort in Effort if effort != Effort.AUTO]
    for name in _split(names):
        if name not in known:
            raise click.UsageError(f"--efforts: '{name}' is none of {', '.join(known)}")
    return tuple(Effort(name) for name in _split(names))


def _sender(gateway: Gateway, path: str) -> campaign.Send:
    """What sends a body to this path, its refusals in the words of those who ask again or give up."""

    def send(body: Json) -> Json:
        try:
            return gateway.send("POST", path, body=body, timeout=WHOLE_ANSWER)
        except GatewayError as error:
            if error.status is None:
                raise campaign.Gone(error.message) from error
            raise (Unavailable if error.status in _BUSY else InvalidTask)(error.message) from error

    return send


def _agree(price: campaign.Price, answers: int, *, parallel: int, yes: bool) -> None:
    """Say what is expected, and ask whether to go on."""
    expected = (
        f"{answers} answers: about {price.tokens:,} tokens, {in_usd(price.usd)}, and {in_seconds(price.seconds)} one "
        f"after the other ({parallel} at once)"
    )
    aside(expected)
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{expected}: give --yes to go on, as there is no terminal to ask at")
    click.confirm("Go on?", abort=True, err=True)


@contextmanager
def _bar(total: int) -> Generator[Callable[[], None]]:
    """Show how far it is: a bar on a terminal, a line for each quarter elsewhere."""
    console = Console(stderr=True)
    if console.is_terminal:
        columns = (TextColumn("calibrating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task("", total=total)
            yield lambda: progress.advance(bar)
        return
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if done * QUARTERS // total > (done - 1) * QUARTERS // total:
            aside(f"{done} of {total} answers")

    yield advance


def _learn(gateway: Gateway) -> Json | None:
    """Let the gateway learn from the answers now; an older one does so by itself, later."""
    try:
        return gateway.send("POST", "/api/router/learn", body={}, timeout=WHOLE_ANSWER)
    except GatewayError as error:
        if error.status not in (404, 405):
            raise
        aside("this gateway learns at its next tick, not on demand")
        return None


def _named(failed: campaign.Failed) -> Json:
    prompt, rung = failed.job
    return {"id": prompt.id, "model": rung.model, "effort": rung.effort, "reason": failed.reason}


def _row(line: summary.Line) -> Sequence[object]:
    return (
        line.model,
        line.effort.value,
        line.right,
        line.prompts,
        f"{line.low:.0%} to {line.high:.0%}",
        line.unsure,
        f"{line.output_tokens:.0f}",
        in_seconds(line.seconds),
        in_usd(line.usd),
    )

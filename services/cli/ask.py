"""`pointsman ask`: one question, its answer as it is written, and one line on what it took."""

import sys
from pathlib import Path
from typing import get_args

import click

from agents.records import Effort, Json, MethodName
from services.cli.checks import CHECKS, parse_checks
from services.cli.client import URL, WHOLE_ANSWER, ChatReply, connect
from services.cli.output import AS_JSON, aside, plan_in_short, print_json, printable, what_it_took, write

EFFORT = click.option(
    "--effort", type=click.Choice([effort.value for effort in Effort]), help="How hard to think; default: auto."
)
MAX_USD = click.option(
    "--max-usd", type=click.FloatRange(min=0), help="The most that the answer may cost, in US dollars."
)

METHOD = click.option(
    "--method", type=click.Choice(get_args(MethodName)), help="Insist on a way to answer; default: the router chooses."
)
SAMPLES = click.option(
    "--samples", type=click.IntRange(1, 64), help="How many answers a method may draw, or how often it may look again."
)


@click.command()
@click.argument("text")
@EFFORT
@METHOD
@SAMPLES
@CHECKS
@click.option("--model", help="A model of `pointsman models list`; default: auto.")
@click.option("--team", help="A team of `pointsman teams list`.")
@MAX_USD
@click.option(
    "--file",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A text file to go with the question; may be given several times.",
)
@click.option("--no-stream", is_flag=True, help="Print the answer when it is whole.")
@URL
@AS_JSON
def ask(
    *,
    text: str,
    effort: str | None,
    method: str | None,
    samples: int | None,
    checks: tuple[str, ...],
    model: str | None,
    team: str | None,
    max_usd: float | None,
    files: tuple[Path, ...],
    no_stream: bool,
    url: str | None,
    as_json: bool,
) -> None:
    """Ask TEXT and read the answer as it is written; `-` reads the question from standard input."""
    if model and team:
        raise click.UsageError("--model and --team exclude each other: a team's file names its models")
    question = sys.stdin.read() if text == "-" else text
    body: Json = {
        "model": f"team/{team}" if team else model or "auto",
        "messages": [{"role": "user", "content": with_files(question, files)}],
        "pointsman": extras(effort, max_usd, method=method, samples=samples, checks=checks),
    }
    with connect(url) as gateway:
        if as_json:
            print_json(gateway.send("POST", "/v1/chat/completions", body=body, timeout=WHOLE_ANSWER))
            return
        if no_stream:
            answer, reply = gateway.chat(body)
            click.echo(printable(answer))
            aside(in_a_line(reply))
            return
        for piece in gateway.stream_chat(body):
            match piece:
                case str():
                    write(piece)
                case ChatReply():
                    click.echo()
                    aside(in_a_line(piece))


def extras(
    effort: str | None,
    max_usd: float | None,
    *,
    method: str | None = None,
    samples: int | None = None,
    checks: tuple[str, ...] = (),
) -> Json:
    """The object `pointsman` of a request: only what was said."""
    said = {
        "effort": effort,
        "max_usd": max_usd,
        "method": method,
        "samples": samples,
        "checks": parse_checks(checks) or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def with_files(question: str, files: tuple[Path, ...]) -> str:
    """The question, and below it each file under its name."""
    return "\n\n".join([question, *(f'<file name="{path.name}">\n{read_text(path)}\n</file>' for path in files)])


def read_text(path: Path) -> str:
    """The text of a file that a user named."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise click.ClickException(f"{path} is not a text file in UTF-8") from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from None


def in_a_line(reply: ChatReply) -> str:
    """What came of a chat request besides its text."""
    said = reply.pointsman
    return what_it_took(
        model=reply.model,
        plan=reply.plan or plan_in_short(said["plan"]),
        cost_usd=said["cost_usd"],
        verified_by=said["verified_by"],
        status=said["status"],
        run_id=said["run_id"],
    )

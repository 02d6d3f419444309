"""`pointsman router score`: how hard each prompt is, a line for a line, without a gateway."""

import os
import sys
from datetime import UTC, datetime

import click

from router.plan import plan
from services.calibration.scoring import numbered, score_lines
from services.cli.client import read_settings
from services.cli.output import AS_JSON
from services.models.catalog import chosen_catalog, load_catalog
from services.settings import environment


@click.command()
@AS_JSON
def score(*, as_json: bool) -> None:
    """Read lines {"prompt": ...}, and write {"score": ..., "task_type": ..., "plan": [...]} for each, in order.

    A higher score is a harder prompt: send it to the large model. Needs no gateway; all models of the catalog count as
    healthy. Other keys of a line are passed on. A line that is wrong is answered with {"error": ...} in its place, and
    the exit code is then 1.
    """
    del as_json  # It is JSON either way.
    settings = read_settings()
    catalog = load_catalog(chosen_catalog(settings.catalog, folder=settings.folder), environment=environment())
    cards = [catalog.card(name).model_copy(update={"healthy": True}) for name in catalog.ids]
    wrong = 0
    try:
        for line in score_lines(numbered(sys.stdin.buffer), plan=plan, cards=cards, today=datetime.now(UTC).date()):
            wrong += line.wrong
            sys.stdout.buffer.write(line.text)
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader has seen enough. What Python would still flush at its end has to go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    if wrong:
        raise click.ClickException(f"{wrong} {'line was' if wrong == 1 else 'lines were'} wrong: see 'error' in each")

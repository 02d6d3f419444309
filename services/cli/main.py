"""The command `pointsman`: a table of its commands, each imported only when it is called."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from agents.errors import PointsmanError
from services.cli.lazy import Entry, LazyGroup

COMMANDS: dict[str, Entry] = {
    "up": Entry("services.cli.up:up", "Start everything on this machine."),
    "ask": Entry("services.cli.ask:ask", "Ask something and read the answer as it is written."),
    "route": Entry("services.cli.route:route", "Show how a prompt would be answered, without answering it."),
    "runs": Entry("services.cli.runs:runs", "List, show, cancel, replay or export runs."),
    "teams": Entry("services.cli.teams:teams", "List, validate, show or run teams of agents."),
    "schedules": Entry("services.cli.schedules:schedules", "Let a task run every so often, or later."),
    "router": Entry("services.cli.router:router", "Score prompts, calibrate on your own, judge the router."),
    "models": Entry("services.cli.models:models", "List, fetch or serve models."),
    "keys": Entry("services.cli.keys:keys", "Make and revoke API keys."),
    "queue": Entry("services.cli.queue:queue", "See what waits, and take up again what was given up."),
    "doctor": Entry("services.cli.doctor:doctor", "Check this machine and what Pointsman needs of it."),
    "gateway": Entry("services.cli.processes:gateway", "Run the HTTP API."),
    "worker": Entry("services.cli.processes:worker", "Run a worker: it climbs plans and takes agents' turns."),
    "scheduler": Entry("services.cli.processes:scheduler", "Run the clock: Celery beat, which fires the tick."),
    "upkeep": Entry("services.cli.processes:upkeep", "Run the Celery worker for ticks and maintenance."),
    "dashboard": Entry("services.cli.processes:dashboard", "Run the dashboard."),
    "sandbox": Entry("services.cli.sandbox:sandbox", "Run the programs of the sandbox container."),
    "migrate": Entry("services.cli.processes:migrate", "Bring the database to this version's tables."),
}


@click.group(
    cls=LazyGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(package_name="pointsman", prog_name="pointsman", message="%(prog)s %(version)s")
def pointsman() -> None:
    """Answer each prompt by the cheapest plan that will get it right, and show why.

    Start with `pointsman up`, then `pointsman ask "What is 17% of 3,482?"`. Each command has a --help of its own.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; whatever goes wrong is one line on stderr and an exit code that is not 0."""
    try:
        code = pointsman.main(arguments, prog_name="pointsman", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as asked:
        asked.show()
        sys.exit(2)
    except click.ClickException as failure:
        _complain(failure.format_message())
        sys.exit(failure.exit_code)
    except PointsmanError as failure:
        _complain(str(failure))
        sys.exit(1)
    except click.Abort:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str) -> None:
    click.echo(f"pointsman: {' '.join(message.split())}", err=True)


if __name__ == "__main__":
    main()

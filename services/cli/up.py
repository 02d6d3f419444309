"""`pointsman up`: everything on this machine, with one command."""

from pathlib import Path

import click

from services.cli.client import read_settings
from services.up.errors import ServiceFailed
from services.up.launch import up as bring_up
from services.up.plan import ModelChoice

_PORT = click.IntRange(0, 65535)


@click.command()
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Data folder. [default: ~/.pointsman]")
@click.option("--port", type=_PORT, help="Port of the gateway; 0 takes a free one. [default: 8000]")
@click.option("--dashboard-port", type=_PORT, help="Port of the dashboard; 0 takes a free one. [default: 8501]")
@click.option("--no-dashboard", is_flag=True, help="Start no dashboard.")
@click.option(
    "--models",
    type=click.Choice(["none", "small", "all"]),
    default="all",
    show_default=True,
    help="Embedded models to fetch and run.",
)
def up(
    home: Path | None, port: int | None, dashboard_port: int | None, *, no_dashboard: bool, models: ModelChoice
) -> None:
    """Start everything on this machine, and stop it with Ctrl-C."""
    given = {"home": home, "port": port, "dashboard_port": dashboard_port}
    settings = read_settings().model_copy(update={name: value for name, value in given.items() if value is not None})
    try:
        bring_up(settings, models=models, dashboard=not no_dashboard)
    except ServiceFailed as failure:
        for line in failure.last_lines:
            click.echo(f"  {failure.name} | {line}", err=True)
        raise

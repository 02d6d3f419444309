"""`pointsman sandbox`: what runs in the sandbox container, and whether it answers."""

import asyncio
import contextlib
import logging
import signal
from pathlib import Path

import click

from agents.errors import PointsmanError, Unavailable
from agents.sandbox import Program
from services.cli.client import read_settings
from services.sandbox.choice import REMEDY, first_working
from services.sandbox.remote import Remote, serve

PLACES = 4
"""Programs that one container runs at once; more wait. Each may take half a gigabyte."""

log = logging.getLogger("pointsman.sandbox")


@click.command()
@click.option(
    "--socket",
    type=click.Path(path_type=Path),
    help="Where to listen; default: POINTSMAN_SANDBOX_SOCKET.",
)
@click.option("--check", is_flag=True, help="Only see whether the one that listens there runs programs.")
def sandbox(*, socket: Path | None, check: bool) -> None:
    """Run the programs that other processes send to a unix socket, each shut in, until it is stopped."""
    settings = read_settings()
    path = socket or settings.sandbox_socket
    if path is None:
        raise click.UsageError("name the socket: --socket PATH, or POINTSMAN_SANDBOX_SOCKET")
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(_answers(path) if check else _serve(path))
    except PointsmanError as error:
        raise click.ClickException(str(error)) from error


async def _answers(path: Path) -> None:
    await Remote(path).run(Program(code="", seconds=10))


async def _serve(path: Path) -> None:
    found, reasons = await first_working("auto", socket=None, places=PLACES)
    if found is None:
        raise Unavailable(f"sandbox unavailable: {'; '.join(reasons)}; {REMEDY}")
    name, walls = found
    serving = asyncio.ensure_future(serve(walls, path))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    log.info("programs that come to %s are run behind %s", path, name)
    with contextlib.suppress(asyncio.CancelledError):
        await serving

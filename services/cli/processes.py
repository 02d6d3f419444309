"""The processes `pointsman gateway | worker | scheduler | upkeep | dashboard | migrate`: each a service of compose."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import click

from agents.errors import PointsmanError
from services.cli.client import read_settings
from services.settings import Settings


def _configure_logging(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    for noisy in ("httpx", "alembic", "celery", "kombu"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _enter(work: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Run a process's asynchronous part to its end; what is wrong becomes one line."""
    settings = read_settings()
    _configure_logging(settings)
    try:
        asyncio.run(work(settings))
    except PointsmanError as error:
        raise click.ClickException(str(error)) from error


@click.command()
@click.option("--ensure-key", is_flag=True, help="Make the key in POINTSMAN_API_KEY a valid one.")
def migrate(*, ensure_key: bool) -> None:
    """Bring the database's tables to the newest version."""
    _enter(lambda settings: _migrate(settings, ensure_key))


async def _migrate(settings: Settings, ensure_key: bool) -> None:
    from services.store import keys
    from services.store.database import Database
    from services.store.migrate import migrate

    database = Database(settings.sql_url)
    try:
        await migrate(database)
        if ensure_key:
            if settings.api_key is None:
                raise click.ClickException("--ensure-key takes the key from POINTSMAN_API_KEY, which is not set")
            secret = settings.api_key.get_secret_value()
            async with database.write() as connection:
                if await keys.known(connection, secret) is None:
                    await keys.create(connection, "first key", datetime.now(UTC), secret=secret)
    finally:
        await database.close()


@click.command()
@click.option("--host", help="Address to listen on; default: POINTSMAN_HOST, or 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), help="Default: POINTSMAN_PORT, or 8000.")
def gateway(*, host: str | None, port: int | None) -> None:
    """Serve the API."""
    _enter(lambda settings: _gateway(settings, host or settings.host, settings.port if port is None else port))


async def _gateway(settings: Settings, host: str, port: int) -> None:
    import uvicorn

    from services.bootstrap import parts_for
    from services.gateway.app import create_app
    from services.gateway.auth import is_loopback
    from services.store import keys

    async with parts_for(settings, service="pointsman-gateway") as parts:
        keys_required = settings.require_keys or not is_loopback(host)
        if keys_required:
            async with parts.database.read() as connection:
                if not await keys.any_valid(connection):
                    remedy = "`pointsman keys create NAME` makes one"
                    raise click.ClickException(f"listening on {host} needs an API key, and there is none: {remedy}")
        app = create_app(parts, keys_required=keys_required)
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=8,
            server_header=False,
        )
        await uvicorn.Server(config).serve()


@click.command()
@click.option("--concurrency", type=click.IntRange(1), help="Default: POINTSMAN_WORKER_CONCURRENCY, or 8.")
def worker(*, concurrency: int | None) -> None:
    """Work on runs and agents' turns."""
    _enter(lambda settings: _worker(settings, concurrency or settings.worker_concurrency))


async def _worker(settings: Settings, concurrency: int) -> None:
    from services.bootstrap import make_worker, parts_for

    async with parts_for(settings, service="pointsman-worker") as parts:
        work = make_worker(parts, concurrency=concurrency)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, work.stop)
        await parts.models.start()
        await work.run()
        await parts.models.stop()


@click.command()
def upkeep() -> None:
    """Run the Celery worker: the schedules' tick, and maintenance."""
    from services.schedule.app import create_app

    settings = read_settings()
    _configure_logging(settings)
    create_app(settings).worker_main(
        [
            "--quiet",
            "worker",
            "--pool",
            "solo",
            "--loglevel",
            "WARNING",
            "--without-gossip",
            "--without-mingle",
            "--queues",
            "pointsman",
        ]
    )


@click.command()
def scheduler() -> None:
    """Run Celery beat: it gives the tick its time."""
    from services.schedule.app import create_app

    settings = read_settings()
    _configure_logging(settings)
    folder = settings.folder / "beat"
    folder.mkdir(parents=True, exist_ok=True)
    create_app(settings).start(
        ["--quiet", "beat", "--schedule", str(folder / "schedule"), "--pidfile=", "--loglevel", "WARNING"]
    )


@click.command()
@click.option("--host", help="Address to listen on; default: POINTSMAN_HOST, or 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), help="Default: POINTSMAN_DASHBOARD_PORT, or 8501.")
def dashboard(*, host: str | None, port: int | None) -> None:
    """Serve the dashboard. Secrets reach it by its standard input, not by its arguments or environment."""
    settings = read_settings()
    host = host or settings.host
    port = settings.dashboard_port if port is None else port
    url = settings.gateway_url or f"http://127.0.0.1:{settings.port}"
    command = [sys.executable, "-P", "-m", "dashboard", "--gateway", url, "--host", host, "--port", str(port)]
    for name in settings.dashboard_hosts:
        command += ["--allowed-host", name]
    secrets = {
        "api_key": settings.api_key.get_secret_value() if settings.api_key else None,
        "password": settings.dashboard_password.get_secret_value() if settings.dashboard_password else None,
    }
    reading, writing = os.pipe()
    os.write(writing, (json.dumps(secrets) + "\n").encode())
    os.close(writing)
    os.dup2(reading, sys.stdin.fileno())
    os.execv(command[0], [*command, "--secrets-stdin"])  # noqa: S606  # no shell is wanted

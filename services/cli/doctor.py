"""`pointsman doctor`: what this machine has of what Pointsman needs, and what to do about the rest."""

import asyncio
import ctypes.util
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import click
from sqlalchemy import select

from agents.errors import PointsmanError, Unavailable
from agents.records import Json
from services.cli.client import URL, Gateway, GatewayError, connect, read_settings
from services.cli.output import AS_JSON, print_json, print_table
from services.models import weights
from services.models.catalog import chosen_catalog, load_catalog
from services.routes import Routes
from services.sandbox.attempts import ATTEMPTS, CANARY, escapes
from services.sandbox.choice import REMEDY, first_working
from services.settings import Settings, environment, variable
from services.store import heartbeats
from services.store.columns import database_now
from services.store.database import Database
from services.store.tables import HeartbeatRow
from services.up import machine, valkey
from services.up.home import LEAST_FREE_BYTES

ROOM_FOR_MODELS = 3_500_000_000
"""Bytes: both embedded models, and the parts of the larger one while it is put together."""


class Finding(NamedTuple):
    """What one check found."""

    check: str
    result: Literal["ok", "failed", "skipped"]
    detail: str


@click.command()
@click.option(
    "--process",
    type=click.Choice(["worker", "upkeep", "scheduler"]),
    help="Check only that this process lives here, by its sign of life in the database: for health checks.",
)
@URL
@AS_JSON
def doctor(*, process: str | None, url: str | None, as_json: bool) -> None:
    """Check this machine and what Pointsman needs of it; a failed check ends it with exit code 1."""
    settings = read_settings()
    if process:
        findings = [asyncio.run(lives_here(settings, process))]
    else:
        findings = [*on_this_machine(settings), *behind_the_gateway(settings, url)]
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        print_table(("check", "result", "detail"), findings, empty="")
    failed = [finding.check for finding in findings if finding.result == "failed"]
    if failed:
        raise click.ClickException(f"failed: {', '.join(failed)}")


async def lives_here(settings: Settings, kind: str) -> Finding:
    """Whether a process of this kind has given a sign of life lately, from this machine or container."""
    database = Database(settings.sql_url)
    query = select(HeartbeatRow.name).where(
        HeartbeatRow.kind == kind, HeartbeatRow.beat_at > database_now() - heartbeats.FRESH_SECONDS
    )
    try:
        async with database.read() as connection:
            names = list((await connection.execute(query)).scalars())
    except Unavailable as error:
        return Finding(kind, "failed", str(error))
    finally:
        await database.close()
    # The scheduler's sign is given by whoever carries out its tick, wherever that is.
    mine = [name for name in names if kind == "scheduler" or f"-{socket.gethostname()}-" in name]
    if not mine:
        return Finding(kind, "failed", f"silent for more than {heartbeats.FRESH_SECONDS:.0f} s")
    return Finding(kind, "ok", ", ".join(mine))


def on_this_machine(settings: Settings) -> Iterator[Finding]:
    """What can be told without any process of ours."""
    yield _tried("python", _python)
    yield _tried("data folder", lambda: _writable(settings.folder))
    yield _tried("free disk", lambda: _room(settings.folder))
    yield _tried("memory", _memory)
    yield _tried("libgomp", _libgomp)
    yield _tried("rules", lambda: _rules(settings))
    yield asyncio.run(_sandbox(settings))
    for name in weights.EMBEDDED:
        yield _weights(name, settings.folder)
    if settings.redis_url is None:
        yield _tried("valkey server", lambda: str(valkey.find_server()))


def behind_the_gateway(settings: Settings, url: str | None) -> Iterator[Finding]:
    """What the gateway says of itself and of what it uses: Redis, the database, models, workers."""
    expected = url or settings.gateway_url or (settings.folder / "run" / "up.json").exists()
    try:
        with connect(url) as gateway:
            yield from _ready(gateway)
            yield from _efforts(gateway)
    except GatewayError as error:
        yield Finding("gateway", "failed" if expected else "skipped", error.message)


def _tried(check: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(check, "ok", look())
    except PointsmanError as error:
        return Finding(check, "failed", str(error))


def _python() -> str:
    machine.require_python(sys.version_info[:2])
    return ".".join(str(part) for part in sys.version_info[:3])


def _writable(folder: Path) -> str:
    there = _first_existing(folder)
    if not os.access(there, os.W_OK | os.X_OK):
        raise PointsmanError(f"{there} is not writable: name another folder in POINTSMAN_HOME")
    return str(folder)


def _room(folder: Path) -> str:
    free = shutil.disk_usage(_first_existing(folder)).free
    if free < LEAST_FREE_BYTES:
        raise PointsmanError(f"{free / 1e6:.0f} MB at {folder}: at least {LEAST_FREE_BYTES / 1e6:.0f} MB are needed")
    return f"{free / 1e9:.1f} GB at {folder}" + (
        "" if free > ROOM_FOR_MODELS else ", too little for both embedded models"
    )


def _memory() -> str:
    size = machine.memory_bytes()
    return f"{size / 1e9:.1f} GB" + (
        "" if size >= machine.LEAST_BYTES_FOR_LARGE else ", enough for the small model only"
    )


def _libgomp() -> str:
    if sys.platform == "linux" and ctypes.util.find_library("gomp") is None:
        raise PointsmanError("not there, and the embedded models need it: on Debian or Ubuntu apt-get install libgomp1")
    return "found"


def _rules(settings: Settings) -> str:
    """A running process may go by an older version of the file, while this one is broken: so it is read here again."""
    catalog = load_catalog(chosen_catalog(settings.catalog, folder=settings.folder), environment=environment())
    routes = Routes(settings.routes_file, models=catalog.ids, required=settings.routes is not None)
    if not settings.routes_file.exists():
        return f"none: there is no {settings.routes_file}"
    return f"{len(routes.rules())} in {settings.routes_file}"


async def _sandbox(settings: Settings) -> Finding:
    """Try to get out of what is to hold model-written code. Without one, what needs it is off: that is no failure."""
    if settings.sandbox == "off":
        return Finding("sandbox", "skipped", "switched off by POINTSMAN_SANDBOX: no model-written code is run")
    found, reasons = await first_working(settings.sandbox, socket=settings.sandbox_socket, places=2)
    if found is None:
        result = "skipped" if settings.sandbox == "auto" else "failed"
        return Finding("sandbox", result, f"no model-written code is run: {'; '.join(reasons)}; {REMEDY}")
    name, walls = found
    try:
        with variable(CANARY, "1"):
            got_out = await escapes(walls)
    except Unavailable as error:
        return Finding("sandbox", "failed", str(error))
    if got_out:
        ways = "; ".join(f"{way}: {shown}" for way, shown in got_out.items())
        return Finding("sandbox", "failed", f"{name} lets out {len(got_out)} of {len(ATTEMPTS)}: {ways}")
    return Finding("sandbox", "ok", f"{name}: none of {len(ATTEMPTS)} attempts got out")


def _weights(name: weights.Name, folder: Path) -> Finding:
    if not weights.path(name, folder).is_file():
        return Finding(f"model {name}", "skipped", f"not here yet: `pointsman models fetch {name}`, or `pointsman up`")
    return Finding(f"model {name}", "ok", str(weights.path(name, folder)))


def _first_existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


BEHIND = {
    "redis": ("redis",),
    "database": ("sql",),
    "models": ("model:",),
    "workers": ("worker",),
    "clock": ("upkeep", "scheduler"),
}
"""What the gateway uses, and how the names begin by which it says that it waits for it."""


def _ready(gateway: Gateway) -> Iterator[Finding]:
    said = gateway.send("GET", "/ready", expected=(503,))
    yield Finding("gateway", "ok", "ready" if said["ready"] else "it answers, and is not ready")
    for part, beginnings in BEHIND.items():
        missing = [name for name in said["waiting_for"] if name.startswith(beginnings)]
        # One model of several is enough to be ready.
        enough = not missing or (part == "models" and said["ready"])
        yield Finding(part, "ok" if enough else "failed", f"waits for {', '.join(missing)}" if missing else "there")


def _efforts(gateway: Gateway) -> Iterator[Finding]:
    """What was measured of the models that have several efforts."""
    try:
        models = gateway.get("/api/models")["models"]
    except GatewayError as error:
        yield Finding("efforts", "skipped", error.message)
        return
    for model in models:
        if len(model["efforts_listed"]) > 1:
            yield _effort(model["id"], model["measured"])


def _effort(model_id: str, measured: Json | None) -> Finding:
    check = f"effort {model_id}"
    if measured is None:
        return Finding(check, "skipped", f"not measured yet: `pointsman models probe {model_id}` does it")
    said = f"{measured['says']} ({measured['at'][:10]})"
    if measured["has_effect"]:
        return Finding(check, "ok", said)
    return Finding(check, "failed", f"{said}: mend what the catalog sends for its efforts, or leave them out")

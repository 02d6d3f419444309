"""The command `models`: fetch and serve the embedded models, list those of the gateway, probe what effort does."""

import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import cast

import click
import httpx

from agents.errors import Unavailable
from agents.records import Json
from services.cli.client import URL, connect, read_settings
from services.cli.output import AS_JSON, aside, in_seconds, print_json, print_table
from services.efforts import MOST_TOKENS
from services.models import weights
from services.models.catalog import chosen_catalog, load_catalog
from services.models.fetch import fetch as fetch_weights
from services.models.probe import Measured, Probed, probe_efforts, verdict
from services.models.progress import shown
from services.models.registry import Models
from services.models.serve import CONTEXT_TOKENS, SLOTS
from services.models.serve import serve as serve_weights
from services.settings import environment
from services.store import probes
from services.store.database import Database

_HOME = click.option("--home", type=click.Path(path_type=Path), help="The data folder; default: POINTSMAN_HOME.")
_NAMES = click.Choice([*weights.EMBEDDED, "all"])


@click.group()
def models() -> None:
    """List, fetch, serve and probe models."""


@models.command()
@click.argument("names", nargs=-1, type=_NAMES)
@click.option("--gguf", type=click.Path(path_type=Path), help="A file of these very weights that is here already.")
@_HOME
@AS_JSON
def fetch(names: tuple[str, ...], gguf: Path | None, home: Path | None, *, as_json: bool) -> None:
    """Fetch the weights of embedded models (default: all), checked by sha256; run it again to go on after a break."""
    wanted: list[weights.Name] = [name for name in weights.EMBEDDED if not names or name in names or "all" in names]
    if gguf and len(wanted) != 1:
        raise click.UsageError("--gguf is one file: name the one model that it is, small or large")
    signal.signal(signal.SIGTERM, _end)
    settings = read_settings()
    folder = weights.models_folder(_folder(home))
    token = settings.hf_token.get_secret_value() if settings.hf_token else None
    with shown() as progress:
        files = {
            name: fetch_weights(weights.EMBEDDED[name], folder, progress=progress, gguf=gguf, hub_token=token)
            for name in wanted
        }
    if as_json:
        print_json({name: str(file) for name, file in files.items()})
    else:
        for name, file in files.items():
            click.echo(f"{name}: {file}")


@models.command()
@click.argument("name", type=click.Choice(list(weights.EMBEDDED)))
@click.option("--port", type=click.IntRange(0, 65535), required=True, help="0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--context-tokens", type=click.IntRange(min=512), default=CONTEXT_TOKENS, show_default=True)
@click.option("--slots", type=click.IntRange(1, 64), default=SLOTS, show_default=True, help="Requests at once.")
@click.option("--threads", type=click.IntRange(min=1), help="Default: half of the processors.")
@_HOME
def serve(
    name: str, port: int, host: str, context_tokens: int, slots: int, threads: int | None, home: Path | None
) -> None:
    """Serve an embedded model until it is stopped."""
    serve_weights(
        weights.path(cast("weights.Name", name), _folder(home)),
        host,
        port,
        name=name,
        on_ready=lambda address: click.echo(f"model {name} listens on {address}"),
        context_tokens=context_tokens,
        slots=slots,
        threads=threads,
    )


@models.command("list")
@URL
@AS_JSON
def list_models(url: str | None, *, as_json: bool) -> None:
    """List the models of the running gateway."""
    with connect(url) as gateway:
        body = gateway.get("/api/models")
    if as_json:
        print_json(body)
        return
    columns = ("MODEL", "HEALTHY", "QUEUE", "SIZE", "CONTEXT", "EFFORTS", "MEASURED")
    rows = [
        (
            model["id"],
            "yes" if model["healthy"] else "no",
            model["queue"],
            f"{model['parameters_billion']}B",
            model["context_tokens"],
            " ".join(model["efforts"]),
            _measured(model),
        )
        for model in body["models"]
    ]
    print_table(columns, rows, empty="the catalog has no models")


def _measured(model: Json) -> str:
    """What was measured, in a few words."""
    measured = model.get("measured")
    if measured is None:
        return "one effort" if len(model.get("efforts_listed", model["efforts"])) < 2 else "not yet"
    return f"{'effort works' if measured['has_effect'] else 'effort has no effect'}, {measured['at'][:10]}"


@models.command()
@click.argument("model_id", metavar="ID")
@click.option("--max-output-tokens", type=click.IntRange(min=16), default=MOST_TOKENS, show_default=True)
@_HOME
@AS_JSON
def probe(model_id: str, max_output_tokens: int, home: Path | None, *, as_json: bool) -> None:
    """Measure what each effort does to a model of the catalog, by real calls, and keep it for the plans."""
    rows, kept = asyncio.run(_probe(model_id, home, max_output_tokens))
    if as_json:
        print_json([row.model_dump(mode="json") for row in rows])
    else:
        columns = ("EFFORT", "SENT", "REASONING TOKENS", "OUTPUT TOKENS", "FIRST TOKEN", "TIME")
        cells = [
            (
                row.effort,
                row.sent,
                row.reasoning_tokens,
                row.output_tokens,
                in_seconds(row.first_token_seconds),
                in_seconds(row.seconds),
            )
            for row in rows
        ]
        print_table(columns, cells, empty="nothing was probed")
    aside(verdict(rows))
    aside(kept)


async def _probe(model_id: str, home: Path | None, max_output_tokens: int) -> tuple[tuple[Probed, ...], str]:
    """Measure a model; gives what was found, and whether it could be kept."""
    settings = read_settings()
    if home is not None:
        settings = settings.model_copy(update={"home": home})
    catalog = load_catalog(chosen_catalog(settings.catalog, folder=settings.folder), environment=environment())
    async with httpx.AsyncClient(trust_env=False) as client:
        models = Models(catalog, client)
        model = models.get(model_id)
        rows = await probe_efforts(model, efforts=catalog.card(model_id).efforts, max_output_tokens=max_output_tokens)
    measured = Measured(settings=models.settings_of(model_id), at=datetime.now(UTC), rows=rows)
    database = Database(settings.sql_url)
    try:
        async with database.write() as connection:
            await probes.save(connection, model_id, measured)
    except Unavailable as error:
        return rows, f"not kept: {error}"
    finally:
        await database.close()
    return rows, "kept: plans go by it within a minute"


def _folder(home: Path | None) -> Path:
    return home.expanduser().resolve() if home else read_settings().folder


def _end(_number: int, _frame: FrameType | None) -> None:
    # Raised, not died of: the downloads under way have to be ended too.
    raise SystemExit(143)

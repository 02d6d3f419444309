"""The services of one machine: what each runs, what it waits for, and how it shows that it is ready."""

import sys

import httpx

from services.models import weights
from services.up import gates, valkey
from services.up.records import Gate, Service
from services.up.site import Site

_MODEL_SECONDS = 300.0
"""A model file is read from a disk that may be slow, by a machine that may be busy."""


def services(site: Site, client: httpx.AsyncClient) -> tuple[Service, ...]:
    """Draw up the table.

    The small model's weights come first, as nothing can answer without them and their progress bar wants the terminal;
    the large one's come last, while everything else is at work.
    """
    first = ("fetch small",) if "small" in site.to_fetch else ()
    stores = _stores(site, first)
    models = tuple(_model(name, site, client, first) for name in site.model_ports)
    doors = _doors(site, client, uses=tuple(service.name for service in (*stores, *models)))
    awaited = tuple(service for service in (*stores, *models, *doors) if not service.background)
    return (*_fetches(site, after=tuple(service.name for service in awaited)), *stores, *models, *doors)


def _fetches(site: Site, *, after: tuple[str, ...]) -> tuple[Service, ...]:
    small = Service(name="fetch small", command=_ours("models", "fetch", "small"), once=True, foreground=True)
    large = Service(
        name="fetch large",
        command=_ours("models", "fetch", "large"),
        after=after,
        uses=(),
        once=True,
        optional=True,
        background=True,
    )
    return tuple(fetch for name, fetch in (("small", small), ("large", large)) if name in site.to_fetch)


def _stores(site: Site, after: tuple[str, ...]) -> tuple[Service, ...]:
    migrate = Service(name="migrate", command=_ours("migrate"), after=after, once=True)
    if site.valkey_server is None:
        return (migrate,)
    command = valkey.command(site.valkey_server, port=site.valkey_port, folder=site.valkey_folder)
    carrier = Service(name="valkey", command=command, after=after, gate=gates.answers_ping(site.valkey_port))
    return (carrier, migrate)


def _model(name: weights.Name, site: Site, client: httpx.AsyncClient, first: tuple[str, ...]) -> Service:
    port = site.model_ports[name]
    later = name == "large" and name in site.to_fetch
    return Service(
        name=f"model {name}",
        command=_ours("models", "serve", name, "--port", str(port)),
        after=("fetch large",) if later else first,
        uses=(),
        gate=gates.answers_ok(client, f"http://127.0.0.1:{port}/health"),
        gate_seconds=_MODEL_SECONDS,
        optional=name == "large",
        background=later,
    )


def _doors(site: Site, client: httpx.AsyncClient, *, uses: tuple[str, ...]) -> tuple[Service, ...]:
    """The gateway, and all that is ready when the gateway says so or that talks to it."""
    stores = tuple(name for name in uses if name in ("valkey", "migrate"))
    gateway = Service(
        name="gateway",
        command=_ours("gateway", "--port", str(site.gateway_port)),
        after=stores,
        uses=uses,
        gate=gates.answers_ok(client, f"{site.gateway_url}/health"),
    )

    def behind(name: str, command: tuple[str, ...], gate: Gate) -> Service:
        return Service(name=name, command=command, after=("gateway",), uses=("gateway", *uses), gate=gate)

    seen = tuple(
        behind(name, _ours(name), gates.gateway_sees(client, site.gateway_url, name))
        for name in ("worker", "upkeep", "scheduler")
    )
    if site.dashboard_url is None:
        return (gateway, *seen)
    health = gates.answers_ok(client, f"{site.dashboard_url}/_stcore/health")
    return (gateway, *seen, behind("dashboard", _ours("dashboard", "--port", str(site.dashboard_port)), health))


def _ours(*words: str) -> tuple[str, ...]:
    # -P: a folder called `services` where the user stands must not be taken for ours.
    return (sys.executable, "-P", "-m", "services.cli.main", *words)

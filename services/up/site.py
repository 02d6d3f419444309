"""Where on this machine everything is to be: programs, ports and addresses."""

from pathlib import Path

from agents.records import Record
from services.models import weights
from services.settings import Settings, environment
from services.up import valkey
from services.up.home import Home
from services.up.plan import ModelPlan
from services.up.ports import free_ports, require_free

_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


class Site(Record):
    """What is to run here, and where it listens."""

    gateway_port: int
    gateway_url: str
    dashboard_port: int
    dashboard_url: str | None
    """None: no dashboard."""
    valkey_server: Path | None
    """None: a Redis server is there already."""
    valkey_port: int
    valkey_folder: Path
    model_ports: dict[weights.Name, int]
    """Models to serve, each with its port."""
    to_fetch: tuple[weights.Name, ...]
    """Those of them whose weights are not here yet."""


def choose_site(settings: Settings, home: Home, plan: ModelPlan, *, dashboard: bool) -> Site:
    """Find the programs and ports, and refuse those that are taken."""
    host = settings.host
    if settings.port:
        require_free(host, settings.port, "--port")
    if settings.dashboard_port and dashboard:
        require_free(host, settings.dashboard_port, "--dashboard-port")
    inside = ("127.0.0.1",) * (1 + len(plan.serve))
    gateway_port, dashboard_port, valkey_port, *model_ports = free_ports((host, host, *inside))
    near = reachable(host)
    gateway_port, dashboard_port = settings.port or gateway_port, settings.dashboard_port or dashboard_port
    return Site(
        gateway_port=gateway_port,
        gateway_url=f"http://{near}:{gateway_port}",
        dashboard_port=dashboard_port,
        dashboard_url=f"http://{near}:{dashboard_port}" if dashboard else None,
        valkey_server=None if settings.redis_url else valkey.find_server(),
        valkey_port=valkey_port,
        valkey_folder=home.valkey,
        model_ports=dict(zip(plan.serve, model_ports, strict=True)),
        to_fetch=plan.fetch,
    )


def child_environment(settings: Settings, home: Home, site: Site) -> dict[str, str]:
    """What every child is told: all that we were told, and where the others are."""
    models = {
        f"POINTSMAN_EMBEDDED_{name.upper()}_URL": f"http://127.0.0.1:{port}/v1"
        for name, port in site.model_ports.items()
    }
    return {
        **environment(),
        **models,
        "REDIS_URL": settings.redis_url or f"redis://127.0.0.1:{site.valkey_port}/0",
        "POINTSMAN_HOME": str(home.folder),
        "POINTSMAN_PORT": str(site.gateway_port),
        "POINTSMAN_DASHBOARD_PORT": str(site.dashboard_port),
        "POINTSMAN_URL": site.gateway_url,
        "PYTHONUNBUFFERED": "1",
    }


def reachable(host: str) -> str:
    """The address by which this machine reaches a server of its own that listens there."""
    if host in _ANYWHERE:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    return host == "localhost" or host == "::1" or host.startswith("127.")

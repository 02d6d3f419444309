"""Brings the product up on one machine, and takes it down again."""

import asyncio
import os
import signal
import sys
from contextlib import ExitStack

import httpx

from services.models import weights
from services.settings import Settings, environment
from services.up import machine, pidfiles
from services.up.home import Home, Whereabouts, explaining
from services.up.logs import Console
from services.up.plan import ModelChoice, plan_models
from services.up.records import Limits
from services.up.site import Site, child_environment, choose_site, is_loopback
from services.up.supervisor import Supervisor
from services.up.table import services
from services.up.welcome import greet


def up(settings: Settings, *, models: ModelChoice, dashboard: bool) -> None:
    """Run everything until a signal asks to stop.

    Raises:
        CannotStart: something outside has to change first; nothing was started.
        ServiceFailed: a service failed for good; everything has been stopped.
    """
    machine.require_python(sys.version_info[:2])
    home = Home(settings.folder)
    with ExitStack() as until_the_end:
        with explaining(home.folder):
            home.make()
            until_the_end.enter_context(home.locked())
            swept = pidfiles.sweep(home.run, mark=f"POINTSMAN_HOME={home.folder}", grace_seconds=Limits().grace_seconds)
            plan = plan_models(
                models,
                home.folder,
                there=lambda name: weights.is_verified(weights.path(name, home.folder), weights.EMBEDDED[name]),
                memory_bytes=machine.memory_bytes(),
            )
            site = choose_site(settings, home, plan, dashboard=dashboard)
        remarks = (*(f"stopped {name}, left over from an earlier run" for name in swept), *plan.remarks)
        asyncio.run(_supervise(settings, home, site, remarks))


async def _supervise(settings: Settings, home: Home, site: Site, remarks: tuple[str, ...]) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
        table = services(site, client)
        console = Console(sys.stdout, names=tuple(service.name for service in table), colour=_colour())
        with ExitStack() as until_the_end:
            with explaining(home.folder):
                supervisor = Supervisor(
                    table, environment=child_environment(settings, home, site), home=home, console=console
                )
                _stop_on_signals(supervisor)
                whereabouts = Whereabouts(gateway=site.gateway_url, dashboard=site.dashboard_url, pid=os.getpid())
                until_the_end.enter_context(home.announced(whereabouts))
            for remark in remarks:
                console.say(remark)
            key = settings.api_key.get_secret_value() if settings.api_key else None
            key_needed = settings.require_keys or not is_loopback(settings.host)
            await supervisor.run(lambda: greet(site, api_key=key, key_needed=key_needed, console=console))
            console.say("stopped")


def _stop_on_signals(supervisor: Supervisor) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup, which is somebody's wish
            asyncio.get_running_loop().add_signal_handler(number, supervisor.stop)


def _colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in environment()

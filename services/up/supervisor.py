"""Starts services in order behind their gates, keeps them up, and stops them in reverse."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from graphlib import TopologicalSorter

from services.up import process
from services.up.errors import ServiceFailed
from services.up.home import Home
from services.up.logs import Console
from services.up.process import Channel, Running
from services.up.records import Limits, Service
from services.up.restarts import Restarts


class Supervisor:
    """Runs a table of services. It knows nothing of what they are."""

    def __init__(
        self,
        services: tuple[Service, ...],
        *,
        environment: Mapping[str, str],
        home: Home,
        console: Console,
        limits: Limits | None = None,
    ) -> None:
        _refuse_cycles({service.name: service.after for service in services})
        _refuse_cycles({service.name: service.stops_before for service in services})
        self._services = services
        self._environment = environment
        self._home = home
        self._console = console
        self._limits = limits or Limits()
        self._running: dict[str, Running] = {}
        self._channels = {service.name: Channel(service, console=console, logs=home.logs) for service in services}
        self._ready: dict[str, asyncio.Future[bool]] = {}
        """False: it will not be there."""
        self._stop_wanted = asyncio.Event()

    async def run(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        """Run until `stop` is called.

        Args:
            when_ready: called once, when all but the background services are ready.

        Raises:
            ServiceFailed: a service that the others need failed; all have been stopped.
        """
        self._ready = {service.name: asyncio.get_running_loop().create_future() for service in self._services}
        try:
            async with asyncio.TaskGroup() as group:
                work = [group.create_task(self._look_after(service)) for service in self._services]
                work.append(group.create_task(self._announce(when_ready)))
                await self._stop_wanted.wait()
                for task in work:
                    task.cancel()
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            await self._stop_all()

    def stop(self) -> None:
        """Stop everything; called again, without waiting any longer."""
        if self._stop_wanted.is_set():
            for running in self._running.values():
                running.kill()
            return
        self._stop_wanted.set()
        self._console.say("stopping; a second time kills")

    async def _announce(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        await self._all_ready(service.name for service in self._services if not service.background)
        await when_ready()

    async def _all_ready(self, names: Iterable[str]) -> bool:
        return all([await asyncio.shield(self._ready[name]) for name in names])

    async def _look_after(self, service: Service) -> None:
        if not await self._all_ready(service.after):
            self._ready[service.name].set_result(False)
            return
        try:
            await (self._run_once(service) if service.once else self._keep_up(service))
        except ServiceFailed as failure:
            if not service.optional:
                self._console.say(f"{failure}; stopping everything")
                raise
            self._console.say(f"{failure}; going on without it")
            if not self._ready[service.name].done():
                self._ready[service.name].set_result(False)

    async def _run_once(self, service: Service) -> None:
        begun = time.monotonic()
        code = await (await self._start(service)).ended()
        if code:
            raise self._failed(service, f"failed ({_told(code)})")
        self._say_ready(service, begun, "done")

    async def _keep_up(self, service: Service) -> None:
        restarts = Restarts(self._limits)
        while True:
            begun = time.monotonic()
            running = await self._start(service)
            if await self._gate_opens(service, running):
                self._say_ready(service, begun, "ready")
            code = await running.ended()
            pause = restarts.after_end(started=begun, ended=time.monotonic())
            if pause is None:
                often = f"ended {self._limits.crashes} times within {self._limits.crash_window_seconds:g} s"
                raise self._failed(service, f"{often}, the last time with {_told(code)}")
            self._console.say(f"{service.name} ended with {_told(code)}; starting it again in {pause:g} s")
            await asyncio.sleep(pause)

    async def _start(self, service: Service) -> Running:
        running = await process.start(
            service, channel=self._channels[service.name], environment=self._environment, run=self._home.run
        )
        self._running[service.name] = running
        return running

    async def _gate_opens(self, service: Service, running: Running) -> bool:
        """Wait for the gate. False: the process ended first."""
        try:
            async with asyncio.timeout(service.gate_seconds):
                while running.alive:
                    if service.gate is None or await service.gate():
                        return running.alive
                    await asyncio.sleep(self._limits.poll_seconds)
        except TimeoutError:
            await running.stop(self._limits.grace_seconds)
            raise self._failed(service, f"was not ready after {service.gate_seconds:g} s") from None
        return False

    def _say_ready(self, service: Service, begun: float, word: str) -> None:
        self._console.say(f"{service.name} {word} in {time.monotonic() - begun:.1f} s")
        if not self._ready[service.name].done():
            self._ready[service.name].set_result(True)

    def _failed(self, service: Service, reason: str) -> ServiceFailed:
        return ServiceFailed(service.name, reason, tuple(self._channels[service.name].last_lines))

    async def _stop_all(self) -> None:
        """Stop each service once all that use it are gone."""
        stops: dict[str, asyncio.Task[None]] = {}

        async def stop(service: Service) -> None:
            await asyncio.gather(*(stops[user.name] for user in self._services if service.name in user.stops_before))
            running = self._running.get(service.name)
            if running is not None and running.alive:
                await running.stop(self._limits.grace_seconds)

        for service in self._services:
            stops[service.name] = asyncio.create_task(stop(service))
        await asyncio.gather(*stops.values())
        for channel in self._channels.values():
            channel.close()


def _refuse_cycles(graph: Mapping[str, tuple[str, ...]]) -> None:
    if unknown := {name for names in graph.values() for name in names} - graph.keys():
        raise ValueError(f"no such service: {', '.join(sorted(unknown))}")
    TopologicalSorter(graph).prepare()


def _told(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

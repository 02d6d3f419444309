"""The Celery application: beat's few entries, and the tasks by which upkeep and the tick are done.

Celery is not typed, so the application and its signals are `Any` in this file.
"""

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import celery
import celery.signals
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace.span import format_span_id, format_trace_id

from agents.errors import PointsmanError
from services.bootstrap import Parts, open_parts, parts_for
from services.settings import Settings
from services.store import heartbeats
from services.tracing import parse_traceparent

TICK_SECONDS = 1.0
ENTRIES = {
    "tick": TICK_SECONDS,
    "reap": 5.0,
    "sweep": 2.0,
    "tidy": 3600.0,
    "learn": 60.0,
    "probe": 3600.0,
}
"""What beat sends, and how often in seconds."""
EXPIRES_SECONDS = 30.0
"""What was not taken by then is dropped, so that no backlog piles up; two machines' clocks may differ by less."""

Result = TypeVar("Result")

log = logging.getLogger("pointsman.upkeep")


class Entered:
    """The asynchronous world of one worker process: a pooled connection belongs to one loop, so there is one loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runner = asyncio.Runner()
        self._parts: Parts | None = None
        self._leave: Callable[[], Awaitable[None]] | None = None
        self._beside: threading.Thread | None = None

    def run(self, work: Callable[[Parts], Awaitable[Result]]) -> Result:
        """Do some asynchronous work; the one line where Celery enters it."""
        return self._runner.run(self._within(work))

    def beside(self, work: Callable[[Parts], Awaitable[object]]) -> None:
        """Begin work that may take minutes, with parts and a thread of its own: the tick does not wait for it.

        Where the one before has not ended, nothing is begun. It ends with the process, wherever it is then.
        """
        if self._beside is None or not self._beside.is_alive():
            self._beside = threading.Thread(target=lambda: asyncio.run(self._apart(work)), daemon=True)
            self._beside.start()

    async def _apart(self, work: Callable[[Parts], Awaitable[object]]) -> None:
        try:
            async with parts_for(self._settings, service="pointsman-upkeep") as parts:
                await work(parts)
        except PointsmanError as error:
            log.warning("what was begun beside the tick did not come to its end: %s", error)

    def close(self, **_: object) -> None:
        if self._leave:
            self._runner.run(_awaited(self._leave))
            self._leave = None
        self._runner.close()

    async def _within(self, work: Callable[[Parts], Awaitable[Result]]) -> Result:
        if self._parts is None:
            self._parts, self._leave = await open_parts(self._settings, service="pointsman-upkeep")
        return await work(self._parts)


def create_app(settings: Settings) -> Any:
    """Make the application; nothing is connected yet."""
    app: Any = celery.Celery("pointsman", broker=broker_url(settings), set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_default_queue="pointsman",
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"visibility_timeout": 300, "unacked_restore_interval": 1, "socket_timeout": 15},
        timezone="UTC",
        beat_max_loop_interval=TICK_SECONDS,
        beat_schedule={
            name: {"task": f"pointsman.{name}", "schedule": seconds, "options": {"expires": EXPIRES_SECONDS}}
            for name, seconds in ENTRIES.items()
        },
    )
    entered = Entered(settings)
    name = f"upkeep-{socket.gethostname()}-{os.getpid()}"

    def tick(task: Any) -> None:
        header: str | None = task.request.get("traceparent")
        entered.run(lambda parts: _tick(parts, header, name))

    def reap() -> None:
        entered.run(lambda parts: parts.upkeep.reap())

    def sweep() -> None:
        entered.run(lambda parts: parts.upkeep.sweep())

    def tidy() -> None:
        entered.run(lambda parts: parts.upkeep.tidy())

    def learn() -> None:
        entered.run(lambda parts: parts.learner.learn())

    def probe() -> None:
        entered.beside(_probe)

    app.task(name="pointsman.tick", bind=True)(tick)
    for job in (reap, sweep, tidy, learn, probe):
        app.task(name=f"pointsman.{job.__name__}")(job)

    def ready(**_: object) -> None:
        entered.run(lambda parts: _beat(parts, name, "upkeep"))

    signals: Any = celery.signals
    # weak=False: these live as long as the process, though only the signals know them.
    signals.worker_ready.connect(ready, weak=False)
    signals.worker_shutdown.connect(entered.close, weak=False)
    signals.before_task_publish.connect(_trace, weak=False)
    return app


def broker_url(settings: Settings) -> str:
    """Celery's own database on the same server: the number after that of `REDIS_URL`."""
    parts = urlsplit(settings.redis)
    number = int(parts.path.strip("/") or 0) + 1
    return urlunsplit(parts._replace(path=f"/{number}"))


async def _tick(parts: Parts, header: str | None, name: str) -> None:
    began = parts.world.clock()
    context = parse_traceparent(header)
    await _beat(parts, name, "upkeep")
    await _beat(parts, "beat", "scheduler")
    if await parts.tick.run(context) and context:
        parts.tracer.tick(context, began, parts.world.clock())


async def _probe(parts: Parts) -> None:
    await parts.models.start()
    try:
        await parts.prober.probe_due()
    finally:
        await parts.models.stop()


async def _beat(parts: Parts, name: str, kind: str) -> None:
    async with parts.database.write() as connection:
        await heartbeats.beat(connection, name, kind)


def _trace(headers: dict[str, Any] | None = None, **_: object) -> None:
    """Give each task that beat sends a trace of its own, which the runs it starts belong to."""
    if headers is not None:
        ids = RandomIdGenerator()
        headers["traceparent"] = (
            f"00-{format_trace_id(ids.generate_trace_id())}-{format_span_id(ids.generate_span_id())}-01"
        )


async def _awaited(leave: Callable[[], Awaitable[None]]) -> None:
    await leave()

"""The product's parts with scripted models, over a real database and a real Valkey, in one event loop."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from agents.errors import NotFound
from agents.model import Model
from agents.records import Effort
from agents.sandbox import NO_SANDBOX, Sandbox
from router.records import ModelCard
from services.bootstrap import Parts, assemble, make_worker
from services.queue.connection import connect
from services.records import Run
from services.settings import Settings
from services.store.database import Database
from services.tracing import Tracer, tracer
from services.worker import Worker


class ScriptedModels:
    """A registry of models that say what they are told to; all of them are healthy."""

    def __init__(self, *models: Model, efforts: tuple[Effort, ...] = (Effort.NONE,)) -> None:
        self._efforts = efforts
        self._models = {model.id: model for model in models}

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._models)

    def get(self, model_id: str) -> Model:
        if model_id not in self._models:
            raise NotFound(f"there is no model '{model_id}'")
        return self._models[model_id]

    def cards(self) -> tuple[ModelCard, ...]:
        """The large one is far larger, and far slower: worth climbing to, and never worth beginning with.

        The twin is much like the small one, and a little slower: nothing speaks for it but that it has begun.
        """
        sizes = {"small": (6.0, 50.0), "twin": (6.0, 48.0), "large": (70.0, 2.5)}
        return tuple(
            ModelCard(
                id=name,
                parameters_billion=size,
                context_tokens=8192,
                decode_tokens_per_second=speed,
                efforts=self._efforts,
            )
            for name, (size, speed) in sizes.items()
            if name in self._models
        )

    def settings_of(self, model_id: str) -> str:
        return f"as {model_id} is"

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


async def emptied(redis: Any) -> None:
    """Empty Redis, as a lost server does. Redis-py's commands are not typed."""
    await redis.flushall()


@contextlib.asynccontextmanager
async def a_house(
    database: Database,
    redis_url: str,
    *models: Model,
    spans: Tracer | None = None,
    routes: Path | None = None,
    sandbox: Sandbox = NO_SANDBOX,
    efforts: tuple[Effort, ...] = (Effort.NONE,),
) -> AsyncGenerator[Parts]:
    """Put the parts together; Redis is empty at first. The rules for the router are those of the file `routes`."""
    redis: Redis = connect(redis_url)
    await emptied(redis)
    settings = Settings(lease=timedelta(seconds=3), redis_url=redis_url, routes=routes)
    spans = spans or tracer(None, service="test")
    registry = ScriptedModels(*models, efforts=efforts)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(redis.aclose)
        parts = assemble(
            settings, service="test", database=database, redis=redis, models=registry, spans=spans, sandbox=sandbox
        )
        stack.push_async_callback(parts.world.feed.close)
        yield parts


@contextlib.asynccontextmanager
async def a_worker(parts: Parts, *, name: str = "worker-1", concurrency: int = 4) -> AsyncGenerator[Worker]:
    """A worker at work, until the end of the block."""
    worker = make_worker(parts, concurrency=concurrency, name=name)
    work = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await work


async def ended(parts: Parts, run_id: str, *, seconds: float = 20) -> Run:
    """Wait for a run's end."""
    return await until(parts, run_id, lambda run: run.ended, seconds=seconds)


async def until(parts: Parts, run_id: str, holds: Callable[[Run], bool], *, seconds: float = 20) -> Run:
    """Wait until something holds of a run."""
    async with asyncio.timeout(seconds):
        while True:
            run = await parts.load_run(run_id)
            if holds(run):
                return run
            await asyncio.sleep(0.05)

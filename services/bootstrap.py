"""Puts a process together: the one place that knows every concrete class."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Protocol

import httpx
from redis.asyncio import Redis

from agents.errors import Unavailable
from agents.methods.roster import METHODS
from agents.methods.ways import Way
from agents.model import Model
from agents.records import Task
from agents.sandbox import Sandbox
from agents.team.config import parse_team
from agents.team.spec import TeamSpec
from agents.tools import tools_with
from router.plan import warm
from router.records import ModelCard, Plan, Rung
from services.door import Door
from services.efforts import Efforts, Prober
from services.learning import Learner, Learning
from services.methods import Methods
from services.models.catalog import chosen_catalog, load_catalog
from services.models.registry import Models
from services.planning import Planning
from services.queue.connection import connect
from services.queue.feed import Feed
from services.queue.keeper import Keeper
from services.queue.mailbox import SqlMailbox
from services.queue.place import Place
from services.queue.relay import Relay
from services.queue.streams import Streams
from services.records import Known, Run
from services.routes import Routes
from services.runner import Runner, World
from services.sandbox.choice import Chosen
from services.schedule.tick import Tick
from services.settings import REPOSITORY, Settings, environment
from services.store import runs
from services.store.database import Database
from services.store.journal import OnStep
from services.store.leases import Lease
from services.store.messages import inbox_of
from services.teams import Teams
from services.tracing import Tracer, tracer
from services.turns import Turns
from services.upkeep import Upkeep
from services.worker import Worker


class ModelRegistry(Protocol):
    """The models that may be asked."""

    @property
    def ids(self) -> tuple[str, ...]: ...

    def get(self, model_id: str) -> Model:
        """Give the model of this id. Raises `NotFound`."""
        ...

    def cards(self) -> tuple[ModelCard, ...]:
        """What the catalog says of them, with what answers now."""
        ...

    def settings_of(self, model_id: str) -> str:
        """What a measurement of its efforts is of."""
        ...

    async def start(self) -> None:
        """Begin to watch their health."""
        ...

    async def stop(self) -> None:
        """Stop watching it."""
        ...


@dataclass(frozen=True)
class Parts:
    """What a process is made of."""

    name: str
    """Of this process, among all: the owner of its leases."""
    settings: Settings
    version: str
    started_seconds: int
    """Since 1970."""
    database: Database
    redis: Redis
    streams: Streams
    keeper: Keeper
    relay: Relay
    models: ModelRegistry
    efforts: Efforts
    prober: Prober
    teams: Teams
    tracer: Tracer
    world: World
    runner: Runner
    turns: Turns
    door: Door
    upkeep: Upkeep
    learner: Learner
    learning: Learning
    tick: Tick

    async def load_run(self, run_id: str) -> Run:
        """Read a run. Raises `NotFound`."""
        async with self.database.read() as connection:
            return await runs.load(connection, run_id)

    async def ping(self) -> None:
        """Ask Redis whether it is there."""
        await self.redis.ping()  # pyright: ignore[reportGeneralTypeIssues, reportUnknownMemberType]  # typed as sync or async


def utc_now() -> datetime:
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def parts_for(settings: Settings, *, service: str) -> AsyncGenerator[Parts]:
    """The parts of one process, for the length of the block."""
    parts, leave = await open_parts(settings, service=service)
    try:
        yield parts
    finally:
        await leave()


async def open_parts(settings: Settings, *, service: str) -> tuple[Parts, Callable[[], Awaitable[None]]]:
    """Open the parts of one process; the second result closes them again."""
    await asyncio.to_thread(warm)
    stack = contextlib.AsyncExitStack()
    database = Database(settings.sql_url)
    stack.push_async_callback(database.close)
    redis = connect(settings.redis)
    stack.push_async_callback(redis.aclose)
    # No limit of connections: each model's own `max_parallel` bounds them. They are let go before servers tire of them
    # (uvicorn does after 5 seconds): a call would be lost that is sent at that moment.
    limits = httpx.Limits(max_connections=None, keepalive_expiry=3.0)
    client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, limits=limits))
    catalog = load_catalog(chosen_catalog(settings.catalog, folder=settings.folder), environment=environment())
    models = Models(catalog, client)
    spans = tracer(settings.otlp_endpoint, service=service)
    stack.callback(spans.close)
    sandbox = Chosen(settings.sandbox, socket=settings.sandbox_socket)
    stack.push_async_callback(sandbox.close)
    parts = assemble(
        settings, service=service, database=database, redis=redis, models=models, spans=spans, sandbox=sandbox
    )
    return parts, stack.aclose


def assemble(
    settings: Settings,
    *,
    service: str,
    database: Database,
    redis: Redis,
    models: ModelRegistry,
    spans: Tracer,
    sandbox: Sandbox,
) -> Parts:
    """Put a process together from what was opened for it. Raises `RoutesError` where the rules file is broken."""
    streams = Streams(redis)
    feed = Feed(redis)
    relay = Relay(database, streams)
    keeper = Keeper(database, lease=settings.lease)
    learning = Learning()
    routes = Routes(settings.routes_file, models=models.ids, required=settings.routes is not None)
    efforts = Efforts(models)
    planning = Planning(efforts=efforts, methods=METHODS.keys(), routes=routes, learning=learning, clock=utc_now)
    tools = tools_with(sandbox)
    methods = Methods(models.cards, tuple(tools))

    def choose(task: Task, known: Known, agent: str) -> Way:
        plan = planning.plan(task, known=known, agent=agent)
        return methods.way(first_choice(plan), plan)

    def mailbox(lease: Lease, *, team: TeamSpec | None, parent_id: str, place: Place, on_step: OnStep) -> SqlMailbox:
        return SqlMailbox(
            database,
            lease,
            relay=relay,
            feed=feed,
            inboxes={agent: inbox_of(team.name, agent) for agent in team.agents} if team else {},
            parent_id=parent_id,
            place=place,
            on_step=on_step,
        )

    teams = Teams(settings.team_folders, examples=REPOSITORY / "examples" / "teams")
    world = World(
        database=database,
        feed=feed,
        keeper=keeper,
        planning=planning,
        method=methods.of,
        mailbox=mailbox,
        models=models.get,
        tools=tools,
        sandbox=sandbox,
        judges=methods.judges,
        parse_team=parse_team,
        clock=utc_now,
        on_step=spans.for_run,
    )
    door = Door(
        database=database,
        relay=relay,
        teams=teams,
        planning=planning,
        clock=utc_now,
        deadline=settings.max_run,
        max_queued=settings.max_queued_runs,
        lease=settings.lease,
    )
    return Parts(
        name=f"{service}-{socket.gethostname()}-{os.getpid()}-{time.time_ns() % 1_000_000_000}",
        settings=settings,
        version=version("pointsman"),
        started_seconds=int(time.time()),
        database=database,
        redis=redis,
        streams=streams,
        keeper=keeper,
        relay=relay,
        models=models,
        efforts=efforts,
        prober=Prober(database, models, utc_now, settings.probe_every),
        teams=teams,
        tracer=spans,
        world=world,
        runner=Runner(world),
        turns=Turns(world, relay, choose=choose),
        door=door,
        upkeep=Upkeep(database, relay, feed, utc_now, settings.retention),
        learner=Learner(database, models.cards, utc_now),
        learning=learning,
        tick=Tick(database, door, utc_now),
    )


def make_worker(parts: Parts, *, concurrency: int, name: str | None = None) -> Worker:
    """Make the worker of a process, which takes what comes to any inbox there is or could be."""

    def inboxes() -> set[str]:
        teams = parts.teams.on_disk().values()
        return {inbox_of(team.spec.name, agent) for team in teams for agent in team.spec.agents}

    return Worker(
        name or parts.name,
        database=parts.database,
        streams=parts.streams,
        feed=parts.world.feed,
        keeper=parts.keeper,
        runner=parts.runner,
        turns=parts.turns,
        lease=parts.settings.lease,
        concurrency=concurrency,
        inboxes=inboxes,
    )


def first_choice(plan: Plan) -> Rung:
    """The rung with a model that a plan starts with. Raises `Unavailable` where it has none."""
    for rung in plan.rungs:
        if rung.model is not None:
            return rung
    raise Unavailable("no model is there for this turn; GET /api/models shows why")

"""The gateway: OpenAI's API and ours, over the parts of this process."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from fastapi import FastAPI

from services.bootstrap import Parts
from services.gateway import chat, errors, house, routing, runs, schedules, teams
from services.gateway.auth import Guard
from services.gateway.limits import BodyLimit, RequestId


def create_app(parts: Parts, *, keys_required: bool) -> FastAPI:
    """Put the application together.

    Args:
        parts: what the process is made of; they are opened and closed by the caller.
        keys_required: refuse requests without an API key.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        keeping = asyncio.create_task(parts.keeper.run())
        await parts.models.start()
        yield
        await asyncio.gather(*app.state.working, return_exceptions=True)
        await parts.world.feed.close()
        await parts.models.stop()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    app = FastAPI(title="Pointsman", version=parts.version, lifespan=lifespan, redoc_url=None)
    app.state.parts = parts
    app.state.working = set()
    """Keeps hold of the answers that are worked on until each has ended, whoever hung up."""
    for module in (chat, runs, routing, teams, schedules, house):
        app.include_router(module.router)
    errors.install(app)
    app.add_middleware(BodyLimit, max_bytes=parts.settings.max_body_bytes)
    app.add_middleware(Guard, database=parts.database, required=keys_required)
    app.add_middleware(RequestId)
    return app

"""A model that is asked again when its server could not answer: a model made of a model."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from decimal import Decimal

from agents.errors import Unavailable
from agents.model import Completion, Delta, Model, ModelRequest
from services.models.refusals import TooSlow

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 20.0
"""A server that asks to wait longer is not waited for: the caller may know of another."""


class RetryingModel:
    """Asks again, a bounded number of times, as long as nothing of an answer has been seen."""

    def __init__(
        self,
        model: Model,
        *,
        attempts: int = 3,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._model = model
        self._attempts = attempts
        self._sleep = sleep
        self._jitter = jitter

    @property
    def id(self) -> str:
        return self._model.id

    def worst_cost(self, request: ModelRequest) -> tuple[int, Decimal]:
        return self._model.worst_cost(request)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        for attempt in range(1, self._attempts + 1):
            begun = False
            try:
                async with aclosing(self._model.stream(request)) as events:
                    async for event in events:
                        begun = True
                        yield event
                return
            except TooSlow:
                raise
            except Unavailable as error:
                if begun or attempt == self._attempts or error.retry_after_seconds > _LONGEST_WAIT_SECONDS:
                    raise
                wait = max(error.retry_after_seconds, _FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
            await self._sleep(wait * (1 + self._jitter() / 2))

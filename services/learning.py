"""Learning: outcomes become what the router has learned, and each process takes the newest of it."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from agents.context import Clock
from agents.records import Record
from router.learn import Outcome, learned_from
from router.learned import Learned
from router.records import ModelCard
from services.store import outcomes, router_state
from services.store.database import Database
from services.store.transaction import Transaction

LOOK_SECONDS = 60.0
"""How often a process looks whether more was learned."""
STORED = (
    *("task_type", "model", "effort", "method", "samples", "quality", "weight", "words", "gain"),
    *("input_tokens", "output_tokens", "seconds", "usd"),
)
"""What a stored outcome and a record of one have in common."""

log = logging.getLogger("pointsman.learning")


class Lesson(Record):
    """What came of one time of learning."""

    version: int
    """The newest there is; 0 before the first."""
    outcomes: int
    learned: bool
    """Whether this version is a new one."""


@dataclass(frozen=True)
class Learner:
    """The job that learns. It may run at any time, in any number of processes at once."""

    database: Database
    cards: Callable[[], Sequence[ModelCard]]
    clock: Clock

    async def learn(self) -> Lesson:
        """Learn from the outcomes, unless there has been none since the last time."""
        async with self.database.read() as connection:
            count, newest_at = await outcomes.measure(connection)
            last = await router_state.newest(connection)
            version = last.version if last else 0
            if (count, newest_at) == ((last.outcomes, last.newest_at) if last else (0, None)):
                return Lesson(version=version, outcomes=count, learned=False)
            rows = await outcomes.newest(connection)
        now, cards = self.clock(), self.cards()
        learned = await asyncio.to_thread(lambda: _learned(rows, now, cards))
        async with self.database.write() as connection:
            fresh = await router_state.add(
                connection, version + 1, learned=learned, outcomes=count, newest_at=newest_at, at=now
            )
        return Lesson(version=version + 1, outcomes=count, learned=fresh)


class Learning:
    """What this process goes by."""

    def __init__(self) -> None:
        self.learned = Learned()
        self._version = 0
        self._look_at = 0.0

    async def refresh(self, connection: Transaction) -> None:
        """Take the newest, once in a while: in a transaction that is open anyway, so that nothing runs beside it."""
        if not self.due:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        row = await router_state.newest(connection, after=self._version)
        if row is None:
            return
        self._version = row.version
        try:
            self.learned = await asyncio.to_thread(Learned.model_validate_json, row.learned)
        except ValidationError as error:  # another version of the product wrote it, and will be learned over
            log.warning("version %s of what the router learned cannot be read: %s", row.version, error)

    @property
    def due(self) -> bool:
        """Whether it is time to look."""
        return time.monotonic() >= self._look_at

    def look_again(self) -> None:
        """Look at the next opportunity."""
        self._look_at = 0.0


def _learned(rows: Sequence[Any], now: datetime, cards: Sequence[ModelCard]) -> str:
    return learned_from(_read(rows, now), cards=cards).model_dump_json()


def _read(rows: Sequence[Any], now: datetime) -> Iterator[Outcome]:
    """The records of stored outcomes, without those whose words this version of the product does not know."""
    unknown = 0
    for row in rows:
        values = {name: getattr(row, name) for name in STORED}
        values["task_type"] = json.loads(row.task_type)
        try:
            yield Outcome.model_validate(values | {"age_days": (now - row.at).total_seconds() / 86_400})
        except ValidationError:
            unknown += 1
    if unknown:
        log.warning("%s of %s outcomes were left out: they name a type or method that is not known", unknown, len(rows))

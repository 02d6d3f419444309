"""The tick: makes a slot of each due time that has come, and starts its run. Twice, or late, it changes nothing."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.context import Clock
from agents.errors import InvalidTask, Overloaded
from services.door import Asker, Door
from services.records import Schedule, Slot
from services.requests import task_of
from services.schedule.due import due_times, next_due
from services.store import schedules
from services.store.database import Database
from services.store.transaction import Transaction

LATE = timedelta(seconds=60)
"""A due time that is met later than this counts as missed, and `misfire` says what becomes of it."""

log = logging.getLogger("pointsman.tick")


@dataclass(frozen=True)
class Tick:
    """Fires what is due."""

    database: Database
    door: Door
    clock: Clock

    async def run(self, traceparent: tuple[str, str] | None) -> int:
        """Look once; gives how many runs were started."""
        now = self.clock()
        async with self.database.read() as connection:
            waiting = await schedules.due(connection, now)
        started = 0
        for schedule in waiting:
            try:
                started += await self._fire(schedule, now, traceparent)
            except Exception:  # the outermost loop over schedules: one that cannot be fired stops no other
                log.exception("a defect in Pointsman kept schedule %s from firing", schedule.name)
        return started

    async def _fire(self, schedule: Schedule, now: datetime, traceparent: tuple[str, str] | None) -> int:
        times = due_times(schedule, now)
        following = next_due(schedule, times[-1])
        kept = _kept(schedule, times, now, more=following is not None and following <= now)
        started = 0
        for due_at in times:
            if due_at in kept:
                started += await self._start(schedule, due_at, now, traceparent)
            else:
                reason = f"nothing ran at its time; misfire is '{schedule.misfire}'"
                async with self.database.write() as connection:
                    missed = Slot(due_at=due_at, outcome="missed", reason=reason)
                    await schedules.take_slot(connection, schedule.id, missed, now)
        async with self.database.write() as connection:
            await schedules.move_on(connection, schedule, following)
        return started

    async def _start(
        self, schedule: Schedule, due_at: datetime, now: datetime, traceparent: tuple[str, str] | None
    ) -> int:
        """Start the run of one due time in the transaction that inserts its slot: whoever inserts it starts it."""

        async def take(connection: Transaction, run_id: str) -> None:
            pending = Slot(due_at=due_at, outcome="pending", run_id=run_id)
            if not await schedules.take_slot(connection, schedule.id, pending, now):
                raise _Taken

        async with self.database.write() as connection:
            if schedule.concurrency == "skip" and await schedules.is_running(connection, schedule.id):
                slot = Slot(due_at=due_at, outcome="skipped", reason="the run before had not ended")
                await schedules.take_slot(connection, schedule.id, slot, now)
                return 0
        asker = Asker(owner=schedule.owner, traceparent=traceparent)
        try:
            await self.door.submit(task_of(schedule.task), origin="schedule", asker=asker, within=take)
        except _Taken:
            return 0
        except (InvalidTask, Overloaded) as error:
            log.warning("schedule %s could not start: %s", schedule.name, error)
            async with self.database.write() as connection:
                failed = Slot(due_at=due_at, outcome="failed", reason=str(error))
                await schedules.take_slot(connection, schedule.id, failed, now)
            return 0
        return 1


class _Taken(Exception):
    """Another tick has this due time."""


def _kept(schedule: Schedule, times: list[datetime], now: datetime, *, more: bool) -> set[datetime]:
    """Those of the due times that are to be run, by the rule for missed ones; `more` come with the next tick."""
    timely = {due_at for due_at in times if now - due_at <= LATE}
    match schedule.misfire:
        case "run_all":
            return set(times)
        case "run_once":
            return timely or (set() if more else {times[-1]})
        case "skip":
            return timely

"""The door: looks a task over, commits to it, and hands it to the workers. Accepted means committed."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from agents import checks
from agents.context import Clock
from agents.errors import InvalidTask, Overloaded, Unavailable
from agents.records import Task
from agents.team.inputs import fill
from agents.team.spec import narrowed
from router.records import Plan
from services.planning import Planning
from services.queue.relay import Relay
from services.records import Known, Origin
from services.store import messages, runs
from services.store.database import Database, Work
from services.store.leases import Lease
from services.store.runs import Accepted
from services.store.transaction import Transaction
from services.teams import Teams


@dataclass(frozen=True)
class Asker:
    """Who asks, and in which of their traces."""

    owner: str | None = None
    """Id of the API key; None without keys."""
    traceparent: tuple[str, str] | None = None
    """Trace id and span id."""


NOTHING: Mapping[str, Any] = {}

Commit = Callable[[Work[Accepted]], Awaitable[Accepted]]
"""Carries out the transaction that accepts a task."""

Within = Callable[[Transaction, str], Awaitable[None]]
"""Is called with the new run's id inside the transaction that accepts it; what it raises undoes the acceptance."""


@dataclass(frozen=True)
class Door:
    """Where tasks come in, from whichever side."""

    database: Database
    relay: Relay
    teams: Teams
    planning: Planning
    clock: Clock
    deadline: timedelta
    max_queued: int
    lease: timedelta

    async def submit(
        self,
        task: Task,
        *,
        origin: Origin,
        asker: Asker,
        said: Mapping[str, Any] = NOTHING,
        idempotency_key: str | None = None,
        within: Within | None = None,
    ) -> str:
        """Accept a task for the workers; gives the run's id once it is committed.

        Args:
            said: what the request says of its plan, which stays in force in its conversation.
            within: is called inside the transaction.

        Raises:
            InvalidTask: the task cannot be carried out as it stands.
            Overloaded: too many runs wait already.
        """
        task, team_yaml = await self._looked_over(task)
        async with self.database.write() as connection:
            if idempotency_key and (known := await runs.same_request(connection, asker.owner, idempotency_key)):
                return known
            if (waiting := await messages.waiting_runs(connection)) >= self.max_queued:
                raise Overloaded(
                    f"{waiting} runs wait already, and no more than {self.max_queued} may", retry_after_seconds=10
                )
            known = await self.planning.known(connection, task, owner=asker.owner, said=said)
            with suppress(Unavailable):  # no model answers now: the run may wait for one
                self._planned(task, known)
            accepted = await runs.accept(
                connection,
                task,
                origin=origin,
                now=self.clock(),
                deadline=self.deadline,
                owner=asker.owner,
                known=known,
                idempotency_key=idempotency_key,
                team_yaml=team_yaml,
                traceparent=asker.traceparent,
            )
            if within:
                await within(connection, accepted.run.id)
        await self.relay.announce(accepted.to_announce)
        return accepted.run.id

    async def begin(
        self, task: Task, *, asker: Asker, gateway: str, said: Mapping[str, Any] = NOTHING
    ) -> tuple[Lease, Accepted]:
        """Accept a task that this process answers itself, while the asker waits.

        Returns:
            The lease on the run, and what was written, with the plan.
        """
        return await self._begin(self.database.at_once, task, asker, gateway, said)

    async def begin_unheard(
        self, task: Task, *, asker: Asker, gateway: str, said: Mapping[str, Any] = NOTHING
    ) -> tuple[Lease, Accepted]:
        """As `begin`, where the asker hears of nothing before the run's end is committed.

        It is with the first of the run's writes that has to last that its acceptance does, if there is a power cut.
        """
        return await self._begin(self.database.at_once_unflushed, task, asker, gateway, said)

    async def _begin(
        self, commit: Commit, task: Task, asker: Asker, gateway: str, said: Mapping[str, Any]
    ) -> tuple[Lease, Accepted]:
        task, team_yaml = await self._looked_over(task)
        known = await self._known(task, asker, said)
        began = self.clock()
        planned = runs.Planned(self._planned(task, known), began, self.clock() - began)
        accepted = await commit(
            lambda connection: runs.accept(
                connection,
                task,
                origin="chat",
                now=self.clock(),
                deadline=self.deadline,
                owner=asker.owner,
                known=known,
                team_yaml=team_yaml,
                traceparent=asker.traceparent,
                gateway=(gateway, self.lease),
                planned=planned,
            )
        )
        assert accepted.lease is not None
        return accepted.lease, accepted

    async def preview(self, task: Task, *, asker: Asker, said: Mapping[str, Any] = NOTHING) -> Plan:
        """Draw up the plan, and run nothing."""
        return self._planned(*await self._seen(task, asker, said))

    async def look_over(self, task: Task, *, asker: Asker) -> None:
        """See that a task could be accepted. Raises `InvalidTask`."""
        seen = await self._seen(task, asker, NOTHING)
        with suppress(Unavailable):
            self._planned(*seen)

    async def _seen(self, task: Task, asker: Asker, said: Mapping[str, Any]) -> tuple[Task, Known]:
        task, _ = await self._looked_over(task)
        return task, await self._known(task, asker, said)

    async def _known(self, task: Task, asker: Asker, said: Mapping[str, Any]) -> Known:
        known = self.planning.known_already(task, owner=asker.owner, said=said)
        if known is not None:
            return known
        async with self.database.read() as connection:
            return await self.planning.known(connection, task, owner=asker.owner, said=said)

    def _planned(self, task: Task, known: Known) -> Plan:
        team = runs.team_of(task)
        return self.planning.plan(task, known=known, teams=[team] if team else [])

    async def _looked_over(self, task: Task) -> tuple[Task, str | None]:
        """Find the team, try its inputs, narrow the budget by its limits; see that the checks can be carried out."""
        for number, check in enumerate(task.checks):
            try:
                checks.validate(check)
            except InvalidTask as error:
                raise InvalidTask(str(error), param=f"pointsman.checks.{number}", code=error.code) from error
        name = runs.team_of(task)
        if name is None:
            return task, None
        async with self.database.read() as connection:
            team = await self.teams.find(connection, name)
        fill(team.spec, task.inputs, prompt=task.prompt)
        return task.model_copy(update={"team": name, "budget": narrowed(task.budget, team.spec.limits)}), team.yaml

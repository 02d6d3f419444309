"""Climbs the plan of a run: rung after rung until an answer may stand, within one budget, to one end."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from agents.checks.suited import suited
from agents.context import Clock, Context, Mailbox, OnText, Reservation, Tool, span_id
from agents.errors import (
    BudgetExceeded,
    Cancelled,
    LeaseLost,
    MalformedOutput,
    PointsmanError,
    Unavailable,
)
from agents.methods.deadline import until
from agents.methods.method import Method
from agents.model import Model
from agents.records import Answer, Attempt, CheckSpec, Step, Task
from agents.sandbox import Sandbox
from agents.team.spec import TeamSpec
from router.records import Plan, Rung
from services.failures import Defect, defect, error_of, failure_of
from services.planning import Planning
from services.queue.feed import Feed
from services.queue.keeper import Keeper, Stopped
from services.queue.place import NOWHERE, Place
from services.records import EndStatus, Failure, Run
from services.store import leases, messages, outcomes, runs
from services.store.database import Database, StoreUnavailable
from services.store.journal import OnStep, SqlJournal, close_step
from services.store.leases import Lease
from services.verdicts import INTERRUPTIONS, Looked, asked_for, look_at

GRACE_SECONDS = 2.0
"""Models are hung up on at the deadline; making do with what there is then may take so much longer."""

MakeMethod = Callable[[Rung, Plan, Task, TeamSpec | None], Method]
"""Gives the method of a rung of the plan, ready to answer."""


class MakeMailbox(Protocol):
    """Gives an attempt its mailbox."""

    def __call__(
        self,
        lease: Lease,
        *,
        team: TeamSpec | None,
        parent_id: str,
        place: Place,
        on_step: OnStep,
    ) -> Mailbox: ...


@dataclass(frozen=True)
class World:
    """What climbing a run needs: handed in by `bootstrap`, which knows the concrete classes."""

    database: Database
    feed: Feed
    keeper: Keeper
    planning: Planning
    method: MakeMethod
    mailbox: MakeMailbox
    models: Callable[[str], Model]
    tools: Mapping[str, Tool]
    sandbox: Sandbox
    judges: Callable[[Plan], tuple[str, ...]]
    """The models that may judge in a run with this plan, best first."""
    parse_team: Callable[[str], TeamSpec]
    clock: Clock
    on_step: Callable[[Run], OnStep]
    """Gives what sends a run's ended steps on as spans."""


@dataclass(frozen=True)
class _Ending:
    status: EndStatus
    answer: Answer | None = None
    error: Failure | None = None


class Runner:
    """Owns the state of a run from its first rung to its end. Gateway and worker use the same."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def climb(
        self,
        lease: Lease,
        *,
        plan: tuple[Plan, timedelta] | None = None,
        on_text: OnText | None = None,
        place: Place = NOWHERE,
    ) -> Run | None:
        """Climb a run and end it.

        Args:
            plan: the plan, and the time it took to draw it up, where this process accepted the run itself.
            on_text: is given the answer as it grows, once it is sure to stand.
            place: in the worker, left for as long as the run only waits for a team's turns.

        Returns:
            The ended run; None where it was left to another: the lease was lost, or the process ends.
        """
        world = self._world
        async with world.database.write() as connection:
            if plan is None and not await runs.start(connection, lease, world.clock()):
                return None
            if plan is None:
                await world.planning.refresh(connection)
            waited = None if plan else await messages.begin_work(connection, lease, world.clock())
            run = await runs.head(connection, lease.run_id)
        if waited:
            world.on_step(run)(waited)
        try:
            async with world.keeper.hold(lease):
                ending = await self._ending(run, lease, plan, on_text, place)
        except Cancelled:
            ending = _Ending("cancelled")
        except (LeaseLost, StoreUnavailable):
            return None  # the lease is another's, or lapses while the database is away: then another goes on
        except Stopped:
            async with world.database.write() as connection:
                await leases.give_back(connection, lease)
            return None
        except BaseException as error:
            # The outermost loop of a run: nothing leaves it without an end. A closed door cancels; else it is a defect.
            closed = isinstance(error, asyncio.CancelledError)
            ending = _Ending("cancelled") if closed else _Ending("failed", error=defect(error))
            await asyncio.shield(self._end(lease, ending))
            raise
        return await self._end(lease, ending)

    async def _ending(
        self,
        run: Run,
        lease: Lease,
        plan: tuple[Plan, timedelta] | None,
        on_text: OnText | None,
        place: Place,
    ) -> _Ending:
        world = self._world
        left = (run.deadline_at - world.clock()).total_seconds()
        if left <= 0 and lease.deliveries == 1:
            return _Ending(
                "expired", error=failure_of(BudgetExceeded("max_seconds", "the deadline passed in the queue"))
            )
        climb = _Climb(world, run, lease, on_text, place)
        try:
            async with asyncio.timeout(max(left, 0) + GRACE_SECONDS) as limit:
                return await climb.to_the_end(plan, limit)
        except TimeoutError:
            reached = BudgetExceeded("max_seconds", f"the deadline {climb.deadline_at.isoformat()} is reached")
            status: EndStatus = "truncated" if climb.begun else "expired"
            return _Ending(status, answer=climb.best(), error=failure_of(reached))
        except BudgetExceeded as error:
            return _Ending("truncated", answer=climb.best(), error=failure_of(error))
        except INTERRUPTIONS:
            raise
        except PointsmanError as error:
            return _Ending("failed", error=failure_of(error))

    async def _end(self, lease: Lease, ending: _Ending) -> Run | None:
        world = self._world
        async with world.database.write() as connection:
            ended = await runs.end(
                connection,
                lease.run_id,
                status=ending.status,
                now=world.clock(),
                lease=lease,
                answer=ending.answer,
                error=ending.error,
            )
        world.feed.ring(lease.run_id)
        async with world.database.read() as connection:
            run = await runs.load(connection, lease.run_id)
            if ended:
                root = await runs.root_step(connection, lease.run_id)
                world.on_step(run)(root)
        return run if run.ended else None


class _Climb:
    """One run on its way up."""

    def __init__(self, world: World, run: Run, lease: Lease, on_text: OnText | None, place: Place) -> None:
        self._world = world
        self._run = run
        self._lease = lease
        self._on_text = on_text
        self._place = place
        self._seen = 0
        """Characters of the answer that somebody has read already."""
        self._attempts: list[Attempt] = []
        self._plan_drawn: Plan | None = None
        self._unchecked: Answer | None = None
        """An answer whose checks have not ended."""
        self.begun = False
        """Whether a rung was begun to be climbed."""
        self.deadline_at = run.deadline_at
        self._on_step = world.on_step(run)
        self._journal = SqlJournal(
            world.database, lease, clock=world.clock, announce=world.feed.ring, on_step=self._on_step
        )
        self._team = world.parse_team(run.team_yaml) if run.team_yaml else None

    def best(self) -> Answer | None:
        """The answer that passed most of its checks so far; the later one of two alike. What was read stays."""
        answered = [attempt for attempt in self._attempts if attempt.answer is not None]
        if not answered:
            return self._unchecked
        if self._seen:
            return answered[-1].answer
        return max(enumerate(answered), key=lambda one: (_passed(one[1]), one[0]))[1].answer

    async def to_the_end(self, planned: tuple[Plan, timedelta] | None, limit: asyncio.Timeout) -> _Ending:
        plan = self._plan_drawn = await self._plan(planned)
        left = (self.deadline_at - self._world.clock()).total_seconds()
        end = asyncio.get_running_loop().time() + max(left, 0) + GRACE_SECONDS
        limit.reschedule(end)  # a rule may have brought it forward
        failure: PointsmanError | None = None
        for number in range(1, len(plan.rungs) + 1):
            self.begun = True
            try:
                attempt = await self._attempt(plan, number)
            except StoreUnavailable:
                raise
            except (Unavailable, MalformedOutput, Defect) as error:
                if self._seen:
                    raise  # a part of it was read already: nothing may be put in its place
                failure = error
                continue
            if attempt.accepted and attempt.answer:
                await self._show(attempt.answer)
                return _Ending("truncated" if attempt.answer.truncated else "succeeded", answer=attempt.answer)
            if self._seen:
                break
        if best := self.best():
            await self._show(best)
            return _Ending("truncated" if best.truncated else "unverified", answer=best)
        assert failure is not None
        raise failure

    async def _plan(self, planned: tuple[Plan, timedelta] | None) -> Plan:
        if self._run.plan:
            return self._run.plan
        began = self._world.clock()
        if planned is None:
            plan = await self._plan_when_possible()
            took = self._world.clock() - began
        else:
            plan, took = planned
        step = (
            self._top()
            .step("route", "route", key="route")
            .model_copy(
                update={
                    "status": "ok",
                    "started_at": began,
                    "ended_at": began + took,
                    "attributes": {
                        "rungs": [rung.short for rung in plan.rungs],
                        "why": plan.why,
                        "task_type": plan.task_type,
                    },
                    "output": plan.model_dump_json(),
                }
            )
        )
        self.deadline_at = _deadline(self._run, plan)
        async with self._world.database.write() as connection:
            if not await runs.save_plan(connection, self._lease, plan, step, deadline_at=self.deadline_at):
                raise LeaseLost(self._run.id)
        self._on_step(step)
        self._world.feed.ring(self._run.id)
        return plan

    async def _plan_when_possible(self) -> Plan:
        """Draw up the plan; while no model answers, the run waits for one, until its deadline."""
        while True:
            try:
                teams = [self._team.name] if self._team else []
                return self._world.planning.plan(self._run.task, known=self._run.known, teams=teams)
            except Unavailable as error:
                self._place.leave()
                await asyncio.sleep(error.retry_after_seconds)
                await self._place.take()

    async def _attempt(self, plan: Plan, number: int) -> Attempt:
        top, rung = self._top(), plan.rungs[number - 1]
        began = top.step(
            "attempt", f"attempt {rung.method}", key=str(number), attributes={"rung": rung.short}
        ).model_copy(update={"attempt": number})
        step = await self._journal.open(began, reserve=Reservation())
        if step.status == "error":
            raise error_of(Failure.model_validate(step.attributes["failure"]))
        if step.status == "ok" and step.output is not None:
            self._attempts.append(Attempt.model_validate_json(step.output))
            return self._attempts[-1]
        on_text = self._read_along if self._stands_anyway(rung) else None
        place = replace(top.below(step), mailbox=self._mailbox(step.span_id), on_text=on_text)
        context = until(place, self.deadline_at)
        try:
            method = self._world.method(rung, plan, self._run.task, self._team)
            answer = self._unchecked = await method.answer(self._run.task, context)
            looked = await look_at(answer, self._run.task, plan, number, context, suited=self._suited(rung, plan))
        except INTERRUPTIONS:
            raise
        except PointsmanError as error:
            refused = Attempt(number=number, rung=rung.short, accepted=False, reason=str(error))
            failure = failure_of(error).model_dump()
            noted = step.model_copy(update={"attributes": step.attributes | {"failure": failure}})
            await self._close_attempt(plan, noted, refused, None, status="error")
            raise
        attempt = Attempt(
            number=number,
            rung=rung.short,
            accepted=not looked.refused,
            reason=looked.refused,
            verdicts=looked.verdicts,
            verified_by=looked.verified_by,
            answer=answer,
            seconds=(self._world.clock() - step.started_at).total_seconds(),
        )
        await self._close_attempt(plan, step, attempt, looked, status="ok")
        self._attempts.append(attempt)
        if looked.limit:
            raise looked.limit
        return attempt

    def _stands_anyway(self, rung: Rung) -> bool:
        """Whether the answer will stand whatever is found, so that it may be read while it is written."""
        return rung.accept in ("always", "exact") and not asked_for(self._run.task)

    def _suited(self, rung: Rung, plan: Plan) -> Sequence[CheckSpec]:
        return () if rung.method == "calculate" else suited(self._run.task, plan.task_type or None)

    async def _close_attempt(
        self, plan: Plan, step: Step, attempt: Attempt, looked: Looked | None, *, status: str
    ) -> None:
        now = self._world.clock()
        changes = {
            "status": status,
            "ended_at": now,
            "error": attempt.reason if status == "error" else None,
            "attributes": step.attributes | {"accepted": attempt.accepted, "reason": attempt.reason},
            "output": attempt.model_dump_json(),
        }
        ended = step.model_copy(update=changes)
        async with self._world.database.write() as connection:
            if await close_step(connection, self._lease, ended) is None:
                raise LeaseLost(self._run.id)
            await runs.note_attempt(connection, self._run.id, attempt, now)
            if looked:
                await outcomes.note_checked(connection, self._run, plan, attempt, looked.asked, now)
        self._on_step(ended)
        self._world.feed.ring(self._run.id)

    async def _read_along(self, text: str) -> None:
        self._seen += len(text)
        if self._on_text:
            await self._on_text(text)

    async def _show(self, answer: Answer) -> None:
        if not self._seen:
            await self._read_along(answer.text)

    def _mailbox(self, parent_id: str) -> Mailbox:
        return self._world.mailbox(
            self._lease, team=self._team, parent_id=parent_id, place=self._place, on_step=self._on_step
        )

    def _top(self) -> Context:
        """The place right below the run itself."""
        world = self._world
        return Context(
            run_id=self._run.id,
            key="",
            parent_id=span_id(self._run.id, "run"),
            models=world.models,
            tools=world.tools,
            journal=self._journal,
            mailbox=self._mailbox(span_id(self._run.id, "run")),
            clock=world.clock,
            sandbox=world.sandbox,
            judges=world.judges(self._plan_drawn) if self._plan_drawn else (),
        )


def _deadline(run: Run, plan: Plan) -> datetime:
    """When the run has to end, now that its plan says what it is held to."""
    most = plan.limits.max_seconds
    return run.deadline_at if most is None else min(run.deadline_at, run.created_at + timedelta(seconds=most))


def _passed(attempt: Attempt) -> tuple[int, int]:
    """How far an answer is to be trusted: checks passed, and the more the fewer failed."""
    found = [verdict.outcome for verdict in attempt.verdicts]
    return found.count("pass"), -found.count("fail")

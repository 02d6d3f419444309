"""Climbs the plan of a run: rung after rung until an answer may stand, within one budget, to one end."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from agents import checks
from agents.context import Clock, Context, Mailbox, OnText, Reservation, Tool, span_id
from agents.errors import (
    BudgetExceeded,
    Cancelled,
    LeaseLost,
    MalformedOutput,
    PointsmanError,
    Unavailable,
)
from agents.methods import Method
from agents.model import Model
from agents.records import Answer, Attempt, CheckSpec, JsonSchemaCheck, Step, Task, Verdict
from agents.team.spec import TeamSpec
from router.records import Plan, Rung
from services.failures import Defect, defect, error_of, failure_of
from services.queue.feed import Feed
from services.queue.keeper import Keeper, Stopped
from services.queue.place import NOWHERE, Place
from services.records import EndStatus, Failure, Run
from services.store import leases, messages, runs
from services.store.database import Database, StoreUnavailable
from services.store.journal import OnStep, SqlJournal, close_step
from services.store.leases import Lease

INTERRUPTIONS = (Cancelled, LeaseLost, Stopped, StoreUnavailable)
"""What says nothing about the answer: the work stops here, and the run's end is decided elsewhere, or later."""


class Planner(Protocol):
    """Draws up the plan of a task, with the models and teams as they are now."""

    def __call__(self, task: Task, *, teams: Collection[str] = ()) -> Plan: ...


MakeMethod = Callable[[Rung, Task, TeamSpec | None], Method]
"""Gives the method of a rung, ready to answer."""


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
    plan: Planner
    method: MakeMethod
    mailbox: MakeMailbox
    models: Callable[[str], Model]
    tools: Mapping[str, Tool]
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
            async with asyncio.timeout(max(left, 0.001)):
                return await climb.to_the_end(plan)
        except TimeoutError:
            limit = BudgetExceeded("max_seconds", f"the deadline {run.deadline_at.isoformat()} is reached")
            status: EndStatus = "truncated" if climb.begun else "expired"
            return _Ending(status, answer=climb.best(), error=failure_of(limit))
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
        self.begun = False
        """Whether a rung was begun to be climbed."""
        self._on_step = world.on_step(run)
        self._journal = SqlJournal(
            world.database, lease, clock=world.clock, announce=world.feed.ring, on_step=self._on_step
        )
        self._team = world.parse_team(run.team_yaml) if run.team_yaml else None

    def best(self) -> Answer | None:
        """The answer that passed most of its checks so far; the later one of two alike."""
        answered = [attempt for attempt in self._attempts if attempt.answer is not None]
        if not answered:
            return None
        return max(enumerate(answered), key=lambda one: (_passed(one[1].verdicts), one[0]))[1].answer

    async def to_the_end(self, planned: tuple[Plan, timedelta] | None) -> _Ending:
        plan = await self._plan(planned)
        failure: PointsmanError | None = None
        for number, rung in enumerate(plan.rungs, start=1):
            self.begun = True
            try:
                attempt = await self._attempt(number, rung)
            except StoreUnavailable:
                raise
            except (Unavailable, MalformedOutput, Defect) as error:
                if self._seen:
                    raise  # a part of it was read already: nothing may be put in its place
                failure = error
                continue
            self._attempts.append(attempt)
            if attempt.accepted and attempt.answer:
                await self._show(attempt.answer)
                return _Ending("truncated" if attempt.answer.truncated else "succeeded", answer=attempt.answer)
        if best := self.best():
            await self._show(best)
            return _Ending("unverified", answer=best)
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
        async with self._world.database.write() as connection:
            if not await runs.save_plan(connection, self._lease, plan, step):
                raise LeaseLost(self._run.id)
        self._on_step(step)
        self._world.feed.ring(self._run.id)
        return plan

    async def _plan_when_possible(self) -> Plan:
        """Draw up the plan; while no model answers, the run waits for one, until its deadline."""
        while True:
            try:
                return self._world.plan(self._run.task, teams=[self._team.name] if self._team else [])
            except Unavailable as error:
                self._place.leave()
                await asyncio.sleep(error.retry_after_seconds)
                await self._place.take()

    async def _attempt(self, number: int, rung: Rung) -> Attempt:
        top = self._top()
        began = top.step(
            "attempt", f"attempt {rung.method}", key=str(number), attributes={"rung": rung.short}
        ).model_copy(update={"attempt": number})
        step = await self._journal.open(began, reserve=Reservation())
        if step.status == "error":
            raise error_of(Failure.model_validate(step.attributes["failure"]))
        if step.status == "ok" and step.output is not None:
            return Attempt.model_validate_json(step.output)
        wanted = _checks(self._run.task)
        on_text = None if wanted else self._read_along
        context = replace(
            top.below(step),
            mailbox=self._mailbox(step.span_id),
            on_text=on_text,
        )
        try:
            method = self._world.method(rung, self._run.task, self._team)
            answer = await method.answer(self._run.task, context)
            verdicts = tuple([await self._check(spec, index, answer, context) for index, spec in enumerate(wanted)])
        except INTERRUPTIONS:
            raise
        except PointsmanError as error:
            refused = Attempt(number=number, rung=rung.short, accepted=False, reason=str(error))
            failure = failure_of(error).model_dump()
            noted = step.model_copy(update={"attributes": step.attributes | {"failure": failure}})
            await self._close_attempt(noted, refused, status="error")
            raise
        failed = [verdict for verdict in verdicts if verdict.outcome != "pass"]
        attempt = Attempt(
            number=number,
            rung=rung.short,
            accepted=not failed,
            reason="; ".join(f"{verdict.check}: {verdict.outcome}, {verdict.evidence}" for verdict in failed),
            verdicts=verdicts,
            answer=answer,
            seconds=(self._world.clock() - step.started_at).total_seconds(),
        )
        await self._close_attempt(step, attempt, status="ok")
        return attempt

    async def _close_attempt(self, step: Step, attempt: Attempt, *, status: str) -> None:
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
        self._on_step(ended)
        self._world.feed.ring(self._run.id)

    async def _check(self, spec: CheckSpec, index: int, answer: Answer, context: Context) -> Verdict:
        text = f"{spec.model_dump_json(by_alias=True)}\n{answer.text}"
        step = await self._journal.open(
            context.step("check", f"check {spec.type}", key=f"check.{index}", input=text), reserve=Reservation()
        )
        if step.status != "running" and step.output is not None:
            return Verdict.model_validate_json(step.output)
        verdict = await asyncio.to_thread(checks.check, spec, answer, self._run.task)
        await self._journal.close(
            step.model_copy(
                update={
                    "status": "ok",
                    "ended_at": self._world.clock(),
                    "attributes": {"verdict": verdict.outcome, "evidence": verdict.evidence},
                    "output": verdict.model_dump_json(),
                }
            )
        )
        return verdict

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
        )


def _checks(task: Task) -> Sequence[CheckSpec]:
    """The checks that were asked for; a schema that the answer has to follow is one."""
    if task.response_schema is None:
        return task.checks
    return (*task.checks, JsonSchemaCheck(schema=task.response_schema))


def _passed(verdicts: Sequence[Verdict]) -> int:
    return sum(verdict.outcome == "pass" for verdict in verdicts)

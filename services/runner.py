"""Climbs the plan of a run: rung after rung until an answer may stand, within one budget, to one end."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
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
from services.store.changes import OnStep
from services.store.database import Database, StoreUnavailable
from services.store.journal import BriefJournal, SqlJournal
from services.store.leases import Lease
from services.store.runs import Accepted, Ending, Planned
from services.store.transaction import Transaction
from services.verdicts import INTERRUPTIONS, Looked, asked_for, look_at

GRACE_SECONDS = 2.0
"""Models are hung up on at the deadline; making do with what there is then may take so much longer."""
BRIEF = ("calculate", "direct")
"""Methods that ask one model once, or none."""

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


class Runner:
    """Owns the state of a run from its first rung to its end. Gateway and worker use the same."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def climb(
        self,
        lease: Lease,
        *,
        accepted: Accepted | None = None,
        on_text: OnText | None = None,
        place: Place = NOWHERE,
    ) -> Run | None:
        """Climb a run and end it.

        Args:
            lease: of the message that asks for it.
            accepted: the run with its plan, where this process has just accepted it itself.
            on_text: is given the answer as it grows, once it is sure to stand.
            place: in the worker, left for as long as the run only waits for a team's turns.

        Returns:
            The ended run; None where it was left to another: the lease was lost, or the process ends.
        """
        world = self._world
        run = accepted.run if accepted else await self._started(lease)
        if run is None:
            return None
        if accepted and accepted.route:
            world.on_step(run)(accepted.route)
        climb = _Climb(world, run, lease, on_text, place, fresh=accepted is not None)
        try:
            async with world.keeper.hold(lease):
                ending = await self._ending(climb)
        except Cancelled:
            ending = Ending("cancelled")
        except (LeaseLost, StoreUnavailable):
            return None  # the lease is another's, or lapses while the database is away: then another goes on
        except Stopped:
            await climb.give_back()
            return None
        except BaseException as error:
            # The outermost loop of a run: nothing leaves it without an end. A closed door cancels; else it is a defect.
            closed = isinstance(error, asyncio.CancelledError)
            ending = Ending("cancelled") if closed else Ending("failed", error=defect(error))
            await asyncio.shield(climb.end(ending))
            raise
        return await climb.end(ending)

    async def _started(self, lease: Lease) -> Run | None:
        """The run as it is found; None where it needs no work any more."""
        world = self._world
        async with world.database.write() as connection:
            if not await runs.start(connection, lease, world.clock()):
                return None
            await world.planning.refresh(connection)
            waited = await messages.begin_work(connection, lease, world.clock())
            run = await runs.head(connection, lease.run_id)
        world.on_step(run)(waited)
        return run

    async def _ending(self, climb: "_Climb") -> Ending:
        left = (climb.deadline_at - self._world.clock()).total_seconds()
        if left <= 0 and climb.is_first:
            return Ending(
                "expired", error=failure_of(BudgetExceeded("max_seconds", "the deadline passed in the queue"))
            )
        try:
            async with asyncio.timeout(max(left, 0) + GRACE_SECONDS) as limit:
                return await climb.to_the_end(limit)
        except TimeoutError:
            reached = BudgetExceeded("max_seconds", f"the deadline {climb.deadline_at.isoformat()} is reached")
            status: EndStatus = "truncated" if climb.begun else "expired"
            return Ending(status, answer=climb.best(), error=failure_of(reached))
        except BudgetExceeded as error:
            return Ending("truncated", answer=climb.best(), error=failure_of(error))
        except INTERRUPTIONS:
            raise
        except PointsmanError as error:
            return Ending("failed", error=failure_of(error))


class _Climb:
    """One run on its way up."""

    def __init__(
        self, world: World, run: Run, lease: Lease, on_text: OnText | None, place: Place, *, fresh: bool
    ) -> None:
        self._world = world
        self._run = run
        self._lease = lease
        self._on_text = on_text
        self._place = place
        self._seen = 0
        """Characters of the answer that somebody has read already."""
        self._attempts: list[Attempt] = []
        self._ended_attempts: list[Attempt] = []
        """Those too that came to no answer."""
        self._fresh = fresh
        self._plan_drawn: Plan | None = None
        self._unchecked: Answer | None = None
        """An answer whose checks have not ended."""
        self.begun = False
        """Whether a rung was begun to be climbed."""
        self.deadline_at = run.deadline_at
        self._on_step = world.on_step(run)
        self._journal = SqlJournal(
            world.database, lease, clock=world.clock, announce=world.feed.ring, on_step=self._on_step, fresh=fresh
        )

    @cached_property
    def _team(self) -> TeamSpec | None:
        return self._world.parse_team(self._run.team_yaml) if self._run.team_yaml else None

    @property
    def is_first(self) -> bool:
        """Whether nobody has tried before."""
        return self._lease.deliveries == 1

    def best(self) -> Answer | None:
        """The answer that passed most of its checks so far; the later one of two alike. What was read stays."""
        answered = [attempt for attempt in self._attempts if attempt.answer is not None]
        if not answered:
            return self._unchecked
        if self._seen:
            return answered[-1].answer
        return max(enumerate(answered), key=lambda one: (_passed(one[1]), one[0]))[1].answer

    async def to_the_end(self, limit: asyncio.Timeout) -> Ending:
        plan = self._plan_drawn = await self._plan()
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
                return Ending("truncated" if attempt.answer.truncated else "succeeded", answer=attempt.answer)
            if self._seen:
                break
        if best := self.best():
            await self._show(best)
            return Ending("truncated" if best.truncated else "unverified", answer=best)
        assert failure is not None
        raise failure

    async def end(self, ending: Ending) -> Run | None:
        """Give the run its end, with all that was not written yet; None where it has not ended."""
        now, held = self._world.clock(), self._journal.take()

        async def write(connection: Transaction) -> tuple[Run, bool]:
            ended = await runs.end_with(connection, held, ending, now=now, lease=self._lease)
            if ended is None or not self._is_known_whole:
                return await runs.load(connection, self._run.id), ended is not None
            return runs.ended_run(self._run, ended, ending, now=now, attempts=tuple(self._ended_attempts)), True

        run, is_ours = await self._world.database.at_once(write, then=held.committed)
        self._world.feed.ring(run.id)
        if is_ours:
            self._on_step(runs.root_of(run))
        return run if run.ended else None

    async def give_back(self) -> None:
        """Let another go on with the run, from all that was done here."""
        held = self._journal.take()

        async def write(connection: Transaction) -> None:
            if held:
                await held.write(connection, lease=self._lease)
            await leases.give_back(connection, self._lease)

        await self._world.database.at_once(write, then=held.committed)

    @property
    def _is_known_whole(self) -> bool:
        """Whether nothing happened to the run that this process did not do: no other has a part in it."""
        return self._fresh and self._run.team_yaml is None

    async def _plan(self) -> Plan:
        if self._run.plan:
            return self._run.plan
        began = self._world.clock()
        plan = await self._plan_when_possible()
        planned = Planned(plan, began, self._world.clock() - began)
        self.deadline_at = planned.deadline(self._run)
        step = await self._world.database.at_once(
            lambda connection: runs.save_plan(connection, self._lease, planned, deadline_at=self.deadline_at)
        )
        if step is None:
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
        suited = self._suited(rung, plan)
        is_brief = rung.method in BRIEF and not suited and not asked_for(self._run.task)
        journal = BriefJournal(self._journal) if is_brief else self._journal
        step = await journal.open(began, reserve=Reservation())
        if step.status == "error":
            raise error_of(Failure.model_validate(step.attributes["failure"]))
        if step.status == "ok" and step.output is not None:
            self._attempts.append(Attempt.model_validate_json(step.output))
            return self._attempts[-1]
        on_text = self._read_along if self._stands_anyway(rung) else None
        place = replace(top.below(step), journal=journal, mailbox=self._mailbox(step.span_id), on_text=on_text)
        context = until(place, self.deadline_at)
        try:
            method = self._world.method(rung, plan, self._run.task, self._team)
            answer = self._unchecked = await method.answer(self._run.task, context)
            looked = await look_at(answer, self._run.task, plan, number, context, suited=suited)
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
        journal = self._journal
        journal.hold_end(step.model_copy(update=changes))
        journal.hold_event("attempt", runs.shown_attempt(attempt), now, rung=attempt.rung)
        usage, cost = journal.spent[attempt.number]
        self._ended_attempts.append(attempt.model_copy(update={"usage": usage, "cost_usd": cost}))
        if looked and looked.asked:
            await journal.flush(
                lambda connection: outcomes.note_checked(connection, self._run, plan, attempt, looked.asked, now)
            )

    async def _read_along(self, text: str) -> None:
        self._seen += len(text)
        if self._on_text:
            await self._on_text(text)

    async def _show(self, answer: Answer) -> None:
        if not self._seen:
            if self._on_text:
                await self._journal.flush()  # nobody reads what is not written down
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


def _passed(attempt: Attempt) -> tuple[int, int]:
    """How far an answer is to be trusted: checks passed, and the more the fewer failed."""
    found = [verdict.outcome for verdict in attempt.verdicts]
    return found.count("pass"), -found.count("fail")

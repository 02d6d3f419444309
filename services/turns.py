"""An agent's turn: one message from its inbox is answered, and what follows is posted as the message is marked done."""

from collections.abc import Callable
from dataclasses import dataclass

from agents.context import Context, span_id
from agents.errors import BudgetExceeded, Cancelled, LeaseLost, PointsmanError
from agents.methods.deadline import until
from agents.methods.ways import Way
from agents.records import Message, Task
from agents.team.process import after_turn, cut_short
from agents.team.turn import take_turn
from services.failures import defect, failure_of
from services.queue.keeper import Stopped
from services.queue.place import NOWHERE
from services.queue.relay import Relay
from services.records import Failure, Known, Run
from services.runner import World
from services.store import conversations, leases, messages, runs
from services.store.database import StoreUnavailable
from services.store.journal import OnStep, SqlJournal
from services.store.leases import Lease
from services.store.messages import inbox_of

Choose = Callable[[Task, Known, str], Way]
"""Gives the way to answer a turn, by what is known of its run, of the agent with this id."""


@dataclass(frozen=True)
class _Taken:
    """A turn that was taken, with what is to be posted as its message is marked done."""

    following: tuple[Message, ...]
    inboxes: dict[str, str]
    attempt_span: str
    on_step: OnStep


class Turns:
    """Takes turns. Two of the same agent in the same run never overlap: the claim of the message sees to that."""

    def __init__(self, world: World, relay: Relay, *, choose: Choose) -> None:
        self._world = world
        self._relay = relay
        self._choose = choose

    async def take(self, lease: Lease) -> None:
        """Work off the message that the lease is for. A turn that fails ends the exchange, with the reason."""
        world = self._world
        async with world.database.read() as connection:
            run = await runs.load(connection, lease.run_id)
            message = await messages.message(connection, lease.message_id)
        try:
            async with world.keeper.hold(lease):
                if run.ended:
                    raise Cancelled(f"run {run.id} has ended")
                turn = await self._turn(run, message, lease)
            # Out of the keeper's hands: it would take a lease that has just been ended for one that was lost, and the
            # announcement with it.
            await self._finish(lease, turn)
        except Stopped:
            async with world.database.write() as connection:
                await leases.give_back(connection, lease)
        except (LeaseLost, StoreUnavailable):
            return  # another goes on, at once or when the lease has lapsed
        except Cancelled:
            async with world.database.write() as connection:
                await leases.done(connection, lease)
        except PointsmanError as error:
            await self._give_up(lease, failure_of(error))
        except Exception as error:
            # The outermost loop of a turn: a defect ends the exchange now, and not after the last of its deliveries.
            await self._give_up(lease, defect(error))
            raise
        world.feed.ring(run.id)

    async def _give_up(self, lease: Lease, failure: Failure) -> None:
        async with self._world.database.write() as connection:
            await leases.dead(connection, lease, failure.model_dump_json())
        self._world.feed.ring(lease.run_id)

    async def _turn(self, run: Run, message: Message, lease: Lease) -> _Taken:
        world = self._world
        assert run.team_yaml is not None
        spec = world.parse_team(run.team_yaml)
        on_step = world.on_step(run)
        async with world.database.write() as connection:
            on_step(await messages.begin_work(connection, lease, world.clock()))
            history = await messages.history(connection, run.id, message.attempt)
            await world.planning.refresh(connection)
            session = await conversations.past_of_agent(connection, run.id, message.recipient)
        known = run.known.model_copy(update={"session": session})
        attempt_key = str(message.attempt)
        attempt_span = span_id(run.id, attempt_key)
        context = Context(
            run_id=run.id,
            key=attempt_key,
            parent_id=attempt_span,
            attempt=message.attempt,
            agent=message.recipient,
            models=world.models,
            tools=world.tools,
            sandbox=world.sandbox,
            judges=world.judges(run.plan) if run.plan else (),
            journal=SqlJournal(world.database, lease, clock=world.clock, announce=world.feed.ring, on_step=on_step),
            mailbox=world.mailbox(lease, team=spec, parent_id=attempt_span, place=NOWHERE, on_step=on_step),
            clock=world.clock,
        )
        try:
            turn = await take_turn(
                spec,
                run.task,
                message,
                history,
                until(context, run.deadline_at),
                choose=lambda task: self._choose(task, known, message.recipient),
            )
        except BudgetExceeded:
            best = cut_short(spec, history, run_id=run.id, attempt=message.attempt, now=world.clock())
            if best is None:
                raise
            following: tuple[Message, ...] = (best,)
        else:
            following = after_turn(
                spec, run.task, history, turn, run_id=run.id, attempt=message.attempt, now=world.clock()
            )
        inboxes = {agent: inbox_of(spec.name, agent) for agent in spec.agents}
        return _Taken(following, inboxes, attempt_span, on_step)

    async def _finish(self, lease: Lease, turn: _Taken) -> None:
        async with self._world.database.write() as connection:
            if not await leases.done(connection, lease):
                raise LeaseLost(lease.run_id)
            parent_id = await messages.turn_span(connection, lease) or turn.attempt_span
            posted = await messages.post(connection, turn.following, inboxes=turn.inboxes, parent_id=parent_id)
        for step in posted.steps:
            turn.on_step(step)
        await self._relay.announce(posted.to_announce)

"""Hands the task to a team of agents and waits for what they end with."""

from dataclasses import dataclass

from agents.context import Context
from agents.records import Answer, Choice, Task
from agents.team.process import opening
from agents.team.spec import TeamSpec


@dataclass(frozen=True)
class Team:
    """Posts the message that opens the exchange; workers take the turns; the `final` message is the answer."""

    spec: TeamSpec

    async def answer(self, task: Task, context: Context) -> Answer:
        messages = opening(self.spec, task, run_id=context.run_id, attempt=context.attempt, now=context.clock())
        await context.mailbox.post(messages)
        final = await context.mailbox.final(context.attempt)
        if context.on_text:
            await context.on_text(final.content)
        return Answer(choices=(Choice(text=final.content),), model=f"team/{self.spec.name}", truncated=final.truncated)

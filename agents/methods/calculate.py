"""Answer by computing: no model is asked."""

from agents.calculator import calculate
from agents.context import Context, Reservation
from agents.errors import MalformedOutput
from agents.records import Answer, Choice, Effort, Step, StepStatus, Task


class Calculate:
    """The method for prompts that are a calculation from the first word to the last, with a table or without."""

    async def answer(self, task: Task, context: Context) -> Answer:
        """Compute the answer, as a journaled step, so that the trace shows what was done.

        Raises:
            MalformedOutput: the prompt is no calculation; the router plans this method only where it is one.
        """
        text = await self._computed(task, context)
        if context.on_text:
            await context.on_text(text)
        return Answer(choices=(Choice(text=text),), model="pointsman/calculate", effort=Effort.NONE)

    async def _computed(self, task: Task, context: Context) -> str:
        started = context.step("tool", "execute_tool calculator", key="calculator", input=task.prompt)
        step = await context.journal.open(started, reserve=Reservation())
        if step.status == "ok" and step.output is not None:
            return step.output
        calculation = calculate(task.prompt, today=context.clock().date(), tables=task.attachments)
        if calculation is None:
            await context.journal.close(_ended(step, context, "error", error="the prompt is no calculation"))
            raise MalformedOutput(f"not wholly a calculation, so it cannot be computed: {task.prompt[:100]!r}")
        attributes = {"kind": calculation.kind, "exact": calculation.exact, "steps": calculation.steps}
        await context.journal.close(_ended(step, context, "ok", output=calculation.text, attributes=attributes))
        return calculation.text


def _ended(step: Step, context: Context, status: StepStatus, **fields: object) -> Step:
    return step.model_copy(update={"status": status, "ended_at": context.clock(), **fields})

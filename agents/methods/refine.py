"""Answers, criticises the answer, writes it anew, and keeps the better of the two.

Self-Refine (Madaan et al. 2023, arXiv 2303.17651), with a guard: without something outside of the model, rewriting
turns right answers into wrong ones (Huang et al. 2024, arXiv 2310.01798). So the checks that were carried out decide
which of the two stays, an opinion only where they do not tell them apart, and the old answer where nothing does.
"""

from dataclasses import dataclass, replace
from functools import partial

from agents.asking import answer_from, request_for
from agents.checks.suited import suited
from agents.context import Context, call_model
from agents.methods.critique import Critique, criticised, listed, rewriting
from agents.methods.direct import Direct
from agents.methods.grading import Grade, carried_out, graded
from agents.methods.method import Method
from agents.methods.rounds import worked_over
from agents.methods.rubrics import points_of
from agents.records import Answer, Effort, Task


@dataclass(frozen=True)
class Refine:
    """One draft, and at most `rounds` of critique and rewriting."""

    model: str
    effort: Effort
    rounds: int = 2
    judge: str | None = None
    """Catalog id of the model that criticises; None: the one that writes."""
    task_type: str = ""
    """Chooses the rubric where the task brings none."""
    first: Method | None = None
    """How the draft is made; None: by asking the model once."""

    async def answer(self, task: Task, context: Context) -> Answer:
        first = self.first or Direct(self.model, self.effort)
        return await worked_over(task, context, first=first, begun=partial(_Work, self, task))


class _Work:
    """One answer on its way through the rounds."""

    def __init__(self, options: Refine, task: Task, draft: Answer, context: Context) -> None:
        self.best = draft
        """The draft, or the last rewrite that was better than what it was made from."""
        self._options = options
        self._task = task
        self._context = context
        self._checks = carried_out((*task.checks, *suited(task)))
        self._asked = len(carried_out(task.checks))

    async def revise(self) -> None:
        grade = await self._graded(self.best, 0)
        critique = await self._criticised(self.best, 0)
        for round_ in range(1, self._options.rounds + 1):
            faults = [*grade.faults, *([listed(critique.faults)] if critique.faults else [])]
            if not faults:
                return
            new = await self._rewritten("\n".join(faults), round_)
            if new.text == self.best.text or new.choices[0].tool_calls:
                return
            new_grade = await self._graded(new, round_)
            before, after = self._rank(grade), self._rank(new_grade)
            if after < before or (grade.whole and not new_grade.whole):
                return
            last = round_ == self._options.rounds
            new_critique = critique
            if after == before or not last:
                new_critique = await self._criticised(new, round_)
            if after == before and not _better(new_critique, critique):
                return
            self.best, grade, critique = new, new_grade, new_critique

    def _rank(self, grade: Grade) -> tuple[float, float]:
        """What was asked for goes before what only suits the task."""
        return replace(grade, verdicts=grade.verdicts[: self._asked]).score, grade.score

    async def _graded(self, answer: Answer, round_: int) -> Grade:
        key = f"round.{round_}"
        return await graded(answer, self._task, self._checks, self._context, key=key, round_=round_)

    async def _criticised(self, answer: Answer, round_: int) -> Critique:
        options = self._options
        return await criticised(
            answer,
            self._task,
            points=points_of(self._task, options.task_type),
            judge=options.judge or options.model,
            role="critic",
            effort=options.effort,
            context=self._context,
            key=f"round.{round_}.critique",
            round_=round_,
        )

    async def _rewritten(self, faults: str, round_: int) -> Answer:
        request = rewriting(request_for(self._task, self._options.effort), self.best.text, faults)
        key = f"round.{round_}.rewrite"
        return answer_from(await call_model(self._context, self._options.model, request, key=key))


def _better(new: Critique, old: Critique) -> bool:
    """Whether the one critique is better than the other: what could not be read is not better than anything."""
    return new.score is not None and old.score is not None and new.score > old.score

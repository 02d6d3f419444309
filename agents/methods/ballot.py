"""What methods that draw several answers share: whom they can serve, how they ask, and the step of the vote."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence

from agents.asking import request_for
from agents.checks.equivalence import equal
from agents.context import Context, Reservation, to_its_end
from agents.errors import InvalidTask, PointsmanError
from agents.methods.sampling import Drawn, Sample
from agents.model import ModelRequest
from agents.records import Answer, Effort, Json, MethodName, Step, StepStatus, Task, Usage
from agents.sandbox import Sandbox
from agents.voting.reading import Reader

TEMPERATURE = 0.7
"""For samples, where the asker has set none: self-consistency's paper draws at 0.5 to 0.7."""
_SHOWN_CHARACTERS = 200
"""Of each candidate, in the step of the vote."""

Vote = Callable[[], Awaitable[tuple[Answer, Json]]]
"""Draws, decides, and gives the answer with the attributes of the step."""


def samples_worth(task: Task, samples: int) -> int:
    """How many samples to draw: one where the asker's temperature is 0, as all would be the same."""
    return 1 if task.sampling.temperature == 0 else samples


def sampling_request(
    task: Task, effort: Effort, method: MethodName, *, temperature: float, top_logprobs: int | None = None
) -> ModelRequest:
    """The request of each sample: the asker's own temperature goes before ours.

    Raises:
        InvalidTask: what is asked for cannot be put to a vote.
    """
    _require_one_text(task, method)
    request = request_for(task, effort)
    asked = request.sampling
    given = {"temperature": temperature if asked.temperature is None else asked.temperature}
    wanted = {"logprobs": True, "top_logprobs": asked.top_logprobs or top_logprobs} if top_logprobs else {}
    return request.model_copy(update={"sampling": asked.model_copy(update={**given, **wanted})})


def reader_of(task: Task, sandbox: Sandbox) -> Reader:
    """Reads the samples; what is mathematics is compared by what it means."""
    return Reader(task, sandbox=sandbox, equal=lambda pairs: equal(pairs, sandbox))


def only_wanted(answer: Answer, task: Task) -> Answer:
    """The answer without log-probabilities that only the vote was interested in."""
    if task.sampling.logprobs:
        return answer
    bare = tuple(choice.model_copy(update={"logprobs": None}) for choice in answer.choices)
    return answer.model_copy(update={"choices": bare})


def candidate(text: str, samples: Sequence[Sample], *, votes: int, weight: float) -> Json:
    """One answer that was given, and by which samples, as the step of the vote shows it."""
    shown = text[:_SHOWN_CHARACTERS]
    return {"answer": shown, "votes": votes, "weight": weight, "samples": [sample.key for sample in samples]}


def attributes(candidates: Sequence[Json], drawn: Drawn, most: int, stopped: str) -> Json:
    """What the step of the vote shows: the best candidate first, and why no more were drawn."""
    return {
        "candidates": list(candidates),
        "drawn": len(drawn.samples),
        "failed": drawn.failed,
        "asked": most,
        "stopped": stopped,
    }


async def voted(
    task: Task, context: Context, request: ModelRequest, vote: Vote, *, name: MethodName, options: str
) -> Answer:
    """Hold the vote, and give its answer as it was asked for, to who reads along too."""
    answer = only_wanted(await _recorded(context, request, vote, name=name, options=options), task)
    if context.on_text:
        await context.on_text(answer.text)
    return answer


async def _recorded(context: Context, request: ModelRequest, vote: Vote, *, name: MethodName, options: str) -> Answer:
    """Hold the vote as one journaled step that spans the drawing; one that is on record stands, and nobody is asked."""
    asked = hashlib.sha256(request.model_dump_json().encode()).hexdigest()[:16]
    step = await context.journal.open(
        context.step("vote", f"vote {name}", key="vote", input=f"{options} request={asked}"), reserve=Reservation()
    )
    if step.status == "ok" and step.output is not None:
        return Answer.model_validate_json(step.output)
    try:
        answer, attributes = await vote()
    except PointsmanError as error:
        await context.journal.close(_ended(step, context, "error", error=str(error)))
        raise
    except asyncio.CancelledError:
        await _close_lost(step, context)
        raise
    ended = _ended(step, context, "ok", output=answer.model_dump_json(), model=answer.model, attributes=attributes)
    await to_its_end(context.journal.close(ended))
    return answer


def _require_one_text(task: Task, method: MethodName) -> None:
    """Refuse what cannot be put to a vote. Raises `InvalidTask`."""
    if task.tools:
        raise InvalidTask(
            f"the method {method!r} cannot vote on calls of tools; ask for 'direct', or leave tools out", param="tools"
        )
    if task.sampling.n > 1:
        raise InvalidTask(
            f"n is {task.sampling.n}, and the method {method!r} gives one answer; set n to 1 and samples to the number "
            "of answers to draw, or ask for 'direct'",
            param="n",
        )


async def _close_lost(step: Step, context: Context) -> None:
    try:
        await to_its_end(context.journal.close(_ended(step, context, "lost", error="cancelled")))
    except PointsmanError:
        return  # who cannot write leaves the step to whoever goes on with the run


def _ended(step: Step, context: Context, status: StepStatus, **fields: object) -> Step:
    ended = {"status": status, "ended_at": context.clock(), "usage": Usage()}
    return step.model_copy(update={**ended, **fields})

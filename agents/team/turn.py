"""One turn of an agent: it reads what was said to it, answers by its method, and its answer is looked at."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from agents.checks import check
from agents.checks.json_schema import bare, json_in
from agents.context import Context, Reservation
from agents.errors import MalformedOutput, PointsmanError
from agents.methods.loop import Loop
from agents.methods.method import Method
from agents.methods.ways import Way, method_of
from agents.records import Answer, ChatMessage, CheckSpec, Effort, JsonSchemaCheck, Message, Sampling, Task, Verdict
from agents.team.process import Turn, up_to
from agents.team.prompt import SAID_SCHEMA, Said, current_task, model_messages
from agents.team.spec import AgentSpec, TeamSpec

MAX_TOOL_ROUNDS = 8

Choose = Callable[[Task], Way]
"""Gives the way to answer a turn, for what its team leaves open."""


async def take_turn(
    spec: TeamSpec, task: Task, message: Message, history: Sequence[Message], context: Context, *, choose: Choose
) -> Turn:
    """Let the agent that the message is for answer it, as one journaled step of the kind `turn`.

    A turn that was finished before is given back from the journal, and a finished call inside of an unfinished one
    is not paid again.

    Raises:
        MalformedOutput: the agent's answer was unusable, and was so again when it was told why.
    """
    number = len(up_to(history, message.id))
    agent = message.recipient
    started = context.step(
        "turn", f"invoke_agent {agent}", key=f"turn.{agent}.{number}", agent=agent, input=message.model_dump_json()
    )
    step = await context.journal.open(started, reserve=Reservation())
    if step.status == "ok" and step.output is not None:
        return Turn.model_validate_json(step.output)
    try:
        turn = await _speak(spec, task, message, history, context.below(step, agent=agent).silent(), choose)
    except PointsmanError as error:
        ended = {"status": "error", "error": str(error), "ended_at": context.clock()}
        await context.journal.close(step.model_copy(update=ended))
        raise
    ended = {"status": "ok", "output": turn.model_dump_json(), "ended_at": context.clock()}
    await context.journal.close(step.model_copy(update=ended))
    return turn


async def _speak(
    spec: TeamSpec, task: Task, message: Message, history: Sequence[Message], context: Context, choose: Choose
) -> Turn:
    agent = message.recipient
    look = _said_problem if agent == spec.decider else _work_problem
    asked = _asked(spec, task, message, history)
    method = _method(spec, spec.agents[agent], asked, choose)
    answer = await method.answer(asked, context)
    problem = await look(asked, answer, context)
    if problem:
        again = replace(context, key=f"{context.key}.again")
        answer = await method.answer(_asked_again(asked, answer, problem), again)
        problem = await look(asked, answer, again)
        if problem:
            raise MalformedOutput(f"agent {agent!r} of team {spec.name!r} gave an unusable answer twice: {problem}")
    said = _said(answer) if agent == spec.decider else Said(message=_text(asked, answer), done=False)
    return Turn(
        agent=agent,
        message_id=message.id,
        text=said.message.strip(),
        done=said.done,
        truncated=answer.truncated or answer.choices[0].finish_reason == "length",
    )


def _asked(spec: TeamSpec, task: Task, message: Message, history: Sequence[Message]) -> Task:
    """The turn as a task of its own, which a method can answer and a router can judge."""
    agent = spec.agents[message.recipient]
    temperature = agent.temperature if agent.temperature is not None else spec.defaults.temperature
    work = current_task(spec, message, history)
    form = JsonSchemaCheck(schema=agent.output_schema) if agent.output_schema is not None else None
    return Task(
        messages=model_messages(spec, task, message, history),
        model=agent.model or spec.defaults.model,
        effort=agent.effort or spec.defaults.effort,
        method="direct" if agent.tools else spec.scaling.named,
        samples=None if agent.tools else spec.scaling.samples,
        checks=(*((form,) if form else ()), *(work.checks if work else ())),
        sampling=Sampling(temperature=temperature, max_output_tokens=task.sampling.max_output_tokens),
        response_schema=SAID_SCHEMA if message.recipient == spec.decider else agent.output_schema,
        conversation=task.conversation,
        metadata=task.metadata,
    )


def _asked_again(asked: Task, answer: Answer, problem: str) -> Task:
    said = ChatMessage(role="assistant", content=answer.text or "(nothing)")
    told = ChatMessage(role="user", content=f"This cannot be used: {problem}\nAnswer again, without that fault.")
    return asked.model_copy(update={"messages": (*asked.messages, said, told)})


def _method(spec: TeamSpec, agent: AgentSpec, asked: Task, choose: Choose) -> Method:
    way = _way(spec, asked, choose)
    if agent.tools:
        return Loop(way.model, way.effort, agent.tools, MAX_TOOL_ROUNDS)
    return method_of(replace(way, early_stop=spec.scaling.early_stop))


def _way(spec: TeamSpec, asked: Task, choose: Choose) -> Way:
    """What the file says; the rest is chosen."""
    model, effort, method = asked.model, asked.effort, asked.method
    if model != "auto" and effort is not Effort.AUTO and method == "direct":
        return Way(model=model, effort=effort)
    chosen = choose(asked)
    return replace(
        chosen,
        model=chosen.model if model == "auto" else model,
        effort=chosen.effort if effort is Effort.AUTO else effort,
        method=method or chosen.method,
        samples=chosen.samples if asked.samples is None else asked.samples,
    )


async def _work_problem(asked: Task, answer: Answer, context: Context) -> str | None:
    """Say what makes a piece of work unusable, if something does. A check that is unsure has not passed it."""
    if not answer.text.strip():
        return "it is empty"
    for number, spec in enumerate(asked.checks):
        verdict = await _checked(spec, answer, asked, context, key=f"check.{number}")
        if verdict.outcome != "pass":
            return f"{verdict.check}: {verdict.evidence}"
    return None


async def _said_problem(asked: Task, answer: Answer, context: Context) -> str | None:
    """Say what keeps the reply from telling whether the exchange is done, if something does."""
    try:
        said = _said(answer)
    except ValueError as error:
        return f"it is not the JSON that was asked for: {error}"
    return None if said.done or said.message.strip() else "its message is empty"


def _said(answer: Answer) -> Said:
    return Said.model_validate(json_in(answer.text), strict=True)


def _text(asked: Task, answer: Answer) -> str:
    return bare(answer.text) if asked.response_schema is not None else answer.text


async def _checked(spec: CheckSpec, answer: Answer, asked: Task, context: Context, *, key: str) -> Verdict:
    started = context.step("check", f"check {spec.type}", key=key, input=answer.text)
    step = await context.journal.open(started, reserve=Reservation())
    if step.status == "ok" and step.output is not None:
        return Verdict.model_validate_json(step.output)
    verdict = await check(spec, answer, asked, context.below(step))
    found = {"verdict": verdict.outcome, "score": verdict.score, "evidence": verdict.evidence, "by": verdict.by}
    ended = {"status": "ok", "attributes": found, "output": verdict.model_dump_json(), "ended_at": context.clock()}
    await context.journal.close(step.model_copy(update=ended))
    return verdict

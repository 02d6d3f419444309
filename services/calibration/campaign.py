"""Ask every rung every chosen prompt, through the gateway, and keep what came of each answer."""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from queue import SimpleQueue
from typing import NamedTuple

from agents.errors import InvalidTask, PointsmanError, Unavailable
from agents.records import Effort, Json, Outcome
from services.calibration.prompts import Prompt
from services.calibration.results import Result

Send = Callable[[Json], Json]
"""Sends a request's body to one path of the gateway and gives the reply.

Raises:
    Unavailable: it is worth asking again.
    Gone: nothing more is.
    PointsmanError: this request is refused.
"""
TRIES = 5
"""How often a rung that is busy is asked, each time after twice the pause."""
_WORST_FIRST: tuple[Outcome, ...] = ("fail", "unsure", "pass")


class Gone(PointsmanError):
    """The gateway is not there: start it again, and go on where this stopped."""


class Rung(NamedTuple):
    """A model at one effort."""

    model: str
    effort: Effort


class Job(NamedTuple):
    """One prompt for one rung."""

    prompt: Prompt
    rung: Rung


class Price(NamedTuple):
    """What jobs are expected to take."""

    usd: Decimal
    seconds: float
    """One after the other."""
    tokens: int


class Failed(NamedTuple):
    """A job that brought nothing to grade."""

    job: Job
    reason: str


def rungs_of(
    cards: Sequence[Json], *, models: Sequence[str] = (), efforts: Sequence[Effort] = ()
) -> tuple[list[Rung], list[str]]:
    """The rungs of the catalog, as `GET /api/models` lists it, and the models left out as they do not answer now.

    Args:
        cards: The models.
        models: Only these; none is all.
        efforts: Only these, on the models that have them; none is all.

    Raises:
        InvalidTask: one that was named is not there, or does not answer.
    """
    known = {card["id"]: card for card in cards}
    for name in models:
        if name not in known:
            raise InvalidTask(f"no model '{name}'; there are: {', '.join(known) or 'none'}")
        if not known[name]["healthy"]:
            raise InvalidTask(f"model '{name}' does not answer now: see `pointsman models list`")
    chosen = [card for name, card in known.items() if name in models or not models]
    found = [
        Rung(card["id"], Effort(effort))
        for card in chosen
        if card["healthy"]
        for effort in card["efforts"]
        if effort in efforts or not efforts
    ]
    if not found:
        has = "; ".join(f"{card['id']}: {' '.join(card['efforts'])}" for card in chosen if card["healthy"])
        raise InvalidTask(f"no model that answers has these efforts; there are: {has or 'no models that answer'}")
    return found, [name for name, card in known.items() if not card["healthy"]]


def missing(prompts: Iterable[Prompt], rungs: Sequence[Rung], done: Iterable[Result]) -> list[Job]:
    """What is still to be done, prompt by prompt: whatever is finished then compares all rungs."""
    known = {(one.key, *one.rung) for one in done}
    return [Job(prompt, rung) for prompt in prompts for rung in rungs if (prompt.key, *rung) not in known]


def price(jobs: Iterable[Job], route: Send) -> Price:
    """Ask the gateway what jobs are expected to take, without running them."""
    usd, seconds, tokens = Decimal(0), 0.0, 0
    for job in jobs:
        (rung,) = route(request(job, schema=False))["rungs"]
        usd += Decimal(rung["cost_usd"])
        seconds += rung["seconds"]
        tokens += rung["input_tokens"] + rung["output_tokens"]
    return Price(usd, seconds, tokens)


def request(job: Job, *, schema: bool = True) -> Json:
    """The body that asks a job's prompt of its rung."""
    prompt = job.prompt
    body: Json = {
        "model": job.rung.model,
        "messages": list(prompt.messages),
        "pointsman": {"method": "direct", "effort": job.rung.effort.value, "checks": list(prompt.checks)},
    }
    if schema and prompt.response_schema is not None:
        wanted = {"name": "answer", "schema": prompt.response_schema}
        body["response_format"] = {"type": "json_schema", "json_schema": wanted}
    return body


def carry_out(
    jobs: Sequence[Job], ask: Send, *, parallel: int, pause: Callable[[float], None] = time.sleep
) -> Iterator[Result | Failed]:
    """Do the jobs, so many at once, and give what came of each as it comes.

    Who stops reading leaves the requests under way behind: their threads do not keep the process alive, and the
    gateway ends what nobody waits for.

    Raises:
        Gone: the gateway is not there any more.
    """
    ended: SimpleQueue[Result | Failed | Gone | None] = SimpleQueue()
    left, turn = iter(jobs), threading.Lock()

    def work() -> None:
        try:
            while True:
                with turn:
                    job = next(left, None)
                if job is None:
                    return
                ended.put(_answered(job, ask, pause))
        except Gone as gone:
            ended.put(gone)
        finally:
            ended.put(None)

    working = min(parallel, len(jobs))
    for _ in range(working):
        threading.Thread(target=work, daemon=True).start()
    done = 0
    while working:
        match ended.get():
            case None:
                working -= 1
            case Gone() as gone:
                raise gone
            case came:
                done += 1
                yield came
    assert done == len(jobs), "a thread has died of a defect, and said so on stderr"


def _answered(job: Job, ask: Send, pause: Callable[[float], None]) -> Result | Failed:
    for attempt in itertools.count(1):
        try:
            return _result(job, ask(request(job)))
        except Unavailable as error:
            if attempt == TRIES:
                return Failed(job, str(error))
            pause(error.retry_after_seconds * 2 ** (attempt - 1))
        except Gone:
            raise
        except PointsmanError as error:
            return Failed(job, str(error))
    raise AssertionError("the loop above returns")


def _result(job: Job, reply: Json) -> Result | Failed:
    said: Json = reply["pointsman"]
    verdicts = [verdict["outcome"] for attempt in said["attempts"] for verdict in attempt["verdicts"]]
    if not verdicts:
        return Failed(job, f"no check saw its answer: the run ended {said['status']}")
    return Result(
        key=job.prompt.key,
        id=job.prompt.id,
        prompt=job.prompt.prompt,
        task_type=job.prompt.task_type,
        model=job.rung.model,
        effort=job.rung.effort,
        outcome=next(outcome for outcome in _WORST_FIRST if outcome in verdicts),
        input_tokens=said["usage"]["input_tokens"],
        output_tokens=said["usage"]["output_tokens"],
        seconds=said["seconds"],
        usd=Decimal(said["cost_usd"]),
        run_id=said["run_id"],
        at=datetime.now(UTC),
    )

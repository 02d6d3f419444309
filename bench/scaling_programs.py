"""Replays recorded programs for HumanEval: one of them, against the best of several by what can be carried out.

The best is chosen by the examples in the docstring and by tests that the same model wrote. The held tests grade what
was given, and choose nothing: they are handed to the grading alone.
"""

from collections.abc import Sequence
from pathlib import Path

from agents.checks.code import check
from agents.context import Context
from agents.methods.best_of_n import BestOfN
from agents.methods.direct import Direct
from agents.methods.method import Method
from agents.records import Answer, CodeCheck, Effort, Sampling
from agents.sandbox import Sandbox
from bench.record_samples import TEMPERATURE
from bench.recorded_rows import Row as Sample
from bench.recorded_rows import rows
from bench.scaling_replay import a_context, by_problem, has, orders, replay
from bench.scaling_rows import Row
from bench.scaling_votes import MODEL, Outcome, gained, mean

SAMPLES = 5
SECONDS = 15.0
SHUFFLES = 2


class Held:
    """Grades programs by the held tests, each once."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._context: Context = a_context({}, sandbox)
        self._found: dict[tuple[str, str], bool] = {}

    async def passes(self, answer: Answer, problem: Sample) -> bool:
        key = problem.problem, answer.text
        if key not in self._found:
            spec = CodeCheck(tests=problem.reference, seconds=SECONDS)
            self._found[key] = (await check(spec, answer, problem.asked, self._context)).outcome == "pass"
        return self._found[key]


async def program_rows(data: Path, sandbox: Sandbox) -> list[Row]:
    """The lines of choosing between programs."""
    problems = [
        found
        for found in by_problem(rows("humaneval", data)).values()
        if has(found, MODEL, SAMPLES) and has(found, MODEL, 0, kind="tests")
    ]
    if not problems:
        return [Row(what="`best_of_n` on HumanEval", line=">= +8 points", measured="nothing is recorded yet", n="0")]
    held = Held(sandbox)
    best = [await _outcome(BestOfN(MODEL, Effort.NONE, samples=SAMPLES), one, held, sandbox) for one in problems]
    direct = Direct(MODEL, Effort.NONE)
    drawn = [await _outcome(direct, one, held, sandbox, temperature=TEMPERATURE) for one in problems]
    greedy = [await _outcome(direct, one, held, sandbox) for one in problems]
    choosing = f"`best_of_n` n = {SAMPLES} on HumanEval, by examples and model-written tests, over `direct`"
    seeds = f"{SAMPLES} at T = {TEMPERATURE}, seeds 1001 to {1000 + SAMPLES}; tests T = 0"
    return [
        gained(f"{choosing}, one sample", ">= +8 points", best, drawn, seeds=seeds),
        gained(f"{choosing}, greedy", "", best, greedy, seeds=seeds),
    ]


async def _outcome(
    method: Method, samples_of: Sequence[Sample], held: Held, sandbox: Sandbox, *, temperature: float | None = None
) -> Outcome:
    task = samples_of[0].asked.model_copy(update={"sampling": Sampling(temperature=temperature)})
    found: list[Outcome] = []
    for order in orders(samples_of[0].problem, SAMPLES, shuffles=SHUFFLES):
        done = await replay(method, task, samples_of, order=order, sandbox=sandbox)
        found.append(Outcome(await held.passes(done.answer, samples_of[0]), done.calls, done.tokens, done.cost))
    return mean(found)

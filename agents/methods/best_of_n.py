"""Draws several answers and gives the best of them: by what can be carried out first, by opinion last.

The order: the task's executable checks; for programs the examples in the prompt, then tests that a model wrote, where
programs and tests vouch for each other (CodeT, Chen et al. 2022, arXiv 2207.10397); then a judge that compares two at a
time in both orders; then how many samples agree. The first answer that passes every executable check that was asked
for ends the drawing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.context import Context
from agents.errors import BudgetExceeded, MalformedOutput, Unavailable
from agents.judging import judge_besides
from agents.methods.ballot import TEMPERATURE, attributes, candidate, reader_of, samples_worth, sampling_request, voted
from agents.methods.grading import Grade, carried_out, graded
from agents.methods.judging import points_of, prefer
from agents.methods.sampling import Drawn, Sample, draw
from agents.methods.written_tests import written_tests
from agents.records import Answer, CodeCheck, Effort, Json, Task
from agents.voting.behaviour import dual_agreement, outcomes
from agents.voting.medoid import medoid
from agents.voting.tally import share

MOST_JUDGED = 4
"""Different answers that a judge is asked about: each further one costs two calls."""


@dataclass(frozen=True)
class BestOfN:
    """`samples` answers at most; two more calls where a judge compares a pair, one more where tests are written."""

    model: str
    effort: Effort
    samples: int = 4
    judge: str | None = None
    """Who compares what no check can tell apart; None: the best judge besides the model, where there is one."""
    temperature: float = TEMPERATURE
    parallel: int = 4
    """Samples in the making at once, at most."""
    shared_prefix: bool = False
    """The server reads the prompt once for all choices of a request: they are asked for together."""

    async def answer(self, task: Task, context: Context) -> Answer:
        most = samples_worth(task, self.samples)
        request = sampling_request(task, self.effort, "best_of_n", temperature=self.temperature)
        ranking = _Ranking(task, self.model, self.judge, context.silent())

        async def needed(samples: Sequence[Sample]) -> int:
            await ranking.try_out(samples)
            return 0 if ranking.passes_all(samples) else most - len(samples)

        async def vote() -> tuple[Answer, Json]:
            drawn = await draw(
                ranking.context, self.model, request, needed,
                most=most, parallel=self.parallel, batched=self.shared_prefix,
            )  # fmt: skip
            return await ranking.best(drawn, most)

        options = f"{self.model} {self.effort} samples={most} judge={self.judge}"
        return await voted(task, context, request, vote, name="best_of_n", options=options)


class _Ranking:
    """Ranks the samples of one task, from the surest knowledge to the weakest."""

    def __init__(self, task: Task, model: str, judge: str | None, context: Context) -> None:
        self.context = context
        self._task = task
        self._model = model
        self._judge = judge or judge_besides(model, context.judges)
        self._checks = carried_out(task.checks)
        self._reader = reader_of(task, context.sandbox)
        self._grades: dict[int, Grade] = {}
        self._samples: dict[int, Sample] = {}
        self._forms: dict[int, str] = {}
        """Samples of the same form are one answer, as far as is known by now."""
        self._limit: BudgetExceeded | None = None

    async def try_out(self, samples: Sequence[Sample]) -> None:
        """Carry the task's checks out on what is new."""
        for sample in samples:
            if sample.number not in self._grades:
                self._grades[sample.number] = await graded(
                    sample.answer(),
                    self._task,
                    self._checks,
                    self.context,
                    key=f"sample.{sample.number}",
                    round_=sample.number,
                )

    def passes_all(self, samples: Sequence[Sample]) -> bool:
        """Whether one of them passes everything that was asked for and can be carried out."""
        return any(self._grades[sample.number].passed for sample in samples)

    async def best(self, drawn: Drawn, most: int) -> tuple[Answer, Json]:
        """Choose, and say by what."""
        self._samples = {sample.number: sample for sample in drawn.samples}
        choices = {number: sample.choice for number, sample in self._samples.items()}
        ballots = await self._reader.ballots(choices, weighed=False)
        self._forms = {ballot.sample: ballot.form or f"sample {ballot.sample}" for ballot in ballots}
        left, chosen_by = await self._narrowed()
        found = any(ballot.form is not None for ballot in ballots)
        answer = self._samples[left[0]].answer(
            confidence=share(self._votes(left[0]), len(ballots)) if found and most > 1 else None,
            truncated=not self.passes_all(drawn.samples) and bool(drawn.limit or self._limit),
        )
        return answer, self._attributes(left[0], drawn, most, chosen_by)

    async def _narrowed(self) -> tuple[list[int], str]:
        """The best samples, and the last stage that told any apart."""
        left, chosen_by = sorted(self._samples), "order"
        stages = {
            "checks": self._by_checks,
            "examples": self._by_examples,
            "tests": self._by_written_tests,
            "judge": self._by_judge,
            "agreement": self._by_agreement,
        }
        for name, stage in stages.items():
            if len({self._forms[number] for number in left}) == 1 and name != "checks":
                break
            scores = await stage(left)
            top = max(scores.values())
            kept = [number for number in left if scores[number] == top]
            if len(kept) < len(left):
                left, chosen_by = kept, name
        return left, chosen_by

    async def _by_checks(self, left: Sequence[int]) -> Mapping[int, float]:
        return {number: self._grades[number].score for number in left}

    async def _by_examples(self, left: Sequence[int]) -> Mapping[int, float]:
        """By how many of the prompt's examples, or of the tests that were given, hold; no program is worst."""
        did = self._reader.behaviour
        return {number: sum(did[number].passed) if number in did else -1 for number in left}

    async def _by_written_tests(self, left: Sequence[int]) -> Mapping[int, float]:
        if self._reader.kind != "code" or any(isinstance(one, CodeCheck) and one.tests for one in self._checks):
            return _alike(left)
        author = self._judge or self._model
        try:
            tests = await written_tests(self._task, author, self.context, known=self._reader.probes)
            done = (
                [await outcomes(self._reader.shown(one), tests, self.context.sandbox) for one in left] if tests else []
            )
        except BudgetExceeded as error:
            self._limit = error
            return _alike(left)
        except Unavailable:
            return _alike(left)
        for number, did in zip(left, done, strict=False):
            before = self._reader.behaviour.get(number)
            self._forms[number] = f"{before.form if before else ''} {did.form}"
        return dict(zip(left, dual_agreement(done), strict=True)) if done else _alike(left)

    async def _by_judge(self, left: Sequence[int]) -> Mapping[int, float]:
        """Let each different answer, the most frequent first, stand against the best so far."""
        if self._judge is None:
            return _alike(left)
        first = {self._forms[number]: number for number in sorted(left, reverse=True)}
        best, *others = sorted(first.values(), key=lambda one: (-self._votes(one), one))[:MOST_JUDGED]
        told_apart = False
        for turn, other in enumerate(others):
            preferred = await self._preferred(best, other, key=f"judge.{turn}")
            told_apart = told_apart or preferred not in (None, 0.5)
            best = other if preferred is not None and preferred < 0.5 else best
        return {one: float(self._forms[one] == self._forms[best]) for one in left} if told_apart else _alike(left)

    async def _preferred(self, one: int, other: int, *, key: str) -> float | None:
        assert self._judge is not None
        texts = self._samples[one].choice.text, self._samples[other].choice.text
        try:
            return await prefer(
                self._task, *texts, points=points_of(self._task), judge=self._judge, context=self.context, key=key
            )
        except BudgetExceeded as error:
            self._limit = error
        except (MalformedOutput, Unavailable):
            return None  # a judge that cannot be asked has no opinion
        return None

    async def _by_agreement(self, left: Sequence[int]) -> Mapping[int, float]:
        """By the samples that came to the same; where none did, the one that is most like the others."""
        votes = {number: float(self._votes(number)) for number in left}
        if max(votes.values()) > 1:
            return votes
        central = left[medoid([self._samples[number].choice.text for number in left])]
        return {number: float(number == central) for number in left}

    def _votes(self, number: int) -> int:
        return sum(form == self._forms[number] for form in self._forms.values())

    def _attributes(self, best: int, drawn: Drawn, most: int, chosen_by: str) -> Json:
        after = f"after {len(drawn.samples)} of {most}"
        if self.passes_all(drawn.samples):
            stopped = f"checks: one passes all {len(self._checks)}, {after}"
        elif drawn.limit is not None:
            stopped = f"budget: {drawn.limit.limit} is reached, {after}"
        else:
            stopped = f"all: {after}"
        groups: dict[str, list[int]] = {self._forms[best]: []}
        for number in sorted(self._samples):
            groups.setdefault(self._forms[number], []).append(number)
        candidates = [self._shown(best if best in group else group[0], group) for group in groups.values()]
        return attributes(candidates, drawn, most, f"{stopped}; chosen by {chosen_by}")

    def _shown(self, number: int, group: Sequence[int]) -> Json:
        did = self._reader.behaviour.get(number)
        tried = {"examples": f"{sum(did.passed)} of {len(did.passed)} hold"} if did else {}
        text = self._reader.shown(number) or self._samples[number].choice.text
        voters = [self._samples[one] for one in group]
        return candidate(text, voters, votes=len(group), weight=float(len(group))) | tried


def _alike(left: Sequence[int]) -> Mapping[int, float]:
    return dict.fromkeys(left, 0.0)

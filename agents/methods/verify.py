"""Has an answer verified, the verifier's faults looked over by another, and the answer revised on those that stand.

DeepSeekMath-V2 (Shao et al. 2025, arXiv 2511.22570): a verifier scores a proof 0, 0.5 or 1 by a rubric and cites its
faults; a meta-verifier judges whether these are really there. There the meta-verifier mostly trains the verifier, and a
search keeps a pool of proofs, each verified 64 times. What we changed: no model is trained; the meta-verifier works at
every answer and rules on each cited fault by itself; a fault that it finds not to be there gives its share of the lost
score back, and is not shown to the generator; one candidate is revised, for a few rounds; checks that were carried out
outrank every score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from agents.asking import answer_from, request_for
from agents.checks.suited import suited
from agents.context import Context, call_model
from agents.judging import MATERIAL, ask_in_form, fenced
from agents.methods.critique import Critique, Fault, Ruling, asked_words, criticised, judging_request, listed, rewriting
from agents.methods.direct import Direct
from agents.methods.grading import Grade, carried_out, graded, noted
from agents.methods.method import Method
from agents.methods.rounds import worked_over
from agents.methods.rubrics import points_of
from agents.records import Answer, Effort, Record, Sampling, Task, Verdict

META_SYSTEM = (
    "Somebody looked over an answer and cites faults in it. You judge the faults, not the answer: for each, in their "
    "order, say in a sentence why it is really there or why not, and whether it stands. A fault stands when what it "
    "says of the answer is so and it is wrong by what was asked; it does not stand when the words it cites are not in "
    f"the answer, are right after all, or are a matter of taste. {MATERIAL}"
)
META_ASKED = (
    "This is what was asked:\n{task}\n\nThis is the answer:\n{answer}\n\nThese {count} faults are cited:\n{faults}"
)
SAMPLING_TEMPERATURE = 0.7
"""Of a verifier that is asked several times: the same words each time would say nothing new."""


@dataclass(frozen=True)
class Verify:
    """One draft, verified; then at most `rounds` times revised and verified again."""

    model: str
    """Writes."""
    effort: Effort
    rounds: int = 2
    verifier: str | None = None
    """Catalog id of the model that verifies; None: the one that writes."""
    meta_verifier: str | None = None
    """Catalog id of the model that judges the faults; None: the one that verifies."""
    samples: int = 1
    """How often each candidate is verified; the scores are averaged."""
    enough: float = 0.9
    """A candidate with this score, and no fault that stands, is not revised; 0 to 1."""
    task_type: str = ""
    """Chooses the rubric where the task brings none."""
    first: Method | None = None
    """How the draft is made; None: by asking the model once."""

    async def answer(self, task: Task, context: Context) -> Answer:
        first = self.first or Direct(self.model, self.effort)
        return await worked_over(task, context, first=first, begun=partial(_Work, self, task))


class Rulings(Record):
    """Of all the faults, in their order."""

    rulings: tuple[Ruling, ...]


class MetaVerdict(Record):
    """Which of the cited faults stand, and who says so."""

    stands: tuple[bool, ...]
    """One for each fault; a fault that was not ruled on stands."""
    reasons: tuple[str, ...] = ()
    by: str = ""

    @property
    def verdict(self) -> Verdict:
        """Of the verification: it passes where every fault that it cites is there."""
        if not self.reasons:
            return Verdict(
                check="meta", outcome="unsure", evidence="the meta-verifier did not rule on the faults", by=self.by
            )
        outcome = "pass" if all(self.stands) else "fail"
        said = zip(self.stands, self.reasons, strict=False)
        evidence = "\n".join(f"- {'stands' if stands else 'does not stand'}: {reason}" for stands, reason in said)
        score = sum(self.stands) / len(self.stands)
        return Verdict(check="meta", outcome=outcome, score=score, evidence=evidence, by=self.by)


@dataclass(frozen=True, slots=True)
class Verification:
    """What all the verifications of one candidate come to."""

    score: float | None
    """Mean over those that could be read, 0 to 1, 1 is best; None where none could."""
    faults: tuple[Fault, ...]
    """Those that stand."""


def verified_score(critique: Critique, meta: MetaVerdict | None) -> float | None:
    """The verifier's score, with what the faults that do not stand took away given back: all of it if none stands."""
    if critique.score is None or meta is None or not meta.stands:
        return critique.score
    discarded = meta.stands.count(False) / len(meta.stands)
    return critique.score + (1.0 - critique.score) * discarded


class _Work:
    """One answer on its way through the rounds."""

    def __init__(self, options: Verify, task: Task, draft: Answer, context: Context) -> None:
        self.best = draft.model_copy(update={"confidence": None})
        """The best candidate that was verified so far, with its confidence; before that, the draft."""
        self._rank: tuple[float, bool, float] | None = None
        self._options = options
        self._task = task
        self._context = context
        self._checks = carried_out((*task.checks, *suited(task)))
        self._points = points_of(task, options.task_type)
        self._verifier = options.verifier or options.model

    async def revise(self) -> None:
        candidate = self.best
        for round_ in range(self._options.rounds + 1):
            key = f"round.{round_}"
            grade = await graded(candidate, self._task, self._checks, self._context, key=key, round_=round_)
            verification = await self._verified(candidate, round_)
            self._consider(candidate, grade, verification)
            faults = [*grade.faults, *([listed(verification.faults)] if verification.faults else [])]
            good = not grade.failed and (verification.score or 0.0) >= self._options.enough
            if good or not faults or round_ == self._options.rounds:
                return
            revised = await self._revised(candidate, "\n".join(faults), round_ + 1)
            if revised.text == candidate.text or revised.choices[0].tool_calls:
                return
            candidate = revised

    def _consider(self, candidate: Answer, grade: Grade, verification: Verification) -> None:
        """Keep the candidate if it is better than the best: by the checks, by being whole, then by its score."""
        score = verification.score
        rank = (grade.score, grade.whole, 0.5 if score is None else score)
        if self._rank is None or rank > self._rank:
            self._rank = rank
            self.best = candidate.model_copy(update={"confidence": 0.0 if grade.failed else score})

    async def _verified(self, candidate: Answer, round_: int) -> Verification:
        """Verify it as often as asked, one after the other: each step is done before the budget is looked at again."""
        scores: list[float] = []
        standing: list[Fault] = []
        for sample in range(self._options.samples):
            critique = await self._sample(candidate, round_, sample)
            meta = await self._meta(candidate, critique.faults, round_, sample) if critique.faults else None
            score = verified_score(critique, meta)
            scores += [] if score is None else [score]
            stands = meta.stands if meta else ()
            standing += [fault for fault, real in zip(critique.faults, stands, strict=True) if real]
        return Verification(sum(scores) / len(scores) if scores else None, tuple(dict.fromkeys(standing)))

    async def _sample(self, candidate: Answer, round_: int, sample: int) -> Critique:
        drawn = self._options.samples > 1
        return await criticised(
            candidate,
            self._task,
            points=self._points,
            judge=self._verifier,
            role="verifier",
            effort=self._options.effort,
            context=self._context,
            key=f"round.{round_}.verify.{sample}",
            round_=round_,
            # A seed of its own: a server that keeps seeds would give the same sample each time.
            sampling=Sampling(temperature=SAMPLING_TEMPERATURE, seed=sample) if drawn else None,
        )

    async def _meta(self, candidate: Answer, faults: Sequence[Fault], round_: int, sample: int) -> MetaVerdict:
        judge = self._options.meta_verifier or self._verifier
        numbered = "\n".join(f"{number}. {listed((fault,))[2:]}" for number, fault in enumerate(faults, 1))
        request = judging_request(
            META_SYSTEM,
            META_ASKED.format(
                task=fenced("task", asked_words(self._task)),
                answer=fenced("answer", candidate.text),
                count=len(faults),
                faults=fenced("faults", numbered),
            ),
            effort=self._options.effort,
        )

        async def look(inside: Context) -> MetaVerdict:
            said = await ask_in_form(inside, judge, request, Rulings, key="model")
            rulings = said.rulings[: len(faults)] if said else ()
            stands = [ruling.stands for ruling in rulings] + [True] * (len(faults) - len(rulings))
            reasons = tuple(ruling.reason for ruling in rulings)
            return MetaVerdict(stands=tuple(stands), reasons=reasons, by=f"{judge} (meta-verifier)")

        return await noted(
            self._context,
            "meta-verifier",
            key=f"round.{round_}.meta.{sample}",
            given=request.model_dump_json(),
            form=MetaVerdict,
            look=look,
            verdict=lambda meta: meta.verdict,
            round_=round_,
        )

    async def _revised(self, candidate: Answer, faults: str, round_: int) -> Answer:
        request = rewriting(request_for(self._task, self._options.effort), candidate.text, faults)
        key = f"round.{round_}.revise"
        return answer_from(await call_model(self._context, self._options.model, request, key=key))

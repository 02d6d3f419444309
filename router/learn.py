"""Learn from this installation's own graded answers how its models differ from the shipped tables.

Three levels, each the prior of the next: a model's ability over all types, what it can beyond that in one type (both by
the largest posterior, with the size or the fitted ability as prior), and Beta counts of each way of asking. An answer
counts for each type with the probability that the prompt was of it, and half as much after each half-life.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import Field

from agents.records import Effort, MethodName, Record
from router.learned import Learned, LearnedModel, LearnedRung, LearnedUse, rung_key, use_key
from router.quality import RUNG_SPREAD, Outlook, ability, logit_of, slope_at, stretched
from router.records import ModelCard
from router.tables import Tables, load_tables
from router.tasktype import TaskType

HALF_LIFE_DAYS = 90.0
TEXT_LABELS = 300
"""Local answers below which the text model has no say: with fewer, length and type rank better than any fitted text
model did (facts measured on MMLU, MMLU-Pro and a mix of 14 tasks, 50 to 1,500 labels)."""
_TEXT_HALF = 700
"""So many more give it half of the say that the answers speak for."""
_TEXT_READ = 2000
"""The youngest so many answers are asked how far the text model is right."""
_TEXT_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_LENGTH_SPREAD = 0.3
"""How far a type's slope over length may lie here from the shipped one: standard deviation."""
_USE_PRIOR = 5.0
"""Answers that the usual length and the card's pace weigh as much as."""
_UNLIKELY, _FORGOTTEN = 0.05, 1e-6
_USUAL_WORDS = 59
_ROUNDS = 3
_STEPS = 12


class Outcome(Record):
    """One answer, and how good it was found."""

    task_type: dict[TaskType, float]
    """Probability of each type, as in the plan."""
    model: str
    """Catalog id."""
    effort: Effort = Effort.NONE
    method: MethodName = "direct"
    samples: int = Field(default=1, ge=1)
    quality: float = Field(ge=0, le=1)
    weight: float = Field(default=1.0, ge=0)
    """How far the verdict is to be trusted; 1: as a check."""
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    usd: Decimal = Decimal(0)
    words: int | None = None
    """Of the prompt; None where nobody counted."""
    gain: float | None = None
    """The text model's score of the prompt; None where it had none."""
    age_days: float = Field(default=0.0, ge=0)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An outcome as it bears on one type."""

    kind: TaskType
    weight: float
    quality: float
    shipped: float
    """Logit that the shipped tables give."""
    slope: float
    length: float
    outcome: Outcome


def learned_from(outcomes: Iterable[Outcome], *, cards: Sequence[ModelCard], tables: Tables | None = None) -> Learned:
    """Fit everything anew.

    Args:
        outcomes: Graded answers; those of models that are not among the cards are left out.
        cards: The catalog's models.
        tables: What to start from; the shipped ones, unless others are given.
    """
    known, by_id = tables or load_tables(), {card.id: card for card in cards}
    kept = [outcome for outcome in outcomes if outcome.model in by_id and _weight(outcome) > _FORGOTTEN]
    answers = [answer for outcome in kept for answer in _answers(known, by_id[outcome.model], outcome)]
    of_model: dict[str, list[_Answer]] = defaultdict(list)
    for answer in answers:
        of_model[answer.outcome.model].append(answer)
    lengths: dict[TaskType, float] = {}
    models: dict[str, LearnedModel] = {}
    for _ in range(_ROUNDS):
        models = {name: _model(known, by_id[name], rows, lengths) for name, rows in sorted(of_model.items())}
        lengths = _lengths(known, by_id, answers, models)
    learned = Learned(
        models=models,
        length={kind: value for kind, value in lengths.items() if value},
        labels=sum(_weight(outcome) for outcome in kept),
    )
    learned = learned.model_copy(update={"rungs": _rungs(known, by_id, answers, learned)})
    return learned.model_copy(
        update={"uses": _uses(known, by_id, kept), "text_weight": _text_weight(known, by_id, kept, learned)}
    )


def _weight(outcome: Outcome) -> float:
    return outcome.weight * 0.5 ** (outcome.age_days / HALF_LIFE_DAYS)


def _words(outcome: Outcome) -> int:
    return _USUAL_WORDS if outcome.words is None else outcome.words


def _shares(outcome: Outcome) -> list[tuple[TaskType, float]]:
    return [(kind, share) for kind, share in outcome.task_type.items() if share >= _UNLIKELY]


def _answers(tables: Tables, card: ModelCard, outcome: Outcome) -> list[_Answer]:
    length = stretched(_words(outcome))
    return [
        _Answer(
            kind=kind,
            weight=share * _weight(outcome),
            quality=outcome.quality,
            shipped=logit_of(_quality(tables, {kind: 1.0}, card, outcome, Learned())),
            slope=slope_at(tables.types[kind], length),
            length=length,
            outcome=outcome,
        )
        for kind, share in _shares(outcome)
    ]


def _quality(
    tables: Tables, kinds: Mapping[TaskType, float], card: ModelCard, outcome: Outcome, learned: Learned
) -> float:
    outlook = Outlook(tables, kinds, words=_words(outcome), learned=learned)
    return outlook.quality(card, outcome.effort, method=outcome.method, samples=outcome.samples).mean


def _model(
    tables: Tables, card: ModelCard, answers: Sequence[_Answer], lengths: Mapping[TaskType, float]
) -> LearnedModel:
    """Newton's method on the ability and the types' offsets, each with a normal prior around what is shipped."""
    start = ability(tables, card)
    kinds: list[TaskType] = sorted({answer.kind for answer in answers})
    before = {kind: start.offsets.get(kind, (0.0, tables.types[kind].spread)) for kind in kinds}
    shift, extra = 0.0, dict.fromkeys(kinds, 0.0)
    spread = start.spread
    apart = {kind: before[kind][1] for kind in kinds}
    for _ in range(_STEPS):
        pull, curve = -shift / start.spread**2, 1 / start.spread**2
        own_pull = {kind: -extra[kind] / before[kind][1] ** 2 for kind in kinds}
        own_curve = {kind: 1 / before[kind][1] ** 2 for kind in kinds}
        both = dict.fromkeys(kinds, 0.0)
        for answer in answers:
            kind = answer.kind
            logit = answer.shipped + answer.slope * shift + extra[kind] + lengths.get(kind, 0.0) * answer.length
            missed, sure = _missed(answer, logit)
            pull += answer.slope * missed
            curve += answer.slope**2 * sure
            own_pull[kind] += missed
            own_curve[kind] += sure
            both[kind] += answer.slope * sure
        left = curve - sum(both[kind] ** 2 / own_curve[kind] for kind in kinds)
        step = (pull - sum(both[kind] * own_pull[kind] / own_curve[kind] for kind in kinds)) / left
        step = min(max(step, -1.0), 1.0)
        for kind in kinds:
            extra[kind] += min(max((own_pull[kind] - both[kind] * step) / own_curve[kind], -1.0), 1.0)
            apart[kind] = math.sqrt(1 / own_curve[kind] + (both[kind] / own_curve[kind]) ** 2 / left)
        shift += step
        spread = math.sqrt(1 / left)
    return LearnedModel(
        shift=shift,
        spread=spread,
        offsets={kind: (before[kind][0] + extra[kind], apart[kind]) for kind in kinds},
        rows=sum(answer.weight for answer in answers),
    )


def _missed(answer: _Answer, logit: float) -> tuple[float, float]:
    """How much better the answer was than expected, and how sure that makes us; both weighted."""
    right = 1 / (1 + math.exp(-min(max(logit, -30.0), 30.0)))
    return answer.weight * (answer.quality - right), answer.weight * right * (1 - right)


def _lengths(
    tables: Tables, cards: Mapping[str, ModelCard], answers: Sequence[_Answer], models: Mapping[str, LearnedModel]
) -> dict[TaskType, float]:
    """What to add to each type's slope over length."""
    of_kind: dict[TaskType, list[tuple[_Answer, float]]] = defaultdict(list)
    for answer in answers:
        if answer.outcome.words is not None:
            model = models[answer.outcome.model]
            shipped = ability(tables, cards[answer.outcome.model]).offsets.get(answer.kind, (0.0, 0.0))[0]
            logit = answer.shipped + answer.slope * model.shift + model.offsets[answer.kind][0] - shipped
            of_kind[answer.kind].append((answer, logit))
    return {kind: _length(rows) for kind, rows in sorted(of_kind.items())}


def _length(rows: Sequence[tuple[_Answer, float]]) -> float:
    value = 0.0
    for _ in range(_STEPS):
        pull, curve = -value / _LENGTH_SPREAD**2, 1 / _LENGTH_SPREAD**2
        for answer, logit in rows:
            missed, sure = _missed(answer, logit + value * answer.length)
            pull += answer.length * missed
            curve += answer.length**2 * sure
        value += min(max(pull / curve, -0.5), 0.5)
    return value


def _rungs(
    tables: Tables, cards: Mapping[str, ModelCard], answers: Sequence[_Answer], learned: Learned
) -> dict[str, LearnedRung]:
    """Beta counts: the estimate of the levels above is their prior, worth as many answers as its spread says."""
    sums: dict[str, tuple[float, float, float]] = defaultdict(lambda: (0.0, 0.0, 0.0))
    for answer in answers:
        outcome = answer.outcome
        key = rung_key(answer.kind, outcome.model, outcome.effort, outcome.method, outcome.samples)
        count, right, hoped = sums[key]
        hope = _quality(tables, {answer.kind: 1.0}, cards[outcome.model], outcome, learned)
        sums[key] = (count + answer.weight, right + answer.weight * answer.quality, hoped + answer.weight * hope)
    return {key: _rung(*found) for key, found in sorted(sums.items())}


def _rung(count: float, right: float, hoped: float) -> LearnedRung:
    before = hoped / count
    prior = max(1 / (before * (1 - before) * RUNG_SPREAD**2) - 1, 1.0)
    after = (prior * before + right) / (prior + count)
    return LearnedRung(shift=logit_of(after) - logit_of(before), prior=prior, rows=count)


def _uses(tables: Tables, cards: Mapping[str, ModelCard], outcomes: Sequence[Outcome]) -> dict[str, LearnedUse]:
    """Shrunken means of an answer's tokens, and of the seconds taken against those that the card's paces say."""
    sums: dict[tuple[TaskType, str, Effort], tuple[float, float, float]] = defaultdict(lambda: (0.0, 0.0, 0.0))
    for outcome in outcomes:
        if outcome.output_tokens <= 0:
            continue
        way, card = tables.methods[outcome.method], cards[outcome.model]
        tokens = outcome.output_tokens / (way.answers_once + way.answers_each * outcome.samples)
        paced = (
            outcome.input_tokens / card.prefill_tokens_per_second
            + outcome.output_tokens / card.decode_tokens_per_second
        )
        slower = math.log(outcome.seconds / paced) if outcome.seconds > 0 and not way.parallel else 0.0
        for kind, share in _shares(outcome):
            weight = share * _weight(outcome)
            place: tuple[TaskType, str, Effort] = (kind, outcome.model, outcome.effort)
            count, written, slow = sums[place]
            sums[place] = (count + weight, written + weight * tokens, slow + weight * slower)
    return {
        use_key(kind, model, effort): LearnedUse(
            output_tokens=(_USE_PRIOR * _usual(tables, kind, cards[model], effort) + written) / (_USE_PRIOR + count),
            slowness=math.exp(slow / (_USE_PRIOR + count)),
            rows=count,
        )
        for (kind, model, effort), (count, written, slow) in sorted(sums.items())
    }


def _usual(tables: Tables, kind: TaskType, card: ModelCard, effort: Effort) -> float:
    return Outlook(tables, {kind: 1.0}, words=_USUAL_WORDS).output_tokens(card, effort)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a text model said of one prompt, taken at its word."""

    score: float
    weight: float = 1.0


def _text_weight(
    tables: Tables, cards: Mapping[str, ModelCard], outcomes: Sequence[Outcome], learned: Learned
) -> float:
    """The mean over the weights, each as likely as it makes the answers; nothing with too few of them."""
    told = sorted((outcome for outcome in outcomes if outcome.gain is not None), key=lambda each: each.age_days)
    enough = sum(_weight(outcome) for outcome in told) - TEXT_LABELS
    if enough <= 0:
        return 0.0
    fits = [_fit(tables, cards, told[:_TEXT_READ], learned, weight) for weight in _TEXT_WEIGHTS]
    likely = [math.exp(fit - max(fits)) for fit in fits]
    spoken = sum(weight * share for weight, share in zip(_TEXT_WEIGHTS, likely, strict=True)) / sum(likely)
    return spoken * enough / (enough + _TEXT_HALF)


def _fit(
    tables: Tables, cards: Mapping[str, ModelCard], told: Sequence[Outcome], learned: Learned, weight: float
) -> float:
    """Log likelihood of the answers, were the text model trusted so far."""
    trusting, total = learned.model_copy(update={"text_weight": weight}), 0.0
    for outcome in told:
        gain = _Said(outcome.gain) if outcome.gain is not None else None
        outlook = Outlook(tables, dict(_shares(outcome)), words=_words(outcome), learned=trusting, gain=gain)
        right = outlook.quality(
            cards[outcome.model], outcome.effort, method=outcome.method, samples=outcome.samples
        ).mean
        total += _weight(outcome) * (outcome.quality * math.log(right) + (1 - outcome.quality) * math.log(1 - right))
    return total

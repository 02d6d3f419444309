"""The chance of a right answer, with its 90 % interval, for a model at some effort, asked in some way.

Item response theory: each model has an ability, each task type a slope and a level. As in RADAR (arXiv 2509.25426) and
IRT-Router (arXiv 2506.01048), except that a type and a length stand for the prompt, and a size for a model nobody met.
"""

import math
from typing import NamedTuple, Protocol

from agents.records import Effort, MethodName
from router.learned import NOTHING, Learned, LearnedModel, LearnedRung, rung_key, use_key
from router.records import ModelCard
from router.tables import Tables, TypeRow, canonical
from router.tasktype import Posterior, TaskType

TINY_BILLION = 3.0
"""Below this size models lose more by each halving than above it."""
REFERENCE_BILLIONS = (8.0, 70.0)
"""The small and the large model between which a text model's score adds to the gain."""
RUNG_SPREAD = 0.25
"""How far one way of asking lies from what its model's ability says: standard deviation in logits, assumed."""
_Z90 = 1.645
_USUAL_WORDS = 60
_LEAST_SLOPE = 0.1
"""A model ten times larger is never expected to be worse, however short the prompt."""
_LENGTHS = (-2.5, 3.5)
"""The lengths that the lines were fitted on, as ln(words / 60); beyond, they are held level."""
_LEAST_GAIN = 0.01
_MOST_TILT = 3.0
"""However sure the text model is, a slope is not made steeper or flatter than this many times."""
_SMALL, _LARGE = (math.log10(size) - 1 for size in REFERENCE_BILLIONS)
_MIDDLE = (_SMALL + _LARGE) / 2


class Estimate(NamedTuple):
    """A probability and its 90 % interval, each 0 to 1."""

    mean: float
    low: float
    high: float


class Ability(NamedTuple):
    """How able a model is, in decades of size, before anything was learned here."""

    mean: float
    spread: float
    offsets: dict[TaskType, tuple[float, float]]
    """By type, logits above what the ability says, and their standard deviation."""
    known: bool
    """It was in the data; else only its size speaks."""


class Gain(Protocol):
    """What a text model says of a prompt."""

    @property
    def score(self) -> float:
        """Expected quality of a large model above a small one's, less the usual gain: 0 changes nothing."""
        ...

    @property
    def weight(self) -> float:
        """0 to 1; 0 is far from all it was fitted on."""
        ...


def ability(tables: Tables, card: ModelCard) -> Ability:
    """Look a model up by its name, or else by its size."""
    row = tables.models.get(canonical(card.served_as)) or tables.models.get(canonical(card.id))
    if row is not None:
        return Ability(row.ability, row.spread, row.offsets, known=True)
    mean = by_size(card.parameters_billion, tiny=tables.sizes.tiny)
    return Ability(mean, tables.sizes.spread, {}, known=False)


def by_size(billion: float, *, tiny: float) -> float:
    """The ability that a size speaks for."""
    return math.log10(billion) - 1 + tiny * max(math.log10(TINY_BILLION / billion), 0.0)


def stretched(words: int) -> float:
    """A prompt's length, as the lines take it."""
    return min(max(math.log((1 + words) / _USUAL_WORDS), _LENGTHS[0]), _LENGTHS[1])


def slope_at(row: TypeRow, length: float) -> float:
    """Logits for each decade of ability, at a length."""
    return max(row.slope + row.length_slope * length, _LEAST_SLOPE)


class _Line(NamedTuple):
    """A type as it bears on this prompt: the line over ability, at the prompt's length."""

    kind: TaskType
    probability: float
    level: float
    slope: float
    row: TypeRow


class _Point(NamedTuple):
    """A model in a type: where on the line it stands, asked once without thinking."""

    line: _Line
    logit: float
    variance: float


class Outlook:
    """What is expected of any model on one prompt; all that no model changes is worked out once."""

    def __init__(
        self,
        tables: Tables,
        posterior: Posterior,
        *,
        words: int,
        learned: Learned = NOTHING,
        gain: Gain | None = None,
    ) -> None:
        self.tables = tables
        self._learned = learned
        length = stretched(words)
        self._lines = [
            _Line(
                kind,
                probability,
                row.level + (row.length + learned.length.get(kind, 0.0)) * length,
                slope_at(row, length),
                row,
            )
            for kind, probability in posterior.items()
            for row in (tables.types[kind],)
        ]
        if gain is not None and gain.weight * learned.text_weight > 0:
            self._lines = _tilted(self._lines, gain.score, gain.weight * learned.text_weight)
        self._points: dict[str, list[_Point]] = {}
        self._usual_tokens: dict[Effort, float] = {}

    def quality(self, card: ModelCard, effort: Effort, *, method: MethodName = "direct", samples: int = 1) -> Estimate:
        """Estimate the quality of one rung, over the task types that the prompt may be of."""
        lift, way, doublings = self.tables.efforts[effort].lift, self.tables.methods[method], math.log2(samples)
        lift, votes, picks = lift + way.lift, way.votes * doublings, way.picks * doublings
        rungs = self._learned.rungs
        mean = variance = 0.0
        for (kind, probability, _, _, row), logit, own in self._points_of(card):
            logit += lift * row.thinking + picks * row.picks
            if votes:
                logit += votes * row.votes * math.tanh(logit)
            found = rungs.get(rung_key(kind, card.id, effort, method, samples)) if rungs else None
            right = 1 / (1 + math.exp(-(logit + found.shift if found else logit)))
            mean += probability * right
            variance += probability * (_counted(own, found, right) if found else own + RUNG_SPREAD**2)
        centre, reach = logit_of(mean), _Z90 * math.sqrt(variance)
        return Estimate(mean, 1 / (1 + math.exp(reach - centre)), 1 / (1 + math.exp(-reach - centre)))

    def output_tokens(self, card: ModelCard, effort: Effort) -> float:
        """What one answer is expected to hold, thinking included."""
        uses = self._learned.uses
        if not uses:
            return self._usual(effort)
        thinking, tokens = self.tables.efforts[effort].tokens, 0.0
        for line in self._lines:
            found = uses.get(use_key(line.kind, card.id, effort))
            usual = line.row.output_tokens + thinking * line.row.thinking
            tokens += line.probability * (found.output_tokens if found else usual)
        return tokens

    def _usual(self, effort: Effort) -> float:
        """The tokens of an answer where nothing was seen of any model."""
        found = self._usual_tokens.get(effort)
        if found is None:
            thinking = self.tables.efforts[effort].tokens
            rows = ((line.probability, line.row) for line in self._lines)
            found = sum(share * (row.output_tokens + thinking * row.thinking) for share, row in rows)
            self._usual_tokens[effort] = found
        return found

    def slowness(self, card: ModelCard, effort: Effort) -> float:
        """Seconds that were taken here for each second that the card's paces say; 1 where nothing was seen."""
        uses = self._learned.uses
        if not uses:
            return 1.0
        seen = ((line, uses.get(use_key(line.kind, card.id, effort))) for line in self._lines)
        return sum(line.probability * (found.slowness if found else 1.0) for line, found in seen)

    def counts(self, card: ModelCard, effort: Effort, *, method: MethodName = "direct", samples: int = 1) -> float:
        """Graded answers of this installation behind one rung's estimate, by how far their types are the prompt's."""
        rungs = self._learned.rungs
        if not rungs:
            return 0.0
        seen = ((line, rungs.get(rung_key(line.kind, card.id, effort, method, samples))) for line in self._lines)
        return sum(line.probability * found.rows for line, found in seen if found)

    def _points_of(self, card: ModelCard) -> list[_Point]:
        points = self._points.get(card.id)
        if points is None:
            known, own = ability(self.tables, card), self._learned.models.get(card.id)
            points = self._points[card.id] = [_point(line, known, own) for line in self._lines]
        return points


def expected(
    tables: Tables,
    posterior: Posterior,
    *,
    words: int,
    card: ModelCard,
    effort: Effort,
    method: MethodName = "direct",
    samples: int = 1,
    learned: Learned = NOTHING,
    gain: Gain | None = None,
) -> Estimate:
    """Estimate the quality of a single rung; for several of one prompt, keep the `Outlook`."""
    outlook = Outlook(tables, posterior, words=words, learned=learned, gain=gain)
    return outlook.quality(card, effort, method=method, samples=samples)


def logit_of(probability: float) -> float:
    """The log odds."""
    return math.log(probability / (1 - probability))


def _point(line: _Line, known: Ability, own: LearnedModel | None) -> _Point:
    mean, spread = (known.mean + own.shift, own.spread) if own else (known.mean, known.spread)
    offset, apart = known.offsets.get(line.kind, (0.0, line.row.spread))
    if own:
        offset, apart = own.offsets.get(line.kind, (offset, apart))
    return _Point(line, line.level + line.slope * mean + offset, (line.slope * spread) ** 2 + apart**2)


def _counted(own: float, found: LearnedRung, right: float) -> float:
    """The variance in logits where there are Beta counts: what is shared with other rungs fades as they grow."""
    return own * (found.prior / (found.prior + found.rows)) ** 2 + 1 / (
        right * (1 - right) * (found.prior + found.rows + 1)
    )


def _tilted(lines: list[_Line], score: float, weight: float) -> list[_Line]:
    """Make the slopes steeper or flatter: the gain between the reference sizes nears what the text model says."""
    gain = sum(line.probability * (_at(line, _LARGE) - _at(line, _SMALL)) for line in lines)
    gain = max(gain, _LEAST_GAIN)
    wanted = max(gain + score, _LEAST_GAIN) / gain
    tilt = min(max(wanted, 1 / _MOST_TILT), _MOST_TILT) ** weight
    return [
        line._replace(level=line.level + line.slope * (1 - tilt) * _MIDDLE, slope=line.slope * tilt) for line in lines
    ]


def _at(line: _Line, ability: float) -> float:
    return 1 / (1 + math.exp(-(line.level + line.slope * ability)))

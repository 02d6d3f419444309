"""Fit the router's quality table on public graded answers, or measure it on the prompts that were kept back.

python -m bench.fit_router --data DIR              writes router/tables/quality.json, from DIR/train alone
python -m bench.fit_router --data DIR --evaluate   prints APGR on DIR/test

Item response theory with an ability for each model, and a slope and a level for each task type: the two are fitted in
turns, each by Newton's method, until they agree. Abilities have a normal prior around the logarithm of the size.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents.records import Effort, Json, MethodName
from bench.router_data import SETS, SIZES, SPECIAL, Prompt, alphabetic_words, long_documents, prompts
from router.evaluate.metrics import Array, apgr, intervals
from router.features import features
from router.quality import TINY_BILLION, Outlook, by_size, stretched
from router.records import ModelCard
from router.tables import QUALITY, EffortRow, MethodRow, ModelRow, SizeRow, Tables, TypeRow, canonical, load_tables
from router.tasktype import TASK_TYPES, Posterior, TaskType, likely, task_type

_WELL_KNOWN: tuple[TaskType, ...] = ("math", "reasoning", "knowledge", "code_write")
"""Types with enough prompts to fit slopes on; the others lean on the mean of these."""
_USUAL_SLOPES = (0.9, 0.0, 0.0)
_SLOPE_SPREAD = (0.2, 0.15, 0.1)
"""How far a type's slopes (ability, length, both) may lie from the usual ones, as standard deviations."""
_FREE = (1.0, 10.0, 10.0)
_LEVEL, _LEVEL_SPREAD = 0.5, 2.0
_USUAL_TINY, _TINY_SPREAD = -2.0, 0.7
"""Prior for models below 3 billion parameters, of which few were graded."""
_UNTOLD, _UNTOLD_SPREAD = 1.2, 1.0
"""Prior ability of a model whose size nobody has told, or which is for one purpose: wide."""
_SIZE_SPREAD = 0.5
_LEAST_SPREAD, _ASSUMED_SPREAD = 0.3, 0.6
_LEAST_ABILITY_SPREAD, _LEAST_OFFSET_SPREAD = 0.1, 0.2
"""However many answers there are: a benchmark is not the work that is asked of a model."""
_LEAST_ROWS = 30
_ROUNDS, _STEPS, _SETTLED = 40, 25, 1e-9
_SIZE_BIN, _LENGTH_BIN = 0.5, 0.25

MEASURED: tuple[tuple[TaskType, str, str, int, int], ...] = (
    ("math", "zeroeval_gsm/gsm", "Qwen2.5-Coder-0.5B-Instruct", 11, 60),
    ("math", "zeroeval_gsm/gsm", "Qwen2.5-Coder-1.5B-Instruct", 16, 24),
    ("chat", "embedded/chat", "Qwen2.5-Coder-0.5B-Instruct", 6, 10),
    ("chat", "embedded/chat", "Qwen2.5-Coder-1.5B-Instruct", 9, 10),
    ("extraction", "embedded/json", "Qwen2.5-Coder-0.5B-Instruct", 3, 4),
    ("extraction", "embedded/json", "Qwen2.5-Coder-1.5B-Instruct", 4, 4),
)
"""Our own measurements of the two embedded models: type, group, model, right, of so many."""

ASSUMED_AT_8B: Mapping[TaskType, float] = {
    "code_fix": 0.45,
    "code_explain": 0.80,
    "translation": 0.85,
    "summarise": 0.85,
    "proofread": 0.85,
    "rewrite": 0.88,
    "classification": 0.80,
    "planning": 0.70,
    "tool": 0.65,
    "data": 0.60,
}
"""Types without any graded answers in the data."""
_ASSUMED_ELSEWHERE = 0.7
"""Where only a part of the data is fitted on, and a type is not in it."""

OUTPUT_TOKENS: Mapping[TaskType, int] = {
    "math": 125,
    "reasoning": 130,
    "knowledge": 90,
    "code_write": 300,
    "code_fix": 350,
    "code_explain": 300,
    "extraction": 150,
    "classification": 20,
    "translation": 150,
    "summarise": 200,
    "proofread": 200,
    "rewrite": 200,
    "long_document": 150,
    "planning": 500,
    "creative": 500,
    "chat": 120,
    "tool": 120,
    "data": 250,
}
"""Assumed where the data has no lengths."""

THINKING: Mapping[TaskType, float] = {
    "math": 1.0,
    "code_write": 1.0,
    "code_fix": 1.0,
    "code_explain": 0.3,
    "reasoning": 1.0,
    "data": 0.7,
    "planning": 0.5,
    "tool": 0.4,
    "long_document": 0.3,
}
_LITTLE_THINKING = 0.1
VOTES: Mapping[TaskType, float] = {
    "math": 0.15,
    "reasoning": 0.1,
    "data": 0.1,
    "knowledge": 0.05,
    "classification": 0.05,
}
PICKS: Mapping[TaskType, float] = {"math": 0.1, "reasoning": 0.1, "code_write": 0.1, "code_fix": 0.1, "data": 0.1}
_LITTLE_PICKED = 0.05
EFFORTS: Mapping[Effort, EffortRow] = {
    Effort.NONE: EffortRow(lift=0.0, tokens=0),
    Effort.LOW: EffortRow(lift=0.6, tokens=400),
    Effort.MEDIUM: EffortRow(lift=0.92, tokens=1500, rows=1055),
    Effort.HIGH: EffortRow(lift=0.95, tokens=4000, rows=1055),
    Effort.MAX: EffortRow(lift=1.0, tokens=8000),
}
METHODS: Mapping[MethodName, MethodRow] = {
    "direct": MethodRow(),
    "loop": MethodRow(lift=0.1, prompts_each=3.0, rereads=2.0, answers_each=1.5),
    "self_consistency": MethodRow(votes=1.0, parallel=True),
    "best_of_n": MethodRow(picks=1.0, prompts_once=1.0, rereads=1.0, answers_once=0.2, parallel=True),
    "refine": MethodRow(lift=0.1, prompts_once=1.0, prompts_each=2.0, rereads=2.5, answers_once=1.0, answers_each=1.5),
    "verify": MethodRow(lift=0.1, picks=0.5, prompts_each=2.0, rereads=1.0, answers_each=1.3),
}

ABOUT: Json = {
    "command": "python -m bench.fit_router --data DIR",
    "fitted_on": "folds 0-6 of every set (by hash of the question); folds 7-9 are for measuring",
    "sources": [
        {"name": "RouteLLM: MMLU, GSM8K, MT-Bench answers", "repository": "lm-sys/RouteLLM", "licence": "Apache-2.0"},
        {"name": "MMLU-Pro answers", "repository": "TIGER-AI-Lab/MMLU-Pro", "licence": "Apache-2.0"},
        {"name": "LLMRouter: 14 tasks", "repository": "ulab-uiuc/LLMRouter", "licence": "MIT, (c) 2024 U Lab @UIUC"},
        {"name": "ZeroEval GSM8K answers", "repository": "WildEval/ZeroEval", "licence": "Apache-2.0"},
        {
            "name": "Answers on long documents",
            "repository": "wangy8205165/ANLP-LLM-Routing-and-Cascading",
            "licence": "Apache-2.0",
        },
        {"name": "Own measurements of the two embedded models", "repository": "this one", "licence": "Apache-2.0"},
    ],
    "models": "abilities of the models in the data, all of them of 2023 and 2024; of any other, only its size is known",
    "levels": "types with rows 0 are assumed: no graded answers of that type are in the data; all code is mbpp and "
    "human_eval, so code_fix, code_explain and data are assumed",
    "efforts": {
        "medium against low, high against medium": "o4-mini on LiveCodeBench, 1,055 problems: 77.7, 82.8, 83.2 %",
        "low against none, max against high, thinking tokens, each type's share": "assumed",
    },
    "methods": "lifts and multiples are assumed; 5 votes of a 0.5B model gained nothing on GSM8K (4 of 20 against 5)",
}


@dataclass(frozen=True)
class Graded:
    """Graded answers of one model to prompts of one group and about one length."""

    model: str
    kind: TaskType
    group: str
    length: float
    """As `stretched`; 0 where the prompt is not in the data."""
    quality: float
    count: int


@dataclass
class Line:
    """A type's straight line, and the levels of its groups."""

    level: float
    slopes: Array
    groups: dict[str, float]


@dataclass
class Model:
    """What is believed of a model: its ability, and what it can beyond that in each type, each with its spread."""

    ability: float
    spread: float
    offsets: dict[TaskType, tuple[float, float]]


def fit(data: Path) -> Tables:
    """Fit types and models in turns."""
    graded, tokens = _graded(data)
    return tables_from(graded, tokens)


def tables_from(graded: Sequence[Graded], tokens: Mapping[TaskType, Sequence[float]]) -> Tables:
    """Fit on the answers given."""
    by_kind, by_model = _by_kind(graded), _by_model(graded)
    usable = _by_kind(row for row in graded if row.model not in SPECIAL)
    size = SizeRow(tiny=_USUAL_TINY, spread=_SIZE_SPREAD, models=0)
    models = {name: Model(*_prior(name, size), {}) for name in by_model}
    lines: dict[TaskType, Line] = {}
    spreads: dict[TaskType, float] = dict.fromkeys(by_kind, _ASSUMED_SPREAD)
    usual = np.array(_USUAL_SLOPES, dtype=np.float64)
    for _ in range(_ROUNDS):
        known: dict[TaskType, Line] = {
            kind: _line(usable[kind], models, usual, _FREE, spreads[kind]) for kind in _WELL_KNOWN if kind in usable
        }
        if known:
            usual = np.array([sum(line.slopes[0] for line in known.values()) / len(known), 0.0, 0.0])
        lines = dict(known)
        for kind in sorted(usable.keys() - known.keys()):
            lines[kind] = _line(usable[kind], models, usual, _SLOPE_SPREAD, spreads[kind])
        models = {
            name: _model(rows, lines, spreads, _prior(name, size), models[name].ability)
            for name, rows in by_model.items()
        }
        spreads = {kind: _apart(kind, rows, models) for kind, rows in usable.items()}
        size = _sizes(models, by_model)
    return Tables(
        about=ABOUT,
        sizes=SizeRow(tiny=round(size.tiny, 3), spread=round(size.spread, 3), models=size.models),
        types={
            kind: _row(kind, lines.get(kind), by_kind.get(kind, []), usual, spreads.get(kind), tokens.get(kind, ()))
            for kind in TASK_TYPES
        },
        efforts=dict(EFFORTS),
        methods=dict(METHODS),
        models={name: _shipped(models[name], rows) for name, rows in sorted(by_model.items())},
    )


def _by_kind(graded: Iterable[Graded]) -> dict[TaskType, list[Graded]]:
    found: dict[TaskType, list[Graded]] = {}
    for row in sorted(graded, key=lambda row: row.kind):
        found.setdefault(row.kind, []).append(row)
    return found


def _by_model(graded: Iterable[Graded]) -> dict[str, list[Graded]]:
    found: dict[str, list[Graded]] = {}
    for row in sorted(graded, key=lambda row: row.model):
        found.setdefault(row.model, []).append(row)
    return found


def _graded(data: Path) -> tuple[list[Graded], dict[TaskType, list[float]]]:
    tokens: dict[TaskType, list[float]] = defaultdict(list)
    for prompt in _training(data):
        tokens[prompt.kind].extend(value for model, value in prompt.tokens.items() if model in SIZES)
    measured = [
        Graded(canonical(model), kind, group, 0.0, right / asked, asked)
        for kind, group, model, right, asked in MEASURED
    ]
    return [*gathered(_training(data)), *measured], tokens


def gathered(found: Iterable[Prompt]) -> list[Graded]:
    """Sum the answers up by model, group and length."""
    sums: dict[tuple[str, TaskType, str, float], tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    for prompt in found:
        length = stretched(features(prompt.text).words) if prompt.text else 0.0
        for model, quality in prompt.qualities.items():
            key = (model, prompt.kind, prompt.group, round(length / _LENGTH_BIN) * _LENGTH_BIN)
            right, count = sums[key]
            sums[key] = (right + quality, count + 1)
    return [Graded(*key, right / count, count) for key, (right, count) in sorted(sums.items())]


def _training(data: Path) -> Iterable[Prompt]:
    for name in SETS:
        yield from prompts(data, "train", name)
    yield from long_documents(data)


def _line(
    rows: Sequence[Graded], models: Mapping[str, Model], around: Array, within: Sequence[float], spread: float
) -> Line:
    """Fit by Newton's method: each group has its level, each model its offset, all share the slopes."""
    groups = {group: place for place, group in enumerate(sorted({row.group for row in rows}))}
    names = {name: place for place, name in enumerate(sorted({row.model for row in rows}))}
    ability = np.array([models[row.model].ability for row in rows])
    length = np.array([row.length for row in rows])
    quality, weight = np.array([row.quality for row in rows]), np.array([float(row.count) for row in rows])
    of_group = np.eye(len(groups))[[groups[row.group] for row in rows]]
    of_model = np.eye(len(names))[[names[row.model] for row in rows]]
    columns = np.column_stack((ability, length, ability * length, of_group, of_model))
    centre = np.concatenate((around, np.full(len(groups), _LEVEL), np.zeros(len(names))))
    precision = 1 / np.square(
        np.concatenate((within, np.full(len(groups), _LEVEL_SPREAD), np.full(len(names), spread)))
    )
    values = centre.copy()
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-columns @ values))
        slope = columns.T @ (weight * (quality - chance)) - precision * (values - centre)
        curve = (columns * (weight * chance * (1 - chance))[:, None]).T @ columns + np.diag(precision)
        step = np.linalg.solve(curve, slope)
        values += step
        if np.abs(step).max() < _SETTLED:
            break
    levels = dict(zip(groups, values[3 : 3 + len(groups)].tolist(), strict=True))
    return Line(level=_level(rows, levels), slopes=values[:3], groups=levels)


def _level(rows: Sequence[Graded], levels: Mapping[str, float]) -> float:
    """Data sets count alike, whatever their size; within one, its subjects count by their prompts."""
    sets: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for row in rows:
        sets[row.group.split("/")[0]].append((levels[row.group], row.count))
    means = [sum(level * count for level, count in found) / sum(count for _, count in found) for found in sets.values()]
    return sum(means) / len(means)


def _prior(name: str, size: SizeRow) -> tuple[float, float]:
    if name not in SIZES:
        return _UNTOLD, _UNTOLD_SPREAD
    return by_size(SIZES[name], tiny=size.tiny), size.spread


def _model(
    rows: Sequence[Graded],
    lines: Mapping[TaskType, Line],
    spreads: Mapping[TaskType, float],
    prior: tuple[float, float],
    before: float,
) -> Model:
    """Newton's method on the ability and the offsets of the types.

    What ability adds at other lengths than the usual is taken from the round before: how steeply a model falls off with
    length must not pass for how able it is.
    """
    kinds: list[TaskType] = sorted({row.kind for row in rows})
    place = np.array([kinds.index(row.kind) for row in rows])
    length = np.array([row.length for row in rows])
    slopes = np.array([lines[row.kind].slopes for row in rows])
    base = np.array([lines[row.kind].groups[row.group] for row in rows]) + slopes[:, 1] * length
    base = base + slopes[:, 2] * length * before
    columns = np.column_stack((slopes[:, 0], np.eye(len(kinds))[place]))
    quality, weight = np.array([row.quality for row in rows]), np.array([float(row.count) for row in rows])
    centre = np.concatenate(([prior[0]], np.zeros(len(kinds))))
    precision = np.concatenate(([1 / prior[1] ** 2], [1 / spreads[kind] ** 2 for kind in kinds]))
    values, curve = centre.copy(), np.diag(precision)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-base - columns @ values))
        slope = columns.T @ (weight * (quality - chance)) - precision * (values - centre)
        curve = (columns * (weight * chance * (1 - chance))[:, None]).T @ columns + np.diag(precision)
        step = np.clip(np.linalg.solve(curve, slope), -1, 1)
        values += step
        if np.abs(step).max() < _SETTLED:
            break
    apart = np.sqrt(np.diag(np.linalg.inv(curve)))
    offsets: dict[TaskType, tuple[float, float]] = {
        kind: (float(values[1 + at]), float(apart[1 + at])) for at, kind in enumerate(kinds)
    }
    return Model(ability=float(values[0]), spread=float(apart[0]), offsets=offsets)


def _apart(kind: TaskType, rows: Sequence[Graded], models: Mapping[str, Model]) -> float:
    """How far models lie from their own ability in a type, by expectation and maximisation."""
    names = [name for name, of_model in _by_model(rows).items() if _count(of_model) >= _LEAST_ROWS]
    squares = [models[name].offsets[kind][0] ** 2 + models[name].offsets[kind][1] ** 2 for name in names]
    if len(squares) < 3:
        return _ASSUMED_SPREAD
    return max(math.sqrt(sum(squares) / len(squares)), _LEAST_SPREAD)


def _sizes(models: Mapping[str, Model], rows: Mapping[str, Sequence[Graded]]) -> SizeRow:
    """How ability goes with size: a decade of size is one of ability, by definition; below 3 billion, it is fitted."""
    sized = [name for name in models if name in SIZES and _count(rows[name]) >= _LEAST_ROWS]
    small = np.array([max(math.log10(TINY_BILLION / SIZES[name]), 0.0) for name in models if name in SIZES])
    above = np.array([models[name].ability - by_size(SIZES[name], tiny=0.0) for name in models if name in SIZES])
    noise = np.array([models[name].spread for name in models if name in SIZES]) ** 2 + _SIZE_SPREAD**2
    tiny = float(
        (small @ (above / noise) + _USUAL_TINY / _TINY_SPREAD**2) / (small @ (small / noise) + 1 / _TINY_SPREAD**2)
    )
    squares = [
        (models[name].ability - by_size(SIZES[name], tiny=tiny)) ** 2 + models[name].spread ** 2 for name in sized
    ]
    spread = math.sqrt(sum(squares) / len(squares)) if len(squares) > 2 else _SIZE_SPREAD
    return SizeRow(tiny=tiny, spread=spread, models=len(sized))


def _count(rows: Sequence[Graded]) -> int:
    return sum(row.count for row in rows)


def _row(
    kind: TaskType,
    line: Line | None,
    rows: Sequence[Graded],
    usual: Array,
    spread: float | None,
    tokens: Sequence[float],
) -> TypeRow:
    slope, length, both = (round(float(value), 3) for value in (line.slopes if line else usual))
    at_8b = by_size(8, tiny=0.0)
    level = line.level if line else _logit(ASSUMED_AT_8B.get(kind, _ASSUMED_ELSEWHERE)) - slope * at_8b
    return TypeRow(
        level=round(level, 3),
        slope=slope,
        length=length,
        length_slope=both,
        spread=round(spread or _ASSUMED_SPREAD, 3),
        rows=_count(rows),
        models=len({row.model for row in rows}),
        output_tokens=round(float(np.mean(tokens))) if tokens else OUTPUT_TOKENS[kind],
        output_rows=len(tokens),
        thinking=THINKING.get(kind, _LITTLE_THINKING),
        votes=VOTES.get(kind, 0.0),
        picks=PICKS.get(kind, _LITTLE_PICKED),
        observed=_observed(rows),
        source="fitted" if line else "level assumed, slopes the mean of the fitted ones",
    )


def _shipped(model: Model, rows: Sequence[Graded]) -> ModelRow:
    return ModelRow(
        ability=round(model.ability, 3),
        spread=round(max(model.spread, _LEAST_ABILITY_SPREAD), 3),
        offsets={
            kind: (round(offset, 3), round(max(apart, _LEAST_OFFSET_SPREAD), 3))
            for kind, (offset, apart) in model.offsets.items()
        },
        rows=_count(rows),
    )


def _observed(rows: Sequence[Graded]) -> tuple[tuple[float, float, int], ...]:
    bins: dict[float, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    for row in rows:
        if row.model in SIZES:
            place = round(math.log10(SIZES[row.model]) / _SIZE_BIN) * _SIZE_BIN
            right, count = bins[place]
            bins[place] = (right + row.quality * row.count, count + row.count)
    return tuple((place, round(right / count, 3), count) for place, (right, count) in sorted(bins.items()))


def _logit(quality: float) -> float:
    return math.log(quality / (1 - quality))


PAIRS = (
    ("routellm_mmlu", "mixtral-8x7b-instruct", "gpt-4-1106-preview"),
    ("mmlu_pro", "Meta-Llama-3_1-8B-Instruct", "Meta-Llama-3_1-70B-Instruct"),
    ("llmrouter_mix", "llama-3.1-8b-instruct", "llama-3.1-nemotron-51b-instruct"),
)


def evaluate(data: Path, split: str) -> str:
    """Rank the prompts kept back by the table's expected gain; and by length, and by the true type, beside it."""
    lines = [f"{'set':15} {'n':>5}  {'APGR [95 %]':45} types guessed right"]
    for name, small, large in PAIRS:
        kept = [prompt for prompt in prompts(data, split, name) if small in prompt.every and large in prompt.every]
        gain = np.array([prompt.every[large] - prompt.every[small] for prompt in kept])
        guessed = [task_type(prompt.text, features(prompt.text)) for prompt in kept]
        scores = {
            "router": _gains(kept, guessed, small, large),
            "router, true type": _gains(kept, [{prompt.kind: 1.0} for prompt in kept], small, large),
            "length": np.array([float(alphabetic_words(prompt.text)) for prompt in kept]),
            "random": np.zeros(len(kept)),
            "oracle": gain,
        }
        bounds = intervals(scores, gain)
        right = np.mean(
            [
                max(guess, key=lambda kind: guess[kind]) == prompt.kind
                for prompt, guess in zip(kept, guessed, strict=True)
            ]
        )
        for place, (router, score) in enumerate(scores.items()):
            low, high = bounds[router]
            head = f"{name:15} {len(kept):5d}" if place == 0 else " " * 21
            tail = f"{right:.0%}" if place == 0 else ""
            lines.append(f"{head}  {router:18} {apgr(score, gain):.3f} [{low:.3f}, {high:.3f}]{'':7} {tail}".rstrip())
    return "\n".join(lines)


def _gains(kept: Sequence[Prompt], kinds: Sequence[Posterior], small: str, large: str) -> Array:
    return np.array([_gain(prompt, kind, small, large) for prompt, kind in zip(kept, kinds, strict=True)])


def _gain(prompt: Prompt, kinds: Posterior, small: str, large: str) -> float:
    outlook = Outlook(load_tables(), likely(kinds), words=features(prompt.text).words)
    above, below = (outlook.quality(_card(model), Effort.NONE).mean for model in (large, small))
    return above - below


def _card(name: str) -> ModelCard:
    return ModelCard(id=name, parameters_billion=SIZES.get(canonical(name), 1.0), context_tokens=8192)


def main() -> None:
    """Fit, or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with train/, test/ and noprompt/ parquet files"
    )
    parser.add_argument(
        "--evaluate", action="store_true", help="measure the shipped table instead of fitting a new one"
    )
    parser.add_argument(
        "--split", choices=("train", "test"), default="test", help="what to measure on: train while you work on it"
    )
    asked = parser.parse_args()
    if asked.evaluate:
        print(evaluate(asked.data, asked.split))
        return
    QUALITY.parent.mkdir(exist_ok=True)
    QUALITY.write_text(
        json.dumps(fit(asked.data).model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    print(f"wrote {QUALITY}")


if __name__ == "__main__":
    main()

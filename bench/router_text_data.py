"""Prompts that a small and a large model have answered, with the gain of the large one and what steadies it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet

from router.fit.targets import by_group, by_others

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

MARGINS: Mapping[str, tuple[str, str]] = {
    "routellm_mmlu": ("mixtral-8x7b-instruct", "gpt-4-1106-preview"),
    "routellm_gsm8k": ("mixtral-8x7b-instruct", "gpt-4-1106-preview"),
    "mmlu_pro": ("Meta-Llama-3_1-8B-Instruct", "Meta-Llama-3_1-70B-Instruct"),
    "llmrouter_mix": ("llama-3.1-8b-instruct", "llama-3.1-nemotron-51b-instruct"),
}
"""Data set -> small model, large model."""
_ELSEWHERE = {"routellm_gsm8k": "zeroeval_gsm"}
"""Where many other models have answered the same prompts."""


@dataclass(frozen=True)
class Graded:
    """Part of one data set; parallel rows."""

    name: str
    texts: list[str]
    gains: Array
    subjects: npt.NDArray[np.str_]
    stems: npt.NDArray[np.str_]
    """The question without its options, as a hash: one question may be in several sets."""
    folds: Indices
    others: Array | None
    """Results of other models on the same prompts, where there are any: one column a model."""

    def take(self, wanted: Indices) -> "Graded":
        """Only these rows."""
        return Graded(
            name=self.name,
            texts=[self.texts[row] for row in wanted.tolist()],
            gains=self.gains[wanted],
            subjects=self.subjects[wanted],
            stems=self.stems[wanted],
            folds=self.folds[wanted],
            others=None if self.others is None else self.others[wanted],
        )

    def targets(self) -> Array:
        """The gains, steadied by other models' results or by the subject; never by a row that is not here."""
        return (
            by_group(self.gains, self.subjects.tolist()) if self.others is None else by_others(self.gains, self.others)
        )


def graded(data: Path, name: str, *, splits: Sequence[str]) -> Graded:
    """Read a set; of a prompt that occurs twice the first; without what its authors call contaminated."""
    found: dict[str, dict[str, Any]] = {}
    for row in _rows(data, name, splits):
        if not row.get("contam"):
            found.setdefault(row["ph"], row)
    rows = list(found.values())
    small, large = MARGINS[name]
    return Graded(
        name=name,
        texts=[row["prompt"] for row in rows],
        gains=np.array([row[f"s:{large}"] - row[f"s:{small}"] for row in rows], dtype=np.float64),
        subjects=np.array([row["sub"] for row in rows], dtype=np.str_),
        stems=np.array([row["stem"] for row in rows], dtype=np.str_),
        folds=np.array([row["fold"] for row in rows], dtype=np.int64),
        others=_others(data, name, splits, [row["stem"] for row in rows]),
    )


def _others(data: Path, name: str, splits: Sequence[str], stems: Sequence[str]) -> Array | None:
    if name not in _ELSEWHERE:
        return None
    rows = {row["stem"]: row for row in _rows(data, _ELSEWHERE[name], splits)}
    models = sorted(key for key in next(iter(rows.values())) if key.startswith("s:"))
    results = np.array([[rows[stem][model] for model in models] for stem in stems], dtype=np.float64)
    return np.where(np.isnan(results), np.nanmean(results, axis=0), results)


def _rows(data: Path, name: str, splits: Sequence[str]) -> list[dict[str, Any]]:
    parquet: Any = pyarrow.parquet  # pyarrow has no types
    return [row for split in splits for row in parquet.read_table(data / split / f"{name}.parquet").to_pylist()]

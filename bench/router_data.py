"""Graded answers of many models on public prompts, as rows for the router's fit, and how they map to task types."""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet

from router.tables import canonical
from router.tasktype import TaskType

SIZES: Mapping[str, float] = {
    "llama-3.1-8b": 8,
    "llama-3.1-70b": 70,
    "llama-3.1-405b": 405,
    "llama-3-8b": 8,
    "llama-3-70b": 70,
    "mistral-7b-v0.1": 7.2,
    "mistral-7b-v0.2": 7.2,
    "mistral-7b-v0.3": 7.2,
    "mistral-nemo-2407": 12.2,
    "mistral-large-2": 123,
    "mixtral-8x7b": 12.9,
    "mixtral-8x7b-v0.1": 12.9,
    "phi-3-mini-4k": 3.8,
    "phi-3.5-mini": 3.8,
    "qwen-1.5-7b": 7.7,
    "qwen-1.5-72b": 72,
    "qwen-2-7b": 7.6,
    "qwen-2-72b": 72.7,
    "qwen-2.5-7b": 7.6,
    "qwen-2.5-coder-0.5b": 0.5,
    "qwen-2.5-coder-1.5b": 1.5,
    "yi-6b": 6,
    "yi-1.5-9b": 8.8,
    "yi-1.5-34b": 34.4,
    "command-r-v01": 35,
    "command-r": 35,
    "command-r-plus": 104,
    "jamba-1.5-large": 94,
    "gemma-2-2b": 2.6,
    "gemma-2-9b": 9.2,
    "gemma-2-27b": 27.2,
    "llama-3.1-nemotron-51b": 51.5,
    "llama-3.3-nemotron-super-49b-v1": 49.9,
    "athene-70b": 70,
    "deepseek-v2.5-0908": 21,
}
"""Billions of active parameters by canonical name, by the models' own cards: instruction-tuned generalists of late 2023
and after. Of the others (closed ones, those for one purpose) the ability is fitted, and says nothing about sizes."""

SPECIAL = {"llama-3-chatqa-1.5-8b", "llama-3-chatqa-1.5-70b", "codegemma-7b", "mathstral-7b"}
"""Models for one purpose: they get their own rows, and have no say in what a type asks for."""

BASE = {
    *("Llama-2-7b-hf", "Llama-2-13b-hf", "Llama-2-70b-hf", "Meta-Llama-3-8B", "Meta-Llama-3-70B", "Yi-6B", "Yi-34B"),
    *("Meta-Llama-3_1-8B", "Meta-Llama-3_1-70B", "Mistral-7B-v0.1", "Mistral-7B-v0.2-hf", "Mixtral-8x7B-v0.1"),
    *("Qwen1.5-110B", "gemma-7b"),
}
"""Models of MMLU-Pro's file that nobody has taught to follow instructions: they say nothing of what one installs."""

_MATH = {
    *("abstract_algebra", "college_mathematics", "elementary_mathematics", "high_school_mathematics"),
    *("high_school_statistics", "econometrics", "math", "gsm8k", "gsm", "agentverse-mgsm"),
}
_REASONING = {
    *(
        "formal_logic",
        "logical_fallacies",
        "moral_scenarios",
        "conceptual_physics",
        "high_school_physics",
        "college_physics",
    ),
    *(
        "high_school_chemistry",
        "college_chemistry",
        "electrical_engineering",
        "machine_learning",
        "college_computer_science",
    ),
    *("high_school_computer_science", "professional_accounting", "physics", "chemistry", "engineering", "business"),
    *("computer science", "gpqa", "agentverse-logicgrid", "reasoning", "commonsense_qa"),
}
_OTHERS: Mapping[str, TaskType] = {
    "mbpp": "code_write",
    "human_eval": "code_write",
    "coding": "code_write",
    "commongen": "creative",
    "writing": "creative",
    "roleplay": "creative",
    "extraction": "extraction",
}
SETS = ("routellm_mmlu", "routellm_gsm8k", "routellm_mtbench", "mmlu_pro", "llmrouter_mix", "zeroeval_gsm")


@dataclass(frozen=True)
class Prompt:
    """One prompt with the graded answers of the models that were taught to follow instructions."""

    text: str
    kind: TaskType
    group: str
    """Data set and subject, whose prompts are of one difficulty."""
    qualities: Mapping[str, float]
    """By canonical name."""
    tokens: Mapping[str, float]
    """Output tokens, as characters / 4; only where the data has them."""
    every: Mapping[str, float]
    """Quality of every model of the file, by the file's own name."""


def kind_of(subject: str) -> TaskType:
    """The task type of a data set's subject; what is neither computed nor deduced is knowledge."""
    if subject in _MATH:
        return "math"
    return "reasoning" if subject in _REASONING else _OTHERS.get(subject, "knowledge")


def prompts(data: Path, split: str, name: str) -> Iterator[Prompt]:
    """Read one file; of a prompt that occurs twice, the first."""
    seen: set[str] = set()
    for row in _rows(data / split / f"{name}.parquet"):
        if row["ph"] in seen:
            continue
        seen.add(row["ph"])
        scale = 10 if name == "routellm_mtbench" else 1
        every = {
            key[2:]: value / scale
            for key, value in row.items()
            if key[:2] == "s:" and value is not None and not math.isnan(value)
        }
        yield Prompt(
            text=row["prompt"],
            kind=kind_of(row["sub"]),
            group=f"{name}/{row['sub']}",
            qualities={canonical(model): quality for model, quality in every.items() if model not in BASE},
            tokens={
                canonical(key[2:]): value
                for key, value in row.items()
                if key[:2] == "t:" and value and key[2:] not in BASE
            },
            every=every,
        )


def long_documents(data: Path) -> Iterator[Prompt]:
    """Read the answers to questions about long documents, whose texts are not in the data; fitted on folds 0 to 6."""
    for row in _rows(data / "noprompt" / "cascade_longqa.parquet"):
        if int(hashlib.sha256(str(row["id"]).encode()).hexdigest()[:8], 16) % 10 < 7:
            qualities = {canonical(key[2:]): row[key] for key in ("s:llama-3.1-8b", "s:gpt-5")}
            yield Prompt(
                text="", kind="long_document", group=row["sub"], qualities=qualities, tokens={}, every=qualities
            )


def alphabetic_words(text: str) -> int:
    """Length as the baseline has it: words in the first 6,000 characters."""
    return len(re.findall(r"[A-Za-z']+", text[:6000]))


def _rows(path: Path) -> list[dict[str, Any]]:
    parquet: Any = pyarrow.parquet  # pyarrow has no types
    return parquet.read_table(path).to_pylist()

"""Graded answers of many models on public prompts, as rows for the router's fit, and how they map to task types."""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet

from router.tasktype import TaskType

NOMINAL = 400.0
"""Billions of parameters that closed models are booked under, whose size nobody has told."""

SIZES: Mapping[str, float] = {
    "mixtral-8x7b-instruct": 12.9,
    "Mixtral-8x7B-Instruct-v0.1": 12.9,
    "gpt-4-1106-preview": NOMINAL,
    "gemini-1.5-pro-002": NOMINAL,
    "gpt-5": NOMINAL,
    "Meta-Llama-3_1-8B-Instruct": 8,
    "Meta-Llama-3_1-70B-Instruct": 70,
    "Meta-Llama-3-8B-Instruct": 8,
    "Meta-Llama-3-70B-Instruct": 70,
    "Meta-Llama-3.1-8B-Instruct": 8,
    "Meta-Llama-3.1-70B-Instruct": 70,
    "Meta-Llama-3.1-405B-Instruct": 405,
    "llama-3.1-8b-instruct": 8,
    "llama-3.1-8b": 8,
    "Mistral-7B-Instruct-v0.2": 7.2,
    "mistral-7b-instruct-v0.3": 7.2,
    "Mistral-Nemo-Instruct-2407": 12.2,
    "Mistral-Large-2": 123,
    "Phi-3-mini-4k-instruct": 3.8,
    "Phi-3.5-mini-instruct": 3.8,
    "Qwen1.5-7B-Chat": 7.7,
    "Qwen1.5-72B-Chat": 72,
    "Qwen2-7B-Instruct": 7.6,
    "Qwen2-72B-Instruct": 72.7,
    "qwen2.5-7b-instruct": 7.6,
    "Yi-6b-Chat": 6,
    "Yi-1.5-9B-Chat": 8.8,
    "Yi-1.5-34B-Chat": 34.4,
    "c4ai-command-r-v01": 35,
    "command-r": 35,
    "command-r-plus": 104,
    "jamba-1.5-large": 94,
    "gemma-2-2b-it": 2.6,
    "gemma-2-9b-it": 9.2,
    "gemma-2-27b-it": 27.2,
    "llama-3.1-nemotron-51b-instruct": 51.5,
    "llama-3.3-nemotron-super-49b-v1": 49.9,
}
"""Billions of active parameters, by the models' own cards. Instruction-tuned generalists of late 2023 and after only:
base models, Llama 2 and models for one purpose (code, retrieval, mathematics) say little of what one installs today."""

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
    "mbpp": "code",
    "human_eval": "code",
    "coding": "code",
    "commongen": "creative",
    "writing": "creative",
    "roleplay": "creative",
    "extraction": "extraction",
}
SETS = ("routellm_mmlu", "routellm_gsm8k", "routellm_mtbench", "mmlu_pro", "llmrouter_mix", "zeroeval_gsm")


@dataclass(frozen=True)
class Prompt:
    """One prompt with the graded answers of the models whose size we know."""

    text: str
    kind: TaskType
    group: str
    """Data set and subject, whose prompts are of one difficulty."""
    qualities: Mapping[str, float]
    tokens: Mapping[str, float]
    """Output tokens, as characters / 4; only where the data has them."""
    every: Mapping[str, float]
    """Quality of every model of the file, also of those outside the fit."""


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
            qualities={model: quality for model, quality in every.items() if model in SIZES},
            tokens={key[2:]: value for key, value in row.items() if key[:2] == "t:" and value and key[2:] in SIZES},
            every=every,
        )


def long_documents(data: Path) -> Iterator[Prompt]:
    """Read the answers to questions about long documents, whose texts are not in the data; fitted on folds 0 to 6."""
    for row in _rows(data / "noprompt" / "cascade_longqa.parquet"):
        if int(hashlib.sha256(str(row["id"]).encode()).hexdigest()[:8], 16) % 10 < 7:
            qualities = {key[2:]: row[key] for key in ("s:llama-3.1-8b", "s:gpt-5")}
            yield Prompt(
                text="", kind="long_document", group=row["sub"], qualities=qualities, tokens={}, every=qualities
            )


def alphabetic_words(text: str) -> int:
    """Length as the baseline has it: words in the first 6,000 characters."""
    return len(re.findall(r"[A-Za-z']+", text[:6000]))


def _rows(path: Path) -> list[dict[str, Any]]:
    parquet: Any = pyarrow.parquet  # pyarrow has no types
    return parquet.read_table(path).to_pylist()

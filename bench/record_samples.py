"""Record a model's answers to public problems once, so that the scaling bench can replay them without the model.

python -m bench.record_samples gsm8k --data DIR --url http://127.0.0.1:8211/v1 --model large --out FILE

Each record is a line of JSON, keyed by the problem's index and the hash of its text; the text itself is not written. A
second start goes on where the first one ended. Take a server that does nothing else, as `pointsman models serve large`.
"""

import argparse
import asyncio
import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from agents.methods.written_tests import QUESTION
from agents.records import Json

GSM8K = "{question}\nReason step by step, and put the final answer within \\boxed{{}}."
HUMANEVAL = (
    "Complete this Python function. Answer with the whole function, its imports and nothing else, in one code block."
    "\n\n```python\n{prompt}```"
)
TESTS = f"{HUMANEVAL}\n\n{QUESTION}"
"""As the method asks for them."""
TEMPERATURE = 0.7
MAX_TOKENS = 640
TOP_LOGPROBS = 5
SECONDS = 3600.0
"""A machine that does other work besides may be slow; nothing is lost by waiting."""


@dataclass(frozen=True)
class Wanted:
    """One sample to record."""

    problem: str
    """The index of the problem in its set."""
    kind: str
    """`answer`, or `tests` for tests that the model writes."""
    sample: int
    """0 is greedy, 1 and up are drawn."""
    prompt: str

    @property
    def key(self) -> tuple[str, str, int]:
        return self.problem, self.kind, self.sample


def text_hash(text: str) -> str:
    """What ties a record to its problem."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def gsm8k(data: Path, *, problems: int, samples: int) -> Iterator[Wanted]:
    """Grade school word problems."""
    lines = (data / "gsm8k-300.jsonl").read_text().splitlines()[:problems]
    for one in map(json.loads, lines):
        for sample in range(samples + 1):
            yield Wanted(str(one["index"]), "answer", sample, GSM8K.format(question=one["question"]))


def humaneval(data: Path, *, problems: int, samples: int) -> Iterator[Wanted]:
    """Python functions, spread evenly over the set; and tests for them that the model writes."""
    with gzip.open(data / "HumanEval.jsonl.gz", "rt") as file:
        every = [json.loads(line) for line in file]
    for one in every[:: max(len(every) // problems, 1)][:problems]:
        name = one["task_id"]
        for sample in range(samples + 1):
            yield Wanted(name, "answer", sample, HUMANEVAL.format(prompt=one["prompt"]))
        yield Wanted(name, "tests", 0, TESTS.format(prompt=one["prompt"]))


SETS = {"gsm8k": gsm8k, "humaneval": humaneval}


async def record(wanted: list[Wanted], *, url: str, model: str, out: Path, parallel: int) -> None:
    """Ask for what is not recorded yet, problem by problem, and append each answer as it comes."""
    known = _known(out)
    left = [one for one in wanted if one.key not in known]
    print(f"{len(wanted) - len(left)} recorded, {len(left)} to go")
    places = asyncio.Semaphore(parallel)
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS, trust_env=False) as client:

        async def one(sample: Wanted) -> None:
            async with places:
                row = await _ask(client, model, sample)
            with out.open("a") as file:
                file.write(json.dumps(row, separators=(",", ":")) + "\n")
            print(f"{sample.problem} {sample.kind} {sample.sample}: {row['output_tokens']} tokens", flush=True)

        async with asyncio.TaskGroup() as group:
            for sample in left:
                group.create_task(one(sample))


def _known(out: Path) -> set[tuple[str, str, int]]:
    return {tuple(json.loads(line)["key"]) for line in out.read_text().splitlines()} if out.exists() else set()


async def _ask(client: httpx.AsyncClient, model: str, wanted: Wanted) -> Json:
    drawn = {"temperature": TEMPERATURE, "seed": 1000 + wanted.sample} if wanted.sample else {"temperature": 0}
    body = {
        "model": model,
        "messages": [{"role": "user", "content": wanted.prompt}],
        "max_tokens": MAX_TOKENS,
        "logprobs": True,
        "top_logprobs": TOP_LOGPROBS,
        **drawn,
    }
    reply = await client.post("chat/completions", json=body)
    reply.raise_for_status()
    given: Any = reply.json()
    choice = given["choices"][0]
    tokens = choice["logprobs"]["content"]
    return {
        "key": wanted.key,
        "text_hash": text_hash(wanted.prompt),
        "model": model,
        **drawn,
        "text": choice["message"]["content"],
        "finish_reason": choice["finish_reason"],
        "input_tokens": given["usage"]["prompt_tokens"],
        "output_tokens": given["usage"]["completion_tokens"],
        "logprobs": [round(token["logprob"], 3) for token in tokens],
        "top_logprobs": [_mean([other["logprob"] for other in token["top_logprobs"]]) for token in tokens],
    }


def _mean(values: list[float]) -> float:
    """Of the likeliest tokens at one place, kept above -50: a token that is ruled out has no finite value."""
    return round(sum(max(value, -50.0) for value in values) / max(len(values), 1), 3)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--problems", type=int, default=60)
    parser.add_argument("--samples", type=int, default=8, help="drawn ones, besides a greedy one")
    parser.add_argument("--parallel", type=int, default=4)
    given = parser.parse_args()
    wanted = list(SETS[given.set](given.data, problems=given.problems, samples=given.samples))
    asyncio.run(record(wanted, url=given.url, model=given.model, out=given.out, parallel=given.parallel))


if __name__ == "__main__":
    main()

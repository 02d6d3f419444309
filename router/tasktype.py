"""Guess what kind of work a prompt asks for, as a probability for each kind, from its words and its shape.

Multinomial logistic regression on words, pairs of words, the words that open the first and the last line, marks of
shape, and static embeddings weighted by rarity (the idea: Arora et al. 2017, "A simple but tough-to-beat baseline";
Model2Vec). All of it is linear, so it ships collapsed: one row of weights for each word, pair or mark. Only the ends of
the prompt are read: there people say what they want; what they paste lies between.
"""

import json
import math
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

from agents.records import Json
from router.features import Features
from router.words import words

TaskType = Literal[
    "math",
    "code_write",
    "code_fix",
    "code_explain",
    "extraction",
    "classification",
    "translation",
    "summarise",
    "proofread",
    "rewrite",
    "long_document",
    "knowledge",
    "reasoning",
    "planning",
    "creative",
    "chat",
    "tool",
    "data",
]
TASK_TYPES: tuple[TaskType, ...] = get_args(TaskType)
Posterior = Mapping[TaskType, float]
"""Probability of each type; they sum to 1."""

TABLE = Path(__file__).parent / "tables" / "tasktype.bin"

_NEGLIGIBLE = 0.05
_HEAD, _TAIL = 360, 240
"""Characters that are read for their words, from each end."""
_POLITE_WORDS = "please can could would will you i i'd want need like to help me my us hi hello hey ok now so the a an"
_POLITE = frozenset((*_POLITE_WORDS.split(), *",.!:#"))
"""Passed over in the search for the word that opens a line."""
_PASTED = 0.3
"""How much what is quoted counts beside what is asked."""
_LONGEST_QUESTION = 200
_LEAST_QUOTED = 30
"""Characters: a last line longer than the one asks nothing, and less than the other behind a colon is no quotation."""
_QUOTATION = re.compile(r'"[^"\n]{16,}"|“[^”\n]{16,}”|«[^»\n]{16,}»|„[^“\n]{16,}“')
_CJK = re.compile(r"[぀-ヿ㐀-鿿가-힯]")
_ROW_OF_TABLE = re.compile(r"^[^\n]*(?:,[^\s,]|;|\t| ?\|)[^\n]*(?:,[^\s,]|;|\t| ?\|)[^\n]*$", re.MULTILINE)
_FAILURE = re.compile(r"Traceback|(?:Error|Exception)\b|\berror\b|\bfail(?:s|ed)\b|:\d+:\d+")
_FILES: Mapping[str, str] = {
    **dict.fromkeys(("csv", "tsv", "xlsx", "xls", "ods", "parquet"), "#file:table"),
    **dict.fromkeys(("py", "js", "ts", "go", "rs", "java", "c", "cpp", "sh", "sql", "rb", "php"), "#file:code"),
}


_WIDTH = len(TASK_TYPES)
_LANES = struct.Struct(f"<{_WIDTH}H")
_NOTHING = 128
"""The byte that stands for a weight of 0."""
_MOST_ADDED = 257
"""So many bytes add up to no more than two bytes hold."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The shipped table."""

    about: Json
    """The command that made it, what it was made from, and what it reached."""
    bias: tuple[float, ...]
    scale: float
    """What a weight of 1 in `lanes` stands for, in nats."""
    index: Mapping[str, int]
    """Where in `lanes` a key's row begins."""
    lanes: bytes
    """Two bytes for each type, row after row: read as one integer each, whole rows are added at once."""

    def sums(self, keys: Iterable[str]) -> list[float]:
        """Add up the weights of these keys, for each type; unknown keys weigh nothing."""
        lanes, number, size = self.lanes, int.from_bytes, _LANES.size
        found = [number(lanes[at : at + size], "little") for at in map(self.index.get, keys) if at is not None]
        scale, total = self.scale, [-_NOTHING * len(found)] * _WIDTH
        for begin in range(0, len(found), _MOST_ADDED):
            added = sum(found[begin : begin + _MOST_ADDED])
            total = [one + more for one, more in zip(total, _LANES.unpack(added.to_bytes(size, "little")), strict=True)]
        return [weight * scale for weight in total]


def task_type(
    prompt: str, seen: Features, *, tools: bool = False, attached: Iterable[str] = ()
) -> dict[TaskType, float]:
    """Weigh the prompt's words and shape.

    Args:
        prompt: The user's words.
        seen: What `features` saw of them.
        tools: The asker offers tools.
        attached: Names of the files that came with it.
    """
    weights = load_weights()
    spoken = terms(prompt)
    asked, share = weights.sums((*spoken.tokens, *spoken.pairs)), spoken.share
    quoted, pasted_share = weights.sums(spoken.pasted), spoken.pasted_share
    shape = weights.sums((*spoken.openings, *marks(prompt, seen, tools=tools, attached=attached)))
    parts = zip(weights.bias, shape, asked, quoted, strict=True)
    scores = [bias + plain + word * share + other * pasted_share for bias, plain, word, other in parts]
    top = max(scores)
    return _normalised({kind: math.exp(score - top) for kind, score in zip(TASK_TYPES, scores, strict=True)})


def likely(posterior: Posterior) -> Posterior:
    """The types that matter, to sum over; their probabilities sum to 1 again."""
    return _normalised({kind: probability for kind, probability in posterior.items() if probability >= _NEGLIGIBLE})


@dataclass(frozen=True, slots=True)
class Terms:
    """What is read of a prompt's ends."""

    tokens: tuple[str, ...]
    """Each word of what is asked once, in order of first use."""
    pairs: tuple[str, ...]
    openings: tuple[str, ...]
    pasted: tuple[str, ...]
    """Each word of what seems to be quoted."""
    share: float
    """What the weights of `tokens` and `pairs` are multiplied by: the more of them, the less each of them says."""
    pasted_share: float


def terms(prompt: str) -> Terms:
    """Read the words of the prompt's ends."""
    text = prompt if len(prompt) <= _HEAD + _TAIL else f"{prompt[:_HEAD]}\n{prompt[-_TAIL:]}"
    asked, pasted = _parted(text.strip())
    tokens = [_tokens(line) for line in asked]
    openings = [opening for line in tokens for opening in _opening(line[:12])]
    once = tuple(dict.fromkeys(token for line in tokens for token in line))
    quoted = tuple(dict.fromkeys(_tokens(pasted)))
    return Terms(
        tokens=once,
        pairs=tuple(dict.fromkeys(f"{left} {right}" for line in tokens for left, right in pairwise(line))),
        openings=tuple(dict.fromkeys(openings)),
        pasted=quoted,
        share=1 / math.sqrt(max(len(once), 1)),
        pasted_share=_PASTED / math.sqrt(max(len(quoted), 1)),
    )


def _parted(text: str) -> tuple[list[str], str]:
    """The lines that ask, and what lies between or behind them: quotations, and what follows a colon."""
    first, _, rest = text.partition("\n")
    middle, _, last = rest.rpartition("\n")
    announced = first.rstrip().endswith((":", "：")) and not middle.endswith("\n")
    if announced or len(last) > _LONGEST_QUESTION:
        middle, last = rest, ""
    asked: list[str] = []
    pasted = [middle]
    for line in (first, last):
        said = _QUOTATION.sub(lambda found: pasted.append(found[0]) or ' " ', line)
        head, colon, quoted = said.partition(": ")
        if colon and len(quoted) > _LEAST_QUOTED and len(head) > 2:
            pasted.append(quoted)
            said = f"{head}:"
        if said.strip():
            asked.append(said)
    return asked, "\n".join(pasted)


def marks(prompt: str, seen: Features, *, tools: bool, attached: Iterable[str]) -> Iterator[str]:
    """What speaks for or against a type beside the words."""
    for above in (40, 120, 400, 1200, 3000, 9000):
        if seen.characters > above:
            yield f"#characters>{above}"
    for above in (2, 4, 8, 20, 60):
        if seen.words > above:
            yield f"#words>{above}"
    for above in (1, 2, 5, 15):
        if seen.lines > above:
            yield f"#lines>{above}"
    for name, count in (("code", seen.code), ("numbers", seen.numbers), ("options", seen.options)):
        for above in (0, 1, 3, 8):
            if count > above:
                yield f"#{name}>{above}"
    if seen.latex:
        yield "#latex"
    if seen.question:
        yield "#question"
    if seen.other_script > 0.3:
        yield "#script"
    ends = f"{prompt[:_HEAD]}\n{prompt[-_TAIL:]}" if len(prompt) > _HEAD + _TAIL else prompt
    rows = len(_ROW_OF_TABLE.findall(ends)) if seen.lines > 2 else 0
    for above in (2, 5):
        if rows > above:
            yield f"#rows>{above}"
    if _FAILURE.search(ends):
        yield "#failure"
    first = prompt.partition("\n")[0].rstrip()
    if first.endswith(":") and seen.lines > 1:
        yield "#announces"
    if seen.numbers > 0.15 * seen.words:
        yield "#numeric"
    if tools:
        yield "#tools"
    yield from {_FILES.get(name.rpartition(".")[2].lower(), "#file:text") for name in attached}


@lru_cache(maxsize=1)
def load_weights() -> Weights:
    """Read the shipped table, the first time it is asked for."""
    return unpacked(TABLE.read_bytes())


def packed(about: Json, *, bias: Iterable[float], scale: float, keys: Sequence[str], rows: bytes) -> bytes:
    """The table as one file: a JSON head, the keys a line, then their rows, a byte for each type, 128 is nothing."""
    head = {"about": about, "bias": [*bias], "scale": scale, "keys": len(keys)}
    return "\n".join((json.dumps(head), *keys, "")).encode() + rows


def unpacked(content: bytes) -> Weights:
    """The table of a file that `packed` made."""
    line, _, rest = content.partition(b"\n")
    head = json.loads(line)
    count, size = head["keys"], _LANES.size
    rows = rest[len(rest) - count * _WIDTH :]
    keys = rest[: len(rest) - len(rows) - 1].decode().split("\n")
    lanes = bytearray(2 * len(rows))
    lanes[::2] = rows
    return Weights(
        about=head["about"],
        bias=tuple(head["bias"]),
        scale=head["scale"],
        index=dict(zip(keys, range(0, count * size, size), strict=True)),
        lanes=bytes(lanes),
    )


def _normalised(weights: Posterior) -> dict[TaskType, float]:
    total = sum(weights.values())
    return {kind: weight / total for kind, weight in weights.items()}


def _tokens(text: str) -> list[str]:
    """Words; of scripts that write no spaces, every two characters."""
    found = words(text)
    if text.isascii() or not _CJK.search(text):
        return found
    return [
        piece
        for word in found
        for piece in (map("".join, pairwise(word)) if len(word) > 1 and _CJK.match(word) else (word,))
    ]


def _opening(tokens: list[str]) -> dict[str, None]:
    said = [token for token in tokens if token not in _POLITE][:2]
    return dict.fromkeys(f">{' '.join(said[:count])}" for count in range(1, len(said) + 1))

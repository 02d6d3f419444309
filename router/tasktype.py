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
from functools import lru_cache
from itertools import chain, pairwise
from operator import add
from pathlib import Path
from typing import Literal, NamedTuple, get_args

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
_CJK = r"[぀-ヿ㐀-鿿가-힯]"
"""Compiled when the first text needs it: so wide a range takes longer than all the other patterns together."""
_SEPARATOR = re.compile(r",[^\s,]|[;\t|]")
"""Two of them make a line a row of a table."""
_FAILURE = re.compile(r"Traceback|E(?:rror|xception)\b|e(?<!\we)rror\b|f(?<!\wf)ail(?:s|ed)\b|:\d+:\d+")
"""Each alternative begins with a letter of its own, by which the search skips what cannot match."""
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


class Weights(NamedTuple):
    """The shipped table."""

    about: Json
    """The command that made it, what it was made from, and what it reached."""
    bias: tuple[float, ...]
    scale: float
    """What a weight of 1 in `rows` stands for, in nats."""
    rows: Mapping[str, bytes]
    """Of each key two bytes for each type: read as one integer each, whole rows are added at once."""

    def sums(self, keys: Iterable[str]) -> list[float]:
        """Add up the weights of these keys, for each type; unknown keys weigh nothing."""
        found = [*filter(None, map(self.rows.get, keys))]
        scale, nothing = self.scale, _NOTHING * len(found)
        total = _added(found[:_MOST_ADDED])
        for begin in range(_MOST_ADDED, len(found), _MOST_ADDED):
            total = map(add, total, _added(found[begin : begin + _MOST_ADDED]))
        return [(weight - nothing) * scale for weight in total]


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


class Terms(NamedTuple):
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
    asked, pasted = _parted(_ends(prompt).strip())
    tokens = [_tokens(line) for line in asked]
    openings = [opening for line in tokens for opening in _opening(line[:12])]
    once = tuple(dict.fromkeys(chain.from_iterable(tokens)))
    quoted = tuple(dict.fromkeys(_tokens(pasted)))
    return Terms(
        tokens=once,
        pairs=tuple(dict.fromkeys([f"{left} {right}" for line in tokens for left, right in pairwise(line)])),
        openings=tuple(dict.fromkeys(openings)),
        pasted=quoted,
        share=1 / math.sqrt(max(len(once), 1)),
        pasted_share=_PASTED / math.sqrt(max(len(quoted), 1)),
    )


def _ends(prompt: str) -> str:
    return prompt if len(prompt) <= _HEAD + _TAIL else f"{prompt[:_HEAD]}\n{prompt[-_TAIL:]}"


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
    ends = _ends(prompt)
    rows = sum(len(_SEPARATOR.findall(line)) > 1 for line in ends.split("\n")) if seen.lines > 2 else 0
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
    """The table as one file: a JSON head, the keys a line, then their rows, two bytes for each type.

    Args:
        about: What is to be remembered with the table.
        bias: Of each type.
        scale: What a weight of 1 stands for.
        keys: Words, pairs and marks.
        rows: Of each key, a byte for each type: 128 and the weight.
    """
    head = {"about": about, "bias": [*bias], "scale": scale, "keys": len(keys)}
    lanes = bytearray(2 * len(rows))
    lanes[::2] = rows
    return "\n".join((json.dumps(head), *keys, "")).encode() + lanes


def unpacked(content: bytes) -> Weights:
    """The table of a file that `packed` made."""
    begin, size = content.index(b"\n") + 1, _LANES.size
    head = json.loads(content[:begin])
    count = head["keys"]
    end = len(content) - count * size
    keys = content[begin : end - 1].decode().split("\n")
    rows = [content[at : at + size] for at in range(end, len(content), size)]
    return Weights(head["about"], tuple(head["bias"]), head["scale"], dict(zip(keys, rows, strict=True)))


def _added(rows: Iterable[bytes]) -> Iterable[int]:
    """The sum of each lane over some rows: no more of them than the lanes can hold."""
    total = sum([int.from_bytes(row, "little") for row in rows])
    return _LANES.unpack(total.to_bytes(_LANES.size, "little"))


def _normalised(weights: Posterior) -> dict[TaskType, float]:
    total = sum(weights.values())
    return {kind: weight / total for kind, weight in weights.items()}


def _tokens(text: str) -> list[str]:
    """Words; of scripts that write no spaces, every two characters."""
    found = words(text)
    if text.isascii() or not re.search(_CJK, text):
        return found
    return [
        piece
        for word in found
        for piece in (map("".join, pairwise(word)) if len(word) > 1 and re.match(_CJK, word) else (word,))
    ]


def _opening(tokens: list[str]) -> dict[str, None]:
    said = [token for token in tokens if token not in _POLITE][:2]
    return dict.fromkeys(f">{' '.join(said[:count])}" for count in range(1, len(said) + 1))

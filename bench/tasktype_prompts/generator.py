"""Multiply the seed prompts: take one of the alternatives, fill the slots, and ask as people ask.

A seed is a line of `<task type>.txt`. `[a|b|]` stands for one of its alternatives, `{slot}` for an entry of
`slots.yaml` or for something made up here (numbers, tables, long texts), `\\n` for a line's end.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from router.tasktype import TASK_TYPES, TaskType

_FOLDER = Path(__file__).parent
_CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_ESCAPES = {"\\n": "\n", "\\\\": "\\"}

_PREFIXES = (
    *("Please ", "please ", "Can you ", "Can you please ", "Could you ", "Could you please ", "I need you to ", "Hi, "),
    *("Hello! ", "hey, ", "I want you to ", "Help me. ", "Quick question: ", "You are a helpful assistant. "),
    *("### Instruction:\n", "Hi! I need some help. ", "I'd like you to ", "ok now ", "Task: ", "Q: ", "Next: "),
)
_SUFFIXES = (
    *(" Thanks!", " Thank you.", " Please be brief.", " Keep it short.", " Be concise.", " No explanations please."),
    *(
        " Explain your answer.",
        " thx",
        "\n\nThanks in advance",
        " Answer in English.",
        " It's urgent.",
        " Take your time.",
    ),
)
_PLAIN: tuple[TaskType, ...] = ("chat",)
"""Types whose prompts are too short to be dressed up: a greeting before them would be most of them."""

_ATTACHED: Mapping[TaskType, tuple[float, tuple[str, ...]]] = {
    "long_document": (0.3, ("report.pdf", "contract.txt", "handbook.md")),
    "summarise": (0.15, ("article.txt", "minutes.md")),
    "extraction": (0.1, ("invoice.txt", "letter.txt")),
    "translation": (0.06, ("letter.txt",)),
    "proofread": (0.06, ("essay.md",)),
    "rewrite": (0.06, ("draft.txt",)),
    "data": (0.2, ("sales.csv", "book.xlsx", "export.tsv")),
    "code_fix": (0.1, ("main.py", "app.js")),
    "code_explain": (0.1, ("util.go", "main.rs")),
    "code_write": (0.05, ("store.ts", "model.py")),
}
"""How often a prompt of the type is taken to come with a file, and with which; of other types one in a hundred."""
_ELSEWHERE = 0.7
"""How often a question on a document that is not in the prompt comes with a file."""
_TOOLS = {"tool": 0.6}
_SELDOM = 0.05
"""How often tools are taken to be on offer with a prompt of any other type."""


@dataclass(frozen=True)
class Example:
    """A made-up prompt."""

    text: str
    kind: TaskType
    seed: str
    """The line that it was made from: the prompts of one line belong on one side of a split."""
    tools: bool
    attached: tuple[str, ...]
    half: int
    """0 or 1: which half of the texts its slots were filled from."""


def seeds(kind: TaskType) -> list[str]:
    """Read the seed prompts of a type."""
    return (_FOLDER / f"{kind}.txt").read_text().splitlines()


def examples(*, per_seed: int, passages: Sequence[str], seed: int) -> Iterator[Example]:
    """Make prompts of every type.

    Args:
        per_seed: So many of each line; half of them from one half of the texts, half from the other.
        passages: Texts for prompts that quote one, beside those of `slots.yaml`.
        seed: For the random choices.
    """
    dice = random.Random(seed)
    writers = [_Writer(dice, passages, half) for half in (0, 1)]
    for kind in TASK_TYPES:
        for line in seeds(kind):
            for number in range(per_seed):
                text = writers[number % 2].write(line)
                share, names = _ATTACHED.get(kind, (0.01, ("notes.txt",)))
                share = _ELSEWHERE if kind == "long_document" and "{long}" not in line else share
                yield Example(
                    text=text if kind in _PLAIN else _dressed(text, dice),
                    kind=kind,
                    seed=line,
                    tools=dice.random() < _TOOLS.get(kind, _SELDOM),
                    attached=(dice.choice(names),) if dice.random() < share else (),
                    half=number % 2,
                )


class _Writer:
    def __init__(self, dice: random.Random, passages: Sequence[str], half: int) -> None:
        self._dice = dice
        slots: dict[str, list[str]] = yaml.safe_load((_FOLDER / "slots.yaml").read_text())
        self._slots = {slot: texts[half::2] for slot, texts in slots.items()}
        self._passages = [passage for passage in passages[half::2] if len(passage) > 120]
        self._sentences = [passage for passage in passages[half::2] if len(passage) <= 120]
        self._words = sorted({word for text in self._slots["text"] for word in re.findall(r"[a-z]{4,}", text)})
        self._made: Mapping[str, Callable[[], str]] = {
            "n": lambda: str(dice.randint(3, 60)),
            "m": lambda: str(dice.randint(2, 12)),
            "big": lambda: str(dice.choice((dice.randint(80, 999), dice.randint(1000, 90000)))),
            "percent": lambda: dice.choice(("5", "10", "12.5", "15", "20", "35", "75")),
            "wordlist": lambda: ", ".join(dice.sample(self._words, dice.randint(4, 16))),
            "csv": lambda: self._table(dice.choice((",", ",", ";", "\t"))),
            "table": lambda: self._table(" | "),
            "long": self._long,
            "text": lambda: self._quoted("text", self._passages),
            "sentence": lambda: self._quoted("sentence", self._sentences),
            "errors": lambda: self._corrupted(),
        }

    def write(self, line: str) -> str:
        """Choose, then fill until nothing is left to fill."""
        chosen = _CHOICE.sub(lambda found: self._dice.choice(found[1].split("|")), line)
        broken = re.sub(r"\\[n\\]", lambda found: _ESCAPES[found[0]], chosen)
        return re.sub(r" {2,}", " ", _SLOT.sub(lambda found: self._filled(found[1], found[0]), broken)).strip(" ")

    def _filled(self, slot: str, as_it_was: str) -> str:
        if slot in self._made:
            return self._made[slot]()
        return self._dice.choice(self._slots[slot]) if slot in self._slots else as_it_was

    def _quoted(self, slot: str, more: Sequence[str]) -> str:
        return self._dice.choice(more if self._dice.random() < 0.4 else self._slots[slot])

    def _long(self) -> str:
        paragraphs = self._dice.choices([*self._slots["text"], *self._slots["clause"], *self._slots["notes"]], k=8)
        return "\n\n".join(paragraphs * self._dice.choice((1, 1, 2, 3, 8)))

    def _corrupted(self) -> str:
        if self._dice.random() < 0.4:
            return self._dice.choice(self._slots["errors"])
        words = self._quoted(self._dice.choice(("text", "sentence")), self._sentences).split(" ")
        for place, word in enumerate(words):
            if len(word) > 3 and self._dice.random() < 0.15:
                at = self._dice.randrange(1, len(word) - 1)
                words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        return " ".join(words)

    def _table(self, comma: str) -> str:
        names = self._dice.sample(self._slots["column"], self._dice.randint(1, 4))
        first = self._dice.choice(("name", "month", "product", "region", "date", "customer"))
        rows = [
            [self._dice.choice(self._slots["name"]), *(str(self._dice.randint(1, 900)) for _ in names)]
            for _ in range(self._dice.randint(3, 12))
        ]
        return "\n".join(comma.join(row) for row in [[first, *names], *rows])


def _dressed(text: str, dice: random.Random) -> str:
    if dice.random() < 0.2 and text[:1].isascii() and text[:1].isalpha():
        prefix = dice.choice(_PREFIXES)
        text = prefix + (text[0].lower() + text[1:] if prefix[-2:] != ". " else text)
    if dice.random() < 0.12 and len(text) < 1000:
        text += dice.choice(_SUFFIXES)
    if dice.random() < 0.2:
        text = text.rstrip("?.!:")
    return text.lower() if dice.random() < 0.2 else text

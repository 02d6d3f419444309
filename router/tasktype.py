"""Guess what kind of work a prompt asks for, as a probability for each kind, from its words and its shape.

Each word, opening and shape below speaks for one or more kinds with a weight in nats; the sums go through a softmax.
The weights are set by hand, looked at on the training folds of the data that `bench/fit_router.py` fits on; there is
nothing in that data for most kinds.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from router.features import Features, excerpt

TaskType = Literal[
    "math",
    "code",
    "extraction",
    "classification",
    "translation",
    "summarise",
    "rewrite",
    "long_document",
    "knowledge",
    "reasoning",
    "planning",
    "creative",
    "chat",
    "tool",
]
TASK_TYPES: tuple[TaskType, ...] = get_args(TaskType)
Posterior = Mapping[TaskType, float]
"""Probability of each type; they sum to 1."""

_PRIOR: Mapping[TaskType, float] = {
    "knowledge": 1.0,
    "chat": 0.3,
    "reasoning": 0.2,
    "tool": -2.0,
    "long_document": -1.0,
}
_NEGLIGIBLE = 0.05
_MOST_PER_TYPE = 4.0
"""However many words of a kind there are, they are one observation."""

_OPENINGS: tuple[tuple[TaskType, float, str], ...] = (
    ("translation", 4, "translate translation"),
    ("summarise", 4, "summarize summarise summary tldr condense"),
    ("rewrite", 4, "rewrite rephrase paraphrase proofread reword edit improve correct polish shorten fix"),
    ("extraction", 4, "extract list find identify parse"),
    ("classification", 4, "classify categorize categorise label tag"),
    ("code", 3, "implement debug refactor code program"),
    ("math", 3, "solve calculate compute evaluate simplify prove factor differentiate integrate"),
    ("planning", 4, "plan schedule organize organise outline"),
    ("creative", 3, "imagine compose pretend brainstorm invent"),
    ("creative", 1, "write draft create"),
    ("code", 0.7, "write create"),
    ("knowledge", 1.5, "who when where which what whose define explain describe name"),
    ("reasoning", 1.2, "why if suppose assume given"),
    ("chat", 3, "hi hello hey thanks thank sorry ok okay good bye yes no"),
    ("tool", 3, "search browse remind book send open download"),
)
_WORDS: tuple[tuple[TaskType, float, str], ...] = (
    (
        "math",
        0.7,
        "equation integer integers integral derivative polynomial triangle radius probability fraction digits",
    ),
    ("math", 0.7, "remainder prime divisible sum product percent total altogether twice half thrice average each per"),
    ("math", 0.7, "cost costs miles hours minutes dollars cents left many much more less times area volume perimeter"),
    ("math", 0.7, "factorial matrix vector angle degrees sequence modulo boxed x y n"),
    ("code", 1.2, "python javascript typescript java rust golang sql bash html css regex function functions method"),
    (
        "code",
        1.2,
        "algorithm script bug compile compiler exception api json array arrays string strings loop recursion",
    ),
    ("code", 1.2, "list tuple tuples dictionary returns return def class lambda variable unit tests repository docker"),
    ("code", 1.2, "git database query"),
    ("extraction", 1.0, "extract fields names emails dates json entities mentioned table column csv phone"),
    ("classification", 1.2, "classify sentiment category categories label spam positive negative neutral genre"),
    ("translation", 1.3, "translate translation english french german spanish italian chinese japanese portuguese"),
    ("translation", 1.3, "russian latin arabic"),
    ("summarise", 1.5, "summarize summarise summary tldr takeaways condense gist bullet"),
    ("rewrite", 1.2, "rewrite rephrase paraphrase proofread grammar grammatical spelling tone formal wording polite"),
    ("rewrite", 1.2, "concise paragraph"),
    ("long_document", 0.8, "document article passage report contract transcript excerpt context according attached"),
    (
        "knowledge",
        0.6,
        "capital president invented author country city war king century born founded located known called",
    ),
    ("knowledge", 0.6, "theory disease cell law treaty species company film song named term statement"),
    ("reasoning", 0.8, "puzzle logic logical logically argument conclusion premise premises deduce implies true false"),
    ("reasoning", 0.8, "clues must therefore valid fallacy energy force velocity mass current voltage temperature"),
    ("reasoning", 0.8, "pressure mole reaction acid electron circuit moral wrong scenario main"),
    ("planning", 1.3, "plan itinerary roadmap schedule agenda strategy milestones week trip budget prepare steps"),
    ("creative", 1.4, "story poem haiku song lyrics slogan novel character dialogue joke blog fairy rhyme tagline"),
    ("creative", 1.4, "speech letter"),
    ("chat", 0.8, "feel feeling you your thanks favorite opinion friend advice"),
    ("tool", 0.8, "search browse website email calendar weather latest today file download reminder"),
)
_HOW_MANY = re.compile(r"\bhow (?:many|much|long|far|old|fast)\b")
_POLITE = {
    "please",
    "can",
    "could",
    "would",
    "you",
    "i",
    "want",
    "need",
    "to",
    "help",
    "me",
    "q",
    "question",
    "the",
    "a",
    "an",
}
_WORD = re.compile(r"[a-z]+")


def _by_word(table: Iterable[tuple[TaskType, float, str]]) -> dict[str, tuple[tuple[TaskType, float], ...]]:
    found: dict[str, tuple[tuple[TaskType, float], ...]] = {}
    for kind, weight, words in table:
        for word in words.split():
            found[word] = (*found.get(word, ()), (kind, weight))
    return found


_OPENING_WEIGHTS = _by_word(_OPENINGS)
_WORD_WEIGHTS = _by_word(_WORDS)


def task_type(prompt: str, seen: Features, *, tools: bool = False) -> dict[TaskType, float]:
    """Weigh the prompt's words and shape.

    Args:
        prompt: The user's words.
        seen: What `features` saw of them.
        tools: The asker offers tools.
    """
    text = excerpt(prompt).lower()
    words = _WORD.findall(text)
    scores: dict[TaskType, float] = dict.fromkeys(TASK_TYPES, 0.0)
    for word in set(words):
        for kind, weight in _WORD_WEIGHTS.get(word, ()):
            scores[kind] += weight
    for kind in TASK_TYPES:
        scores[kind] = min(scores[kind], _MOST_PER_TYPE)
    opening = next((word for word in words[:8] if word not in _POLITE), "")
    evidence = (*_OPENING_WEIGHTS.get(opening, ()), *_shape(text, seen, tools=tools), *_PRIOR.items())
    for kind, weight in evidence:
        scores[kind] += weight
    top = max(scores.values())
    return _normalised({kind: math.exp(scores[kind] - top) for kind in TASK_TYPES})


def likely(posterior: Posterior) -> Posterior:
    """The types that matter, to sum over; their probabilities sum to 1 again."""
    return _normalised({kind: posterior[kind] for kind in posterior if posterior[kind] >= _NEGLIGIBLE})


def _normalised(weights: Posterior) -> dict[TaskType, float]:
    total = sum(weights.values())
    return {kind: weights[kind] / total for kind in weights}


def _shape(text: str, seen: Features, *, tools: bool) -> Iterable[tuple[TaskType, float]]:
    if seen.code:
        yield "code", min(1.0 + 0.5 * seen.code, 3.0)
    if seen.latex:
        yield "math", 2.5
    if _HOW_MANY.search(text):
        yield "math", 1.5 if seen.numbers else 0.3
    if seen.numbers >= 2:
        yield "math", min(0.35 * seen.numbers, 1.5)
    if seen.options >= 3:
        yield "knowledge", 1.0
        yield "reasoning", 1.0
    if seen.characters > 4000:
        yield "long_document", min(seen.characters / 4000, 5.0)
    if seen.words <= 4 and not seen.question:
        yield "chat", 1.2
    if seen.other_script > 0.3:
        yield "translation", 0.8
    if tools:
        yield "tool", 4.5

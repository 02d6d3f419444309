"""A conversation as the router sees it: who answered last, and which work the last words really ask for.

A short assent ("yes, do it") is routed by the work it approves. Routed by its own length it would go to the cheapest
model, whatever had been agreed before.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agents.records import ChatMessage, Effort, Record
from router.assent import LAST, chosen_place, is_approval, place_of


class Session(Record):
    """Who answered last in this conversation or tool loop."""

    model: str
    effort: Effort
    cached_tokens: int = 0
    """Tokens of the conversation that the model's server still holds in its prefix cache."""
    failed_check: bool = False
    """A check, or the user, refused the last answer: it takes more than that to get it right."""


class Work(NamedTuple):
    """What is to be done."""

    text: str
    """The words to judge it by."""
    approved: bool
    """The last words only say yes, or go on: `text` is the request that stands behind them, and they."""


_READ = 2000
"""Characters of an offer that are read from its head, and as many from its tail."""
_ITEM = re.compile(
    r"^[ \t]*(?:[-*][ \t]+)?\**(?:option |plan |step )?\(?([1-9a-d])[.):][ \t]*(.+)$", re.IGNORECASE | re.MULTILINE
)
_SENTENCE_END = re.compile(r"(?<=[.!?:])\s|\n")


def is_tool_turn(messages: Sequence[ChatMessage]) -> bool:
    """Whether a tool's result is what came last: the loop goes on, nobody asked for anything new."""
    return bool(messages) and messages[-1].role == "tool"


def work(messages: Sequence[ChatMessage]) -> Work:
    """Find what is asked now: the last user's words, or the request and the offer that they say yes to."""
    users = [place for place, message in enumerate(messages) if message.role == "user"]
    if not users:
        return Work(text="", approved=False)
    said = messages[users[-1]].content
    offer = _offer(messages[: users[-1]])
    if not offer or not is_approval(said):
        return Work(text=said, approved=False)
    asked = (messages[place].content for place in reversed(users[:-1]))
    request = next((text for text in asked if not is_approval(text)), "")
    return Work(text="\n".join(_behind(said, request, offer)), approved=True)


def _offer(before: Sequence[ChatMessage]) -> str:
    return next((message.content for message in reversed(before) if message.role == "assistant"), "")


def _behind(said: str, request: str, offer: str) -> Iterator[str]:
    """The request, what was offered for it, and the words that approved it."""
    if request:
        yield request
    offered = _item(said, offer) or _leave_asked(offer)
    if offered:
        yield offered
    elif not request:
        yield offer[-_READ:]
    yield said


def _item(said: str, offer: str) -> str:
    """The entry of the offered list that the words choose."""
    place = chosen_place(said)
    if place is None:
        return ""
    seen = offer if len(offer) <= 2 * _READ else f"{offer[:_READ]}\n{offer[-_READ:]}"
    items: list[tuple[str, str]] = _ITEM.findall(seen)
    if place == LAST:
        return items[-1][1] if items else ""
    return next((text for mark, text in items if place_of(mark) == place), "")


def _leave_asked(offer: str) -> str:
    """The question that ends an offer: `Shall I write the tests now?`."""
    end = offer[-_READ:].rstrip()
    return _SENTENCE_END.split(end)[-1] if end.endswith("?") else ""

"""Finds which of the samples' answers are the same: first by their forms, then, where that is no proof, by asking."""

import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence

from agents.voting.extract import Extracted

Equal = Callable[[Sequence[tuple[str, str]]], Awaitable[Sequence[bool | None]]]
"""Says of each pair of mathematical expressions whether they are equal; None where it cannot tell."""
MOST_FORMS = 12
"""Of a vote, compared with each other: more different answers than this are no vote that a comparison could save."""


class Grouping:
    """Which forms are one answer. What was compared once is not compared again."""

    def __init__(self, equal: Equal) -> None:
        self._equal = equal
        self._known: dict[tuple[str, str], bool | None] = {}

    async def merged(self, found: Sequence[Extracted]) -> Mapping[str, str]:
        """For each form the one that stands for its group: a number where there is one, else the first by spelling."""
        forms = {one.form: one for one in found if one.form is not None}
        open_pairs = [
            (left, right)
            for left, right in itertools.combinations(sorted(forms), 2)
            if _may_be_equal(forms[left], forms[right])
        ]
        if len(forms) <= MOST_FORMS:
            await self._ask([pair for pair in open_pairs if pair not in self._known], forms)
        leads = {form: form for form in forms}
        for left, right in open_pairs:
            if self._known.get((left, right)):
                _join(leads, forms, left, right)
        return leads

    async def _ask(self, pairs: Sequence[tuple[str, str]], forms: Mapping[str, Extracted]) -> None:
        if not pairs:
            return
        said = await self._equal([(forms[left].text, forms[right].text) for left, right in pairs])
        self._known.update(zip(pairs, said, strict=True))


def _may_be_equal(left: Extracted, right: Extracted) -> bool:
    """Two numbers in exact form are different; an expression may be any number or other expression."""
    mathematical = left.kind == right.kind == "math"
    return mathematical and (left.symbolic or right.symbolic)


def _join(leads: dict[str, str], forms: Mapping[str, Extracted], left: str, right: str) -> None:
    joined = {leads[left], leads[right]}
    lead = min(joined, key=lambda form: (forms[form].number is None, form))
    for form, led_by in leads.items():
        if led_by in joined:
            leads[form] = lead

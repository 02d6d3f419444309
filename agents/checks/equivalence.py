"""Whether two written answers mean the same mathematically: plain numbers here, everything else in the sandbox.

Two values are the same when they agree to seventy digits, two expressions when they do so at random points; what has
two readings, or takes too long, is not known. After the use of random evaluation to test identities (Schwartz 1980).
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from agents.checks.algebra.spelling import MOST_CHARACTERS
from agents.checks.plain_number import NotPlain, plain, same
from agents.errors import Unavailable
from agents.sandbox import Program, Sandbox

_START_SECONDS = 20.0
_SECONDS_EACH = 1.2
_MOST_SECONDS = 60.0
_MOST_PAIRS = 200
"""Of one program; more take another."""
_ALGEBRA = Path(__file__).parent / "algebra"
_MAIN = "from agents.checks.algebra.program import main\n\nmain()\n"


class Compared(NamedTuple):
    """What came of comparing two answers."""

    equal: bool | None
    """None: it is not known."""
    reason: str = ""
    """Why it is not."""


async def equal(pairs: Sequence[tuple[str, str]], sandbox: Sandbox) -> list[bool | None]:
    """Compare pairs of answers; None where it cannot be told, or there is no sandbox."""
    return [one.equal for one in await compare(pairs, sandbox)]


async def compare(pairs: Sequence[tuple[str, str]], sandbox: Sandbox) -> list[Compared]:
    """Compare pairs of answers, with the reason where it cannot be told. All that need it share one program."""
    found = [_at_once(*pair) for pair in pairs]
    hard = [number for number, one in enumerate(found) if one is None]
    for start in range(0, len(hard), _MOST_PAIRS):
        some = hard[start : start + _MOST_PAIRS]
        for number, one in zip(some, await _in_sandbox([pairs[n] for n in some], sandbox), strict=True):
            found[number] = one
    return [one or Compared(None, "it was not compared") for one in found]


def _at_once(left: str, right: str) -> Compared | None:
    if max(len(left), len(right)) > MOST_CHARACTERS:
        return Compared(None, f"an answer has more than {MOST_CHARACTERS} characters")
    if left.strip() == right.strip():
        return Compared(True)
    try:
        answer = same(plain(left), plain(right))
    except NotPlain:
        return None
    return Compared(answer, "" if answer is not None else "only one of the two is a percentage")


async def _in_sandbox(pairs: Sequence[tuple[str, str]], sandbox: Sandbox) -> list[Compared]:
    program = Program(
        code=_MAIN,
        files=_sources(),
        stdin=json.dumps(pairs),
        libraries=True,
        seconds=min(_START_SECONDS + _SECONDS_EACH * len(pairs), _MOST_SECONDS),
    )
    try:
        ran = await sandbox.run(program)
    except Unavailable as error:
        return [Compared(None, str(error)) for _ in pairs]
    lines = [_line(line) for line in ran.stdout.splitlines()[: len(pairs)]]
    return [*lines, *(Compared(None, ran.complaint or "it was not reached") for _ in pairs[len(lines) :])]


def _line(line: str) -> Compared:
    try:
        answer, reason = json.loads(line)
    except (ValueError, TypeError):
        return Compared(None, "the comparison broke off")
    return Compared(answer if isinstance(answer, bool) else None, str(reason))


@cache
def _sources() -> dict[str, str]:
    """The package that compares, as files: with empty parents, so that nothing else of ours is imported there."""
    parents = {"agents/__init__.py": "", "agents/checks/__init__.py": ""}
    own = {f"agents/checks/algebra/{file.name}": file.read_text("utf-8") for file in sorted(_ALGEBRA.glob("*.py"))}
    return parents | own

"""What is wrong in a team file, with the place and what was probably meant."""

from agents.errors import InvalidTask
from agents.records import Record


class Problem(Record):
    """One thing that its writer has to change."""

    line: int
    """From 1."""
    column: int
    """From 1."""
    path: str
    """Keys down to the place: `agents.critic.tools.0`."""
    message: str
    nearest: str | None = None
    """The known key or name that looks most like what was written."""

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"line {self.line}, column {self.column}: {self.message}{hint}"


class TeamFileError(InvalidTask):
    """The team file must be changed; all of its problems at once, in the order of the file."""

    def __init__(self, first: Problem, *others: Problem) -> None:
        rest = f" (and {len(others)} more)" if others else ""
        super().__init__(f"team file: {first}{rest}", param="yaml", code="invalid_team")
        self.problems = (first, *others)

"""What can go wrong with `pointsman up`, each told in one line to the one at the terminal."""

from agents.errors import PointsmanError


class CannotStart(PointsmanError):
    """Something outside has to change first: a port, a folder, the disk."""


class ServiceFailed(PointsmanError):
    """A service did not come up, or does not stay up."""

    def __init__(self, name: str, reason: str, last_lines: tuple[str, ...]) -> None:
        super().__init__(f"{name} {reason}")
        self.name = name
        self.last_lines = last_lines
        """What it wrote last, oldest first."""

"""The teams there are: the shipped examples, files in folders (read anew when they change), and those saved in SQL."""

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from sqlalchemy import delete, select

from agents.errors import InvalidTask, NotFound
from agents.records import Record
from agents.team.config import parse_team
from agents.team.problems import TeamFileError
from agents.team.spec import TeamSpec
from services.store.rows import upsert
from services.store.tables import TeamRow
from services.store.transaction import Transaction

log = logging.getLogger("pointsman.teams")


class TeamFile(Record):
    """A team with the text it was read from."""

    spec: TeamSpec
    yaml: str
    source: Literal["example", "folder", "saved"]


class Teams:
    """Finds teams by name. A saved one goes before a file of the same name, a folder's before an example."""

    def __init__(self, folders: Sequence[Path], *, examples: Path) -> None:
        self._folders = folders
        self._examples = examples
        self._read: dict[Path, tuple[int, TeamFile | None]] = {}

    def on_disk(self) -> dict[str, TeamFile]:
        """The teams in folders; a file that was broken by its last change keeps its last good version."""
        found: dict[str, TeamFile] = {}
        for folder in self._folders:
            for path in sorted(folder.glob("[!.]*.y*ml")):
                team = self._file(path, "example" if folder == self._examples else "folder")
                if team:
                    found[team.spec.name] = team
        return found

    async def all(self, connection: Transaction) -> dict[str, TeamFile]:
        """All teams by name."""
        teams = self.on_disk()
        for row in await connection.execute(select(TeamRow).order_by(TeamRow.name)):
            try:
                teams[row.name] = TeamFile(spec=parse_team(row.yaml), yaml=row.yaml, source="saved")
            except TeamFileError as error:
                log.warning("the saved team %s is not valid any more: %s", row.name, error)
        return teams

    async def find(self, connection: Transaction, name: str) -> TeamFile:
        """The team of this name. Raises `NotFound` with the names there are."""
        row = (await connection.execute(select(TeamRow.yaml).where(TeamRow.name == name))).first()
        team = TeamFile(spec=parse_team(row.yaml), yaml=row.yaml, source="saved") if row else self.on_disk().get(name)
        if team is None:
            known = ", ".join(sorted(await self.all(connection))) or "none"
            raise NotFound(f"there is no team '{name}'; there are: {known}", param="team", code="team_not_found")
        return team

    async def save(self, connection: Transaction, yaml: str, now: datetime) -> TeamFile:
        """Save a team, new or changed. Raises `TeamFileError`."""
        team = TeamFile(spec=parse_team(yaml), yaml=yaml, source="saved")
        await upsert(connection, TeamRow, on=("name",), name=team.spec.name, yaml=yaml, saved_at=now)
        return team

    async def delete(self, connection: Transaction, name: str) -> None:
        """Delete a saved team. Raises `NotFound`, or `InvalidTask` for one that stands in a file."""
        result = await connection.execute(delete(TeamRow).where(TeamRow.name == name))
        if result.rowcount == 0:
            team = await self.find(connection, name)
            message = f"the team '{name}' is an {team.source} file: delete the file instead"
            raise InvalidTask(message, param="name", code="team_is_a_file")

    def _file(self, path: Path, source: Literal["example", "folder"]) -> TeamFile | None:
        known = self._read.get(path)
        last_good = known[1] if known else None
        changed = 0
        try:
            changed = path.stat().st_mtime_ns
            if known and known[0] == changed:
                return known[1]
            yaml = path.read_text(encoding="utf-8")
            team = TeamFile(spec=parse_team(yaml), yaml=yaml, source=source)
        except (TeamFileError, UnicodeDecodeError, OSError) as error:
            log.warning(
                "%s is not a valid team%s: %s", path, ", its last good version stays" if last_good else "", error
            )
            team = last_good
        self._read[path] = (changed, team)
        return team

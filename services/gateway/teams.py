"""`/api/teams`: the teams there are, and new ones."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from agents.errors import InvalidTask
from agents.team.config import parse_team
from agents.team.spec import team_json_schema
from services.gateway.asking import parts_of
from services.teams import TeamFile

router = APIRouter(prefix="/api/teams", tags=["teams"])


class TeamText(BaseModel):
    """A team file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    yaml: str = Field(min_length=1)


@router.get("")
async def listing(request: Request) -> dict[str, Any]:
    """All teams."""
    parts = parts_of(request)
    async with parts.database.read() as connection:
        teams = await parts.teams.all(connection)
    return {"teams": [shown(teams[name]) for name in sorted(teams)]}


@router.get("/schema")
async def schema() -> dict[str, Any]:
    """The JSON Schema of team files, for editors."""
    return team_json_schema()


@router.post("/validate")
async def validate(body: TeamText, request: Request) -> dict[str, Any]:
    """Look a team file over without saving it."""
    return {"valid": True, "name": parse_team(body.yaml, models=parts_of(request).models.ids).name}


@router.post("", status_code=201)
async def save(body: TeamText, request: Request) -> dict[str, Any]:
    """Save a new team, or a changed one."""
    parts = parts_of(request)
    async with parts.database.write() as connection:
        return shown(await parts.teams.save(connection, body.yaml, parts.world.clock()))


@router.get("/{name}")
async def show(name: str, request: Request) -> dict[str, Any]:
    """One team, with its text."""
    parts = parts_of(request)
    async with parts.database.read() as connection:
        team = await parts.teams.find(connection, name)
    return shown(team) | {"yaml": team.yaml}


@router.put("/{name}")
async def change(name: str, body: TeamText, request: Request) -> Response:
    """Save a team under its name."""
    written = parse_team(body.yaml).name
    if written != name:
        message = f"the file names the team '{written}', the address '{name}': they must be the same"
        raise InvalidTask(message, param="name", code="other_name")
    return JSONResponse(await save(body, request))


@router.delete("/{name}", status_code=204)
async def delete(name: str, request: Request) -> None:
    """Delete a saved team. Runs that use it go on: each has its own copy."""
    parts = parts_of(request)
    async with parts.database.write() as connection:
        await parts.teams.delete(connection, name)


def shown(team: TeamFile) -> dict[str, Any]:
    """A team as a line of a list."""
    return {
        "name": team.spec.name,
        "description": team.spec.description,
        "source": team.source,
        "inputs": {name: value.model_dump(mode="json") for name, value in team.spec.inputs.items()},
        "agents": list(team.spec.agents),
        "process": team.spec.team.process,
    }

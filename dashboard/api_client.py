"""The gateway as the page scripts see it: one call a question, and two kinds of failure."""

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError

from dashboard import shapes
from dashboard.shapes import Json, Shape

S = TypeVar("S", bound=Shape)
_OBJECT: TypeAdapter[Json] = TypeAdapter(Json)


class GatewayDown(Exception):
    """The gateway does not answer: wait, and see that it runs."""


class Refused(Exception):
    """The gateway says no, and why."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        problems: tuple[shapes.YamlProblem, ...] = (),
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.problems = problems
        self.param = param
        """The field of the request that it is about, as a path."""


class Gateway:
    """A synchronous client of the gateway's own API."""

    def __init__(self, url: str, *, api_key: str | None, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(20, connect=3),
            trust_env=False,
            transport=transport,
        )

    def alive(self) -> bool:
        """Whether the gateway answers at all."""
        try:
            return self._http.get("/health").is_success
        except httpx.TransportError:
            return False

    def runs(self, *, filters: Mapping[str, str], cursor: str | None, limit: int) -> shapes.RunList:
        asked = {name: value for name, value in filters.items() if value}
        page = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        return self._get("/api/runs", shapes.RunList, asked | page)

    def run(self, run_id: str) -> tuple[shapes.Run, str]:
        """The run, and the same as the gateway wrote it."""
        text = self._send("GET", _path("runs", run_id)).text
        return _parsed(text, shapes.Run), text

    def start(self, body: Json) -> shapes.Accepted:
        return _parsed(self._send("POST", "/api/runs", body).text, shapes.Accepted)

    def cancel(self, run_id: str) -> None:
        self._send("POST", _path("runs", run_id, "cancel"))

    def route(self, body: Json) -> shapes.Plan:
        """The plan that this task would get; nothing is run."""
        return _parsed(self._send("POST", "/api/route", body).text, shapes.Plan)

    def rate(self, run_id: str, *, score: int) -> None:
        """Keep what a reader thought of a run's answer: 1 is good, 0 is not."""
        self._send("POST", "/api/feedback", {"run_id": run_id, "score": score})

    def models(self) -> tuple[shapes.Model, ...]:
        return self._get("/api/models", shapes.ModelList).models

    def teams(self) -> tuple[shapes.Team, ...]:
        return self._get("/api/teams", shapes.TeamList).teams

    def team(self, name: str) -> shapes.Team:
        return self._get(_path("teams", name), shapes.Team)

    def validate_team(self, yaml: str) -> shapes.Verification:
        return self._verify("/api/teams/validate", yaml)

    def save_team(self, yaml: str) -> shapes.Verification:
        return self._verify("/api/teams", yaml)

    def schedules(self) -> tuple[shapes.Schedule, ...]:
        return self._get("/api/schedules", shapes.ScheduleList).schedules

    def add_schedule(self, body: Json) -> None:
        self._send("POST", "/api/schedules", body)

    def pause_schedule(self, schedule_id: str, *, paused: bool) -> None:
        self._send("PATCH", _path("schedules", schedule_id), {"paused": paused})

    def delete_schedule(self, schedule_id: str) -> None:
        self._send("DELETE", _path("schedules", schedule_id))

    def slots(self, schedule_id: str) -> tuple[shapes.Slot, ...]:
        return self._get(_path("schedules", schedule_id, "slots"), shapes.SlotList).slots

    def _verify(self, path: str, yaml: str) -> shapes.Verification:
        try:
            return _parsed(self._send("POST", path, {"yaml": yaml}).text, shapes.Verification)
        except Refused as refusal:
            if refusal.status != 422:
                raise
            return shapes.Verification(problems=refusal.problems or (shapes.YamlProblem(message=str(refusal)),))

    def _get(self, path: str, shape: type[S], params: Mapping[str, str] | None = None) -> S:
        return _parsed(self._send("GET", path, params=params).text, shape)

    def _send(
        self, method: str, path: str, body: Json | None = None, *, params: Mapping[str, str] | None = None
    ) -> httpx.Response:
        try:
            response = self._http.request(method, path, json=body, params=params)
        except httpx.TransportError as error:
            raise GatewayDown(f"No answer from the gateway at {self.url}") from error
        if response.is_success:
            return response
        raise _refusal(response)


def _path(*parts: str) -> str:
    """A path below `/api`, with each part unable to reach outside of its place."""
    return "/api/" + "/".join(quote(part, safe="") for part in parts)


def _parsed(text: str, shape: type[S]) -> S:
    try:
        return shape.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise Refused(f"The gateway's answer is not understood at {place}: {first['msg']}", status=502) from error


def _refusal(response: httpx.Response) -> Refused:
    try:
        body = _OBJECT.validate_json(response.content)
        error = shapes.Problem.model_validate(body.get("error") or {})
        problems = tuple(shapes.YamlProblem.model_validate(problem) for problem in body.get("problems") or ())
    except ValidationError:
        error, problems = shapes.Problem(), ()
    fallback = f"The gateway answered {response.status_code} {response.reason_phrase}".strip()
    return Refused(error.message or fallback, status=response.status_code, problems=problems, param=error.param)

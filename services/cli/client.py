"""The gateway as the command line reaches it: requests, event streams, and one line for whatever goes wrong."""

import json
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import quote

import click
import httpx
from pydantic import ValidationError

from agents.records import Json
from services.settings import Settings

QUICK = httpx.Timeout(30, connect=5)
WHOLE_ANSWER = httpx.Timeout(30, connect=5, read=3700)
"""Without a stream nothing is heard until the answer is whole; a run's own deadline is an hour by default."""
STREAM = httpx.Timeout(30, connect=5, read=60)
"""The gateway says something every ten seconds, if only that it lives."""
URL = click.option("--url", metavar="URL", help="The gateway; default: POINTSMAN_URL, or the one started here.")
RECONNECTS = 5
"""How often in a row the events of a run are asked for again before the gateway counts as gone."""


class Event(NamedTuple):
    """One server-sent event."""

    id: str | None
    type: str
    data: str

    def json(self) -> Json:
        return json.loads(self.data)


class ChatReply(NamedTuple):
    """What came of a chat request besides its text."""

    model: str
    plan: str
    """The rungs in short form."""
    pointsman: Json


class GatewayError(click.ClickException):
    """The gateway refused a request, or is not there."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(" ".join(message.split()))
        self.status = status


def read_settings() -> Settings:
    """The settings; a wrong one is named in one line."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        name = "_".join(str(part) for part in wrong["loc"]).upper().removeprefix("POINTSMAN_")
        raise click.ClickException(f"POINTSMAN_{name}={wrong['input']!r}: {wrong['msg']}") from None


def gateway_url(url: str | None, settings: Settings) -> str:
    """Where the gateway is: as said, as set, as `pointsman up` wrote it down, or where it usually is."""
    found = url or settings.gateway_url or _started_here(settings.folder) or f"http://127.0.0.1:{settings.port}"
    if not found.startswith(("http://", "https://")):
        raise click.ClickException(f"{found} is no address of a gateway: give it as http://HOST:PORT")
    return found.rstrip("/")


def _started_here(folder: Path) -> str | None:
    try:
        written: Json = json.loads((folder / "run" / "up.json").read_text())
    except (OSError, ValueError):
        return None
    return written.get("gateway")


class Gateway:
    """The gateway's API, one method for each way of talking to it."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, path: str, **query: object) -> Json:
        return self.send("GET", path, query={name: value for name, value in query.items() if value is not None})

    def post(self, path: str, body: Json) -> Json:
        return self.send("POST", path, body=body)

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        query: Json | None = None,
        expected: Sequence[int] = (),
        timeout: httpx.Timeout = QUICK,
    ) -> Any:
        """Send a request and give the body of its reply, which is whatever JSON that path answers with.

        Args:
            expected: Statuses besides 2xx whose body is an answer too.
        """
        with _translated(self._http.base_url):
            reply = self._http.request(method, path, json=body, params=query, timeout=timeout)
        if not reply.is_success and reply.status_code not in expected:
            raise _refusal(reply)
        return reply.json() if reply.content else {}

    def chat(self, body: Json) -> tuple[str, ChatReply]:
        """Ask for a whole answer at once."""
        with _translated(self._http.base_url):
            reply = self._http.post("/v1/chat/completions", json=body, timeout=WHOLE_ANSWER)
        if not reply.is_success:
            raise _refusal(reply)
        answer: Json = reply.json()
        return answer["choices"][0]["message"]["content"] or "", _chat_reply(answer, reply)

    def stream_chat(self, body: Json) -> Iterator[str | ChatReply]:
        """Ask for an answer as it is written: its pieces and, last and once, what is to be said about it."""
        asked = {**body, "stream": True, "stream_options": {"include_usage": True}}
        last: ChatReply | None = None
        with (
            _translated(self._http.base_url),
            self._http.stream("POST", "/v1/chat/completions", json=asked, timeout=STREAM) as reply,
        ):
            if not reply.is_success:
                reply.read()
                raise _refusal(reply)
            for event in read_events(lines(reply.iter_bytes())):
                if event.data == "[DONE]":
                    break
                chunk = event.json()
                if chunk.get("error"):
                    raise GatewayError(_message(chunk) or "the answer broke off")
                if not chunk["choices"] and "pointsman" in chunk:
                    last = _chat_reply(chunk, reply)
                for choice in chunk["choices"]:
                    if choice["index"] == 0 and choice["delta"].get("content"):
                        yield choice["delta"]["content"]
            else:
                raise GatewayError("the answer broke off: the gateway closed the connection in the middle of it")
        if last is None:
            raise GatewayError("the gateway did not say what answered: is it another kind of server?")
        yield last

    def follow(self, run_id: str) -> Iterator[Event]:
        """The events of a run until its end, asked for again from the last one seen whenever the connection is lost."""
        last_id, lost = None, 0
        while True:
            try:
                for event in self._events(run_id, last_id):
                    last_id, lost = event.id or last_id, 0
                    yield event
                    if event.type == "end":
                        return
            except GatewayError as error:
                if error.status is not None or lost >= RECONNECTS:
                    raise
            lost += 1
            if lost > RECONNECTS:
                raise GatewayError(f"the events of run {run_id} break off again and again")
            time.sleep(min(0.5 * lost, 2))

    def _events(self, run_id: str, last_id: str | None) -> Iterator[Event]:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        with (
            _translated(self._http.base_url),
            self._http.stream(
                "GET", f"/api/runs/{quote(run_id, safe='')}/events", headers=headers, timeout=STREAM
            ) as reply,
        ):
            if not reply.is_success:
                reply.read()
                raise _refusal(reply)
            yield from read_events(lines(reply.iter_bytes()))


@contextmanager
def connect(url: str | None) -> Generator[Gateway]:
    """Open the way to the gateway, with the API key of the settings."""
    settings = read_settings()
    headers = {"Authorization": f"Bearer {settings.api_key.get_secret_value()}"} if settings.api_key else {}
    # trust_env: a proxy of the environment is for the way out, and the gateway is ours.
    with httpx.Client(base_url=gateway_url(url, settings), headers=headers, trust_env=False) as http:
        yield Gateway(http)


@contextmanager
def _translated(address: httpx.URL) -> Generator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        where = str(address).rstrip("/")
        raise GatewayError(
            f"no gateway at {where}: start it with `pointsman up`, or name another with --url or POINTSMAN_URL"
        ) from error
    except httpx.TimeoutException as error:
        raise GatewayError(f"the gateway at {address} is silent: see its log, or `pointsman doctor`") from error
    except httpx.HTTPError as error:
        raise GatewayError(f"the connection to the gateway at {address} broke off: {error}") from error


def _refusal(reply: httpx.Response) -> GatewayError:
    try:
        said = _message(reply.json())
    except ValueError:
        said = None
    asked = f"{reply.request.method} {reply.request.url.path}"
    message = said or f"the gateway answered {reply.status_code} {reply.reason_phrase} to {asked}"
    if reply.status_code == 401:
        message += " (the command line shows the key in POINTSMAN_API_KEY)"
    return GatewayError(message, status=reply.status_code)


def _message(body: Any) -> str | None:
    match body:
        case {"error": {"message": str(message)}} | {"error": str(message)} | {"detail": str(message)}:
            return message
        case _:
            return None


def _chat_reply(body: Json, reply: httpx.Response) -> ChatReply:
    return ChatReply(
        model=body.get("model", ""),
        plan=reply.headers.get("x-pointsman-plan", ""),
        pointsman=cast("Json", body.get("pointsman") or {}),
    )


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines of a stream, ended by a line feed only: JSON may hold the other characters that Python ends lines at."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.removesuffix(b"\r").decode() for line in whole)


def read_events(lines_: Iterable[str]) -> Iterator[Event]:
    """Events out of the lines of a stream; comments, and an event that was cut, are left out."""
    fields: dict[str, str] = {}
    for line in lines_:
        if not line:
            if "data" in fields:
                yield Event(fields.get("id"), fields.get("event", "message"), fields["data"])
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields['data']}\n{value}" if name == "data" and "data" in fields else value

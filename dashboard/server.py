"""The dashboard as one ASGI application: Streamlit's pages, the browser's reads and the gate in front of both."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from pydantic import BaseModel, ConfigDict, SecretStr
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

from dashboard.login import LOOPBACK, Gate
from dashboard.proxy import Proxy

HERE = Path(__file__).resolve().parent
FAVICON = HERE / "assets" / "favicon.png"


class Secrets(BaseModel):
    """What is handed over on standard input, so that it stands in no argument list and no environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_key: SecretStr | None = None
    """The key shown to the gateway."""
    password: SecretStr | None = None
    """What a person has to know to be let in."""


def create_app(gateway: str, *, secrets: Secrets, hosts: Sequence[str]) -> st.App:
    """Put the dashboard together. `hosts` are the names it answers to; none means all."""
    api_key = secrets.api_key.get_secret_value() if secrets.api_key else None
    password = secrets.password.get_secret_value() if secrets.password else None
    proxy = Proxy(gateway, api_key=api_key)
    return st.App(
        HERE / "main.py",
        # Nested, because Streamlit copies plain values at the top into the environment.
        secrets={"pointsman": {"gateway": gateway, "api_key": api_key or "", "login": bool(password)}},
        routes=[Route("/favicon.png", _favicon, methods=["GET"]), *proxy.routes],
        middleware=[Middleware(Gate, password=password, hosts=hosts)],
        lifespan=proxy.lifespan,
    )


def served_hosts(host: str, *, allowed: Sequence[str]) -> tuple[str, ...]:
    """The names to answer to: those that were given, and on loopback its own, which no other site can carry."""
    own = tuple(sorted(LOOPBACK)) if host in LOOPBACK or allowed else ()
    return (*own, *allowed)


async def _favicon(_request: Request) -> FileResponse:
    return FileResponse(FAVICON, headers={"Cache-Control": "max-age=86400"})

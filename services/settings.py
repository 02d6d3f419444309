"""Every value that comes from the environment, read once; nothing else in the product reads it."""

import contextlib
import os
from collections.abc import Generator
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Backend = Literal["auto", "container", "landlock", "bwrap", "off"]
"""What holds model-written code."""

REPOSITORY = Path(__file__).resolve().parents[1]
"""The folder that holds our packages, and the example teams beside them."""


def _shared(name: str) -> AliasChoices:
    """A name that everybody uses without our prefix; ours, with the prefix, goes before it."""
    return AliasChoices(f"POINTSMAN_{name}", name)


class Settings(BaseSettings):
    """All settings. Each has a default that works on a laptop; secrets have none."""

    model_config = SettingsConfigDict(env_prefix="POINTSMAN_", frozen=True, extra="ignore", populate_by_name=True)

    home: Path = Path("~/.pointsman")
    """Folder of data, models and logs."""
    redis_url: str | None = Field(default=None, validation_alias=_shared("REDIS_URL"))
    """None: `pointsman up` starts its own Valkey and hands its address to the processes."""
    database_url: str | None = Field(default=None, validation_alias=_shared("DATABASE_URL"))
    """None: SQLite in the data folder."""
    host: str = "127.0.0.1"
    """Address the gateway and the dashboard listen on. Any other than loopback needs an API key."""
    port: int = Field(default=8000, ge=0, le=65535)
    dashboard_port: int = Field(default=8501, ge=0, le=65535)
    gateway_url: str | None = Field(default=None, validation_alias=AliasChoices("POINTSMAN_URL", "gateway_url"))
    """Where the command line and the dashboard find the gateway; None: the one that `pointsman up` started."""
    api_key: SecretStr | None = None
    """Key that the command line and the dashboard show to the gateway."""
    require_keys: bool = False
    """Refuse requests without an API key also on loopback."""
    dashboard_password: SecretStr | None = None
    """Password of the dashboard; needed when it listens on more than loopback."""
    dashboard_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Host names the dashboard answers to besides its own address, separated by `:`: behind a proxy, the proxy's."""
    catalog: Path | None = None
    """Catalog of models (YAML); None: `models.yaml` in the data folder if it is there, else the embedded models."""
    routes: Path | None = None
    """Rules for the router (YAML); None: `routes.yaml` in the data folder if it is there."""
    teams: Annotated[tuple[Path, ...], NoDecode] = ()
    """More folders of team files, separated by `:`; the shipped examples are always there."""
    embedded_small_url: str | None = None
    """Set by `pointsman up`: where the small embedded model listens."""
    embedded_large_url: str | None = None
    sandbox: Backend = "auto"
    """What model-written code runs in: one of these, the first of them that works, or nothing at all."""
    sandbox_socket: Path | None = None
    """Where the sandbox container listens; with `auto` it is tried first."""
    worker_concurrency: int = Field(default=8, ge=1)
    """Runs and turns that one worker works on at once."""
    lease: timedelta = timedelta(seconds=15)
    """A process that is silent for so long has lost its work to another."""
    max_body_bytes: int = Field(default=4_000_000, ge=1000)
    """A larger request is refused with 413."""
    max_queued_runs: int = Field(default=10_000, ge=1)
    """Past so many waiting runs, new ones are refused with 429."""
    max_run: timedelta = timedelta(hours=1)
    """Deadline of a run that names none."""
    probe_every: timedelta = timedelta(days=7)
    """What efforts do to a model that has several is measured anew after so long; 0: only by hand."""
    retention: timedelta = timedelta(days=30)
    """Ended runs are deleted after so long."""
    otlp_endpoint: str | None = Field(
        default=None, validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint")
    )
    """Where spans are sent, besides SQL; None: nowhere."""
    hf_token: SecretStr | None = Field(default=None, validation_alias=_shared("HF_TOKEN"))
    log_level: str = Field(default="INFO", validation_alias=_shared("LOG_LEVEL"))

    @field_validator("lease", "max_run", "probe_every", "retention", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> object:
        """A bare number is seconds; `PT15S` and `P30D` (ISO 8601) are read too."""
        try:
            return timedelta(seconds=float(value)) if isinstance(value, str) else value
        except ValueError:
            return value

    @field_validator("teams", "dashboard_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @cached_property
    def folder(self) -> Path:
        """The data folder, absolute."""
        return self.home.expanduser().resolve()

    @property
    def sql_url(self) -> str:
        """SQLAlchemy's URL of the database, with the driver named."""
        if self.database_url is None:
            return f"sqlite:///{self.folder / 'pointsman.db'}"
        scheme, _, rest = self.database_url.partition("://")
        driver = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "sqlite": "sqlite"}
        return f"{driver.get(scheme, scheme)}://{rest}"

    @property
    def redis(self) -> str:
        """Redis's address; its usual one where none is set."""
        return self.redis_url or "redis://127.0.0.1:6379/0"

    @property
    def routes_file(self) -> Path:
        """Where the rules for the router are, or would be."""
        return self.routes.expanduser() if self.routes else self.folder / "routes.yaml"

    @property
    def team_folders(self) -> tuple[Path, ...]:
        return (REPOSITORY / "examples" / "teams", *(folder.expanduser() for folder in self.teams))


@contextlib.contextmanager
def variable(name: str, value: str) -> Generator[None]:
    """Set a variable for the length of the block: bait for what must not be able to read it."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def environment() -> dict[str, str]:
    """The whole environment: for the processes we start, and for `${env:NAME}` in a catalog or team file."""
    return dict(os.environ)

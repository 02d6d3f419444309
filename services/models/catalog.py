"""The catalog of models: a YAML file that names each server, its price and pace, and what each effort sends to it."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, cast, get_args

import httpx
import yaml
from pydantic import Field, SecretStr, ValidationError, model_validator

from agents.errors import PointsmanError
from agents.records import Effort, Record
from router.records import Modality, ModelCard

CATALOGS = Path(__file__).parent / "catalogs"
"""The catalogs that come with the product: `embedded.yaml` for one machine, `gpu.yaml` for SGLang."""

MAX_CATALOG_BYTES = 1_000_000

LADDER = (Effort.NONE, Effort.LOW, Effort.MEDIUM, Effort.HIGH, Effort.MAX)
"""The efforts a model can be asked for, weakest first; `auto` is decided before."""

_VARIABLE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")

Kind = Literal["embedded", "openai", "sglang"]


class CatalogError(PointsmanError):
    """The catalog has to be mended before anything can run."""


class EffortSetting(Record):
    """What one effort means to one model: the fields that are sent."""

    thinking: bool | None = None
    """Switch of hybrid models, sent as `chat_template_kwargs`."""
    reasoning_effort: str | None = None
    """Level, sent as it stands."""
    budget_tokens: int | None = Field(default=None, ge=0)
    """The most tokens of thinking; only SGLang keeps one, with `--enable-strict-thinking`."""


class ModelEntry(Record):
    """One model of the catalog."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    kind: Kind
    url: str = ""
    """Base of its API, with `/v1`; empty: it is listed, and not available."""
    model: str
    """Its name at the server; the id, unless another is given."""
    api_key: SecretStr | None = None
    parameters_billion: float = Field(gt=0)
    context_tokens: int = Field(gt=0)
    efforts: dict[Effort, EffortSetting] = Field(default_factory=lambda: {Effort.NONE: EffortSetting()}, min_length=1)
    usd_per_million_input_tokens: Decimal = Field(default=Decimal(0), ge=0)
    usd_per_million_output_tokens: Decimal = Field(default=Decimal(0), ge=0)
    usd_per_hour: Decimal = Field(default=Decimal(0), ge=0)
    prefill_tokens_per_second: float = Field(default=1000.0, gt=0)
    decode_tokens_per_second: float = Field(default=50.0, gt=0)
    max_output_tokens: int = Field(default=2048, gt=0)
    """Length of an answer where the request says none; a thinking budget comes on top."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """How the server calls the limit: a server that does not know a name ignores it, and writes without end."""
    tools: bool = True
    json_schema: bool = True
    modalities: tuple[Modality, ...] = ("text",)
    """What it can be given to read."""
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes of those it was made for; empty: not told."""
    parallel_answers: float = Field(default=8.0, ge=1)
    """How many answers the server writes at once at the pace of one."""
    max_parallel: int = Field(default=32, ge=1)
    """Calls that one process of ours has open at once; more wait their turn."""

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, value: dict[str, Any]) -> dict[str, Any]:
        given = {key: item for key, item in value.items() if item is not None and (key, item) != ("api_key", "")}
        return {"model": value.get("id"), **given}

    @model_validator(mode="after")
    def _sendable(self) -> "ModelEntry":
        if self.id == "auto":
            raise ValueError("the id auto is taken: it lets the router choose; name the model otherwise")
        if self.url and not _is_address(self.url):
            raise ValueError(f"url is {self.url!r}; it must be an address that begins with http:// or https://")
        if self.kind == "embedded" and set(self.efforts) != {Effort.NONE}:
            raise ValueError("efforts: an embedded model does not think; leave efforts out")
        if self.kind != "sglang" and any(setting.budget_tokens is not None for setting in self.efforts.values()):
            raise ValueError("efforts: budget_tokens is kept by kind sglang only")
        return self

    def nearest(self, effort: Effort) -> Effort:
        """The effort that is sent for one asked for: itself, or the next lower one listed, or the lowest there is."""
        listed = [one for one in LADDER if one in self.efforts]
        not_above = [one for one in listed if LADDER.index(one) <= LADDER.index(effort)]
        return not_above[-1] if not_above else listed[0]

    @property
    def available(self) -> bool:
        return bool(self.url)

    @property
    def base_url(self) -> str:
        """Where the OpenAI API begins: the url, with `/v1` where it has no path."""
        url = self.url.rstrip("/")
        return f"{url}/v1" if url and "/" not in url.partition("://")[2] else url

    @property
    def root_url(self) -> str:
        """Where the server's own paths begin: health, load, slots."""
        return self.base_url.removesuffix("/v1")


def _is_address(url: str) -> bool:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return address.scheme in ("http", "https") and bool(address.host)


class Catalog(Record):
    """All models, in the order of the file."""

    entries: tuple[ModelEntry, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(entry.id for entry in self.entries)

    def entry(self, model_id: str) -> ModelEntry:
        """What the file says of a model that is in it."""
        return next(entry for entry in self.entries if entry.id == model_id)

    def card(self, model_id: str) -> ModelCard:
        """What the router is told of a model, as far as the file knows it."""
        entry = self.entry(model_id)
        same = ModelCard.model_fields.keys() & ModelEntry.model_fields.keys() - {"efforts"}
        return ModelCard(
            **{name: getattr(entry, name) for name in same},
            efforts=tuple(effort for effort in LADDER if effort in entry.efforts),
            healthy=entry.available,
            served_as=entry.model,
            shared_prefix=entry.kind != "openai",
        )


def chosen_catalog(given: Path | None, *, folder: Path) -> Path | None:
    """Find the catalog's file: the one given, or `models.yaml` of the data folder, or None for the embedded models."""
    own = folder / "models.yaml"
    return given or (own if own.is_file() else None)


def load_catalog(path: Path | None, *, environment: Mapping[str, str]) -> Catalog:
    """Read a catalog; None is the embedded models'.

    Args:
        path: The YAML file.
        environment: Fills `${env:NAME}` in values, once; a name that is not there gives an empty value.

    Raises:
        CatalogError: with the file, the place and what would be right.
    """
    file = path or CATALOGS / "embedded.yaml"
    document = _document(file)
    _refuse_unknown(document, allowed=("models",), where=str(file))
    models = document.get("models")
    if not isinstance(models, dict) or not models:
        raise CatalogError(f"{file}: models must be a mapping of ids to models, with at least one")
    items = cast("dict[object, object]", models).items()
    return Catalog(entries=tuple(_entry(key, value, environment=environment, file=file) for key, value in items))


def _document(file: Path) -> dict[str, object]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"the catalog {file} cannot be read: {error}") from error
    if len(text) > MAX_CATALOG_BYTES:
        raise CatalogError(f"{file} is larger than {MAX_CATALOG_BYTES} bytes: that is no catalog")
    try:
        document: object = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise CatalogError(f"{file} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise CatalogError(f"{file} must be a mapping with the key models")
    return cast("dict[str, object]", document)


def _entry(key: object, value: object, *, environment: Mapping[str, str], file: Path) -> ModelEntry:
    where = f"{file}: models.{key}"
    if not isinstance(value, dict):
        raise CatalogError(f"{where} must be a mapping")
    fields = cast("dict[str, object]", _fill(cast("object", value), environment))
    _refuse_unknown(fields, allowed=[name for name in ModelEntry.model_fields if name != "id"], where=where)
    efforts = fields.get("efforts")
    if isinstance(efforts, dict):
        _check_efforts(cast("dict[object, object]", efforts), where=f"{where}.efforts")
    if fields.get("kind") not in get_args(Kind):
        raise CatalogError(f"{where}.kind is {fields.get('kind')!r}; use one of: {', '.join(get_args(Kind))}")
    try:
        return ModelEntry.model_validate({"id": str(key), **fields})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CatalogError(f"{where}{'.' if place else ''}{place}: {first['msg']}") from None


def _check_efforts(efforts: dict[object, object], *, where: str) -> None:
    _refuse_unknown(efforts, allowed=LADDER, where=where)
    for effort, setting in efforts.items():
        if not isinstance(setting, dict):
            raise CatalogError(f"{where}.{effort} must be a mapping, as in {{reasoning_effort: low}}")
        named = cast("dict[object, object]", setting)
        _refuse_unknown(named, allowed=tuple(EffortSetting.model_fields), where=f"{where}.{effort}")


def _refuse_unknown(fields: Mapping[Any, object], *, allowed: Sequence[str], where: str) -> None:
    for key in fields:
        if key not in allowed:
            near = get_close_matches(str(key), allowed, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise CatalogError(f"{where}: unknown key {key}; {hint}allowed: {', '.join(allowed)}")


def _fill(value: object, environment: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: environment.get(match[1], ""), value)
    if isinstance(value, dict):
        return {key: _fill(item, environment) for key, item in cast("dict[object, object]", value).items()}
    if isinstance(value, list):
        return [_fill(item, environment) for item in cast("list[object]", value)]
    return value

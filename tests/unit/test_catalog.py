"""The catalog of models: what a file may say, and how a mistake in it is told."""

from decimal import Decimal
from pathlib import Path

import pytest

from agents.records import Effort
from services.models.catalog import CATALOGS, MAX_CATALOG_BYTES, CatalogError, chosen_catalog, load_catalog
from services.models.serve import CONTEXT_TOKENS, SLOTS

ENTRY = """
models:
  tiny:
    kind: sglang
    url: http://gpu:30000/v1
    api_key: ${env:KEY}
    parameters_billion: 4
    context_tokens: 32768
    usd_per_hour: 1.20
    efforts:
      none: {reasoning_effort: none}
      high: {reasoning_effort: high, budget_tokens: 4096}
      low: {reasoning_effort: low, budget_tokens: 512}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "models.yaml"
    file.write_text(text)
    return file


def test_an_entry_is_read_with_its_units(tmp_path: Path) -> None:
    catalog = load_catalog(written(tmp_path, ENTRY), environment={"KEY": "sk-1"})
    entry = catalog.entries[0]
    assert catalog.ids == ("tiny",)
    assert entry.model == "tiny"
    assert entry.usd_per_hour == Decimal("1.2")
    assert entry.api_key is not None
    assert entry.api_key.get_secret_value() == "sk-1"
    assert "sk-1" not in repr(catalog)


def test_the_card_has_the_efforts_weakest_first(tmp_path: Path) -> None:
    card = load_catalog(written(tmp_path, ENTRY), environment={}).card("tiny")
    assert card.efforts == (Effort.NONE, Effort.LOW, Effort.HIGH)
    assert (card.context_tokens, card.parameters_billion, card.healthy) == (32768, 4, True)


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        (Effort.NONE, Effort.NONE),
        (Effort.LOW, Effort.LOW),
        (Effort.MEDIUM, Effort.LOW),
        (Effort.HIGH, Effort.HIGH),
        (Effort.MAX, Effort.HIGH),
    ],
)
def test_an_effort_that_is_not_listed_is_the_next_lower_one(tmp_path: Path, asked: Effort, nearest: Effort) -> None:
    assert load_catalog(written(tmp_path, ENTRY), environment={}).entries[0].nearest(asked) == nearest


def test_a_value_of_the_environment_is_filled_in_once(tmp_path: Path) -> None:
    catalog = load_catalog(written(tmp_path, ENTRY), environment={"KEY": "${env:OTHER}", "OTHER": "x"})
    key = catalog.entries[0].api_key
    assert key is not None
    assert key.get_secret_value() == "${env:OTHER}"


def test_a_key_that_is_not_set_is_none(tmp_path: Path) -> None:
    assert load_catalog(written(tmp_path, ENTRY), environment={}).entries[0].api_key is None


@pytest.mark.parametrize(
    ("wrong", "right", "words"),
    [
        (
            "usd_per_hour",
            "usd_per_hours",
            r"models\.tiny: unknown key usd_per_hours; did you mean usd_per_hour\? allowed: k",
        ),
        ("models:", "model:", r"unknown key model; did you mean models\?"),
        ("budget_tokens: 512", "budget: 512", r"efforts\.low: unknown key budget; did you mean budget_tokens\?"),
        ("      high:", "      hihg:", r"efforts: unknown key hihg; did you mean high\?"),
        ("      high:", "      auto:", "unknown key auto; allowed: none, low, medium, high, max"),
        ("kind: sglang", "kind: sgl", "kind is 'sgl'; use one of: embedded, openai, sglang"),
        ("kind: sglang", "kind: openai", "budget_tokens is kept by kind sglang only"),
        ("kind: sglang", "kind: embedded", "an embedded model does not think"),
        ("http://gpu:30000/v1", "gpu:30000", "must be an address that begins with http"),
        ("http://gpu:30000/v1", "http://gpu:port", "must be an address"),
        ("parameters_billion: 4", "parameters_billion: none", r"models\.tiny\.parameters_billion: .*number"),
        ("context_tokens: 32768", "context_tokens: 0", r"models\.tiny\.context_tokens: .*greater than 0"),
        ("    context_tokens: 32768\n", "", r"models\.tiny\.context_tokens: Field required"),
        ("  tiny:", "  auto:", "the id auto is taken"),
        ("  tiny:", "  a/b:", r"models\.a/b\.id: .*pattern"),
        ("{reasoning_effort: none}", "none", r"efforts\.none must be a mapping, as in"),
        ("    kind", "   kind", "is not YAML: .*line"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(
    tmp_path: Path, wrong: str, right: str, words: str
) -> None:
    assert wrong in ENTRY
    with pytest.raises(CatalogError, match=words) as raised:
        load_catalog(written(tmp_path, ENTRY.replace(wrong, right, 1)), environment={})
    assert "models.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be a mapping with the key models"),
        ("models: {}", "with at least one"),
        ("models: [a]", "must be a mapping of ids"),
        ("models: {a: 1}", r"models\.a must be a mapping"),
        ("models: !!python/object/apply:os.getcwd []", "is not YAML"),
        ("#" * (MAX_CATALOG_BYTES + 1), "is larger than"),
    ],
)
def test_what_is_no_catalog_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CatalogError, match=words):
        load_catalog(written(tmp_path, text), environment={})


def test_a_catalog_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read"):
        load_catalog(tmp_path / "none.yaml", environment={})


def test_the_embedded_models_are_listed_though_their_servers_do_not_run() -> None:
    catalog = load_catalog(None, environment={"POINTSMAN_EMBEDDED_LARGE_URL": "http://127.0.0.1:8080"})
    assert catalog.ids == ("small", "large")
    assert [catalog.card(model_id).healthy for model_id in catalog.ids] == [False, True]
    assert [entry.base_url for entry in catalog.entries] == ["", "http://127.0.0.1:8080/v1"]
    assert [entry.root_url for entry in catalog.entries] == ["", "http://127.0.0.1:8080"]


def test_the_embedded_models_hold_what_their_server_gives_each_request() -> None:
    catalog = load_catalog(None, environment={})
    assert {entry.context_tokens for entry in catalog.entries} == {CONTEXT_TOKENS // SLOTS}


def test_the_catalog_for_graphics_cards_can_be_read() -> None:
    catalog = load_catalog(CATALOGS / "gpu.yaml", environment={"SGLANG_KEY": "k"})
    assert catalog.ids == ("small", "large")
    assert all(entry.kind == "sglang" and entry.api_key for entry in catalog.entries)
    assert [entry.base_url for entry in catalog.entries] == [
        "http://sglang-small:30000/v1",
        "http://sglang-large:30000/v1",
    ]


def test_the_catalog_is_the_one_given_then_ones_own_then_the_embedded(tmp_path: Path) -> None:
    given = tmp_path / "given.yaml"
    assert chosen_catalog(None, folder=tmp_path) is None
    own = written(tmp_path, ENTRY)
    assert chosen_catalog(None, folder=tmp_path) == own
    assert chosen_catalog(given, folder=tmp_path) == given

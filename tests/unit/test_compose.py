"""What the compose file promises about order, reach, rights and secrets, read from the file itself."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from services.models.catalog import load_catalog
from services.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NAMES = sorted(SERVICES)

ONE_SHOT = {"migrate", "model-fetch"}
"""They end when they are done, so others wait for their end and not for their health."""
UPSTREAM_USER = {"sglang-small", "sglang-large"}
"""SGLang's image runs as root and keeps weights and compiled kernels in /root; it has no capabilities and no port."""
SECRETS = {
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "POINTSMAN_DASHBOARD_KEY",
    "POINTSMAN_DASHBOARD_PASSWORD",
    "SGLANG_KEY",
    "SGLANG_ADMIN_KEY",
}


def test_the_processes_of_the_product_are_all_there() -> None:
    processes = {"gateway", "worker", "scheduler", "upkeep", "dashboard", "migrate", "sandbox"}
    ours = processes | {"model-fetch", "model", "model-small"}
    assert {name for name in NAMES if SERVICES[name]["image"].startswith("pointsman:")} == ours
    assert set(NAMES) - ours == {"redis", "postgres", "sglang-small", "sglang-large"}


@pytest.mark.parametrize("name", NAMES)
def test_a_service_waits_only_for_what_can_come_true(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        match wait["condition"]:
            case "service_healthy":
                assert "healthcheck" in SERVICES[other]
            case "service_completed_successfully":
                assert other in ONE_SHOT
            case condition:
                pytest.fail(f"{name} waits for {other} on {condition}, which says nothing about its being ready")
        started_with = SERVICES[other].get("profiles")
        assert started_with is None or started_with == SERVICES[name].get("profiles")


@pytest.mark.parametrize("name", NAMES)
def test_a_service_uses_declared_networks_and_volumes(name: str) -> None:
    service = SERVICES[name]
    assert service.get("network_mode") == "none" or service["networks"]
    assert set(service.get("networks", [])) <= set(COMPOSE["networks"])
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert source in COMPOSE["volumes"] or source.startswith("./")


def test_every_network_and_volume_is_used() -> None:
    used = {network for service in SERVICES.values() for network in service.get("networks", [])}
    assert used == set(COMPOSE["networks"])
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert {source for source in mounted if not source.startswith("./")} == set(COMPOSE["volumes"])


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_each_profile_says_where_its_models_are(profile: str) -> None:
    [env_file] = SERVICES["gateway"]["env_file"]
    file = REPOSITORY / env_file.replace("${COMPOSE_PROFILES:-cpu}", profile)
    given = dict(line.split("=", 1) for line in file.read_text().splitlines() if not line.startswith("#"))
    there = {name for name in NAMES if SERVICES[name].get("profiles") == [profile]}
    assert set(given) <= {f"POINTSMAN_{name.upper()}" for name in Settings.model_fields}
    catalog = given.get("POINTSMAN_CATALOG", "").replace("/app/", f"{REPOSITORY}/")
    models = load_catalog(Path(catalog) if catalog else None, environment=given).entries
    assert {urlsplit(model.url).hostname for model in models} == there - ONE_SHOT


def test_only_gateway_and_dashboard_can_be_reached_and_only_from_this_machine_unless_asked() -> None:
    published = {name: SERVICES[name]["ports"] for name in NAMES if "ports" in SERVICES[name]}
    assert set(published) == {"gateway", "dashboard"}
    assert all(port.startswith("${POINTSMAN_BIND:-127.0.0.1}:") for [port] in published.values())


def test_the_databases_are_cut_off_from_the_outside() -> None:
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert SERVICES["redis"]["networks"] == ["data"]
    assert SERVICES["postgres"]["networks"] == ["data"]
    assert SERVICES["dashboard"]["networks"] == ["front"]


@pytest.mark.parametrize("name", sorted(set(NAMES) - ONE_SHOT))
def test_a_service_says_how_its_health_is_told(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert {"test", "interval", "timeout", "retries", "start_period"} <= set(check)


@pytest.mark.parametrize("name", NAMES)
def test_a_service_has_few_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.keys() & {"privileged", "cap_add", "pid", "devices"} == set()
    assert service.get("network_mode", "none") == "none"
    assert "docker.sock" not in yaml.safe_dump(service)
    if name not in UPSTREAM_USER:
        assert int(str(service["user"]).split(":")[0]) > 0
        assert service["read_only"] is True
        assert service["deploy"]["resources"]["limits"].keys() >= {"memory", "pids"}


@pytest.mark.parametrize("name", NAMES)
def test_a_service_comes_back_after_a_crash(name: str) -> None:
    assert SERVICES[name]["restart"] == ("on-failure:5" if name in ONE_SHOT else "unless-stopped")


def test_the_sandbox_is_alone_with_the_programs_it_holds() -> None:
    sandbox = SERVICES["sandbox"]
    assert sandbox["network_mode"] == "none"
    assert not sandbox.get("ports")
    assert not sandbox.get("depends_on")
    assert sandbox["env_file"] == []
    assert set(sandbox["environment"]) == {"POINTSMAN_SANDBOX_SOCKET"}
    assert "${" not in yaml.safe_dump(sandbox["environment"])
    [uid] = {str(sandbox["user"]).split(":")[0]}
    assert uid not in {str(SERVICES[name].get("user")).split(":")[0] for name in NAMES if name != "sandbox"}
    assert [mount.partition(":")[0] for mount in sandbox["volumes"]] == ["sandbox"]
    assert all("size=" in mount for mount in sandbox["tmpfs"])


def test_only_what_runs_methods_can_reach_the_sandbox() -> None:
    socket = SERVICES["sandbox"]["environment"]["POINTSMAN_SANDBOX_SOCKET"]
    group = str(SERVICES["sandbox"]["user"]).split(":")[1]
    reaching = {
        name for name in NAMES if any(mount.startswith("sandbox:") for mount in SERVICES[name].get("volumes", []))
    }
    assert reaching == {"sandbox", "gateway", "worker"}
    for name in reaching - {"sandbox"}:
        service = SERVICES[name]
        assert service["volumes"] == ["sandbox:/run/pointsman:ro"]
        assert service["group_add"] == [group]
        assert service["environment"]["POINTSMAN_SANDBOX"] == "container"
        assert service["environment"]["POINTSMAN_SANDBOX_SOCKET"] == socket
        assert "sandbox" not in service["depends_on"]


def test_no_secret_has_a_default_and_none_is_written_down() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text()
    named = set(re.findall(r"\$\{(\w*(?:PASSWORD|KEY|SECRET|TOKEN)\w*)", text))
    assert named == SECRETS
    for secret in SECRETS:
        uses = re.findall(r"\$\{" + secret + r"([^}]*)\}", text)
        assert uses
        assert all(use.startswith(":?") for use in uses), f"{secret} has to be asked for: ${{{secret}:?...}}"
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|_KEY$|TOKEN|AUTH$", variable):
                assert value is None or str(value).startswith("${"), f"{variable} is written down"


def test_the_example_environment_names_every_secret_and_gives_none() -> None:
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert {name for name, value in given.items() if not value} == SECRETS
    assert given["COMPOSE_PROFILES"] == "cpu"


def test_the_gateway_refuses_strangers_and_the_dashboard_asks_who_is_there() -> None:
    assert SERVICES["gateway"]["environment"]["POINTSMAN_REQUIRE_KEYS"] == "true"
    assert SERVICES["dashboard"]["environment"]["POINTSMAN_DASHBOARD_PASSWORD"].startswith("${")
    assert "DATABASE_URL" not in SERVICES["dashboard"]["environment"]


def test_redis_keeps_what_it_is_told_and_asks_for_a_password() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--requirepass" in command
    assert "--maxmemory-policy noeviction" in command


@pytest.mark.parametrize("name", sorted(UPSTREAM_USER))
def test_sglang_is_started_with_the_flags_that_the_adapter_relies_on(name: str) -> None:
    flags = {argument.split("=")[0] for argument in SERVICES[name]["command"]}
    assert flags >= {
        "--reasoning-parser",
        "--tool-call-parser",
        "--enable-strict-thinking",
        "--constrained-json-disable-any-whitespace",
        "--enable-priority-scheduling",
        "--max-queued-requests",
        "--enable-cache-report",
        "--api-key",
        "--admin-api-key",
    }
    assert "latest" not in SERVICES[name]["image"]


def test_images_are_pinned_and_the_dockerfile_ends_without_root() -> None:
    for service in SERVICES.values():
        assert re.search(r":v?\d+\.\d+", service["image"]), f"{service['image']} moves"
    stages = re.split(r"^FROM ", (REPOSITORY / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert "USER 10001:10001" in stages[-1]
    assert 'ENTRYPOINT ["pointsman"]' in stages[-1]
    assert "pip install" not in stages[-1]

"""The compose files: valid, complete, and as closed as they are said to be."""

import json
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
import yaml

from telemetry_site import env_example
from telemetry_site.samples import password_problem
from tests.deployments.stack import unit
from tests.server import ROOT

pytestmark = pytest.mark.once

DEPLOYMENTS = ROOT / "deployments"
FILES = ("docker-compose.yaml", "docker-compose.prod.yaml")
OURS = {"migrate", "collector", "site", "worker"}


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DEPLOYMENTS / name).read_text())
    return content


PROD = load("docker-compose.prod.yaml")
SERVICES: dict[str, dict[str, Any]] = PROD["services"]


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_one_of_the_compose_specification(file):
    command = ("check_jsonschema", "--builtin-schema", "vendor.compose-spec")
    done = subprocess.run(
        [sys.executable, "-m", *command, DEPLOYMENTS / file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", FILES)
def test_what_services_refer_to_exists(file):
    content = load(file)
    services = content["services"]
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        assert set(service.get("networks", ())) <= set(content.get("networks", ()))
        for source in sources(service):
            if not source.startswith((".", "$")):
                assert source in content["volumes"]


def sources(service: dict[str, Any]) -> list[str]:
    volumes = service.get("volumes", [])
    return [v["source"] if isinstance(v, dict) else v.split(":")[0] for v in volumes]


@pytest.mark.parametrize("secure", ["true", "false"])
def test_the_files_that_nginx_is_given_exist(secure):
    named = [source for source in sources(SERVICES["nginx"]) if "./nginx" in source]
    assert len(named) == 2
    for source in named:
        here = source.replace("${TELEMETRY_SECURE:-false}", secure)
        assert (DEPLOYMENTS / here).exists()


def test_every_variable_of_the_production_file_is_in_the_sample():
    text = (DEPLOYMENTS / "docker-compose.prod.yaml").read_text()
    names = set(re.findall(r"\$\{([A-Z_]+)", text))
    assert "POSTGRES_PASSWORD" in names
    for name in names - {"VERSION", "HTTP_PORT", "HTTPS_PORT"}:
        assert re.search(rf"^(# )?{name}=", env_example.text(), re.MULTILINE), name


def test_the_password_of_the_database_is_needed_and_checked():
    url = SERVICES["site"]["environment"]["DATABASE_URL"]
    assert ":?" in url
    sample = re.search("POSTGRES_PASSWORD=(.+)", env_example.text())
    assert sample
    filled = re.sub(r"\$\{[^}]+\}", sample[1], url)
    assert password_problem(filled) == "is a sample"
    trial = load("docker-compose.yaml")["x-app"]["environment"]["DATABASE_URL"]
    assert password_problem(trial) == "is a sample"


def test_only_nginx_can_be_reached_from_outside():
    assert {name for name, each in SERVICES.items() if "ports" in each} == {"nginx"}
    assert SERVICES["db"]["networks"] == ["database"]
    assert PROD["networks"]["database"] == {"internal": True}
    assert SERVICES["collector"].get("networks") == ["database"]
    assert "database" not in SERVICES["nginx"]["networks"]
    (port,) = load("docker-compose.yaml")["services"]["web"]["ports"]
    assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_no_more_than_it_has_to(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert {"mem_limit", "cpus", "pids_limit", "tmpfs"} <= set(service)
    assert "privileged" not in service
    assert ("cap_add" in service) is (name not in OURS)
    assert re.search(r":(\$\{VERSION:-latest\}|[a-z0-9.-]*\d[a-z0-9.-]*)$", image(name))


def image(name: str) -> str:
    text: str = SERVICES[name]["image"]
    return text


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_a_service_comes_back_after_a_failure(name):
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_migrations_come_first_and_are_over_before_others_start():
    assert SERVICES["migrate"]["restart"] == "no"
    for name in OURS - {"migrate"}:
        needed = SERVICES[name]["depends_on"]
        assert needed["migrate"]["condition"] == "service_completed_successfully"
        assert needed["db"]["condition"] == "service_healthy"


@pytest.mark.parametrize("name", sorted(OURS))
def test_containers_run_what_systemd_runs(name):
    (command,) = unit(f"telemetry-{name}.service")["ExecStart"]
    program, *arguments = shlex.split(command.removeprefix("/opt/telemetry/.venv/bin/"))
    assert (SERVICES[name].get("command") or image_command()) == [program, *arguments]


def image_command() -> list[str]:
    found = re.findall(
        r"^CMD (\[.*\])$", (DEPLOYMENTS / "Dockerfile").read_text(), re.MULTILINE
    )
    (command,) = (json.loads(each) for each in found)
    assert isinstance(command, list)
    return command


def test_nginx_finds_the_sockets_where_the_services_make_them():
    upstreams = (DEPLOYMENTS / "nginx/telemetry/http.conf").read_text()
    for name in ("collector", "site"):
        bind = SERVICES[name]["environment"]["BIND"]
        assert f"server {bind} " in upstreams
        assert "sockets:/run/telemetry" in SERVICES[name]["volumes"]
        (path,) = unit(f"telemetry-{name}.socket")["ListenStream"]
        assert bind == f"unix:{path}"

"""The units: systemd understands them, and they are allowed little."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deployments.stack import UNITS, unit

pytestmark = pytest.mark.once

SERVICES = ("migrate", "collector", "site", "worker")
MOST_EXPOSED = 1.5
"""Of 10, as `systemd-analyze security` counts. Network and sockets are most of it."""


@pytest.fixture(scope="module")
def units(program, tmp_path_factory) -> Path:
    """The units, with programs that are on this machine."""
    program("systemd-analyze")
    folder = tmp_path_factory.mktemp("units")
    shutil.copytree(UNITS, folder, dirs_exist_ok=True)
    for file in folder.rglob("*.service"):
        text = file.read_text()
        text = text.replace(
            "/opt/telemetry/.venv/bin", str(Path(sys.executable).parent)
        )
        file.write_text(text.replace("/usr/bin/docker", "/bin/true"))
    (folder / "docker.service").write_text("[Service]\nExecStart=/bin/true\n")
    return folder


def said(folder: Path, *command: str) -> str:
    done = subprocess.run(
        ["systemd-analyze", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_systemd_has_nothing_to_say_against_them(units):
    files = [str(file) for file in units.rglob("*.*") if file.is_file()]
    named = [file for file in files if not file.endswith(".conf")]
    assert len(named) == 9
    about = said(units, "verify", "--man=no", *named).splitlines()
    assert [line for line in about if "telemetry" in line] == []


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_exposed_to_little(units, name):
    about = said(units, "security", "--offline=true", f"./telemetry-{name}.service")
    level = re.search(r"exposure level for .*: ([0-9.]+)", about)
    assert level, about
    assert float(level[1]) <= MOST_EXPOSED


def test_the_target_starts_everything():
    wanted = " ".join(unit("telemetry.target")["Wants"]).split()
    units = {file.name for file in UNITS.glob("telemetry-*.*") if file.is_file()}
    assert set(wanted) == units


@pytest.mark.parametrize("name", SERVICES[1:])
def test_a_service_starts_after_migrations_and_ends_with_the_target(name):
    settings = unit(f"telemetry-{name}.service")
    assert "telemetry-migrate.service" in " ".join(settings["After"])
    assert settings["PartOf"] == ["telemetry.target"]


def test_the_collector_waits_for_nothing():
    """It takes records when migrations fail, and when site and worker are away."""
    settings = unit("telemetry-collector.service")
    assert settings["Requires"] == ["telemetry-collector.socket"]
    assert "ExecStartPre" not in settings

"""docs/operations.md: its commands are ones that a shell and the tree understand."""

import os
import re
import subprocess

import pytest

from telemetry_site.env import read
from tests.deployments.documented import command, commands, page
from tests.deployments.stack import UNITS
from tests.server import ROOT

CONTAINERS = "On one machine, in containers"
SYSTEMD = "On one machine, with systemd"
HEADINGS = (
    *(CONTAINERS, SYSTEMD, "Upgrade", "PostgreSQL", "PostgreSQL in containers"),
    *("SQLite", "More than one machine"),
)


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_shell_understands_the_commands(heading):
    script = "\n".join(commands(heading))
    assert script
    subprocess.run(["/bin/sh", "-n"], input=script, text=True, check=True)


def test_no_command_is_under_another_heading():
    lines = re.findall(r"^    \S.*$", page(), re.MULTILINE)
    listed = [each for heading in HEADINGS for each in commands(heading)]
    first_lines = [line.strip().removesuffix("\\").strip() for line in lines]
    for line in first_lines:
        assert any(line in each for each in listed), line


def test_what_is_named_exists():
    for path in re.findall(r"(?:/opt/telemetry/)?(deployments/[\w./-]+)", page()):
        if path not in {"deployments/.env", "deployments/tls/"}:
            assert list(ROOT.glob(f"{path}*")), path
    named = re.findall(r"\btelemetry[a-z-]*\.(?:service|socket|target)", page())
    assert named
    for unit in named:
        assert list(UNITS.rglob(unit)), unit
    for short in re.findall(r"systemctl restart (telemetry.*)", page()):
        for name in short.split():
            assert (UNITS / f"{name}.service").exists(), name


def environment_made_by(heading: str, tmp_path) -> dict[str, str]:
    """What the documented command makes of the sample."""
    script = command(heading, "sed ").replace("-g telemetry ", "")
    script = script.replace("/etc/telemetry/env", str(tmp_path / ".env"))
    script = re.sub(r"/dev/stdin \.env", f"/dev/stdin {tmp_path}/.env", script)
    folder = ROOT / ("deployments" if heading == CONTAINERS else ".")
    path = {"PATH": os.environ["PATH"]}
    subprocess.run(["/bin/sh", "-ec", script], cwd=folder, env=path, check=True)
    lines = (tmp_path / ".env").read_text().splitlines()
    assert (tmp_path / ".env").stat().st_mode & 0o007 == 0
    return dict(line.split("=", 1) for line in lines if re.match("[A-Z]", line))


def test_the_environment_of_the_services_starts(tmp_path):
    environment = read(environment_made_by(SYSTEMD, tmp_path))
    assert environment.database_url == "postgres:///telemetry"
    assert (environment.secure, environment.trusted_proxy) == (True, True)


def test_the_environment_of_the_containers_starts(tmp_path):
    made = environment_made_by(CONTAINERS, tmp_path)
    url = f"postgres://telemetry:{made['POSTGRES_PASSWORD']}@db/telemetry"
    environment = read({**made, "DATABASE_URL": url})
    assert (environment.secure, environment.trusted_proxy) == (False, True)


def test_an_upgrade_keeps_its_order():
    text = "\n".join(commands("Upgrade"))
    order = ("make install", "telemetry-migrate", "-collector", "-site", "-worker")
    assert [text.index(each) for each in order] == sorted(map(text.index, order))

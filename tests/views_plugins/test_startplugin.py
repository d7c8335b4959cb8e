"""`manage.py startplugin`."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.plugins.environment import Environment
from tests.server import ROOT


def test_it_writes_a_package_named_as_it_is_told(tmp_path, capsys):
    call_command("startplugin", "boot_times", directory=str(tmp_path / "new"))
    files = {str(p.relative_to(tmp_path / "new")) for p in tmp_path.rglob("*.*")}
    assert {
        "README.md",
        "pyproject.toml",
        "boot_times/apps.py",
        "boot_times/migrations/0001_initial.py",
        "boot_times/models.py",
        "boot_times/parser.py",
        "boot_times/plugin.py",
        "tests/test_plugin.py",
    } <= files
    told = capsys.readouterr().out
    assert "pip install -e" in told
    assert "/boot-times" in told


def test_nothing_is_left_of_the_template_language(tmp_path):
    call_command("startplugin", "boot_times", directory=str(tmp_path), stdout=_Quiet())
    for file in tmp_path.rglob("*.*"):
        assert not file.name.endswith("-tpl")
        if file.is_file():
            assert not {"{{", "{%", "app_name"} & set(file.read_text().split())


def test_it_is_written_where_one_is_when_nothing_else_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call_command("startplugin", "boot_times", stdout=_Quiet())
    assert (tmp_path / "telemetry-boot-times" / "pyproject.toml").is_file()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "lower-case letters"),
        ("Boots", "lower-case letters"),
        ("boot-times", "lower-case letters"),
        ("1boots", "lower-case letters"),
        ("../boots", "lower-case letters"),
        ("boots\n", "lower-case letters"),
        ("lambda", "lower-case letters"),
        ("b" * 41, "lower-case letters"),
        ("builds", "/builds is taken"),
        ("health", "/health is taken"),
        ("auth", "a module or an app"),
        ("json", "a module or an app"),
        ("crashes", "is taken"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_the_reason(tmp_path, name, says):
    with pytest.raises(CommandError, match=says):
        call_command("startplugin", name, directory=str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("there", ["folder/file", "folder"])
def test_what_is_there_already_is_left_alone(tmp_path, there):
    file = tmp_path / there
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine")
    with pytest.raises(CommandError, match="already"):
        call_command("startplugin", "boots", directory=str(tmp_path / "folder"))
    assert file.read_text() == "mine"


@pytest.mark.slow
@pytest.mark.once
def test_the_skeleton_works_when_it_is_installed(tmp_path: Path, server_database: Any):
    folder = tmp_path / "new"
    call_command("startplugin", "boot_times", directory=str(folder), stdout=_Quiet())
    site = Environment(tmp_path / "venv", {"DATABASE_URL": server_database})
    site.install(folder)
    own = {"DATABASE_URL": "sqlite:///:memory:", "PYTHONPATH": str(ROOT)}
    assert "passed" in site.run("-m", "pytest", "-q", cwd=folder, **own)
    site.manage("makemigrations", "--check", "--dry-run")
    site.manage("migrate", "--verbosity", "0")
    asked = ("-m", "tests.plugins.lifecycle", "pages", "/boot-times")
    status, page = json.loads(site.run(*asked))["/boot-times"]
    assert status == 200
    assert "No record of the classes */boot-times/* was received" in page


class _Quiet:
    def write(self, text: str) -> None:
        """Nothing is printed."""

"""The image. No container engine is needed: what is in it is tested by the stack."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.server import ROOT

pytestmark = pytest.mark.once

DOCKERFILE = ROOT / "deployments/Dockerfile"


def test_a_linter_has_nothing_to_say_against_it():
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [hadolint, DOCKERFILE], capture_output=True, text=True, check=False
    )
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


def test_its_python_is_one_that_the_project_supports():
    versions = set(re.findall(r"FROM python:3\.(\d+)-", DOCKERFILE.read_text()))
    (minor,) = versions
    assert int(minor) >= 11


def test_it_does_not_run_as_root_and_says_how_it_is():
    text = DOCKERFILE.read_text()
    assert re.search(r"^USER 10001", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
    assert "SECRET_KEY=" not in text


def test_every_app_of_the_project_is_in_it():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    apps = {app.partition(".")[0] for app in settings.INSTALLED_APPS}
    ours = {app for app in apps if (ROOT / app).is_dir()}
    assert {f"!{app}" for app in ours} <= set(lines)
    assert "records" in ours


@pytest.mark.parametrize("secret", ["deployments/.env", "deployments/tls"])
def test_secrets_stay_out_of_it(secret):
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines.index(secret) > lines.index("!deployments")
    assert lines[1] == "*"
    assert secret in (ROOT / ".gitignore").read_text().replace("tls/", "tls").split()

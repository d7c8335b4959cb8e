"""No process starts in production with the secrets of the sample environment."""

import os
import subprocess
import sys

import pytest

from telemetry_site import env_example
from telemetry_site.env import BASE_DIR
from telemetry_site.samples import SAMPLE

PYTHON = sys.executable
GUNICORN = (PYTHON, "-m", "gunicorn", "-c", "deployments/gunicorn.conf.py")
PROCESSES = {
    "site": (*GUNICORN, "telemetry_site.wsgi"),
    "collector": (*GUNICORN, "telemetry_site.wsgi_collector"),
    "worker": (PYTHON, "manage.py", "digest", "--once"),
    "migrate": (PYTHON, "manage.py", "migrate", "--noinput"),
}
KEY = "0123456789abcdef" * 4
SAMPLE_KEY = "SECRET_KEY is a sample"
SAMPLE_PASSWORD = "The password in DATABASE_URL is a sample"
NO_PASSWORD = "The password in DATABASE_URL is empty"
NOT_SET = {"DATABASE_URL": "postgres://telemetry@127.0.0.1:1/telemetry"}


@pytest.mark.parametrize(
    ("process", "set_already", "problem"),
    [
        *((process, {}, SAMPLE_KEY) for process in PROCESSES),
        ("site", {"SECRET_KEY": KEY}, SAMPLE_PASSWORD),
        ("migrate", {"SECRET_KEY": KEY, **NOT_SET}, NO_PASSWORD),
    ],
)
def test_a_process_stops_at_a_sample_and_says_which(process, set_already, problem):
    environment = {**env_example.values(), **set_already, "BIND": "127.0.0.1:0"}
    done = subprocess.run(
        PROCESSES[process],
        cwd=BASE_DIR,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert f"{problem}: make one with `openssl rand -hex 32`" in done.stderr
    assert SAMPLE not in done.stderr

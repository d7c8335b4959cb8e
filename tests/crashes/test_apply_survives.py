"""A worker that is killed while a change is applied, and started again."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

ROOT = Path(__file__).resolve().parents[2]
CRASHES = 500  # five times as many as are judged at once
TIMEOUT = 60.0

pytestmark = [pytest.mark.reliability, pytest.mark.slow]


def environment(url: str) -> dict[str, str]:
    real = {"DJANGO_SETTINGS_MODULE": "telemetry_site.settings", "DATABASE_URL": url}
    return os.environ | real


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.crashes.apply_inside", *arguments]


def inside(url: str, *steps: str) -> Any:
    """What each of the steps answers."""
    done = subprocess.run(
        command(*steps),
        cwd=ROOT,
        env=environment(url),
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(done.stdout)


def worker(url: str, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command("work", *options),
        cwd=ROOT,
        env=environment(url),
        stderr=subprocess.DEVNULL,
    )


def waiting(url: str) -> int:
    """Traces that are still to be judged."""
    sqlite = url.startswith("sqlite")
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path) if sqlite else psycopg2.connect(url)) as other:
        cursor = other.cursor()
        cursor.execute("SELECT count(*) FROM crashes_rejudge")
        return int(cursor.fetchone()[0])


def kill_when(url: str, ready: Callable[[int], bool]) -> int:
    """Start a worker and kill it as soon as so many traces wait; how many do then."""
    process = worker(url)
    try:
        end = time.monotonic() + TIMEOUT
        while not ready(waiting(url)):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return waiting(url)


def test_a_killed_worker_leaves_a_change_that_the_next_one_finishes(server_database):
    url = server_database
    inside(url, "fill", "first")
    assert waiting(url) == CRASHES
    left = kill_when(url, lambda left: left < CRASHES)
    before = inside(url, "state", "second")["state"]
    assert before["right"]  # by the rules before, as long as the change is not whole
    if left:
        assert before["notes"] == [["first", "judging"], ["none", "current"]]
        assert before["guilties"] == 1
    assert waiting(url) == CRASHES
    kill_when(url, lambda left: left < CRASHES)
    kill_when(url, lambda left: left == 0)
    assert worker(url, "--once").wait(TIMEOUT) == 0
    after = inside(url, "state")["state"]
    assert after["right"]
    assert after["notes"] == [["second", "current"]]
    assert (after["waiting"], after["traces"]) == (0, CRASHES)
    assert after["guilties"] == CRASHES

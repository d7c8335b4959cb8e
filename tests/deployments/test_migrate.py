"""Migrations are applied once, however many processes start at the same time."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2

from records.database import _MIGRATION_LOCK
from tests.server import ROOT


@contextmanager
def lock_held(url: str) -> Iterator[None]:
    """As by another process that migrates right now."""
    if url.startswith("sqlite"):
        file = url.removeprefix("sqlite:///") + ".migrating"
        with Path(file).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with closing(psycopg2.connect(url)) as connection:
        connection.cursor().execute(f"SELECT pg_advisory_lock({_MIGRATION_LOCK})")
        yield


def migrate(url: str, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "migrate", "contenttypes", *options],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "telemetry_site.settings",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_of_two_that_migrate_at_once_one_does_and_the_other_waits(empty_database):
    with lock_held(empty_database):
        both = [migrate(empty_database), migrate(empty_database)]
        assert finished(migrate(empty_database, "--plan"))  # waits for nobody
        assert [each.poll() for each in both] == [None, None]
    outputs = [finished(each) for each in both]
    assert [each.returncode for each in both] == [0, 0], outputs
    assert sum("Applying contenttypes.0001_initial" in each for each in outputs) == 1
    assert sum("No migrations to apply" in each for each in outputs) == 1


def finished(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=60)
    return output

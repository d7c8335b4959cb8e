"""Migrations are applied once, however many processes start at the same time."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.core.management.commands.migrate import Command as DjangoCommand
from django.db import OperationalError, connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from records import database
from records.database import _MIGRATION_LOCK
from telemetry_site.management.commands import migrate as migrate_command
from tests.server import ROOT
from views_plugins.management.commands.migrate import Tolerant


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


# --- Locks that are not to be had -----------------------------------------------------


class InUse(OperationalError):
    """As PostgreSQL gives up waiting for a lock."""

    def __init__(self) -> None:
        super().__init__("canceling statement due to lock timeout")
        self.__cause__ = LockNotAvailable()


class LockNotAvailable(Exception):
    pgcode = "55P03"


@pytest.fixture
def tries(monkeypatch) -> list[Exception]:
    """What each try of Django's command raises, in order; afterwards nothing."""
    errors: list[Exception] = []

    def handle(*args: object, **options: object) -> None:
        if errors:
            raise errors.pop(0)

    monkeypatch.setattr(DjangoCommand, "handle", handle)
    monkeypatch.setattr(migrate_command, "PAUSE", timedelta(0))
    monkeypatch.setattr(database, "longest_transactions", lambda: ["process 7"])
    return errors


@pytest.mark.django_db
def test_a_lock_that_is_not_to_be_had_is_tried_again_and_named(tries, capsys):
    tries.extend([InUse(), InUse()])
    call_command("migrate")
    assert tries == []
    assert capsys.readouterr().err.count("process 7") == 2


@pytest.mark.django_db
def test_after_some_time_it_is_given_up(tries, monkeypatch):
    monkeypatch.setattr(migrate_command, "PATIENCE", timedelta(seconds=-1))
    tries.append(InUse())
    with pytest.raises(CommandError, match="in use"):
        call_command("migrate")


@pytest.mark.django_db
def test_any_other_error_is_one(tries):
    tries.extend([OperationalError("no more room"), InUse()])
    with pytest.raises(OperationalError, match="room"):
        call_command("migrate")


def test_a_plugin_whose_table_is_in_use_is_not_left_out(monkeypatch):
    def fail(*args: object) -> None:
        raise InUse

    monkeypatch.setattr(MigrationExecutor, "apply_migration", fail)
    failed: dict[str, str] = {}
    executor = Tolerant.__new__(Tolerant)
    executor.failed, executor.connection = failed, connection
    with pytest.raises(InUse):
        executor.apply_migration(ProjectState(), Migration("0001_initial", "mce"))
    assert failed == {}

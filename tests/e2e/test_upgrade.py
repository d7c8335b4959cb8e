"""While migrations of the next release run, collector and worker of this one go on."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from tests.e2e.clients import Fleet
from tests.e2e.database import Database
from tests.e2e.processes import (
    DigestProcess,
    assert_stored_once,
    collector,
    counted,
    start_command,
)

pytestmark = [pytest.mark.reliability, pytest.mark.xdist_group("upgrade")]

CLIENTS = 8
NEW = ("9001_columns", "9002_table", "9003_index", "9004_check", "9005_backfill")


@pytest.fixture
def database(server_database, on_postgres) -> Database:
    if not on_postgres:
        pytest.skip("SQLite has one writer: an upgrade is a moment's wait for others")
    database = Database(server_database)
    _fill(database, 30_000)
    return database


def _fill(database: Database, count: int) -> None:
    """Records that are there before, counted already."""
    database.run(
        "INSERT INTO records_record (received_at, captured_at, kind_id, build_id, "
        "hardware_id, kernel_id, machine_id, payload, event_id) SELECT now(), 0, 0, 0, "
        f"0, 0, '{'0' * 32}', repeat('x', 100), gen_random_uuid() "
        f"FROM generate_series(1, {count})"
    )


def upgrade(database: Database, log: Path) -> subprocess.Popen[bytes]:
    settings = "tests.e2e.next_release.settings"
    return start_command("migrate", database.url, log, settings=settings)


def applied(database: Database) -> list[str]:
    names = database.rows(
        "SELECT name FROM django_migrations "
        "WHERE app = 'records' AND name LIKE '9%' ORDER BY name"
    )
    return [name for (name,) in names]


@contextmanager
def reader(database: Database) -> Iterator[None]:
    """A transaction that has read records, and is not over."""
    with closing(psycopg2.connect(database.url)) as connection:
        connection.cursor().execute("SELECT count(*) FROM records_record")
        yield


def test_no_record_is_refused_late_or_lost_while_migrations_run(database, tmp_path):
    before, log = database.count("record"), tmp_path / "migrate.log"
    with (
        collector(database.url, tmp_path) as server,
        DigestProcess(database.url, tmp_path / "digest.log") as worker,
    ):
        fleet = Fleet(server.port, CLIENTS, pause=0.05)
        with fleet.sending():
            fleet.wait_for(50)
            assert upgrade(database, log).wait(60) == 0, log.read_text()
            fleet.wait_for(50)
        worker.wait_until_done()
    assert applied(database) == list(NEW)
    assert (fleet.failures, fleet.slowest < 5) == (0, True), fleet.slowest
    assert_stored_once(fleet, database)
    assert database.count("record") - before == len(fleet.delivered)
    assert counted(database) == (len(fleet.delivered),) * 2
    assert "Traceback" not in server.log


def test_a_long_reader_holds_up_the_migration_and_no_record(database, tmp_path):
    log = tmp_path / "migrate.log"
    with collector(database.url, tmp_path) as server:
        fleet = Fleet(server.port, CLIENTS, pause=0.05)
        with fleet.sending():
            with reader(database):
                migration = upgrade(database, log)
                _wait_for(log, "trying again")
                assert applied(database) == []
                fleet.wait_for(50)
            assert migration.wait(60) == 0, log.read_text()
            fleet.wait_for(50)
    assert "in a transaction for" in log.read_text()
    assert applied(database) == list(NEW)
    assert (fleet.failures, fleet.slowest < 6) == (0, True), fleet.slowest
    assert_stored_once(fleet, database)


def _wait_for(log: Path, text: str) -> None:
    end = time.monotonic() + 30
    while not log.exists() or text not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.02)

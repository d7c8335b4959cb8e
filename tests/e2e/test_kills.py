"""Whatever is killed, a record that was answered 201 is in the database, once."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.clients import Fleet
from tests.e2e.database import Database
from tests.postgres import Cluster
from tests.server import ROOT, GunicornServer, migrate

pytestmark = [pytest.mark.reliability, pytest.mark.xdist_group("kills")]

CLIENTS = 12


def collector(database_url: str, tmp_path: Path) -> GunicornServer:
    return GunicornServer(
        "telemetry_site.wsgi_collector",
        {"DATABASE_URL": database_url},
        log_file=tmp_path / "collector.log",
        workers=2,
    )


def assert_stored_once(fleet: Fleet, database: Database) -> None:
    """Every delivered record under the id that was answered; none of them twice."""
    stored = database.ids_by_event()
    lost = {event for event in fleet.delivered if event not in stored}
    assert not lost
    assert {event: ids for event, ids in stored.items() if len(ids) > 1} == {}
    answered = {event: [record_id] for event, record_id in fleet.delivered.items()}
    assert {event: stored[event] for event in answered} == answered
    assert database.count("pending") == database.count("record")


def test_a_killed_collector_loses_and_doubles_nothing(
    server_database, tmp_path, on_postgres
):
    with collector(server_database, tmp_path) as server:
        fleet = Fleet(server.port, CLIENTS)
        with fleet.sending():
            for _ in range(4):
                fleet.wait_for(60)
                server.kill()
                server.start()
            fleet.wait_for(20)
        assert fleet.failures
        assert_stored_once(fleet, Database(server_database))


def test_a_database_that_is_killed_or_stopped_loses_and_doubles_nothing(
    durable_cluster: Cluster, tmp_path
):
    cluster = durable_cluster
    url = cluster.create_database("telemetry")
    migrate(url)
    with collector(url, tmp_path) as server:
        fleet = Fleet(server.port, CLIENTS)
        with fleet.sending():
            for end in (cluster.kill, cluster.kill, cluster.stop, cluster.kill):
                fleet.wait_for(100)
                end()
                time.sleep(0.1)
                cluster.start()
            fleet.wait_for(50)
        assert fleet.failures
        assert_stored_once(fleet, Database(url))
        assert "Traceback" not in server.log


def test_a_collector_that_is_told_to_end_answers_what_it_was_sent(
    server_database, tmp_path
):
    with collector(server_database, tmp_path) as server:
        fleet = Fleet(server.port, CLIENTS)
        with fleet.sending():
            for _ in range(2):
                fleet.wait_for(60)
                start = time.monotonic()
                server.terminate()
                assert time.monotonic() - start < 10
                server.start()
            fleet.wait_for(20)
        assert_stored_once(fleet, Database(server_database))
        assert "Traceback" not in server.log


# --- The worker -----------------------------------------------------------------------


class DigestProcess:
    """`manage.py digest` in a process of its own."""

    def __init__(self, database_url: str, log_file: Path) -> None:
        self.database = Database(database_url)
        self._url = database_url
        self._log_file = log_file
        self.process = self._start()

    def __enter__(self) -> "DigestProcess":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()

    def kill_and_start(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process = self._start()

    def wait_until_done(self) -> None:
        end = time.monotonic() + 20
        while self.database.count("pending"):
            assert self.process.poll() is None, self._log_file.read_text()
            assert time.monotonic() < end
            time.sleep(0.02)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "manage.py", "digest", "--batch", "50"]
        with self._log_file.open("ab") as log:
            return subprocess.Popen(
                [*command, "--idle", "0.01"],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "telemetry_site.settings",
                    "DATABASE_URL": self._url,
                },
            )


def counted(database: Database) -> tuple[int, int]:
    """Records of the rollups of days, and of those of hours."""
    (days,) = database.rows("SELECT sum(records) FROM records_kindday")[0]
    (hours,) = database.rows("SELECT sum(records) FROM records_receivedhour")[0]
    return int(days or 0), int(hours or 0)


def test_a_killed_worker_counts_every_record_once(server_database, tmp_path):
    database = Database(server_database)
    with (
        collector(server_database, tmp_path) as server,
        DigestProcess(server_database, tmp_path / "digest.log") as worker,
    ):
        fleet = Fleet(server.port, 6)
        with fleet.sending():
            for _ in range(3):
                fleet.wait_for(100)
                worker.kill_and_start()
            fleet.wait_for(50)
        worker.wait_until_done()
        total = database.count("record")
        assert counted(database) == (total, total)
        start = time.monotonic()
        worker.process.terminate()
        assert worker.process.wait(10) == 0
        assert time.monotonic() - start < 5

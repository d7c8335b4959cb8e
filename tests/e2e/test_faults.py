"""Faults under load: no answered record is lost or doubled, and all comes back alone.

`FAULT_ROUNDS` says how often each happens; docs/reliability.md has a long run.
"""

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
from tests.factories import json_body, json_request, values
from tests.postgres import Cluster
from tests.server import GunicornServer, migrate, raw_request

pytestmark = pytest.mark.reliability

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))
CLIENTS = 8
DISK = 160 << 20


def workers_of(server: GunicornServer) -> list[int]:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    return list(map(int, children.read_text().split()))


def run_command(command: str, url: str, log_file: Path, *options: str) -> None:
    assert start_command(command, url, log_file, *options).wait(120) == 0, (
        log_file.read_text()
    )


# --- Disks ----------------------------------------------------------------------------


@contextmanager
def no_file_grows(pid: int, longest: int) -> Iterator[None]:
    """A process whose files have reached the end of the disk, so to speak."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (longest, -1))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def test_a_full_disk_under_sqlite_loses_nothing(server_database, tmp_path, on_postgres):
    if on_postgres:
        pytest.skip("runs in the SQLite half")
    file = Path(server_database.removeprefix("sqlite:///"))
    with collector(server_database, tmp_path, workers=1) as server:
        (worker,) = workers_of(server)
        fleet = Fleet(server.port, CLIENTS)
        with fleet.sending():
            for _ in range(ROUNDS):
                fleet.wait_for(30)
                failures = fleet.failures
                with no_file_grows(worker, file.stat().st_size // 2):
                    time.sleep(0.5)
                assert fleet.failures > failures
            fleet.wait_for(30)
        assert_stored_once(fleet, Database(server_database))
        assert workers_of(server) == [worker]


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file system of its own; clusters are made there, and `tmp_path` is not."""
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "disk", folder]
    if os.geteuid() or subprocess.run(command, check=False).returncode:
        folder.rmdir()
        pytest.skip("no file system may be mounted here")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


@contextmanager
def full(disk: Path) -> Iterator[None]:
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 20)):
            pass
    try:
        yield
    finally:
        ballast.unlink()


def test_a_full_disk_under_postgres_loses_nothing(on_postgres, small_disk, tmp_path):
    if not on_postgres:
        pytest.skip("runs in the PostgreSQL half")
    settings = {"fsync": "off", "max_wal_size": "32MB", "min_wal_size": "32MB"}
    with Cluster(durable=True, settings=settings) as cluster:
        url = cluster.create_database("telemetry")
        migrate(url)
        with collector(url, tmp_path) as server:
            fleet = Fleet(server.port, CLIENTS, payload=20_000)
            with fleet.sending():
                for _ in range(ROUNDS):
                    fleet.wait_for(30)
                    with full(small_disk):
                        fleet.wait_for_failures(20)
                        time.sleep(0.3)
                    cluster.start_if_ended()
                fleet.wait_for(30, timeout=30)
            assert_stored_once(fleet, Database(url))
            assert "Traceback" not in server.log


# --- Everything at once ---------------------------------------------------------------


def test_a_database_that_dies_under_collector_and_worker_is_waited_for(
    durable_cluster: Cluster, durable_database, tmp_path
):
    cluster, url = durable_cluster, durable_database
    with (
        collector(url, tmp_path) as server,
        DigestProcess(url, tmp_path / "digest.log") as worker,
    ):
        fleet = Fleet(server.port, CLIENTS)
        with fleet.sending():
            for round_ in range(ROUNDS):
                fleet.wait_for(60)
                (cluster.stop if round_ % 3 == 2 else cluster.kill)()
                time.sleep(0.1)
                cluster.start()
            fleet.wait_for(60)
        worker.wait_until_done()
        total = worker.database.count("record")
        assert_stored_once(fleet, worker.database)
        assert counted(worker.database) == (total, total)


def test_a_database_that_hangs_for_a_while_loses_nothing(
    durable_cluster: Cluster, durable_database, tmp_path
):
    with collector(durable_database, tmp_path) as server:
        fleet = Fleet(server.port, CLIENTS)
        with fleet.sending():
            for _ in range(ROUNDS):
                fleet.wait_for(30)
                with durable_cluster.hanging():
                    time.sleep(4)
                fleet.wait_for(30, timeout=5)
        assert_stored_once(fleet, Database(durable_database))
        assert "WORKER TIMEOUT" not in server.log


def test_a_site_that_is_killed_loses_nothing_and_comes_back(server_database, tmp_path):
    log_file = tmp_path / "site.log"
    env = {"DATABASE_URL": server_database, "TELEMETRY_ANONYMOUS_READ": "true"}
    app = "telemetry_site.wsgi"
    with GunicornServer(app, env, log_file=log_file, workers=2) as server:
        fleet = Fleet(server.port, CLIENTS)
        with fleet.sending():
            for _ in range(ROUNDS):
                fleet.wait_for(30)
                server.kill()
                server.start()
            for worker in workers_of(server):  # gunicorn replaces it
                os.kill(worker, 9)
            fleet.wait_for(30)
            page = b"GET /records HTTP/1.1\r\nHost: localhost\r\n\r\n"
            assert raw_request(server.port, page).status == 200
        assert_stored_once(fleet, Database(server_database))


# --- Long work ------------------------------------------------------------------------


def test_a_migration_whose_database_dies_is_finished_by_the_next(
    durable_cluster: Cluster, tmp_path
):
    cluster, log = durable_cluster, tmp_path / "migrate.log"
    for round_ in range(ROUNDS):
        url = cluster.create_database(f"telemetry{round_}")
        migration = start_command("migrate", url, log)
        database = Database(url)
        _wait_for_tables(database, 3 + 11 * round_ % 40)
        cluster.kill()
        assert migration.wait(30) != 0
        cluster.start()
        migrate(url)
        with collector(url, tmp_path) as server:
            fleet = Fleet(server.port, 2)
            with fleet.sending():
                fleet.wait_for(5)
        assert_stored_once(fleet, database)


def _wait_for_tables(database: Database, count: int) -> None:
    end = time.monotonic() + 30
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    while database.rows(tables)[0][0] < count:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_purge_whose_database_dies_deletes_the_rest_next_time(
    durable_cluster: Cluster, durable_database, tmp_path
):
    cluster, url = durable_cluster, durable_database
    database, log = Database(url), tmp_path / "purge.log"
    with collector(url, tmp_path) as server:
        for round_ in range(ROUNDS):
            _old_records(server, database, log, days=100 + round_)
            before, old = counted(database), _old(database)
            fleet = Fleet(server.port, 4, pause=0.05)
            with fleet.sending():
                purge = start_command("purge_records", url, log, "--batch", "20")
                _wait_until_fewer(database, than=old)
                cluster.kill()
                assert purge.wait(30) != 0
                cluster.start()
                run_command("purge_records", url, log)
                fleet.wait_for(20)
            assert _old(database) == 0
            assert counted(database) == before
            assert_stored_once(fleet, database)
            run_command("digest", url, log, "--once")


OLD = "FROM records_record WHERE received_at < now() - interval '90 days'"


def _old_records(
    server: GunicornServer, database: Database, log: Path, days: int
) -> None:
    """A thousand records, counted, that are older than the default rule keeps."""
    lines = b"\n".join(json_body(values(), "x") for _ in range(1000))
    batch = json_request(lines, content_type="application/x-ndjson")
    assert raw_request(server.port, batch).status == 200
    run_command("digest", database.url, log, "--once")
    age = f"interval '{days} days'"
    database.run(f"UPDATE records_record SET received_at = now() - {age}")
    database.run(
        f"UPDATE records_receivedhour SET hour = hour - {age} "
        "WHERE hour > now() - interval '90 days'"
    )


def _old(database: Database) -> int:
    return int(database.rows(f"SELECT count(*) {OLD}")[0][0])


def _wait_until_fewer(database: Database, than: int) -> None:
    end = time.monotonic() + 60
    while _old(database) >= than:
        assert time.monotonic() < end

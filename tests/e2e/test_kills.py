"""Whatever is killed, a record that was answered 201 is in the database, once."""

import time

import pytest

from tests.e2e.clients import Fleet
from tests.e2e.database import Database
from tests.e2e.processes import DigestProcess, assert_stored_once, collector, counted
from tests.postgres import Cluster

pytestmark = [pytest.mark.reliability, pytest.mark.xdist_group("kills")]

CLIENTS = 12


def assert_all_stored_once(fleet: Fleet, database: Database) -> None:
    assert_stored_once(fleet, database)
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
        assert_all_stored_once(fleet, Database(server_database))


def test_a_database_that_is_killed_or_stopped_loses_and_doubles_nothing(
    durable_cluster: Cluster, durable_database, tmp_path
):
    cluster, url = durable_cluster, durable_database
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
        assert_all_stored_once(fleet, Database(url))
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
        assert_all_stored_once(fleet, Database(server_database))
        assert "Traceback" not in server.log


# --- The worker -----------------------------------------------------------------------


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

"""On a real Citus cluster: distributed under load, nothing lost and nothing twice.

CITUS_DATABASE_URL names an empty database on a coordinator that knows its address, with
the extension and at least one node.
"""

import os

import pytest

from tests.e2e.clients import Fleet
from tests.e2e.processes import (
    DigestProcess,
    assert_stored_once,
    collector,
    counted,
    start_command,
)
from tests.server import migrate

URL = os.environ.get("CITUS_DATABASE_URL", "")

pytestmark = [
    pytest.mark.citus,
    pytest.mark.skipif(not URL, reason="CITUS_DATABASE_URL names no cluster"),
]


def test_a_database_is_distributed_while_clients_send(tmp_path):
    migrate(URL)
    log = tmp_path / "distribute.log"
    with (
        collector(URL, tmp_path) as server,
        DigestProcess(URL, tmp_path / "digest.log") as worker,
    ):
        fleet = Fleet(server.port, 4)
        with fleet.sending():
            fleet.wait_for(100)
            for _ in range(2):
                assert start_command("distribute", URL, log).wait(300) == 0
                fleet.wait_for(100, timeout=60)
        worker.wait_until_done()
        assert_stored_once(fleet, worker.database)
        records = worker.database.count("record")
    assert counted(worker.database) == (records, records)
    assert log.read_text().endswith("Everything is in its place.\n")
    spread = "SELECT count(DISTINCT nodename) FROM citus_shards"
    assert worker.database.rows(spread)[0][0] >= 1

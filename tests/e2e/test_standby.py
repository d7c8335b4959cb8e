"""A streaming standby beside the primary: pages read from it, and do without it."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import psycopg2
import pytest

from tests.e2e.database import Database
from tests.factories import header_request, values
from tests.postgres import Cluster, Standby, find_programs
from tests.server import GunicornServer, migrate, raw_request

pytestmark = [pytest.mark.reliability, pytest.mark.xdist_group("standby")]

PATIENCE = 20.0
_EXPORTED = re.compile(r'^(?:\{"id" ?: ?)?(\d+),', re.MULTILINE)
_SHOWN = re.compile(r"record_details/(\d+)")


class Pair(NamedTuple):
    """A primary, its standby, and a site that is told of both."""

    primary: Cluster
    standby: Standby
    site: GunicornServer

    def databases(self) -> tuple[Database, Database]:
        name = "telemetry"
        return Database(self.primary.url(name)), Database(self.standby.url(name))

    def sent(self) -> int:
        """A record is accepted; its id."""
        answer = raw_request(self.site.port, header_request(values(), b"hello"))
        assert answer.status == 201, self.site.log
        return int(json.loads(answer.body)["id"])

    def page(self, path: str = "/records", **headers: str) -> str:
        with closing(HTTPConnection("127.0.0.1", self.site.port, 20)) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            assert answer.status == 200, self.site.log
            return answer.read().decode()

    def shows(self, record_id: int, **headers: str) -> bool:
        return str(record_id) in _SHOWN.findall(self.page(**headers))

    def state(self) -> str:
        return str(json.loads(self.page("/readyz"))["standby"])


def eventually(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    if not os.environ["DATABASE_URL"].startswith("postgres"):
        pytest.skip("runs in the PostgreSQL half")
    folder = find_programs()
    if folder is None or not (folder / "pg_basebackup").exists():
        pytest.skip("no PostgreSQL server programs on this machine")
    log_file: Path = tmp_path_factory.mktemp("standby") / "site.log"
    with Cluster() as primary:
        url = primary.create_database("telemetry")
        migrate(url)
        with Standby(primary) as copy:
            env = {
                "DATABASE_URL": url,
                "READ_DATABASE_URL": copy.url("telemetry"),
                "TELEMETRY_ANONYMOUS_READ": "true",
            }
            with GunicornServer("telemetry_site.wsgi", env, log_file=log_file) as site:
                yield Pair(primary, copy, site)


@pytest.fixture
def paused(pair: Pair) -> Iterator[None]:
    """The standby receives what is written, and shows none of it."""
    _, copy = pair.databases()
    eventually(lambda: pair.state() == "0 s behind")
    copy.run("SELECT pg_wal_replay_pause()")
    yield
    copy.run("SELECT pg_wal_replay_resume()")


def test_what_is_sent_is_shown_when_the_standby_has_it(pair: Pair):
    record_id = pair.sent()
    eventually(lambda: pair.shows(record_id))


def test_pages_read_from_the_standby_and_writes_go_to_the_primary(pair: Pair, paused):
    record_id = pair.sent()
    assert Database(pair.primary.url("telemetry")).record(record_id)
    assert not pair.shows(record_id)
    assert f'"id":{record_id}' not in pair.page("/api/records")
    for kind in ("csv", "ndjson"):
        exported = _EXPORTED.findall(pair.page(f"/records/export/records-1.{kind}"))
        assert exported
        assert str(record_id) not in exported
    assert pair.state().endswith("s behind")


def test_who_changed_something_sees_the_primary(pair: Pair, paused):
    with closing(HTTPConnection("127.0.0.1", pair.site.port, 20)) as connection:
        connection.request("POST", "/logout")
        answer = connection.getresponse()
        cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
    record_id = pair.sent()
    assert not pair.shows(record_id)
    assert pair.shows(record_id, Cookie=cookie)


def test_a_view_reads_from_the_standby_in_its_plugin(pair: Pair, paused):
    primary, _ = pair.databases()
    primary.run(
        "INSERT INTO records_build (key, system_name, version, version_key) "
        "VALUES (gen_random_uuid(), 'only-on-the-primary', '1', '1')"
    )
    assert "only-on-the-primary" not in pair.page("/builds")


@pytest.fixture
def slow(pair: Pair) -> Iterator[Database]:
    """Counts per day take a second to read, on both sides."""
    primary, copy = pair.databases()
    primary.run(
        "ALTER TABLE records_kindday RENAME TO counted;"
        "CREATE VIEW records_kindday AS "
        "SELECT counted.* FROM counted, (SELECT pg_sleep(1)) AS waited;"
        "INSERT INTO counted VALUES (now(), 1, 1, 1)"
    )
    eventually(lambda: copy.rows("SELECT to_regclass('counted')") != [(None,)])
    yield primary
    primary.run(
        "DROP VIEW records_kindday; ALTER TABLE counted RENAME TO records_kindday"
    )


@pytest.mark.parametrize("path", ["/records/facets", "/stats", "/api/views/stats"])
def test_a_query_that_the_standby_cancels_is_asked_of_the_primary(
    pair: Pair, slow: Database, path
):
    """Replaying what VACUUM removed cancels who may still look at it."""
    eventually(lambda: pair.state() == "0 s behind")
    before = pair.site.log
    with ThreadPoolExecutor(1) as pool:
        page = pool.submit(pair.page, path)
        time.sleep(0.5)
        slow.run("DELETE FROM counted")
        vacuum(slow.url, "counted")
        page.result(PATIENCE)
    assert "The standby failed" in pair.site.log.removeprefix(before)


def vacuum(url: str, table: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"VACUUM {table}")


def test_pages_are_there_without_the_standby_and_return_to_it(pair: Pair):
    eventually(lambda: pair.state() == "0 s behind")
    pair.standby.kill()
    record_id = pair.sent()
    assert pair.shows(record_id)
    assert pair.state() == "not near"
    assert f'"id":{record_id}' in pair.page("/api/records")
    assert "the standby is not near" in pair.site.log
    pair.standby.start()
    assert pair.shows(pair.sent())  # it is left alone for a while
    assert "Traceback" not in pair.site.log

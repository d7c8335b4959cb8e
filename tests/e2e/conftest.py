"""Real servers on migrated databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from tests.databases import PostgresTemplate
from tests.e2e.database import Database
from tests.postgres import Cluster, find_programs
from tests.server import App, GunicornServer, RawResponse, raw_request

APPS: tuple[App, ...] = ("telemetry_site.wsgi_collector", "telemetry_site.wsgi")


class Served(NamedTuple):
    """A running server and its database."""

    app: App
    server: GunicornServer
    database: Database

    def send(self, data: bytes, **kwargs: Any) -> RawResponse:
        return raw_request(self.server.port, data, **kwargs)


@pytest.fixture(scope="module", params=APPS)
def served(
    request: pytest.FixtureRequest, _migrated_template: Any, tmp_path_factory: Any
) -> Iterator[Served]:
    """The collector alone, then the site with the collector mounted in front of it.

    One server for all tests of a module; at the end, nothing went wrong in it.
    """
    app = cast(App, request.param)
    log_file: Path = tmp_path_factory.mktemp("served") / "log"
    with (
        _migrated_template.copy() as url,
        GunicornServer(app, {"DATABASE_URL": url}, log_file=log_file) as server,
    ):
        yield Served(app, server, Database(url))
    assert "Traceback" not in server.log
    assert "Worker" not in server.log or "was sent" not in server.log


@pytest.fixture
def database(server_database: str) -> Database:
    return Database(server_database)


@pytest.fixture(scope="module")
def _durable_cluster(on_postgres: bool) -> Iterator[Cluster]:
    if not on_postgres:
        pytest.skip("runs in the PostgreSQL half")
    if not find_programs():
        pytest.skip("no PostgreSQL server programs on this machine")
    with Cluster(durable=True, settings={"fsync": "off"}) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def _durable_template(_durable_cluster: Cluster) -> PostgresTemplate:
    return PostgresTemplate(_durable_cluster.url())


@pytest.fixture
def durable_cluster(_durable_cluster: Cluster) -> Cluster:
    """A running PostgreSQL to be killed and restarted, the same for a module.

    What a process wrote survives its SIGKILL in the kernel: flushing to the disk, which
    takes seconds, is for power cuts.
    """
    if not _durable_cluster.is_running:
        _durable_cluster.start()
    return _durable_cluster


@pytest.fixture
def durable_database(
    durable_cluster: Cluster, _durable_template: PostgresTemplate
) -> Iterator[str]:
    """DATABASE_URL of a migrated database there."""
    with _durable_template.copy() as url:
        yield url

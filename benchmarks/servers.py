"""The servers that are measured, each with a database of its own."""

import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import processes
from benchmarks.bench import Bench
from benchmarks.project import environment, migrate
from tests.server import App, GunicornServer

COLLECTOR: App = "telemetry_site.wsgi_collector"
SITE: App = "telemetry_site.wsgi"

_COUNT = "SELECT count(*) FROM records_record"
_SETTLING = 0.2


class Server(GunicornServer):
    """gunicorn with our configuration."""

    def __init__(self, app: App, url: str, folder: Path, workers: int) -> None:
        log = folder / f"gunicorn-{id(self)}.log"
        super().__init__(app, {}, log_file=log, workers=workers)
        self._environment = environment(url) | {"BIND": f"127.0.0.1:{self.port}"}

    @property
    def cpu_seconds(self) -> float:
        return processes.cpu_seconds(self.pid)

    @property
    def workers(self) -> list[int]:
        """Process ids."""
        return sorted(processes.children(self.pid))


class BareServer(Server):
    """gunicorn as it comes, with an application that only answers."""

    def __init__(self, options: tuple[str, ...], folder: Path) -> None:
        super().__init__(COLLECTOR, "sqlite://", folder, 1)
        bind = f"127.0.0.1:{self.port}"
        self._command = [
            *(sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind", bind),
            *(*options, "benchmarks.bare"),
        ]


@dataclass(frozen=True)
class Running:
    """A server that is up. ``workers``: processes of a collector, else 0."""

    name: str
    server: Server
    count: Callable[[], int] | None = None
    workers: int = 0

    def rows(self) -> int:
        """How many records it has stored, once nothing is under way any more."""
        if self.count is None:
            return 0
        before, now = -1, self.count()
        while before != now:
            time.sleep(_SETTLING)
            before, now = now, self.count()
        return now


@contextmanager
def bare(bench: Bench, name: str, options: tuple[str, ...]) -> Iterator[Running]:
    with BareServer(options, bench.folder) as server:
        yield Running(name, server)


@contextmanager
def on_postgres(bench: Bench, app: App, workers: int) -> Iterator[Running]:
    kind = "collector" if app == COLLECTOR else "collector mounted in the site"
    database = f"{app.rpartition('.')[2]}_{workers}"
    url = bench.postgres.copy(database)
    try:
        with Server(app, url, bench.folder, workers) as server:
            yield Running(
                name=f"{kind}, {workers} process{'es' * (workers > 1)}",
                server=server,
                count=lambda: int(bench.postgres.query(url, _COUNT)[0][0]),
                workers=workers if app == COLLECTOR else 0,
            )
    finally:
        bench.postgres.drop(database)


@contextmanager
def on_sqlite(bench: Bench) -> Iterator[Running]:
    file = bench.folder / "collector.sqlite3"
    url = f"sqlite:///{file}"
    migrate(url)

    def count() -> int:
        with closing(sqlite3.connect(file)) as connection:
            return int(connection.execute(_COUNT).fetchone()[0])

    with Server(COLLECTOR, url, bench.folder, 1) as server:
        yield Running("collector on SQLite, 1 process", server, count)

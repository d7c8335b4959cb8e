"""The PostgreSQL that is measured: durable, thrown away afterwards."""

from collections.abc import Sequence
from contextlib import closing, suppress
from types import TracebackType
from typing import Any, Self

import psycopg2
from psycopg2 import sql

from benchmarks import machine, processes
from benchmarks.project import migrate
from tests.postgres import Cluster

EMPTY = "empty"
_MEGABYTE = 1 << 20


def settings() -> dict[str, str]:
    """What differs from PostgreSQL's defaults, which suit the smallest machines."""
    memory = machine.memory_bytes() // _MEGABYTE
    return {
        "synchronous_commit": "on",
        "shared_buffers": f"{min(memory // 4, 2048)}MB",
        "effective_cache_size": f"{memory // 2}MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
    }


class Postgres:
    """A running server; its databases are copies of one that has all migrations."""

    def __init__(self) -> None:
        self._cluster = Cluster(durable=True)
        self._pid = 0

    def __enter__(self) -> Self:
        self._cluster.__enter__()
        try:
            self._prepare()
        except BaseException:
            self._cluster.remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cluster.remove()

    @property
    def version(self) -> str:
        return str(self.query(self._cluster.url(), "SHOW server_version")[0][0])

    def url(self, name: str) -> str:
        return self._cluster.url(name)

    def copy(self, name: str, of: str = EMPTY) -> str:
        """A database of this name with what another one holds; its address."""
        self.drop(name)
        self._named("CREATE DATABASE {} TEMPLATE {}", name, of)
        return self.url(name)

    def drop(self, name: str) -> None:
        self._named("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def query(self, url: str, statement: str) -> Sequence[tuple[Any, ...]]:
        """The rows of a statement, which runs outside of a transaction."""
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                with suppress(psycopg2.ProgrammingError):  # it has no rows
                    return list(cursor.fetchall())
        return []

    def cpu_seconds(self) -> float:
        """Of the server with all its processes."""
        return processes.cpu_seconds(self._pid)

    def _prepare(self) -> None:
        for name, value in settings().items():
            self._named("ALTER SYSTEM SET {} = %s", name, values=(value,))
        self._cluster.restart()
        with closing(psycopg2.connect(self._cluster.url())) as connection:
            self._pid = processes.parent(connection.get_backend_pid())
        migrate(self._cluster.create_database(EMPTY))

    def _named(self, statement: str, *names: str, values: Sequence[str] = ()) -> None:
        command = sql.SQL(statement).format(*map(sql.Identifier, names))
        with closing(psycopg2.connect(self._cluster.url())) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(command, values)

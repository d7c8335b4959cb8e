"""Databases of telemetrics-backend, as its own migrations made them."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql

_SCHEMA = """
CREATE TABLE guilty (
    id serial PRIMARY KEY, function text, module text, comment varchar(80),
    hide boolean, CONSTRAINT unique_guilty_constraint UNIQUE (function, module)
);
CREATE TABLE guilty_blacklisted (
    id serial PRIMARY KEY, function text, module text,
    CONSTRAINT unique_guilty_blacklisted_constraint UNIQUE (function, module)
);
CREATE TABLE records (
    id serial PRIMARY KEY, architecture text, bios_version text, board_name text,
    build text NOT NULL, classification text NOT NULL, cpu_model text, event_id text,
    external boolean, host_type text, kernel_version text, machine_id text,
    payload text NOT NULL, payload_version integer, record_version integer,
    severity integer, system_name text, timestamp_client numeric,
    timestamp_server numeric NOT NULL, processed boolean DEFAULT false,
    guilty_id integer REFERENCES guilty (id)
);
"""

RECORD = {
    "architecture": "x86_64",
    "bios_version": "BNKBL357.86A",
    "board_name": "NUC7i7BNB|Intel Corporation",
    "build": "32130",
    "classification": "org.clearlinux/hello/world",
    "cpu_model": "Intel(R) Core(TM) i7-7567U CPU @ 3.50GHz",
    "event_id": "04946838d58d2b4f0cd50e76065c5a6d",
    "external": False,
    "host_type": "Intel Corporation|NUC7i7BNH|J31153-309",
    "kernel_version": "5.4.8-888.native",
    "machine_id": "fa0ed320862fbeb654b075df03d2e806",
    "payload": "hello\n",
    "payload_version": 1,
    "record_version": 4,
    "severity": 1,
    "system_name": "clear-linux-os",
    "timestamp_client": 1_580_000_000,
    "timestamp_server": 1_580_000_060,
    "processed": True,
    "guilty_id": None,
}


class OldDatabase:
    """A database of the predecessor that a test fills."""

    def __init__(self, url: str) -> None:
        self.url = url

    def record(self, **changes: Any) -> int:
        """A record; its id there."""
        (pk,) = self.insert("records", [RECORD | changes])
        return pk

    def records(self, number: int, **changes: Any) -> list[int]:
        return self.insert("records", [RECORD | changes] * number)

    def guilty(
        self, function: str | None, module: str, comment: str | None, hide: bool | None
    ) -> int:
        values = {"function": function, "module": module}
        (pk,) = self.insert("guilty", [{**values, "comment": comment, "hide": hide}])
        return pk

    def never_guilty(self, function: str, module: str) -> None:
        self.insert("guilty_blacklisted", [{"function": function, "module": module}])

    def insert(self, table: str, rows: Sequence[dict[str, Any]]) -> list[int]:
        columns = list(rows[0])
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
        )
        with self._cursor() as cursor:
            return [self._one(cursor, statement, row) for row in rows]

    @staticmethod
    def _one(cursor: Any, statement: sql.Composed, row: dict[str, Any]) -> int:
        cursor.execute(statement, list(row.values()))
        return int(cursor.fetchone()[0])

    def execute(self, statement: str) -> None:
        with self._cursor() as cursor:
            cursor.execute(statement)

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        with (
            closing(psycopg2.connect(self.url)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            yield cursor


@contextmanager
def old_database(server: str) -> Iterator[OldDatabase]:
    """An empty one on the server with this address, for as long as it is used."""
    name = sql.Identifier(database := f"test_old_{secrets.token_hex(6)}")
    with closing(psycopg2.connect(_address(server, "postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(name))
            try:
                old = OldDatabase(_address(server, database))
                old.execute(_SCHEMA)
                yield old
            finally:
                drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name)
                cursor.execute(drop)


def _address(server: str, database: str) -> str:
    return urlsplit(server)._replace(path=f"/{database}").geturl()

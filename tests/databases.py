"""Databases with all migrations applied, copied from one that was migrated once."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql

from tests.server import migrate


class SqliteTemplate:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "template.sqlite3"
        migrate(f"sqlite:///{self._file}")

    @contextmanager
    def copy(self) -> Iterator[str]:
        """The address of a fresh copy, for as long as the context lasts."""
        folder = self._folder / secrets.token_hex(6)
        folder.mkdir()
        file = shutil.copy(self._file, folder / "telemetry.sqlite3")
        try:
            yield f"sqlite:///{file}"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def remove(self) -> None:
        self._file.unlink()


class PostgresTemplate:
    def __init__(self, url: str) -> None:
        self._url = url
        self._name = _new_name("template")
        self._execute("CREATE DATABASE {}", self._name)
        try:
            migrate(self._address(self._name))
        except BaseException:
            self.remove()
            raise

    @contextmanager
    def copy(self) -> Iterator[str]:
        """The address of a fresh copy, for as long as the context lasts."""
        name = _new_name("copy")
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, self._name)
        try:
            yield self._address(name)
        finally:
            self._drop(name)

    def remove(self) -> None:
        self._drop(self._name)

    def _drop(self, name: str) -> None:
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _address(self, name: str) -> str:
        return urlsplit(self._url)._replace(path=f"/{name}").geturl()

    def _execute(self, statement: str, *names: str) -> None:
        with closing(psycopg2.connect(self._address("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _new_name(kind: str) -> str:
    return f"test_{kind}_{secrets.token_hex(6)}"

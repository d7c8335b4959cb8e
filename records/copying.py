"""COPY: how PostgreSQL takes many rows at once. SQLite has nothing like it."""

import io
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import connection, models


def copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of plain values (see `line`) into the table."""
    lines = io.StringIO("".join(map(line, rows)))
    with connection.cursor() as cursor, connection.wrap_database_errors:
        # Every name here is one of our own.
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", lines)


def copy_objects(objects: Sequence[models.Model]) -> None:
    """Insert objects of one model, with the values of their columns as they are."""
    meta = objects[0]._meta
    fields = meta.concrete_fields
    values = attrgetter(*(field.attname for field in fields))
    columns = [str(field.column) for field in fields]
    copy(meta.db_table, columns, map(values, objects))


def line(values: Sequence[Any]) -> str:
    """A row in COPY's text format (pure)."""
    return "\t".join([_TEXT[type(value)](value) for value in values]) + "\n"


def array(values: Iterable[Any]) -> str:
    """The values as PostgreSQL writes an array (pure)."""
    return "{" + ",".join([_ELEMENT[type(value)](value) for value in values]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(text: str) -> str:
    return (
        text.replace("\\", "\\\\")
        .replace("\n", "\\n")
        .replace("\t", "\\t")
        .replace("\r", "\\r")
    )


def _null(_: None) -> str:
    return r"\N"


class _Texts(dict[type, Callable[[Any], str]]):
    """How a value is written, by its type."""

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        for base, text in self.items():
            if issubclass(kind, base):
                return text
        raise TypeError(f"COPY does not take a {kind.__name__}")


_TEXT = _Texts(
    {
        type(None): _null,
        str: _escaped,
        bool: str,
        int: str,
        float: repr,
        datetime: str,
        date: str,
        UUID: str,
    }
)
_ELEMENT = _Texts({**_TEXT, type(None): lambda _: "NULL", str: _quoted})

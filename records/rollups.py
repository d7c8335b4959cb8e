"""Additive counts per day: added by upsert, whatever order the records came in.

Only the worker writes them (and the collector those of refused requests). What is
counted of a record is in `records.tally`; adding and recomputing both go through it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, models
from django.db.backends.utils import CursorWrapper

from records import copying, database, spans
from records.models import (
    BuildPresence,
    HardwareDay,
    KindDay,
    MachineDay,
    ReceivedHour,
    RefusedDay,
    SystemPresence,
)

_ROWS_PER_STATEMENT = 500


@dataclass(frozen=True)
class Table:
    """A rollup: key columns, and for each other column how two values become one."""

    model: type[models.Model]
    keys: tuple[str, ...]
    merges: Mapping[str, str]

    def upsert(self, rows: int, returning: str = "") -> str:
        """SQL that inserts ``rows`` rows or merges them into the ones that exist.

        It returns the key of each, and the column ``returning`` as it is afterwards.
        """
        row = f"({', '.join(['%s'] * len(self.columns))})"
        return self._merge(f"VALUES {', '.join([row] * rows)}", returning)

    def upsert_arrays(self, returning: str = "") -> str:
        """The same for PostgreSQL, with a parameter for each column (`copying.array`).

        It reads one text as an array in a third of the time that as many values take.
        """
        fields = map(self.model._meta.get_field, self.columns)
        types = (str(field.db_type(connection)).partition("(")[0] for field in fields)
        arrays = ", ".join(f"%s::{each}[]" for each in types)
        source = f"SELECT * FROM unnest({arrays})"  # noqa: S608
        return self._merge(source, returning)

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.keys, *self.merges)

    def _merge(self, source: str, returning: str) -> str:
        table = self.model._meta.db_table
        merged = ", ".join(
            f"{column} = "
            + _MERGES[how].format(new=f"excluded.{column}", old=f"{table}.{column}")
            for column, how in self.merges.items()
        )
        keys = ", ".join(self.keys)
        returned = f" RETURNING {keys}, {returning}" if returning else ""
        return (  # every name here is one of our own columns
            f"INSERT INTO {table} ({', '.join(self.columns)}) {source} "
            f"ON CONFLICT ({keys}) DO UPDATE SET {merged}{returned}"
        )


_MERGES = {
    "sum": "{old} + {new}",
    "min": "CASE WHEN {new} < {old} THEN {new} ELSE {old} END",
    "max": "CASE WHEN {new} > {old} THEN {new} ELSE {old} END",
}

KIND_DAY = Table(KindDay, ("day", "kind_id", "build_id"), {"records": "sum"})
HARDWARE_DAY = Table(
    HardwareDay, ("day", "hardware_id", "system_name", "external"), {"records": "sum"}
)
MACHINE_DAY = Table(
    MachineDay,
    ("day", "machine_id", "build_id", "external"),
    {"records": "sum", "heartbeats": "sum"},
)
_PRESENCE = {"ids": "sum", "second": "sum"}
SYSTEM_PRESENCE = Table(
    SystemPresence, ("day", "previous", "system_name", "external"), _PRESENCE
)
BUILD_PRESENCE = Table(
    BuildPresence, ("day", "previous", "build_id", "external"), _PRESENCE
)
RECEIVED_HOUR = Table(
    ReceivedHour, ("hour",), {"first_id": "min", "last_id": "max", "records": "sum"}
)
REFUSED_DAY = Table(RefusedDay, ("day", "code"), {"refused": "sum"})

Key = tuple[Any, ...]


def add(table: Table, counts: Mapping[Key, int]) -> None:
    """Add counts to a rollup that has one count per key."""
    upsert(table, [(*key, n) for key, n in counts.items()])


def upsert(table: Table, rows: Sequence[Key], *, returning: str = "") -> dict[Key, int]:
    """Add rows to a rollup; the values of ``returning`` afterwards, by key."""
    ordered = sorted(rows)
    if not ordered:
        return {}
    if spans.has(table.model):
        spans.unfold({row[0] for row in ordered})
    with connection.cursor() as cursor:
        way = _upsert_arrays if database.is_postgres() else _upsert_values
        return way(cursor, table, ordered, returning)


def _upsert_arrays(
    cursor: CursorWrapper, table: Table, rows: Sequence[Key], returning: str
) -> dict[Key, int]:
    arrays = [copying.array(column) for column in zip(*rows, strict=True)]
    cursor.execute(table.upsert_arrays(returning), arrays)
    return {row[:-1]: row[-1] for row in cursor.fetchall()} if returning else {}


def _upsert_values(
    cursor: CursorWrapper, table: Table, rows: Sequence[Key], returning: str
) -> dict[Key, int]:
    after: dict[Key, int] = {}
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        some = rows[start : start + _ROWS_PER_STATEMENT]
        values = [_adapted(value) for row in some for value in row]
        cursor.execute(table.upsert(len(some), returning), values)
        if returning:
            keys = (row[: len(table.keys)] for row in some)
            known = {_plain(key): key for key in keys}
            returned = cursor.fetchall()
            after |= {known[_plain(row[:-1])]: row[-1] for row in returned}
    return after


def _plain(key: Key) -> Key:
    """SQLite may return days as text."""
    return tuple(str(each) if isinstance(each, date) else each for each in key)


def _adapted(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, date):
        return connection.ops.adapt_datefield_value(value)
    return value

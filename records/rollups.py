"""Additive counts per day: added by upsert, whatever order the records came in.

Only the worker writes them (and the collector those of refused requests). What is
counted of a record is in `records.tally`; adding and recomputing both go through it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, models

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
        table = self.model._meta.db_table
        columns = (*self.keys, *self.merges)
        values = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * rows)
        merged = ", ".join(
            f"{column} = "
            + _MERGES[how].format(new=f"excluded.{column}", old=f"{table}.{column}")
            for column, how in self.merges.items()
        )
        keys = ", ".join(self.keys)
        returned = f" RETURNING {keys}, {returning}" if returning else ""
        return (  # every name here is one of our own columns
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values} "  # noqa: S608
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
    after: dict[Key, int] = {}
    with connection.cursor() as cursor:
        for start in range(0, len(ordered), _ROWS_PER_STATEMENT):
            some = ordered[start : start + _ROWS_PER_STATEMENT]
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

"""Additive counts per day: tallied from records, added by upsert, recomputed at will.

Only the worker writes them (and the collector those of refused requests). `tally` is
the one definition of every count; adding and recomputing both go through it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection, models

from records.models import (
    HardwareDay,
    KindDay,
    MachineDay,
    ReceivedHour,
    RefusedDay,
)

_ROWS_PER_STATEMENT = 500


class Counted(NamedTuple):
    """What counting needs to know of a record."""

    id: int
    received_at: datetime
    kind_id: int
    build_id: int
    hardware_id: int
    machine_id: str
    external: bool
    heartbeat: bool
    system_name: str


@dataclass(frozen=True)
class Table:
    """A rollup: key columns, and for each other column how two values become one."""

    model: type[models.Model]
    keys: tuple[str, ...]
    merges: Mapping[str, str]

    def upsert(self, rows: int) -> str:
        """SQL that inserts ``rows`` rows or merges them into the ones that exist."""
        table = self.model._meta.db_table
        columns = (*self.keys, *self.merges)
        values = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * rows)
        merged = ", ".join(
            f"{column} = "
            + _MERGES[how].format(new=f"excluded.{column}", old=f"{table}.{column}")
            for column, how in self.merges.items()
        )
        return (  # every name here is one of our own columns
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values} "  # noqa: S608
            f"ON CONFLICT ({', '.join(self.keys)}) DO UPDATE SET {merged}"
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
RECEIVED_HOUR = Table(
    ReceivedHour, ("hour",), {"first_id": "min", "last_id": "max", "records": "sum"}
)
REFUSED_DAY = Table(RefusedDay, ("day", "code"), {"refused": "sum"})

Key = tuple[Any, ...]


@dataclass
class Tally:
    """Counts of some records, by the keys of the rollups."""

    kinds: Counter[Key] = field(default_factory=Counter)
    hardware: Counter[Key] = field(default_factory=Counter)
    machines: Counter[Key] = field(default_factory=Counter)
    heartbeats: Counter[Key] = field(default_factory=Counter)
    hours: dict[datetime, list[int]] = field(default_factory=dict)

    def count(self, records: Iterable[Counted]) -> "Tally":
        for record in records:
            day = record.received_at.date()
            self.kinds[day, record.kind_id, record.build_id] += 1
            self.hardware[
                day, record.hardware_id, record.system_name, record.external
            ] += 1
            machine = (day, record.machine_id, record.build_id, record.external)
            self.machines[machine] += 1
            self.heartbeats[machine] += record.heartbeat
            self._count_hour(record)
        return self

    def _count_hour(self, record: Counted) -> None:
        hour = record.received_at.replace(minute=0, second=0, microsecond=0)
        seen = self.hours.setdefault(hour, [record.id, record.id, 0])
        seen[0] = min(seen[0], record.id)
        seen[1] = max(seen[1], record.id)
        seen[2] += 1

    def save(self) -> None:
        """Add to the rollups, in one order, so that workers never deadlock."""
        add(HARDWARE_DAY, self.hardware)
        upsert(
            MACHINE_DAY,
            [(*key, n, self.heartbeats[key]) for key, n in self.machines.items()],
        )
        upsert(RECEIVED_HOUR, [(hour, *seen) for hour, seen in self.hours.items()])
        add(KIND_DAY, self.kinds)


def add(table: Table, counts: Mapping[Key, int]) -> None:
    """Add counts to a rollup that has one count per key."""
    upsert(table, [(*key, n) for key, n in counts.items()])


def upsert(table: Table, rows: Sequence[Key]) -> None:
    ordered = sorted(rows)
    with connection.cursor() as cursor:
        for start in range(0, len(ordered), _ROWS_PER_STATEMENT):
            some = ordered[start : start + _ROWS_PER_STATEMENT]
            values = [_adapted(value) for row in some for value in row]
            cursor.execute(table.upsert(len(some)), values)


def _adapted(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, date):
        return connection.ops.adapt_datefield_value(value)
    return value

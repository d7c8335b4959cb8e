"""The table of records in pieces by id, on PostgreSQL: made ahead, dropped as a whole.

There is no default partition: before each new one it would be searched for its ids,
while everybody waits. A record that finds no partition has it made, and is stored then
(`made_for`); the worker makes them ahead, so that this is seldom needed. On SQLite
there is one table, and nothing here does anything.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    IntegrityError,
    OperationalError,
    connection,
    connections,
    transaction,
)

from records import database

SMALLEST = 1_000_000
"""Ids of a partition of a small fleet."""
MOST = 16
"""About as many partitions are in use: queries without bounds look into all of them."""

_TABLE = "records_record"
_LOCK = 7_265_005
_LOOK_SECONDS = 60.0
_PATIENCE = "2s"  # PostgreSQL ends an autovacuum that is in the way after one
_DROP_PATIENCE = "200ms"
_LACKED = re.compile(r"\(id\) = \((\d+)\)")
_BOUNDS = re.compile(r"FROM \('?(\d+)'?\) TO \('?(\d+)'?\)")

T = TypeVar("T")


class InUse(Exception):
    """Others are using a partition that was to be dropped."""


# --- Which there should be ----------------------------------------------------------


def size(spans: Iterable[range]) -> int:
    """How many ids the next partition has, when there are or will be these."""
    starts, stops = zip(*((span.start, span.stop) for span in spans), strict=True)
    ids: int = max(stops) - min(starts)
    return SMALLEST * max(1, -(-ids // (SMALLEST * MOST)))


def missing(there: Sequence[range], wanted: range, ids: int) -> Iterator[range]:
    """What is to be made so that every wanted id has a partition.

    Each begins and ends at a multiple of ``ids``, or where another one is.
    """
    first = wanted.start
    while first < wanted.stop:
        found = next((span for span in there if first in span), None)
        if not found:
            grid = first - first % ids
            below = [span.stop for span in there if span.stop <= first]
            above = [span.start for span in there if span.start > first]
            found = range(max([grid, *below]), min([grid + ids, *above]))
            yield found
        first = found.stop


# --- Making them --------------------------------------------------------------------


def spans(using: str = DEFAULT_DB_ALIAS) -> list[range]:
    """The ids of each partition there is, in order."""
    if not database.is_postgres():
        return []
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i "
            "JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = %s::regclass AND NOT i.inhdetachpending",
            [_TABLE],
        )
        # One that is being dropped may have no bounds any more.
        found = [_BOUNDS.search(bounds or "") for (bounds,) in cursor.fetchall()]
    ids = [tuple(map(int, each.groups())) for each in found if each]
    return [range(*each) for each in sorted(ids)]


def cover(wanted: range) -> None:
    """Make the partitions that these ids lack, without holding anybody up."""
    if not database.is_postgres() or not _missing(wanted):
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SET LOCAL lock_timeout = '{_PATIENCE}';"
            f"SELECT pg_advisory_xact_lock({_LOCK})"
        )
        for span in _missing(wanted):  # what another process has not made meanwhile
            cursor.execute(_create(span))


def _missing(wanted: range) -> list[range]:
    there = spans()
    return list(missing(there, wanted, size([*there, wanted])))


def _name(span: range) -> str:
    return f"{_TABLE}_{span.start}"


def _create(span: range) -> str:
    """Beside the others, and attached: `PARTITION OF` would have all others wait."""
    return (
        f"CREATE TABLE {_name(span)} (LIKE {_TABLE} INCLUDING ALL EXCLUDING INDEXES);"
        f"ALTER TABLE {_TABLE} ATTACH PARTITION {_name(span)} "
        f"FOR VALUES FROM ({span.start}) TO ({span.stop})"
    )


def made_for(store: Callable[[], T]) -> T:
    """What ``store`` returns; it is run again once its records have partitions."""
    while True:
        try:
            return store()
        except IntegrityError as error:
            lacked = _lacked(error)
            if lacked is None:
                raise
        cover(range(lacked, lacked + 1))
        ahead()


def _lacked(error: IntegrityError) -> int | None:
    """The id that there was no partition for."""
    cause = error.__cause__
    if getattr(cause, "pgcode", None) != "23514":
        return None
    found = _LACKED.search(cause.diag.message_detail or "")  # type: ignore[union-attr]
    return int(found[1]) if found else None


def ahead() -> None:
    """See to it that half a partition's worth of ids can follow the last one.

    Not more: who looks for the newest records looks into empty partitions, too.
    """
    if database.is_postgres():
        following = _last_id() + 1
        ids = size([*spans(), range(following, following + 1)])
        cover(range(following, following + ids // 2))


def _last_id(using: str = DEFAULT_DB_ALIAS) -> int:
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT last_value FROM {_TABLE}_id_seq")  # noqa: S608
        return int(cursor.fetchone()[0])


class Ahead:
    """The worker's step: look every minute whether a partition is to be made."""

    def __init__(self) -> None:
        self.look_at = 0.0

    def __call__(self) -> int:
        if time.monotonic() >= self.look_at:
            self.look_at = time.monotonic() + _LOOK_SECONDS
            try:
                ahead()
            except OperationalError as error:
                if not database.waited_for_lock(error):
                    raise
        return 0


step = Ahead()


# --- Dropping them ------------------------------------------------------------------


def freeze(span: range) -> None:
    """Until commit, nothing is stored in this partition or deleted from it."""
    _locked(f"LOCK TABLE {_name(span)} IN SHARE MODE", _PATIENCE)


def drop(span: range) -> None:
    """Drop it, as the last thing before commit; raises InUse.

    Whoever asks for records waits for this, and this for those who asked before: so it
    waits for a moment only.
    """
    _locked(f"DROP TABLE {_name(span)}", _DROP_PATIENCE)


def _locked(statement: str, patience: str) -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{patience}'; {statement}")
    except OperationalError as error:
        if database.waited_for_lock(error):
            raise InUse from error
        raise

"""The seam between SQLite and PostgreSQL: everything only one of them can do."""

import fcntl
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import re2
from django.contrib.postgres.expressions import ArraySubquery
from django.db import DataError, OperationalError, connection, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models.expressions import RawSQL

from records import copying, standby

# Advisory locks of PostgreSQL are numbers that a project chooses for itself.
_DIGEST_LOCK = 7_265_001
_PRESENCE_LOCK = 7_265_002
_MIGRATION_LOCK = 7_265_003
_PURGE_LOCK = 7_265_004
_SQLITE_STEPS = 1000  # a few dozen rows: each may hold a long payload to search
_STORE_MILLISECONDS = 8000
_RECORD_IDS = "records_record_id_seq"
_LOCK_EVENTS = (
    "SET LOCAL statement_timeout = %s;"
    "SELECT pg_advisory_xact_lock(k) FROM unnest(%s::bigint[]) AS k;"
)
_NEAR = 8  # times as many ids as are asked for: a stretch is still read faster
# More than deadlock_timeout (1 s): by then PostgreSQL ends an autovacuum in the way.
_LOCK_LIMIT = "2s"


class QueryTimeout(Exception):
    """A query took longer than it may."""


def prepare(conn: BaseDatabaseWrapper) -> None:
    """Called for each new connection."""
    if conn.vendor == "sqlite":
        conn.connection.create_function("regexp", 2, _regexp, deterministic=True)


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True  # a dot matches a newline, as it does on PostgreSQL
    return re2.compile(pattern, options)


def _regexp(pattern: str, text: str | None) -> bool:
    return text is not None and bool(_pattern(pattern).search(text))


def regex_error(pattern: str) -> str | None:
    """Why ``pattern`` is refused, or None. Only linear-time ones are accepted."""
    try:
        _pattern(pattern)
    except re2.error as error:
        reason = error.args[0]
        return reason.decode() if isinstance(reason, bytes) else str(reason)
    return _postgres_regex_error(pattern) if is_postgres() else None


def _postgres_regex_error(pattern: str) -> str | None:
    """PostgreSQL's own dialect is a little smaller, and it is what will run."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT '' ~ %s", [pattern])
    except DataError as error:
        return str(error).strip()
    return None


def is_postgres() -> bool:
    return connection.vendor == "postgresql"


def is_distributed() -> bool:
    """Whether records are on the nodes of a Citus cluster."""
    if not is_postgres():
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pg_dist_partition') IS NOT NULL")
        (found,) = cursor.fetchone()
        return bool(found)


def draw_ids(
    cursor: CursorWrapper, count: int, event_ids: Sequence[str] = ()
) -> list[int]:
    """``count`` new ids of records, in order; call it inside the transaction.

    Until commit, no other writer can look for or insert these event ids, and no
    statement of the transaction can hang for longer than clients wait. All in one round
    trip, which takes as long as a statement does.
    """
    if is_postgres():
        draw = f"SELECT nextval('{_RECORD_IDS}') FROM generate_series(1, %s)"  # noqa: S608
        given: list[Any] = [count]
        if event_ids:
            keys = copying.array(map(_lock_key, sorted(event_ids)))
            draw, given = _LOCK_EVENTS + draw, [_STORE_MILLISECONDS, keys, count]
        cursor.execute(draw, given)
        return [row[0] for row in cursor.fetchall()]
    # An SQLite transaction of a writer is alone from its start.
    cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'records_record'")
    row = cursor.fetchone()
    last = row[0] if row else 0
    return list(range(last + 1, last + 1 + count))


def _lock_key(event_id: str) -> int:
    return int(event_id[:15], 16)


def claim(queue: type[models.Model], limit: int) -> list[int]:
    """Take the oldest free keys off a queue; others skip them until commit."""
    table, key = queue._meta.db_table, queue._meta.pk.column
    oldest = f"SELECT {key} FROM {table} ORDER BY {key} LIMIT %s"  # noqa: S608
    among = f"IN ({oldest})"
    if is_postgres():  # an array is made once, however the rows are found
        among = f"= ANY(ARRAY({oldest} FOR UPDATE SKIP LOCKED))"
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE {key} {among} RETURNING {key}",  # noqa: S608
            [limit],
        )
        return sorted(row[0] for row in cursor.fetchall())


def estimated_rows(tables: Sequence[str]) -> dict[str, int]:
    """About how many rows these tables have, without counting them."""
    with connection.cursor() as cursor:
        if is_postgres():
            cursor.execute(
                "SELECT COALESCE(whole.relname, c.relname) AS name, "
                "sum(GREATEST(c.reltuples, 0))::bigint FROM pg_class c "
                "LEFT JOIN pg_inherits i ON i.inhrelid = c.oid "
                "LEFT JOIN pg_class whole ON whole.oid = i.inhparent "
                "WHERE c.relkind = 'r' "
                "AND COALESCE(whole.relname, c.relname) = ANY(%s) GROUP BY name",
                [list(tables)],
            )
            return dict(cursor.fetchall())
        return {table: _rowid_span(cursor, table) for table in tables}


_FEW_ROWS = 1000


def bytes_per_row(table: str) -> float | None:
    """With indexes and long values; None: too few rows to tell, or nobody counts."""
    rows = estimated_rows([table]).get(table, 0) if is_postgres() else 0
    if rows < _FEW_ROWS:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(%s)",
            [table],
        )
        return float(cursor.fetchone()[0]) / rows


def _rowid_span(cursor: CursorWrapper, table: str) -> int:
    name = connection.ops.quote_name(table)
    cursor.execute(f"SELECT max(rowid) - min(rowid) + 1 FROM {name}")  # noqa: S608
    return cursor.fetchone()[0] or 0


def delete_ids(model: type[models.Model], column: str, ids: Sequence[int]) -> int:
    """Delete rows by a long list, which the ORM takes its time to write; how many."""
    condition = among(column, ids)
    with connection.cursor() as cursor:
        cursor.execute(  # every name here is one of our own
            f"DELETE FROM {model._meta.db_table} WHERE {condition.sql}",  # noqa: S608
            condition.params,
        )
        return int(cursor.rowcount)


def among(column: str, ids: Sequence[int]) -> RawSQL:
    """The condition, for `filter` too, that a column is one of many ids.

    Ids that follow each other, or nearly, are read as a stretch: PostgreSQL looks up
    each one of a list, in the partition it finds for each, which takes several times
    as long.
    """
    sql, params = _among(column, ids) if ids else ("1 = 0", [])
    return RawSQL(sql, params, models.BooleanField())  # noqa: S611


def _among(column: str, ids: Sequence[int]) -> tuple[str, list[Any]]:
    between = f"{column} BETWEEN %s AND %s"
    if isinstance(ids, range):
        return between, [ids[0], ids[-1]]
    first, last = min(ids), max(ids)
    span = last - first + 1
    if span == len(set(ids)):
        return between, [first, last]
    listed = json.dumps(list(ids))
    if not is_postgres():
        return f"{column} IN (SELECT value FROM json_each(%s))", [listed]  # noqa: S608
    array = f"{{{listed[1:-1]}}}"
    if span > _NEAR * len(ids):
        return f"{column} = ANY(%s::bigint[])", [array]
    # The sum is in no index: PostgreSQL has to read the stretch, and look into a hash.
    near = f"{between} AND {column} + 0 = ANY(%s::bigint[])"
    return near, [first, last, array]


class _Unnested(models.Func):
    function = "unnest"
    output_field = models.BigIntegerField()
    set_returning = True


def of_each(
    rows: "models.QuerySet[Any, Any]", ids: "models.QuerySet[Any, Any]", order: str
) -> "models.QuerySet[Any, int]":
    """The ids that a query with an `OuterRef` finds for each row (PostgreSQL).

    A union of one query per row would be planned row by row, for each partition.
    """
    found: models.QuerySet[Any, Any] = rows.annotate(
        found=_Unnested(ArraySubquery(ids))
    )
    return found.order_by(order.replace("id", "found")).values_list("found", flat=True)


def share_digest() -> None:
    """Digest batches run beside each other, but never beside `own_digest`."""
    _advisory("pg_advisory_xact_lock_shared", _DIGEST_LOCK)


def own_digest() -> None:
    """Until commit, no digest batch runs."""
    _advisory("pg_advisory_xact_lock", _DIGEST_LOCK)


def own_presence() -> None:
    """Until commit, nobody else changes what is counted of chains of days."""
    _advisory("pg_advisory_xact_lock", _PRESENCE_LOCK)


def try_purge() -> bool:
    """Until commit, no other purge deletes anything; False: another one is at it."""
    if not is_postgres():
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_PURGE_LOCK])
        (mine,) = cursor.fetchone()
        return bool(mine)


def _advisory(function: str, key: int) -> None:
    if is_postgres():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [key])


@contextmanager
def migrating() -> Iterator[None]:
    """Migrations run in one process at a time; others wait for it, then find them done.

    The lock belongs to the connection (or to a file), so it ends with its process.
    """
    with _postgres_alone() if is_postgres() else _sqlite_alone():
        yield


@contextmanager
def _postgres_alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATION_LOCK])


@contextmanager
def _sqlite_alone() -> Iterator[None]:
    name = str(connection.settings_dict["NAME"])
    if ":memory:" in name or "mode=memory" in name:  # nobody else can see it
        yield
        return
    with Path(f"{name}.migrating").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def brief_locks() -> Iterator[None]:
    """Statements inside give up waiting for a lock soon (`waited_for_lock`).

    One that waits for a long reader has everybody who comes later wait behind it.
    """
    with _lock_timeout(_LOCK_LIMIT):
        yield


@contextmanager
def patient_locks() -> Iterator[None]:
    """Inside `brief_locks`, for what waits without having others wait."""
    with _lock_timeout("0"):
        yield


@contextmanager
def _lock_timeout(limit: str) -> Iterator[None]:
    if not is_postgres():
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        (before,) = cursor.fetchone()
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [limit])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [before])


def waited_for_lock(error: BaseException) -> bool:
    """Whether this is a statement that gave up."""
    return getattr(error.__cause__, "pgcode", None) == "55P03"


def longest_transactions() -> list[str]:
    """Who may be in the way of a lock, as a person reads it; the longest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('process %s (%s), in a transaction for %s s', pid, "
            "COALESCE(NULLIF(application_name, ''), usename), "
            "extract(epoch FROM now() - xact_start)::int) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND xact_start < now() - interval '1 second' ORDER BY xact_start LIMIT 3"
        )
        return [line for (line,) in cursor.fetchall()]


@contextmanager
def bounded_in_time(limit: timedelta) -> Iterator[None]:
    """Queries inside raise QueryTimeout once ``limit`` has passed."""
    bound = _postgres_bound if is_postgres() else _sqlite_bound
    with bound(limit):
        yield


@contextmanager
def _postgres_bound(limit: timedelta) -> Iterator[None]:
    milliseconds = int(limit.total_seconds() * 1000)
    asked = standby.connection()
    try:
        with transaction.atomic(using=asked.alias), asked.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {milliseconds}")
            yield
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", None) == "57014":
            raise QueryTimeout from error
        raise


@contextmanager
def _sqlite_bound(limit: timedelta) -> Iterator[None]:
    connection.ensure_connection()
    raw: sqlite3.Connection = connection.connection
    end = time.monotonic() + limit.total_seconds()
    raw.set_progress_handler(lambda: time.monotonic() > end, _SQLITE_STEPS)
    try:
        yield
    except OperationalError as error:
        if "interrupted" in str(error):
            raise QueryTimeout from error
        raise
    finally:
        raw.set_progress_handler(None, 0)

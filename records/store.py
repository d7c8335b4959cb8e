"""Records into the database: names once, retransmissions once, one commit a batch."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from django.conf import settings
from django.db import (
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db.backends.utils import CursorWrapper

from records import copying, database, metrics, names, partitions
from records.models import Record
from records.names import NameIds
from records.submission import Submission
from records.windows import id_bounds

RETRANSMISSION_WINDOW = timedelta(hours=24)
LOST = (OperationalError, InterfaceError)
"""What the database raises when it is away, refuses, or takes too long."""
DOWN = (*LOST, InternalError, ProgrammingError)
"""These, and what it raises when it only takes reads, or when its tables are not there:
whatever is wrong, it is not the record."""

_COLUMNS = (
    "id, received_at, captured_at, event_id, kind_id, build_id, hardware_id, "
    "kernel_id, machine_id, payload"
)
_ROW = f"({', '.join(['%s'] * 10)})"
_ARRAYS = (
    "%s::bigint[], %s::timestamptz[], %s::bigint[], %s::uuid[], %s::integer[], "
    "%s::integer[], %s::integer[], %s::integer[], %s::varchar[], %s::text[]"
)
_ROWS_PER_STATEMENT = 500
_SETTLE_SECONDS = 5.0
_LOOK_SECONDS = 600.0
_IN_FLIGHT = 100_000  # ids drawn by transactions that have not ended: ample


class Stored(NamedTuple):
    """A submission with the place it was given; ``duplicate``: it was there before."""

    id: int
    received_at: datetime
    submission: Submission
    duplicate: bool = False


def store(submissions: Sequence[Submission]) -> list[Stored]:
    """Store the submissions in one durable transaction; the answers, in order.

    Raises one of LOST when nothing was stored.
    """
    started = time.perf_counter()
    stored = _store_for_certain(submissions)
    metrics.COMMIT.observe(time.perf_counter() - started)
    metrics.BATCH.observe(len(stored))
    duplicates = sum(each.duplicate for each in stored)
    metrics.ACCEPTED.inc(len(stored) - duplicates)
    if duplicates:
        metrics.DUPLICATE.inc(duplicates)
    return stored


def _store_for_certain(submissions: Sequence[Submission]) -> list[Stored]:
    """Store them, also when the connection is lost meanwhile.

    A connection that is lost while committing leaves the outcome open: it is settled by
    looking, and by inserting under the same ids. Raises one of LOST when nothing was
    stored, or when the database stays away for longer than clients wait.
    """
    plan: list[Stored] = []
    stored = partial(partitions.made_for, partial(_store, submissions, plan))
    try:
        return stored()
    except LOST:
        connection.close()
        if not database.is_postgres():
            raise
    if plan:
        return _settle(plan)
    return stored()  # perhaps only an idle connection had died


def _store(submissions: Sequence[Submission], plan: list[Stored]) -> list[Stored]:
    """Fills ``plan`` before anything is inserted."""
    plan.clear()
    name_ids = names.resolve(submissions)
    with transaction.atomic(), connection.cursor() as cursor:
        plan.extend(_plan(cursor, submissions))
        _insert(cursor, _fresh(plan, name_ids))
    return plan


def insert_records(rows: Sequence[tuple[datetime, Submission]]) -> list[int]:
    """Insert records with given reception times, and queue them; their ids.

    For imports and demonstrations: nothing is looked up, nothing is left out.
    """
    return partitions.made_for(partial(_insert_records, rows))


def _insert_records(rows: Sequence[tuple[datetime, Submission]]) -> list[int]:
    name_ids = names.resolve([submission for _, submission in rows])
    with transaction.atomic(), connection.cursor() as cursor:
        ids = database.draw_ids(cursor, len(rows))
        placed = [Stored(i, at, s) for i, (at, s) in zip(ids, rows, strict=True)]
        _insert(cursor, _fresh(placed, name_ids))
    return ids


def _plan(cursor: CursorWrapper, submissions: Sequence[Submission]) -> list[Stored]:
    """Where each submission goes: a new id, or the record that it repeats."""
    now = datetime.now(UTC)
    event_ids = _event_ids(submissions) if settings.TELEMETRY_DEDUPLICATE else []
    ids = database.draw_ids(cursor, len(submissions), event_ids)
    known = _known(cursor, event_ids, now) if event_ids else {}
    plan: list[Stored | None] = []
    for submission in submissions:
        identity = _identity(submission)
        first = known.get(identity)
        plan.append(first and first._replace(duplicate=True))
        if first is None and event_ids and submission.event_id:
            known[identity] = Stored(-len(plan), now, submission)
    return _numbered(plan, submissions, ids, now)


def _event_ids(submissions: Sequence[Submission]) -> list[str]:
    return sorted({s.event_id for s in submissions if s.event_id})


def _numbered(
    plan: Sequence[Stored | None],
    submissions: Sequence[Submission],
    ids: Iterable[int],
    now: datetime,
) -> list[Stored]:
    """The plan with new ids; a repetition inside the batch gets its first one's id."""
    ids = iter(ids)
    numbered: list[Stored] = []
    for planned, submission in zip(plan, submissions, strict=True):
        if planned is None:
            numbered.append(Stored(next(ids), now, submission))
        elif planned.id < 0:
            first = numbered[-planned.id - 1]
            numbered.append(first._replace(duplicate=True))
        else:
            numbered.append(planned)
    return numbered


class Recent:
    """From which id on records of the window are: older partitions are not looked into.

    An answer stays right, as ids grow; it is looked up anew for being a better one.
    """

    def __init__(self) -> None:
        self._first = 0
        self._look_at = 0.0

    def first_id(self, now: datetime) -> int:
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK_SECONDS
            first, _ = id_bounds(now - RETRANSMISSION_WINDOW, None)
            self._first = max(0, (first or 0) - _IN_FLIGHT)
        return self._first


recent = Recent()


def _identity(s: Submission) -> tuple[object, ...]:
    return (s.event_id, s.machine_id, s.classification, s.captured_at, s.payload)


def _known(
    cursor: CursorWrapper, event_ids: Sequence[str], now: datetime
) -> dict[tuple[object, ...], Stored]:
    """Recent records with these event ids, by identity."""
    cursor.execute(
        "SELECT id FROM records_record WHERE event_id IN "  # noqa: S608
        f"({', '.join(['%s'] * len(event_ids))}) AND id >= %s",
        [*event_ids, recent.first_id(now)],
    )
    found = [row[0] for row in cursor.fetchall()]
    if not found:
        return {}
    records = Record.objects.filter(id__in=found).named().order_by("-id")
    recently = records.received_between(now - RETRANSMISSION_WINDOW, None)
    return {_identity(each.submission): each for each in map(_read_back, recently)}


def _read_back(record: Record) -> Stored:
    kind, build, machine = record.kind, record.build, record.hardware
    submission = Submission(
        record_format_version=kind.record_format_version,
        severity=kind.severity,
        classification=kind.classification.name,
        machine_id=record.machine_id,
        captured_at=record.captured_at,
        arch=machine.arch,
        host_type=machine.host_type,
        kernel_version=record.kernel.version,
        build=build.version,
        system_name=build.system_name,
        board_name=machine.board_name,
        cpu_model=machine.cpu_model,
        bios_version=machine.bios_version,
        payload_format_version=kind.payload_format_version,
        event_id=record.event_hex,
        external=kind.external,
        payload=record.payload,
        telemetry_id=kind.telemetry_id_id,
    )
    return Stored(record.pk, record.received_at, submission)


def _fresh(
    plan: Sequence[Stored], name_ids: Sequence[NameIds]
) -> list[tuple[Stored, NameIds]]:
    """What is to be inserted: everything but duplicates."""
    both = zip(plan, name_ids, strict=True)
    return [(stored, ids) for stored, ids in both if not stored.duplicate]


def _insert(cursor: CursorWrapper, rows: Sequence[tuple[Stored, NameIds]]) -> None:
    way = _insert_arrays if database.is_postgres() else _insert_values
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        values = [_values(*row) for row in rows[start : start + _ROWS_PER_STATEMENT]]
        way(cursor, values)


def _insert_arrays(cursor: CursorWrapper, rows: Sequence[tuple[Any, ...]]) -> None:
    """On PostgreSQL, which is asked once, and has ten texts to read."""
    arrays = [copying.array(column) for column in zip(*rows, strict=True)]
    cursor.execute(
        f"INSERT INTO records_record ({_COLUMNS}) SELECT * FROM unnest({_ARRAYS});"  # noqa: S608
        "INSERT INTO records_pending (record_id) SELECT unnest(%s::bigint[])",
        [*arrays, arrays[0]],
    )


def _insert_values(cursor: CursorWrapper, rows: Sequence[tuple[Any, ...]]) -> None:
    values = ", ".join([_ROW] * len(rows))
    cursor.execute(
        f"INSERT INTO records_record ({_COLUMNS}) VALUES {values}",  # noqa: S608
        [value for row in rows for value in row],
    )
    queued = ", ".join(["(%s)"] * len(rows))
    cursor.execute(
        f"INSERT INTO records_pending (record_id) VALUES {queued}",  # noqa: S608
        [row[0] for row in rows],
    )


def _values(stored: Stored, ids: NameIds) -> tuple[Any, ...]:
    submission = stored.submission
    return (
        stored.id,
        connection.ops.adapt_datetimefield_value(stored.received_at),
        submission.captured_at,
        submission.event_id,
        *ids,
        submission.machine_id,
        submission.payload,
    )


def _settle(plan: list[Stored]) -> list[Stored]:
    """Make what ``plan`` says true, whether the lost transaction committed or not."""
    end = time.monotonic() + _SETTLE_SECONDS
    ids = [stored.id for stored in plan if not stored.duplicate]
    while True:
        try:
            if not Record.objects.filter(id__in=ids).exists():
                partitions.made_for(partial(_insert_plan, plan))
        except IntegrityError:
            return plan  # the lost transaction committed meanwhile, under the same ids
        except LOST:
            connection.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return plan


def _insert_plan(plan: Sequence[Stored]) -> None:
    name_ids = names.resolve([stored.submission for stored in plan])
    with transaction.atomic(), connection.cursor() as cursor:
        _insert(cursor, _fresh(plan, name_ids))

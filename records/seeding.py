"""A demo fleet into an empty PostgreSQL database, as fast as it takes it.

Records come by COPY. They are digested by the worker's code, but from memory and
without the queue: nobody has to read them back. Processes share the days.
"""

import multiprocessing
import signal
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Any, NamedTuple, Self

from django.db import connection, connections, models, transaction

from records import copying, database, digest, names, partitions, presence, spans
from records.demo import Day, Placed, Size, fleet_days, midnights
from records.models import Pending, ReceivedHour, Record
from records.names import NameIds
from records.parsers import StoredRecord, registered
from records.submission import Submission
from records.tally import Tally

CHUNK = 10_000
LARGE = 100_000
"""Records; from here on processes share them, and indexes are made at the end."""

_COLUMNS = (
    "id",
    "received_at",
    "captured_at",
    "event_id",
    "kind_id",
    "build_id",
    "hardware_id",
    "kernel_id",
    "machine_id",
    "payload",
)
_SEQUENCE = "records_record_id_seq"
_INDEX_MEMORY = "512MB"
_MOST_NAMES = 200_000


def is_possible() -> bool:
    """Whether the database takes a fleet this way: PostgreSQL, and nothing in it."""
    counted = ReceivedHour.objects.exists()
    return database.is_postgres() and not counted and not Record.objects.exists()


@dataclass(frozen=True)
class Plan:
    """Which records; ``digest``: they are counted at once, instead of queued.

    ``made`` makes the records of a day, as many as it has.
    """

    size: Size
    until: datetime
    seed: int = 1
    digest: bool = True
    made: Callable[[Day], Iterable[Placed]] = Day.records

    def days(self) -> Iterator[Day]:
        return fleet_days(self.size, self.until, self.seed)

    @property
    def numbers(self) -> range:
        """Of the days, from the first one on."""
        return range(len(midnights(self.size.days, self.until.timestamp())))

    @property
    def is_large(self) -> bool:
        return self.size.records >= LARGE

    @property
    def most_records(self) -> int:
        return self.size.records * 21 // 20 + 10_000


class Filling:
    """Processes that store days of a plan; in the end ids and indexes are in order."""

    def __init__(self, plan: Plan, processes: int = 1) -> None:
        self._plan = plan
        self._processes = processes
        self._bare = False
        self._first_id = 0
        self._each: Callable[..., Iterator[int]] = map
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        most = self._plan.most_records
        self._first_id = _reserve(most)
        partitions.cover(range(self._first_id, self._first_id + most))
        try:
            self._begin()
        except BaseException:
            self._finish()
            raise
        return self

    def _begin(self) -> None:
        if self._processes > 1:
            self._each = self._stack.enter_context(self._pool()).imap_unordered
        else:
            _begin(self._plan, self._first_id)
        if self._plan.is_large:
            self._bare = True
            _remove_indexes()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._finish()

    def _finish(self) -> None:
        self._stack.close()
        self.index()
        if self._plan.digest:
            presence.recount()
            spans.fold(self._plan.until)
        _give_back(self._first_id + self._plan.most_records)

    def store(self, numbers: Sequence[int]) -> Iterator[int]:
        """Store these days, which follow those before; yields records as they come."""
        yield from self._each(_store, numbers)

    def index(self) -> None:
        """Have the indexes now; what is stored later is added to them."""
        if self._bare:
            _add_indexes()
            self._bare = False

    def _pool(self) -> Any:
        connections.close_all()  # a connection belongs to one process
        context = multiprocessing.get_context("fork")
        given = (self._plan, self._first_id)
        return context.Pool(self._processes, _begin_in_pool, given)


# --- The whole table ----------------------------------------------------------------


def _reserve(most: int) -> int:
    """The first of so many ids; what arrives meanwhile comes after them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s)", [_SEQUENCE])
        first = int(cursor.fetchone()[0])
        cursor.execute("SELECT setval(%s, %s)", [_SEQUENCE, first + most])
    return first


def _give_back(reserved: int) -> None:
    """Go on behind the last record, unless others came behind what was reserved."""
    last = Record.objects.order_by("-id").values_list("id", flat=True).first()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT setval(%s, %s) FROM {_SEQUENCE} WHERE last_value = %s",  # noqa: S608
            [_SEQUENCE, last or 1, reserved],
        )


def _remove_indexes() -> None:
    """Every one but the primary key."""
    with connection.schema_editor() as editor:
        for index in Record._meta.indexes:
            editor.remove_index(Record, index)


def _add_indexes() -> None:
    """Those that are not there."""
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = %s", [_INDEX_MEMORY])
        table = Record._meta.db_table
        there = connection.introspection.get_constraints(cursor, table)
    with connection.schema_editor() as editor:
        for index in Record._meta.indexes:
            if index.name not in there:
                editor.add_index(Record, index)


# --- A process ----------------------------------------------------------------------


class Row(NamedTuple):
    """A record to be stored, with the ids of its names."""

    id: int
    received_at: datetime
    submission: Submission
    names: NameIds

    def columns(self) -> tuple[Any, ...]:
        s = self.submission
        return (
            self.id,
            self.received_at,
            s.captured_at,
            s.event_id,
            *self.names,
            s.machine_id,
            s.payload,
        )

    def stored(self) -> StoredRecord:
        s = self.submission
        return StoredRecord(
            id=self.id,
            received_at=self.received_at,
            captured_at=s.captured_at,
            machine_id=s.machine_id,
            classification=s.classification,
            severity=s.severity,
            external=s.external,
            build_id=self.names.build,
            system_name=s.system_name,
            build=s.build,
            payload=s.payload,
        )


class Names:
    """The ids of names, asked for once per combination."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], NameIds] = {}

    def rows(self, first_id: int, placed: Sequence[Placed]) -> list[Row]:
        """These records under the ids from ``first_id``."""
        keys = [_named(submission) for _, submission in placed]
        if len(self._known) > _MOST_NAMES:
            self._known = {}
        new = {
            key: submission
            for key, (_, submission) in zip(keys, placed, strict=True)
            if key not in self._known
        }
        resolved = names.resolve(list(new.values()))
        self._known.update(zip(new, resolved, strict=True))
        return [
            Row(record_id, *each, self._known[key])
            for record_id, (key, each) in enumerate(
                zip(keys, placed, strict=True), first_id
            )
        ]


def _named(s: Submission) -> tuple[Any, ...]:
    """Everything of a record that is a name, or part of its kind."""
    return (*s[:3], *s[5:14], s.external, s.telemetry_id)


class Filler:
    """What a process does: one day after another, each in turn with its counts."""

    def __init__(self, plan: Plan, first_id: int) -> None:
        self._plan = plan
        self._first_id = first_id
        self._days = enumerate(plan.days())
        self._names = Names()

    def store(self, number: int) -> int:
        """Store a day that is later than those before; how many records it has."""
        day = next(day for n, day in self._days if n == number)
        next_id = self._first_id + day.first
        tally = Tally()
        for chunk in chunks(self._plan.made(day), CHUNK):
            rows = self._names.rows(next_id, chunk)
            next_id += len(rows)
            with transaction.atomic():
                copy_records(rows, queue=not self._plan.digest)
                if self._plan.digest:
                    digest_rows(rows, tally)
        with transaction.atomic():
            database.share_digest()
            tally.save_counts()
        return next_id - self._first_id - day.first


def chunks(placed: Iterable[Placed], size: int) -> Iterator[list[Placed]]:
    rest = iter(placed)
    while chunk := list(islice(rest, size)):
        yield chunk


def copy_records(rows: Sequence[Row], *, queue: bool) -> None:
    """Store the records; ``queue``: the worker is to digest them."""
    copying.copy(_table(Record), _COLUMNS, map(Row.columns, rows))
    if queue:
        copying.copy(_table(Pending), ("record_id",), ((row.id,) for row in rows))


def digest_rows(rows: Sequence[Row], tally: Tally) -> None:
    """Make facts of records that were just stored, and count them in ``tally``."""
    database.share_digest()
    by_class: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_class[row.submission.classification].append(row)
    for parser in registered():
        read = [some for name, some in by_class.items() if parser.reads(name)]
        if read:
            digest.run_parser(parser, [row.stored() for some in read for row in some])
    tally.count(
        digest.labelled(
            row.id,
            row.received_at,
            row.names.kind,
            row.names.build,
            row.names.hardware,
            row.submission.machine_id,
        )
        for row in rows
    )


def _table(model: type[models.Model]) -> str:
    return model._meta.db_table


_filler: Filler


def _begin(plan: Plan, first_id: int) -> None:
    global _filler  # noqa: PLW0603 - one per process of a pool
    _filler = Filler(plan, first_id)


def _begin_in_pool(plan: Plan, first_id: int) -> None:
    """Who stops the command stops its first process, which ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _begin(plan, first_id)


def _store(number: int) -> int:
    return _filler.store(number)

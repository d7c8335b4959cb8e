"""The database of telemetrics-backend: what its rows mean here, and reading them.

Values that are missing or that no column here can hold become the nearest that can be
stored, never a reason to leave a record out.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg2

from crashes.backtrace import LONGEST_NAME, NO_SYMBOLS, clean, normalise
from records.models import NAME_LENGTH
from records.submission import NOT_CARRIED, Submission

_COLUMNS = (
    "id, architecture, bios_version, board_name, build, classification, cpu_model, "
    "event_id, external, host_type, kernel_version, machine_id, payload, "
    "payload_version, record_version, severity, system_name, timestamp_client, "
    "timestamp_server"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = range(2**32)
_INT64 = 2**63 - 1
_SMALL = 2**15 - 1
_HEX = frozenset("0123456789abcdef")


class OldRecord(NamedTuple):
    """A row of `records` there."""

    id: int
    architecture: str | None
    bios_version: str | None
    board_name: str | None
    build: str | None
    classification: str
    cpu_model: str | None
    event_id: str | None
    external: bool | None
    host_type: str | None
    kernel_version: str | None
    machine_id: str | None
    payload: str
    payload_version: int | None
    record_version: int | None
    severity: int | None
    system_name: str | None
    timestamp_client: Decimal | None
    timestamp_server: Decimal


class OldGuilty(NamedTuple):
    id: int
    function: str
    module: str
    comment: str
    hide: bool


class OldRule(NamedTuple):
    """A frame that is never guilty there."""

    id: int
    function: str
    module: str


class OldCount(NamedTuple):
    """How many records there have these values and were received on this day."""

    classification: str
    severity: int | None
    external: bool | None
    system_name: str | None
    build: str | None
    machine_id: str | None
    day: Decimal
    records: int


# --- What rows mean here (pure) -----------------------------------------------------


def submission(old: OldRecord) -> tuple[datetime, Submission]:
    """When a record was received, and the record as it is stored here."""
    received = received_at(old.timestamp_server, old.timestamp_client)
    return received, Submission(
        record_format_version=_small(old.record_version, 1),
        severity=severity(old.severity),
        classification=classification(old.classification),
        machine_id=text(old.machine_id, 32),
        captured_at=_captured_at(old.timestamp_client, received),
        arch=text(old.architecture, 32),
        host_type=text(old.host_type),
        kernel_version=text(old.kernel_version),
        build=unquoted(old.build),
        system_name=unquoted(old.system_name),
        board_name=text(old.board_name),
        cpu_model=text(old.cpu_model),
        bios_version=text(old.bios_version),
        payload_format_version=old.payload_version,
        event_id=_event_id(old.event_id),
        external=bool(old.external),
        payload=old.payload,
        telemetry_id=None,
    )


def text(value: str | None, longest: int = NAME_LENGTH) -> str:
    """A name; what stands for none there is `N/A` here."""
    return (value or "").strip()[:longest] or NOT_CARRIED


def unquoted(value: str | None) -> str:
    return text((value or "").replace('"', "").replace("'", ""))


def classification(value: str) -> str:
    return text(value, 140)


def severity(value: int | None) -> int:
    """The lowest where none was kept."""
    return _small(value, 1)


def _small(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else max(-_SMALL, min(_SMALL, value))


def received_at(server: Decimal, client: Decimal | None = None) -> datetime:
    """The moment of Unix seconds; of the client's when the server's make no sense."""
    for seconds in (server, client):
        if seconds is not None and seconds.is_finite() and int(seconds) in _SECONDS:
            return _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
    return _EPOCH


def _captured_at(client: Decimal | None, received: datetime) -> int:
    if client is None or not client.is_finite() or abs(client) > _INT64:
        return int(received.timestamp())
    return int(client)


def _event_id(value: str | None) -> str | None:
    found = (value or "").strip().lower()
    return found if len(found) == 32 and _HEX.issuperset(found) else None


def frame(function: str, module: str) -> tuple[str, str]:
    """A frame as traces here name it."""
    name = NO_SYMBOLS if function == NO_SYMBOLS else normalise(function)
    return name, clean(module)[:LONGEST_NAME]


# --- Reading ------------------------------------------------------------------------


class NoPredecessor(Exception):
    """What is wrong with the address, or with what is there."""


class Predecessor:
    """One view of the database, unchanged however long it is read."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @property
    def identity(self) -> str:
        """Which database it is, whatever its address: server and name."""
        (row,) = self._all(
            "SELECT system_identifier, current_database() FROM pg_control_system()"
        )
        return f"{row[0]}/{row[1]}"

    def count(self, *, after: int = 0, until: int | None = None) -> int:
        """How many records have an id after the one and until the other."""
        statement = "SELECT count(*) FROM records WHERE id > %s AND id <= %s"
        last = self._last_id() if until is None else until
        return int(self._all(statement, after, last)[0][0])

    def _last_id(self) -> int:
        return int(self._all("SELECT coalesce(max(id), 0) FROM records")[0][0])

    def records(self, after: int, size: int) -> Iterator[list[OldRecord]]:
        """Records with a greater id, by id, in lists of ``size``."""
        with self._connection.cursor("records") as cursor:
            cursor.execute(
                f"SELECT {_COLUMNS} FROM records "  # noqa: S608 - our own names
                "WHERE id > %s ORDER BY id",
                [after],
            )
            while rows := cursor.fetchmany(size):
                yield list(map(OldRecord._make, rows))

    def guilties(self, after: int) -> list[OldGuilty]:
        """With what people said of them."""
        rows = self._all(
            "SELECT id, coalesce(function, ''), coalesce(module, ''), "
            "coalesce(comment, ''), coalesce(hide, false) "
            "FROM guilty WHERE id > %s ORDER BY id",
            after,
        )
        return list(map(OldGuilty._make, rows))

    def rules(self, after: int) -> list[OldRule]:
        rows = self._all(
            "SELECT id, coalesce(function, ''), coalesce(module, '') "
            "FROM guilty_blacklisted WHERE id > %s ORDER BY id",
            after,
        )
        return list(map(OldRule._make, rows))

    def counts(self, until: int, machines: Collection[str]) -> Iterator[OldCount]:
        """Records with an id up to ``until``; of ``machines``, each by itself."""
        with self._connection.cursor("counts") as cursor:
            cursor.itersize = 5000
            cursor.execute(
                "SELECT classification, severity, external, system_name, build, "
                "CASE WHEN machine_id = ANY(%s) THEN machine_id END, "
                "floor(timestamp_server / 86400), count(*) "
                "FROM records WHERE id <= %s GROUP BY 1, 2, 3, 4, 5, 6, 7",
                [list(machines), until],
            )
            yield from map(OldCount._make, cursor)

    def crashes(self, until: int) -> Iterator[tuple[str, str, int]]:
        """Function, module and crashes of every guilty with some."""
        yield from self._all(
            "SELECT coalesce(function, ''), coalesce(module, ''), count(*) "
            "FROM records JOIN guilty ON guilty.id = guilty_id "
            "WHERE records.id <= %s GROUP BY guilty.id",
            until,
        )

    def _all(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())


@contextmanager
def connected(url: str) -> Iterator[Predecessor]:
    """The database at this address; raises NoPredecessor."""
    try:
        connection = psycopg2.connect(url, client_encoding="UTF8")
    except psycopg2.Error as error:
        raise NoPredecessor(f"No connection: {error}".strip()) from error
    try:
        connection.set_session("REPEATABLE READ", readonly=True)
        yield Predecessor(connection)
    except psycopg2.Error as error:
        raise NoPredecessor(f"It cannot be read: {error}".strip()) from error
    finally:
        connection.close()

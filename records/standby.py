"""Reading from a standby of the database, for as long as it is near enough.

Pages, the API and exports read from it when READ_DATABASE_URL names one. Whatever
writes, or has to see what it wrote, stays with the primary; so does everybody while the
standby is away or too far behind, and a question that the standby could not answer.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from math import inf
from threading import Lock
from typing import Any, TypeVar

from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connections,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

log = logging.getLogger(__name__)

ALIAS = "standby"
FARTHEST = timedelta(seconds=30)
"""What is read is never older than this."""

FAILURES = (OperationalError, InterfaceError, InternalError, ProgrammingError)
"""A standby that is away, cancels a query, or has not replayed a migration yet."""

_LOOK_SECONDS = 5.0
_AWAY_SECONDS = 30.0  # a host that does not answer costs a request three of them
_ACCOUNTS = {"accounts", "admin", "auth", "contenttypes", "sessions"}
_POSITION = "SELECT pg_wal_lsn_diff({}, '0/0')::bigint"
_WRITTEN = _POSITION.format("pg_current_wal_lsn()")
_REPLAYED = _POSITION.format("pg_last_wal_replay_lsn()")

T = TypeVar("T")
_chosen: ContextVar[bool] = ContextVar("reads_from_standby", default=False)


class Router:
    """Reads go to the standby where it was chosen; accounts and writes never do."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        own = model._meta.app_label in _ACCOUNTS
        return ALIAS if _chosen.get() and not own else DEFAULT_DB_ALIAS

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == DEFAULT_DB_ALIAS


def connection() -> BaseDatabaseWrapper:
    """The connection that questions about records go to now."""
    return connections[ALIAS if _chosen.get() else DEFAULT_DB_ALIAS]


# --- How far it is behind -----------------------------------------------------------


class Behind:
    """Up to when a standby has everything, from positions in the log (pure).

    The primary tells how far it has written, then the standby how far it has replayed.
    That holds also when the standby has lost its primary and does not know it.
    """

    def __init__(self) -> None:
        self.complete = -inf
        """By the clock of `note`: nothing committed before is missing."""
        self._goal: tuple[float, int] | None = None

    def note(self, asked: float, written: int, replayed: int) -> None:
        if replayed >= written:
            self.complete, self._goal = asked, None
        elif self._goal and replayed >= self._goal[1]:
            self.complete, self._goal = self._goal[0], (asked, written)
        elif self._goal is None:
            self._goal = (asked, written)


class Watch:
    """Looks every few seconds, in the request that happens to come then."""

    def __init__(self) -> None:
        self._behind = Behind()
        self._next = -inf
        self._looking = Lock()
        self._near = False

    def near(self) -> bool:
        if time.monotonic() >= self._next and self._looking.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._looking.release()
        return self.age() <= FARTHEST.total_seconds()

    def age(self) -> float:
        """Seconds by which it is behind, at most; infinite while it is away."""
        return time.monotonic() - self._behind.complete

    def doubt(self) -> None:
        """Look again before the next question."""
        self._next = -inf

    def _look(self) -> None:
        asked = time.monotonic()
        try:
            written = _number(DEFAULT_DB_ALIAS, _WRITTEN)
            replayed = _number(ALIAS, _REPLAYED)
            if written is None or replayed is None:
                raise OperationalError("It is no standby.")
        except FAILURES:
            self._behind = Behind()
            self._next = time.monotonic() + _AWAY_SECONDS
        else:
            self._behind.note(asked, written, replayed)
            self._next = asked + _LOOK_SECONDS
        self._tell()

    def _tell(self) -> None:
        near = self.age() <= FARTHEST.total_seconds()
        if near != self._near:
            where = "the standby" if near else "the primary: the standby is not near"
            log.warning("Pages are read from %s", where)
        self._near = near


def _number(alias: str, question: str) -> int | None:
    with connections[alias].cursor() as cursor:
        cursor.execute(question)
        number: int | None = cursor.fetchone()[0]
        return number


watch = Watch()


def age() -> float:
    """Seconds by which what is read now may be behind."""
    return watch.age() if _chosen.get() else 0.0


def complete_until() -> datetime:
    """Everything that was committed before is in what is read now."""
    return datetime.now(UTC) - timedelta(seconds=age())


# --- Asking it ----------------------------------------------------------------------


@contextmanager
def reading() -> Iterator[None]:
    """Questions inside go to the standby, if there is one and it is near."""
    with _choosing(ALIAS in settings.DATABASES and watch.near()):
        yield


@contextmanager
def _choosing(standby: bool) -> Iterator[None]:
    token = _chosen.set(standby)
    try:
        yield
    finally:
        _chosen.reset(token)


def steadily(ask: Callable[[], T], failed: Callable[[T], bool] | None = None) -> T:
    """What ``ask`` returns; asked again of the primary when the standby failed.

    ``failed`` sees an answer in which an exception was caught on the way.
    """
    if not _chosen.get():
        return ask()
    reason = "an error was caught"
    try:
        answer = ask()
        if not (failed and connection().errors_occurred and failed(answer)):
            return answer
    except FAILURES as error:
        reason = type(error).__name__
    log.warning("The standby failed: %s", reason)
    watch.doubt()
    with _choosing(False):
        return ask()


def within(pieces: Iterator[T]) -> Iterator[T]:
    """Pieces that are made after the answer began, each read as the first was."""
    while True:
        with reading():
            try:
                piece = next(pieces)
            except StopIteration:
                return
        yield piece

"""Group commit: requests in flight in one process share a transaction.

Requests put what they bring into a bounded queue and wait. One thread takes whatever is
there, commits it, and wakes the waiting requests. No timer: a lone record commits at
once, and while one commit is under way the next batch gathers by itself.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from django.db import DatabaseError, InterfaceError, connection

from records.store import DOWN

log = logging.getLogger(__name__)

MAX_BATCH = 500
RETRY_SECONDS = 0.5  # how often a lost database is tried again
WAIT_SECONDS = 8.0  # clients give up after ten


class Unavailable(Exception):
    """The record is not stored: the store is down, or too many records wait."""


class Unstorable(Exception):
    """The database refuses this record, and would again."""


Item = TypeVar("Item")
Result = TypeVar("Result")


class _Job(Generic[Item, Result]):
    """The items of one request, and the place where its answer appears."""

    __slots__ = ("answer", "done", "error", "items")

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.answer: list[Result] = []
        self.error: Exception | None = None
        self.done = threading.Lock()
        self.done.acquire()


class Writer(Generic[Item, Result]):
    """The queue and its thread. Start one per process, after the last fork.

    ``store`` commits a batch and returns one result per item; ``capacity`` is how many
    items may wait.
    """

    def __init__(
        self, store: Callable[[Sequence[Item]], list[Result]], capacity: int
    ) -> None:
        self._store = store
        self._capacity = capacity
        self._jobs: deque[_Job[Item, Result]] = deque()
        self._waiting = 0  # items queued; changed under _changed only
        self._changed = threading.Condition()
        self._down = False
        self._closing = False
        self._thread = threading.Thread(
            target=self._run, name="telemetry-writer", daemon=True
        )
        self._thread.start()

    @property
    def waiting(self) -> int:
        return self._waiting

    def submit(self, items: Sequence[Item]) -> list[Result]:
        """Store the items; returns when they are committed.

        Raises Unavailable when they are not stored and Unstorable when they never will.
        """
        job = _Job[Item, Result](items)
        with self._changed:
            if self._down or self._closing:
                raise Unavailable("The store is down")
            if self._waiting + len(items) > self._capacity:
                raise Unavailable("Too many records are waiting")
            self._jobs.append(job)
            self._waiting += len(items)
            self._changed.notify()
        if not job.done.acquire(timeout=WAIT_SECONDS):
            self._give_up(job)
        if job.error:
            raise job.error
        return job.answer

    def close(self) -> None:
        """Commit what waits, then stop the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _give_up(self, job: _Job[Item, Result]) -> None:
        """Take the job back, or wait for its outcome when a commit is under way."""
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)
                self._waiting -= len(job.items)
                raise Unavailable("The store is too slow")
        job.done.acquire()

    def _run(self) -> None:
        while batch := self._take():
            try:
                self._commit(batch)
            except Exception:
                log.exception("The writer failed on a batch")
                self._fail(batch, Unavailable("The store failed"))
        connection.close()

    def _take(self) -> list[_Job[Item, Result]]:
        """The next batch: what waits now, at most MAX_BATCH records; [] at the end."""
        with self._changed:
            while not self._jobs:
                if self._closing:
                    return []
                self._changed.wait()
            batch = [self._jobs.popleft()]
            size = len(batch[0].items)
            while self._jobs and size + len(self._jobs[0].items) <= MAX_BATCH:
                batch.append(self._jobs.popleft())
                size += len(batch[-1].items)
            self._waiting -= size
            return batch

    def _commit(self, batch: Sequence[_Job[Item, Result]]) -> None:
        items = [item for job in batch for item in job.items]
        try:
            stored = iter(self._store(items))
        except DOWN as error:
            log.warning("The store is down: %s", type(error).__name__)
            self._fail(batch, Unavailable("The store is down"))
            self._wait_for_store()
        except (DatabaseError, ValueError):
            self._commit_alone(batch)
        else:
            for job in batch:
                job.answer = [next(stored) for _ in job.items]
                job.done.release()

    def _commit_alone(self, batch: Sequence[_Job[Item, Result]]) -> None:
        """One record spoils the batch: find it, and store the others."""
        if len(batch) > 1:
            for job in batch:
                self._commit([job])
        else:
            log.error("The database refuses a record", exc_info=True)  # noqa: LOG014
            self._fail(batch, Unstorable("The database refuses this record"))

    def _fail(self, batch: Sequence[_Job[Item, Result]], error: Exception) -> None:
        for job in batch:
            if not job.answer and not job.error:
                job.error = error
                job.done.release()

    def _wait_for_store(self) -> None:
        """Refuse new records at once until the database answers again."""
        with self._changed:
            self._down = True
            jobs = list(self._jobs)
            self._jobs.clear()
            self._waiting = 0
        self._fail(jobs, Unavailable("The store is down"))
        while not self._closing and not _database_answers():
            time.sleep(RETRY_SECONDS)
        with self._changed:
            self._down = False


def _database_answers() -> bool:
    try:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        return False
    return True

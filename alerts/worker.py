"""What the worker does of alerts: beside digesting, in threads of their own.

A receiver that hangs, or a slow query, holds up nothing but its own thread. When the
worker ends, an attempt in hand is finished first.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from math import inf

from django.db import close_old_connections, connection

from alerts.delivery import deliver_next
from alerts.evaluation import evaluate_due, trim

log = logging.getLogger(__name__)


class Background:
    """A step of the worker that begins some work and does not wait for it.

    One piece at a time; again after ``pause`` seconds, or at once when there is more.
    """

    def __init__(
        self, work: Callable[[], int], *, pause: float, first: float, again: bool
    ) -> None:
        self._work = work
        self._pause = pause
        self._again = again
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="alerts")
        self._running: Future[int] | None = None
        self._look_at = time.monotonic() + first

    def __call__(self) -> int:
        if self._running and self._running.done():
            more = self._again and self._running.result()
            self._running = None
            self._look_at = 0 if more else time.monotonic() + self._pause
        if self._running is None and time.monotonic() >= self._look_at:
            self._running = self._pool.submit(self._contained)
        return 0

    def _contained(self) -> int:
        close_old_connections()
        try:
            return self._work()
        except Exception as error:  # noqa: BLE001
            log.warning("Alerts: %s", type(error).__name__)
            connection.close()
            return 0

    def stop(self) -> None:
        """Nothing is begun any more in this process."""
        self._look_at = inf


evaluating = Background(evaluate_due, pause=5, first=30, again=False)
delivering = Background(deliver_next, pause=2, first=1, again=True)
trimming = Background(trim, pause=3600, first=120, again=False)

STEPS = (evaluating, delivering, trimming)

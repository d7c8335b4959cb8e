"""The second half of gathered requests: one commit for all, then an answer each."""

import logging
import time
from collections.abc import Callable, Sequence

from django.db import connection

from records.collector.answer import Answer
from records.collector.views import UNSTORABLE, Waiting, failed, unavailable
from records.refused import Keeper, RefusedRequest
from records.store import DOWN, Stored, store
from records.submission import Submission

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5


class Gatherer:
    """Commits the requests of one process; used from one thread."""

    def __init__(
        self,
        store: Callable[[Sequence[Submission]], list[Stored]] = store,
        keeper: Keeper | None = None,
    ) -> None:
        self._store = store
        self._keeper = keeper or Keeper()
        self._down_until = 0.0

    def finish(self, waiting: Sequence[Waiting]) -> list[Answer]:
        """Store what these requests hold; their answers, in order."""
        if time.monotonic() < self._down_until:
            return [unavailable("The store is down") for _ in waiting]
        try:
            return self._finish(waiting)
        except DOWN as error:
            log.warning("The store is down: %s", type(error).__name__)
            connection.close()
            self._down_until = time.monotonic() + RETRY_SECONDS
            return [unavailable("The store is down") for _ in waiting]
        except Exception:
            log.exception("The collector failed on gathered requests")
            return self._finish_alone(waiting)

    def _finish(self, waiting: Sequence[Waiting]) -> list[Answer]:
        submissions = [each for request in waiting for each in request.submissions]
        refused = [each for request in waiting for each in request.refused]
        stored = iter(self._store(submissions) if submissions else ())
        quarantined = iter(self._keep(refused))
        return [
            request.answer(
                [next(stored) for _ in request.submissions],
                [next(quarantined) for _ in request.refused],
            )
            for request in waiting
        ]

    def _finish_alone(self, waiting: Sequence[Waiting]) -> list[Answer]:
        """One request spoils the others: store each by itself."""
        if len(waiting) > 1:
            return [self.finish([each])[0] for each in waiting]
        (request,) = waiting
        if not request.submissions:
            return [failed()]
        return self.finish([Waiting(request.environ, request.body, [UNSTORABLE])])

    def _keep(self, refused: list[RefusedRequest]) -> list[bool]:
        """Refused requests are kept when that is possible, and answered anyway: the
        records beside them are stored already."""
        try:
            return self._keeper.keep(refused) if refused else []
        except Exception:
            log.exception("Refused requests could not be kept")
            connection.close()
            return [False] * len(refused)

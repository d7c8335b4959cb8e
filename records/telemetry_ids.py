"""Which telemetry ids are accepted now, as a process remembers them for a moment."""

import threading
import time

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from records.models import TelemetryId

_FRESH_SECONDS = 5.0
_RETRY_SECONDS = 1.0


class KnownIds:
    """Active telemetry ids and their primary keys, read again every few seconds.

    While the database is away, what was read last stays true.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: dict[str, int] | None = None
        self._read_again_at = float("-inf")

    def get(self, value: str) -> int | None:
        """The primary key of an active id. OperationalError: none was ever read."""
        if time.monotonic() > self._read_again_at:
            self._refresh()
        if self._ids is None:
            raise OperationalError("Telemetry ids are not known yet")
        return self._ids.get(value)

    def _refresh(self) -> None:
        if not self._lock.acquire(blocking=self._ids is None):
            return  # another thread is reading; what is remembered will do
        borrowed = connection.connection is not None
        try:
            self._ids = active()
            self._read_again_at = time.monotonic() + _FRESH_SECONDS
        except (DatabaseError, InterfaceError):
            self._read_again_at = time.monotonic() + _RETRY_SECONDS
        finally:
            self._lock.release()
            if not borrowed:  # the thread of a request keeps no connection
                connection.close()


def active() -> dict[str, int]:
    """Active ids by value. The one from the environment exists from the start."""
    TelemetryId.objects.get_or_create(
        value=settings.TELEMETRY_ID, defaults={"label": "From the environment"}
    )
    rows = TelemetryId.objects.filter(active=True)
    return dict(rows.values_list("value", "id"))

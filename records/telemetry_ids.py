"""Which telemetry ids are accepted now, as a process remembers them for a moment."""

import threading
import time

from django.conf import settings
from django.db import connection

from records.models import TelemetryId

_FRESH_SECONDS = 5.0


class KnownIds:
    """Active telemetry ids and their primary keys, read again every few seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: dict[str, int] = {}
        self._read_at = float("-inf")

    def get(self, value: str) -> int | None:
        """The primary key of an active id; raises DatabaseError when none was ever
        read, and answers from memory while the database is away."""
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            self._refresh()
        return self._ids.get(value)

    def _refresh(self) -> None:
        if not self._lock.acquire(blocking=not self._ids):
            return  # another thread is reading; what is remembered will do
        borrowed = connection.connection is not None
        try:
            self._ids = active()
            self._read_at = time.monotonic()
        except Exception:
            if not self._ids:
                raise
            self._read_at = time.monotonic()
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

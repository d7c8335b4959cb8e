"""Which classifications are crashes: configuration in the admin, remembered briefly."""

import time
from functools import lru_cache

from crashes.models import CrashClassification
from records.patterns import matches

_FRESH_SECONDS = 10.0


def is_crash(classification: str) -> bool:
    return has_backtrace(classification) is not None


def has_backtrace(classification: str) -> bool | None:
    """Whether such payloads have frames; None when these are no crashes at all."""
    for pattern, backtrace in _patterns(int(time.monotonic() // _FRESH_SECONDS)):
        if matches(pattern, classification):
            return backtrace
    return None


@lru_cache(maxsize=1)
def _patterns(period: int) -> tuple[tuple[str, bool], ...]:
    """Patterns, exact ones before those with a wildcard."""
    rows = CrashClassification.objects.filter(active=True)
    found = rows.values_list("pattern", "backtrace")
    return tuple(sorted(found, key=lambda row: ("*" in row[0], row[0])))


def forget() -> None:
    _patterns.cache_clear()

"""Time windows as bounds on record ids, so that a window never scans other days."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.db.models import Max, Min

from records.models import Pending, ReceivedHour

_SENT = timedelta(hours=1)
"""Most records arrive so soon after they were captured."""


class Window(NamedTuple):
    """The first and last id of a window, and ids between that cannot be of it.

    None is an open side, or no gap.
    """

    first: int | None
    last: int | None
    gap: tuple[int, int] | None = None


_NOTHING = Window(1, 0)


def id_bounds(
    start: datetime | None, end: datetime | None
) -> tuple[int | None, int | None]:
    """The first and last id that a record received in the window can have."""
    window = id_window(start, end)
    return window.first, window.last


def id_window(start: datetime | None, end: datetime | None) -> Window:
    """Which ids a record received in the window can have.

    (1, 0) when nothing was received. Records that are not counted yet are found in the
    queue, which is read first: a record digested meanwhile is then in one of the two
    for certain. Between what was counted until ``end`` and the queue there is a gap.
    """
    queue = Pending.objects.aggregate(first=Min("record_id"), last=Max("record_id"))
    hours = ReceivedHour.objects.all()
    first = last = gap = None
    if start:
        hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        counted = hours.filter(hour__gte=hour).aggregate(n=Min("first_id"))["n"]
        first = _bound(min, counted, queue["first"])
        if first is None:
            return _NOTHING
    if end:
        counted = hours.filter(hour__lt=end).aggregate(n=Max("last_id"))["n"]
        last = _bound(max, counted, queue["last"])
        if last is None:
            return _NOTHING
        if queue["first"] is not None:
            gap = (counted or 0) + 1, queue["first"] - 1
    return Window(first, last, gap)


def _bound(choose: Any, *found: int | None) -> int | None:
    bound: int | None = choose((n for n in found if n is not None), default=None)
    return bound


def last_id_captured(second: int) -> int | None:
    """The last id of most records captured until then: of those whose clock is right.

    None when nobody knows.
    """
    try:
        arrived = datetime.fromtimestamp(second, UTC) + _SENT
    except (OverflowError, OSError, ValueError):
        return None
    hours = ReceivedHour.objects.filter(hour__lte=arrived).order_by("-hour")
    return hours.values_list("last_id", flat=True).first()


def midnight(day: date) -> datetime:
    """When a UTC day begins."""
    return datetime.combine(day, time.min, UTC)

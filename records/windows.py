"""Time windows as bounds on record ids, so that a window never scans other days."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Max, Min

from records.models import Pending, ReceivedHour

_SENT = timedelta(hours=1)
"""Most records arrive so soon after they were captured."""


def id_bounds(
    start: datetime | None, end: datetime | None
) -> tuple[int | None, int | None]:
    """The first and last id that a record received in the window can have.

    None is an open side. (1, 0) when nothing was received. Records that are not counted
    yet are found in the queue, which is read first: a record digested meanwhile is then
    in one of the two for certain.
    """
    queue = Pending.objects.aggregate(first=Min("record_id"), last=Max("record_id"))
    hours = ReceivedHour.objects.all()
    first = last = None
    if start:
        hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        first = _bound(
            min, hours.filter(hour__gte=hour), Min("first_id"), queue["first"]
        )
        if first is None:
            return 1, 0
    if end:
        last = _bound(max, hours.filter(hour__lt=end), Max("last_id"), queue["last"])
        if last is None:
            return 1, 0
    return first, last


def _bound(choose: Any, hours: Any, edge: Any, queued: int | None) -> int | None:
    found = [n for n in (hours.aggregate(n=edge)["n"], queued) if n is not None]
    bound: int | None = choose(found, default=None)
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

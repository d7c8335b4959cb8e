"""From collector to counts: whether everything that came in is accounted for."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Sum

from records.models import ParserFailure, Pending, ReceivedHour, Record
from records.windows import midnight

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Pipeline:
    """The records of a UTC day that are stored, and where they are on their way.

    ``digested`` were counted and read by every parser, ``failed`` were counted too but
    some parser could not read them, ``pending`` wait for the worker.
    """

    day: date
    accepted: int
    digested: int
    failed: int
    pending: int

    @property
    def missing(self) -> int:
        """Accepted records that nobody knows of: 0, or something is wrong."""
        return max(0, self._difference)

    @property
    def deleted(self) -> int:
        """Records that were deleted after they were counted."""
        return max(0, -self._difference)

    @property
    def _difference(self) -> int:
        return self.accepted - self.digested - self.failed - self.pending


def pipeline(day: date) -> Pipeline:
    """What became of a day's records; one moment of the database where it can be."""
    start = midnight(day)
    end = start + _DAY
    with transaction.atomic():
        hours = ReceivedHour.objects.filter(hour__gte=start, hour__lt=end)
        waiting = Pending.objects.values("record_id")
        # By time alone: bounds on ids come from the counts that are examined here.
        records = Record.objects.received_between(start, end)
        failures = ParserFailure.objects.values("record_id")
        failed = records.filter(id__in=failures).exclude(id__in=waiting).count()
        counted = hours.aggregate(n=Sum("records"))["n"] or 0
        pending = records.filter(id__in=waiting).count()
        return Pipeline(day, records.count(), counted - failed, failed, pending)

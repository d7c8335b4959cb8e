"""The counts of crashes that are kept, and how reports are added to those by trace.

Counts by guilty are kept by `crashes.presence`: they move when the rules change.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date

from crashes.models import (
    ALL_DAYS,
    BuildDay,
    CrashDay,
    CrashReport,
    GuiltyDay,
    GuiltyPresence,
    Trace,
)
from records import rollups
from records.rollups import Key, Table

CRASH_DAY = Table(
    CrashDay, ("day", "trace_id", "build_id", "external"), {"crashes": "sum"}
)
BUILD_DAY = Table(
    BuildDay, ("day", "build_id", "classification_id", "external"), {"crashes": "sum"}
)
GUILTY_DAY = Table(
    GuiltyDay, ("day", "guilty_id", "build_id", "external"), {"crashes": "sum"}
)
GUILTY_PRESENCE = Table(
    GuiltyPresence,
    ("guilty_id", "system_name", "build_id", "source", "day", "previous"),
    {"ids": "sum"},
)


def day_of(report: CrashReport) -> date:
    return report.received_at.astimezone(UTC).date()


def add(reports: Sequence[CrashReport]) -> None:
    """Count reports that are stored."""
    _count(reports, 1)


def take_back(reports: Sequence[CrashReport]) -> None:
    """Count as if these had never been stored."""
    _count(reports, -1)
    days = set(map(day_of, reports))
    for model in (CrashDay, BuildDay):
        model._default_manager.filter(day__in=days, crashes=0).delete()


def _count(reports: Sequence[CrashReport], sign: int) -> None:
    found = Trace.objects.filter(id__in={report.trace_id for report in reports})
    classifications = dict(found.values_list("id", "classification_id"))
    by_trace: Counter[Key] = Counter()
    by_build: Counter[Key] = Counter()
    for each in reports:
        day, build_id, external = day_of(each), each.build_id, each.external
        by_trace[day, each.trace_id, build_id, external] += sign
        by_build[day, build_id, classifications[each.trace_id], external] += sign
    rollups.add(CRASH_DAY, by_trace)
    rollups.add(BUILD_DAY, by_build)


def and_ever(by_day: Mapping[Key, int]) -> Counter[Key]:
    """These counts, whose keys begin with the day, and the same of all days."""
    found = Counter(dict(by_day))
    for (_, *rest), n in by_day.items():
        found[ALL_DAYS, *rest] += n
    return found

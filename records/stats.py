"""Counts for pages, from the rollups: their cost grows with days and names only.

This module and its signatures are what views and plugins read records through.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from django.db.models import Sum

from records import labels
from records.filters import RecordFilter
from records.models import Build, KindDay

_COUNTED = {
    "classification",
    "severity",
    "severity_min",
    "external",
    "record_format_version",
    "payload_format_version",
    "build",
    "system_name",
    "created_in_days",
    "created_in_sec",
    "received_after",
    "received_before",
    "from_id",
}


@dataclass(frozen=True)
class Facets:
    """How many received records each value of a filter would leave.

    Whole UTC days are counted. ``exact`` is False when a filter is set that the counts
    do not know (machine, payload …): then they are of all records without it.
    """

    classification: Mapping[str, int] = field(default_factory=dict)
    severity: Mapping[int, int] = field(default_factory=dict)
    external: Mapping[bool, int] = field(default_factory=dict)
    system_name: Mapping[str, int] = field(default_factory=dict)
    total: int = 0
    exact: bool = True


def facets(chosen: RecordFilter) -> Facets:
    """Facet counts under the filters that are set."""
    given = chosen.given
    days = KindDay.objects.all()
    start, end = chosen.window
    if start:
        days = days.filter(day__gte=start.astimezone(UTC).date())
    if end:
        days = days.filter(day__lte=end.astimezone(UTC).date())
    for column, ids in chosen.names.items():
        if column in ("kind_id", "build_id"):
            days = days.filter(**{f"{column}__in": ids})
    counts = days.values_list("kind_id", "build_id").annotate(n=Sum("records"))
    return _counted(list(counts), exact=given.keys() <= _COUNTED)


def _counted(counts: list[tuple[Any, ...]], *, exact: bool) -> Facets:
    kinds = labels.kinds.of({row[0] for row in counts})
    builds = labels.builds.of({row[1] for row in counts})
    classes: Counter[str] = Counter()
    severities: Counter[int] = Counter()
    sources: Counter[bool] = Counter()
    systems: Counter[str] = Counter()
    for kind_id, build_id, n in counts:
        kind = kinds[kind_id]
        classes[kind.classification] += n
        severities[kind.severity] += n
        sources[kind.external] += n
        systems[builds[build_id].system_name] += n
    return Facets(
        classification=dict(classes.most_common()),
        severity=dict(sorted(severities.items())),
        external=dict(sources),
        system_name=dict(systems.most_common()),
        total=classes.total(),
        exact=exact,
    )


def classification_levels(names: Mapping[str, int]) -> list[tuple[str, int]]:
    """Every classification with every level above it (`a/*`, `a/b/*`), and counts."""
    levels: Counter[str] = Counter()
    for name, n in names.items():
        vendor, sender, _ = name.split("/", 2)
        for level in (f"{vendor}/*", f"{vendor}/{sender}/*", name):
            levels[level] += n
    return sorted(levels.items())


def system_names() -> list[str]:
    """Operating systems that ever sent a record."""
    names = Build.objects.order_by("system_name").values_list("system_name", flat=True)
    return list(names.distinct())


def builds_of(system_name: str) -> list[str]:
    """Builds of an operating system, newest version first."""
    builds = Build.objects.filter(system_name=system_name)
    return list(
        builds.order_by("-version_key", "-version").values_list("version", flat=True)
    )

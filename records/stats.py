"""Counts for pages, from the rollups: their cost grows with days and names only.

This module and its signatures are what views and plugins read records through.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from django.db.models import Count, Max, Min, QuerySet, Sum

from records import labels
from records.chains import NEVER
from records.estimate import Active, Estimate, estimate
from records.filters import RecordFilter
from records.labels import BuildLabel
from records.models import (
    Build,
    BuildPresence,
    Classification,
    HardwareDay,
    Kind,
    KindDay,
    ParserFailure,
    Pending,
    Record,
    RefusedDay,
    SystemPresence,
)
from records.scope import Scope

_MOST_CLASSIFICATIONS = 300
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


# --- Records received ---------------------------------------------------------------

Dimension = Literal[
    "day", "build", "system_name", "classification", "severity", "external"
]
Row = tuple[Any, ...]

_COLUMNS: Mapping[Dimension, str] = {
    "day": "day",
    "build": "build_id",
    "system_name": "build__system_name",
    "classification": "kind__classification__name",
    "severity": "kind__severity",
    "external": "kind__external",
}


def records_by(scope: Scope, *dimensions: Dimension) -> Counter[Row]:
    """Records received in a scope, by the values of these dimensions in their order.

    A day is a date; a build is its id (see `build_labels`).
    """
    columns = [_COLUMNS[each] for each in dimensions]
    rows = _summed(_kind_days(scope), "records", columns)
    return Counter({tuple(key): n for *key, n in rows})


def records(scope: Scope) -> int:
    """How many records were received in a scope."""
    total: int | None = _kind_days(scope).aggregate(n=Sum("records"))["n"]
    return total or 0


def hardware(scope: Scope) -> Counter[str]:
    """Records received by host type. Version and classification are not counted by."""
    days = HardwareDay.objects.filter(**scope.of_days())
    if scope.system_name:
        days = days.filter(system_name=scope.system_name)
    if scope.external is not None:
        days = days.filter(external=scope.external)
    counts = dict(days.values_list("hardware_id").annotate(n=Sum("records")))
    known = labels.hardware.of(counts)
    found: Counter[str] = Counter()
    for hardware_id, n in counts.items():
        found[known[hardware_id].host_type] += n
    return found


def first_day() -> date | None:
    """The first day on which a record was counted."""
    first: date | None = KindDay.objects.aggregate(day=Min("day"))["day"]
    return first


def _kind_days(scope: Scope) -> QuerySet[KindDay]:
    days = KindDay.objects.filter(**scope.of_days())
    for column, ids in (("build_id", scope.build_ids), ("kind_id", scope.kind_ids)):
        if ids is not None:
            days = days.filter(**{f"{column}__in": ids})
    return days


# --- Machines -----------------------------------------------------------------------

Place = Literal["day", "build", "system_name", "external"]


def machine_days(scope: Scope, *dimensions: Place) -> Counter[Row]:
    """Days on which machines sent a heartbeat, summed up: what rates are told per.

    By the values of these dimensions in their order, as in `records_by`. An id counts
    once a day on each operating system and source, and by build once on each build.
    A scope's classification does not count.
    """
    of_builds = bool(scope.version) or "build" in dimensions
    days: QuerySet[Any] = scope.days_of(BuildPresence)
    columns = [_PLACES.get(each, each) for each in dimensions]
    if not of_builds:
        days, columns = _presence(scope), list(dimensions)
    return Counter({tuple(key): n for *key, n in _summed(days, "ids", columns)})


_PLACES = {"build": "build_id", "system_name": "build__system_name"}


def active_by_day(scope: Scope) -> dict[date, Active]:
    """Ids with a heartbeat, and how many of them were new, on every day of a scope.

    An id counts as in `machine_days`; with a version, as one of that build alone. A
    scope without bounds ends with the days that have ids.
    """
    rows = _chains(scope).order_by().values_list("day", "previous")
    counts: defaultdict[date, list[int]] = defaultdict(
        lambda: [0] * len(Active._fields)
    )
    for day, previous, ids, second in rows.annotate(n=Sum("ids"), m=Sum("second")):
        counts[day][0] += ids
        gap = (day - previous).days
        if previous == NEVER:
            counts[day][1] += ids
        elif gap <= 2:
            counts[day][1 + gap] += second
    return {day: Active(*counts[day]) for day in _every_day(scope, list(counts))}


def distinct_ids(scope: Scope) -> int:
    """How many ids sent a heartbeat in a scope: several times its machines, since a
    machine takes a new id every three days. An id counts as in `active_by_day`.
    """
    found: int | None = _distinct(scope, _chains(scope)).aggregate(n=Sum("ids"))["n"]
    return found or 0


def distinct_by_build(scope: Scope) -> Counter[tuple[int, bool]]:
    """How many ids sent a heartbeat from each (build id, external)."""
    rows = _distinct(scope, scope.days_of(BuildPresence)).order_by()
    counts = rows.values_list("build_id", "external").annotate(n=Sum("ids"))
    return Counter({(build, external): n for build, external, n in counts})


def machines(scope: Scope, today: date | None = None) -> Estimate:
    """How many machines were on in a scope, and what is known for certain of it.

    Today is not over: means are of the days before.
    """
    last = today or datetime.now(UTC).date()
    scope = replace(scope, end=min(scope.end or last, last))
    days = active_by_day(scope)
    return estimate(list(days.values()), distinct_ids(scope), partial=last in days)


def _chains(scope: Scope) -> QuerySet[Any]:
    return scope.days_of(BuildPresence) if scope.version else _presence(scope)


def _distinct(scope: Scope, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Each id once: with its first day in the scope."""
    first_possible = NEVER + timedelta(days=1)
    return rows.filter(previous__lt=max(scope.start or NEVER, first_possible))


def _every_day(scope: Scope, known: Sequence[date]) -> list[date]:
    start = scope.start or min(known, default=None)
    end = scope.end or max(known, default=None)
    if start is None or end is None:
        return []
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def _presence(scope: Scope) -> QuerySet[SystemPresence]:
    days = SystemPresence.objects.filter(**scope.of_days())
    if scope.system_name:
        days = days.filter(system_name=scope.system_name)
    return days if scope.external is None else days.filter(external=scope.external)


def _summed(rows: QuerySet[Any], what: str, columns: Sequence[str]) -> list[Row]:
    """Sums of a column by the values of others; without others, one sum."""
    if columns:
        return list(rows.order_by().values_list(*columns).annotate(n=Sum(what)))
    return [(rows.aggregate(n=Sum(what))["n"] or 0,)]


# --- Ingest -------------------------------------------------------------------------


@dataclass(frozen=True)
class Ingest:
    """How the way from the collector to the counts is doing.

    ``lag`` is how long the oldest record has waited for the worker; ``refused`` counts
    refused requests of the scope's days by reason, ``failures`` payloads that a parser
    could not read, by parser.
    """

    pending: int
    lag: timedelta
    refused: Mapping[str, int]
    failures: Mapping[str, int]


def ingest(scope: Scope) -> Ingest:
    """The state now, and what was refused on the days of a scope."""
    refused = RefusedDay.objects.filter(**scope.of_days()).values_list("code")
    failures = ParserFailure.objects.values_list("parser").order_by("parser")
    return Ingest(
        pending=Pending.objects.count(),
        lag=worker_lag(),
        refused=dict(refused.annotate(n=Sum("refused")).order_by("-n", "code")),
        failures=dict(failures.annotate(n=Count("id"))),
    )


def refused_by_day(scope: Scope) -> Counter[tuple[date, str]]:
    """Requests refused on the days of a scope, by day and reason."""
    rows = RefusedDay.objects.filter(**scope.of_days())
    return Counter(
        {row[:2]: row[2] for row in rows.values_list("day", "code", "refused")}
    )


def last_received(system_name: str = "") -> dict[str, datetime]:
    """When the last record of each fleet was received, by the names of active
    telemetry ids; or of one operating system, by an empty name.

    Of one that is deleted, the end of its day. What never sent anything is left out.
    """
    if system_name:
        builds = Scope(system_name=system_name).build_ids or set()
        return _known({"": _last("build_id", builds)})
    fleets: defaultdict[str, set[int]] = defaultdict(set)
    kinds = Kind.objects.filter(telemetry_id__active=True)
    for pk, fleet, name in kinds.values_list(
        "id", "telemetry_id", "telemetry_id__label"
    ):
        fleets[name or str(fleet)].add(pk)
    return _known({name: _last("kind_id", ids) for name, ids in fleets.items()})


def _last(column: str, ids: set[int]) -> datetime | None:
    records = Record.objects.with_name(column, ids)
    for row in records.newest(1, "id", "received_at"):
        last: datetime = row[1]
        return last
    days = KindDay.objects.filter(**{f"{column}__in": ids})
    day: date | None = days.aggregate(day=Max("day"))["day"]
    return datetime.combine(day, time.max, UTC) if day else None


def _known(moments: Mapping[str, datetime | None]) -> dict[str, datetime]:
    return {name: moment for name, moment in moments.items() if moment}


def worker_lag() -> timedelta:
    """How long the oldest undigested record has waited."""
    oldest = Pending.objects.order_by("record_id").values_list("record_id", flat=True)
    received = Record.objects.filter(id__in=list(oldest[:1])).values_list("received_at")
    first = received.first()
    return datetime.now(UTC) - first[0] if first else timedelta(0)


# --- Names --------------------------------------------------------------------------


def build_labels(ids: Iterable[int]) -> Mapping[int, BuildLabel]:
    """Operating system and version of at least these builds."""
    return labels.builds.of(ids)


def in_version_order(build_ids: Iterable[int]) -> list[int]:
    """Builds by operating system and then as versions, oldest first."""
    rows = Build.objects.filter(id__in=list(build_ids))
    ordered = rows.order_by("system_name", "version_key", "version")
    return list(ordered.values_list("id", flat=True))


def classifications() -> list[str]:
    """Classifications that were ever sent; the first few hundred by name."""
    names = Classification.objects.order_by("name").values_list("name", flat=True)
    return list(names[:_MOST_CLASSIFICATIONS])


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

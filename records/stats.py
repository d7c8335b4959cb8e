"""Counts for pages, from the rollups: their cost grows with days and names only.

This module and its signatures are what views and plugins read records through.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from django.db.models import Count, Max, Min, QuerySet, Sum

from records import labels, spans
from records.chains import NEVER
from records.estimate import Active, Estimate, estimate
from records.filters import RecordFilter
from records.labels import BuildLabel
from records.models import (
    Build,
    BuildPresence,
    BuildPresenceSpan,
    Classification,
    HardwareSpan,
    Kind,
    KindDay,
    KindSpan,
    ParserFailure,
    Pending,
    Record,
    RefusedDay,
    SystemPresence,
)
from records.scope import Scope

Row = tuple[Any, ...]

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
    start, end = (each and each.astimezone(UTC).date() for each in chosen.window)
    days = spans.counts(KindSpan, start, end)
    for column, ids in chosen.names.items():
        if column in ("kind_id", "build_id"):
            days = [each.filter(**{f"{column}__in": ids}) for each in days]
    counts = _summed(days, "records", ("kind_id", "build_id"))
    return _counted(list(counts), exact=given.keys() <= _COUNTED)


def _counted(counts: Sequence[Row], *, exact: bool) -> Facets:
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
    "day", "week", "build", "system_name", "classification", "severity", "external"
]

_COLUMNS: Mapping[Dimension, str] = {
    "day": "day",
    "week": "day",
    "build": "build_id",
    "system_name": "build__system_name",
    "classification": "kind__classification__name",
    "severity": "kind__severity",
    "external": "kind__external",
}


def records_by(scope: Scope, *dimensions: Dimension) -> Counter[Row]:
    """Records received in a scope, by the values of these dimensions in their order.

    A day is a date, and a week the one of its Monday; a build is its id (see
    `build_labels`).
    """
    columns = [_COLUMNS[each] for each in dimensions]
    rows = _summed(_kind_days(scope, dimensions), "records", columns)
    return _counts(rows, dimensions)


def records(scope: Scope) -> int:
    """How many records were received in a scope."""
    return records_by(scope)[()]


def hardware(scope: Scope) -> Counter[str]:
    """Records received by host type. Version and classification are not counted by."""
    rows = spans.counts(HardwareSpan, scope.start, scope.end)
    days = [each.filter(**_where(scope)) for each in rows]
    counts = list(_summed(days, "records", ("hardware_id",)))
    known = labels.hardware.of({row[0] for row in counts})
    found: Counter[str] = Counter()
    for hardware_id, n in counts:
        found[known[hardware_id].host_type] += n
    return found


def first_day() -> date | None:
    """The first day on which a record was counted."""
    first: date | None = KindDay.objects.aggregate(day=Min("day"))["day"]
    return first


_OF_KINDS = {"classification", "severity", "external"}
_OF_BUILDS = {"build", "system_name"}


def _kind_days(scope: Scope, dimensions: Sequence[Dimension]) -> list[QuerySet[Any]]:
    """Rows by kind and build, or by only one of them where that is enough."""
    ids = {"kind_id": scope.kind_ids, "build_id": scope.build_ids}
    only = {f"{name}__in": some for name, some in ids.items() if some is not None}
    kinds = ids["kind_id"] is not None or not _OF_KINDS.isdisjoint(dimensions)
    builds = ids["build_id"] is not None or not _OF_BUILDS.isdisjoint(dimensions)
    whole = ("" if kinds else "kind_id") if builds else "build_id"
    longest = spans.longest(dimensions)
    rows = spans.counts(KindSpan, scope.start, scope.end, longest=longest, whole=whole)
    return [each.filter(**only) for each in rows]


def _counts(rows: Iterable[Row], dimensions: Sequence[str]) -> Counter[Row]:
    found: Counter[Row] = Counter()
    weeks = [n for n, each in enumerate(dimensions) if each == "week"]
    for *key, n in rows:
        for place in weeks:
            key[place] = spans.monday(key[place])
        found[tuple(key)] += n
    return found


# --- Machines -----------------------------------------------------------------------

Place = Literal["day", "week", "build", "system_name", "external"]


def machine_days(scope: Scope, *dimensions: Place) -> Counter[Row]:
    """Days on which machines sent a heartbeat, summed up: what rates are told per.

    By the values of these dimensions in their order, as in `records_by`. An id counts
    once a day on each operating system and source, and by build once on each build.
    A scope's classification does not count.
    """
    of_builds = bool(scope.version) or "build" in dimensions
    places = _PLACES if of_builds else {"week": "day"}
    columns = [places.get(each, each) for each in dimensions]
    days: list[QuerySet[Any]] = [_presence(scope)]
    if of_builds:
        days = scope.counts_of(BuildPresenceSpan, *dimensions)
    return _counts(_summed(days, "ids", columns), dimensions)


_PLACES = {"build": "build_id", "system_name": "build__system_name", "week": "day"}


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
    rows = [_distinct(scope, each) for each in scope.counts_of(BuildPresenceSpan)]
    return _counts(_summed(rows, "ids", ("build_id", "external")), ())


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
    return SystemPresence.objects.filter(**scope.of_days(), **_where(scope))


def _where(scope: Scope) -> dict[str, object]:
    """Conditions on the columns `system_name` and `external`."""
    given = {"system_name": scope.system_name or None, "external": scope.external}
    return {name: value for name, value in given.items() if value is not None}


def _summed(
    rows: Iterable[QuerySet[Any]], what: str, columns: Sequence[str]
) -> Iterator[Row]:
    """Sums of a column by the values of others, of each of these tables; without
    others, one sum of each.
    """
    for each in rows:
        if columns:
            yield from each.order_by().values_list(*columns).annotate(n=Sum(what))
        else:
            yield (each.aggregate(n=Sum(what))["n"] or 0,)


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

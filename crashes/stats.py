"""Counts and lists for pages, API and plugins: from counts and reports, never payloads.

This module and its signatures are what views and plugins read crashes through.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal, NamedTuple

from django.db.models import Count, Max, Min, QuerySet, Sum

from crashes import counts, guilty, judging
from crashes.backtrace import Frame as TraceFrameValue
from crashes.counts import traces_of
from crashes.models import BuildSpan, CrashDay, CrashReport, Guilty, Trace
from records.labels import builds as build_labels
from records.scope import Scope
from records.spans import monday
from records.stats import in_version_order
from records.windows import id_bounds, midnight

Counts = Mapping[int, int]

NEWEST = 5000
"""Days with so many crashes of a guilty are looked through for its machines."""

_MOST_NEW = 200
"""Guilties with most crashes, among which new ones are looked for."""


# --- Top crashes --------------------------------------------------------------------


@dataclass(frozen=True)
class TopCrash:
    """A guilty with its crashes in a scope; ``builds`` by build id."""

    guilty: int
    function: str
    module: str
    comment: str
    hidden: bool
    crashes: int
    machines: int
    builds: Counts = field(default_factory=dict)


def top(
    scope: Scope,
    *,
    limit: int = 10,
    hidden: bool = False,
    builds: Collection[int] | None = None,
) -> list[TopCrash]:
    """The guilties with most crashes, the greatest first, on these builds or on all."""
    crashes = _crashes(scope)
    shown = _shown(crashes, hidden=hidden)
    ranked = _ranked(crashes, shown)[:limit]
    only = {} if builds is None else {"build_id__in": builds}
    on_builds = counts.crashes(scope, "build_id", guilty_ids=ranked, **only)
    return _described(scope, crashes, shown, ranked, on_builds)


def new(scope: Scope, *, limit: int = 10) -> list[TopCrash]:
    """The guilties with most crashes of those that never crashed before the scope.

    They come without their builds.
    """
    crashes = _crashes(scope)
    shown = _shown(crashes, hidden=False)
    ranked = _ranked(crashes, shown)[:_MOST_NEW]
    known = counts.crashed_before(scope.start, ranked) if scope.start else set()
    fresh = [each for each in ranked if each not in known]
    return _described(scope, crashes, shown, fresh[:limit])


def _crashes(scope: Scope) -> Counts:
    return {owner: n for (owner,), n in counts.crashes(scope).items()}


def _merged() -> dict[int, int]:
    """What guilties are merged into."""
    merged = Guilty.objects.filter(merged_into__isnull=False)
    return dict(merged.values_list("id", "merged_into_id"))


def _shown(guilty_ids: Iterable[int], *, hidden: bool) -> dict[int, Guilty]:
    rows = Guilty.objects.filter(id__in=list(guilty_ids)).select_related("frame")
    return {row.pk: row for row in rows if hidden or not row.hidden}


def _ranked(crashes: Counts, shown: Iterable[int]) -> list[int]:
    return sorted(shown, key=lambda each: (-crashes[each], each))


def _described(
    scope: Scope,
    crashes: Counts,
    shown: Mapping[int, Guilty],
    guilty_ids: Sequence[int],
    on_builds: Mapping[tuple[int, int], int] | None = None,
) -> list[TopCrash]:
    machines = counts.machines(scope, guilty_ids)
    builds: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for (owner, build_id), n in (on_builds or {}).items():
        builds[owner][build_id] = n
    return [
        TopCrash(
            guilty=each,
            function=shown[each].frame.function,
            module=shown[each].frame.module,
            comment=shown[each].comment,
            hidden=shown[each].hidden,
            crashes=crashes[each],
            machines=machines[each],
            builds=builds[each],
        )
        for each in guilty_ids
    ]


# --- Charts -------------------------------------------------------------------------


def by_classification(scope: Scope) -> list[tuple[str, int]]:
    """Crashes per classification, with and without backtrace, the greatest first."""
    crashes: Counter[str] = Counter()
    whole = "build_id" if scope.build_ids is None else ""
    for rows in scope.counts_of(BuildSpan, whole=whole):
        of_each = rows.order_by().values_list("classification__name")
        crashes.update(dict(of_each.annotate(n=Sum("crashes"))))
    return sorted(crashes.items(), key=lambda each: (-each[1], each[0]))


def by_build(scope: Scope) -> list[tuple[int, int]]:
    """(build id, crashes), builds ordered as versions, oldest first."""
    crashes: Counter[int] = Counter()
    for rows in scope.counts_of(BuildSpan, whole="classification_id"):
        of_each = rows.order_by().values_list("build_id")
        crashes.update(dict(of_each.annotate(n=Sum("crashes"))))
    return [(build, crashes[build]) for build in in_version_order(crashes)]


def by_day(scope: Scope, guilty_id: int | None = None) -> dict[date, int]:
    """Crashes per UTC day, of one guilty or of all."""
    if guilty_id is not None:
        return counts.of_guilty(guilty_id, scope, "day")
    return dict(sorted(by_time(scope, "day").items()))


def by_time(scope: Scope, time: Literal["day", "week"]) -> Counter[date]:
    """Crashes per UTC day, or per week, by its Monday."""
    crashes: Counter[date] = Counter()
    whole = "build_id" if scope.build_ids is None else "classification_id"
    for rows in scope.counts_of(BuildSpan, time, whole=whole):
        for day, n in rows.order_by().values_list("day").annotate(n=Sum("crashes")):
            crashes[monday(day) if time == "week" else day] += n
    return crashes


# --- One guilty ---------------------------------------------------------------------


class BuildCount(NamedTuple):
    build_id: int
    system_name: str
    version: str
    crashes: int
    machines: int


class MachineCount(NamedTuple):
    machine_id: str
    build_id: int
    version: str
    crashes: int
    last_record: int


class RecordsCount(NamedTuple):
    """A guilty of some records' crashes."""

    guilty: int
    function: str
    module: str
    crashes: int
    last_record: int


def crashes_of(guilty_ids: Collection[int]) -> Counter[int]:
    """Crashes ever counted per guilty, without those merged into it."""
    days = CrashDay.objects.filter(trace__guilty__in=list(guilty_ids))
    counts = days.values_list("trace__guilty").annotate(n=Sum("crashes"))
    return Counter(dict(counts))


def seen(guilty_id: int) -> tuple[datetime | None, datetime | None]:
    """When a crash of this guilty was received first and last."""
    reports = CrashReport.objects.filter(trace__in=traces_of(guilty_id))
    found = reports.aggregate(first=Min("received_at"), last=Max("received_at"))
    return found["first"], found["last"]


def builds_of(guilty_id: int, scope: Scope) -> list[BuildCount]:
    """Crashes and machines per build, newest version first."""
    crashes = counts.of_guilty(guilty_id, scope, "build_id")
    machines = counts.machines_by_build(scope, guilty_id)
    labels = build_labels.of(crashes)
    ordered = reversed(in_version_order(crashes))
    return [
        BuildCount(each, *labels[each], crashes[each], machines[each])
        for each in ordered
    ]


def recent(scope: Scope, days: Mapping[date, int]) -> Scope:
    """The last days of a scope: as many as have `NEWEST` crashes, of these per day."""
    found = 0
    for day in sorted(days, reverse=True):
        found += days[day]
        if found >= NEWEST:
            return replace(scope, start=day)
    return scope


def machines_of(
    guilty_id: int, scope: Scope, *, limit: int = 100
) -> list[MachineCount]:
    """Machines per build, those with most crashes first: every report is read."""
    reports = scope.facts_of(CrashReport).filter(trace__in=traces_of(guilty_id))
    if scope.start:  # by trace and id there is an index
        first, _ = id_bounds(midnight(scope.start), None)
        reports = reports.filter(record_id__gte=first or 0)
    per_machine = reports.order_by().values_list("machine_id", "build_id")
    counted = per_machine.annotate(n=Count("record_id"), last=Max("record_id"))
    rows = list(counted.order_by("-n", "-last")[:limit])
    labels = build_labels.of({build_id for _, build_id, _, _ in rows})
    return [
        MachineCount(machine_id, build_id, labels[build_id].version, crashes, last)
        for machine_id, build_id, crashes, last in rows
    ]


def of_records(record_ids: Collection[int]) -> list[RecordsCount]:
    """The guilties of the crashes among these records, most crashes first."""
    target = _merged()
    crashes: Counter[int] = Counter()
    last: dict[int, int] = {}
    reports = CrashReport.objects.filter(record_id__in=list(record_ids)).order_by()
    rows = reports.filter(trace__guilty__isnull=False).values_list("trace__guilty_id")
    for found, n, newest in rows.annotate(Count("record_id"), Max("record_id")):
        owner = target.get(found, found)
        crashes[owner] += n
        last[owner] = max(newest, last.get(owner, 0))
    frames = {pk: row.frame for pk, row in _shown(crashes, hidden=True).items()}
    ranked = sorted(crashes, key=lambda each: (-crashes[each], -last[each]))
    return [
        RecordsCount(
            each, frames[each].function, frames[each].module, crashes[each], last[each]
        )
        for each in ranked
    ]


# --- Backtraces ---------------------------------------------------------------------


@dataclass(frozen=True)
class NotedFrame:
    """A frame with what it meant for the verdict, and why."""

    id: int
    frame: TraceFrameValue
    note: guilty.Note
    markable: bool


@dataclass(frozen=True)
class Backtrace:
    """A trace, folded: how often it was reported, and last by which record."""

    trace: int
    program: str
    classification: str
    crashes: int
    machines: int
    last_record: int
    last_received: datetime
    signals: tuple[int, ...]
    frames: tuple[NotedFrame, ...]


def backtraces(
    guilty_id: int,
    scope: Scope,
    *,
    machine_id: str = "",
    below: int | None = None,
    limit: int = 10,
) -> list[Backtrace]:
    """Distinct backtraces of a guilty, the one reported last first.

    ``below`` pages: only traces whose last record has a smaller id.
    """
    reports = scope.facts_of(CrashReport).filter(trace__in=traces_of(guilty_id))
    if machine_id:
        reports = reports.filter(machine_id=machine_id)
    rows = reports.values("trace_id").annotate(
        crashes=Count("record_id"),
        machines=Count("machine_id", distinct=True),
        last=Max("record_id"),
        received=Max("received_at"),
    )
    if below is not None:
        rows = rows.filter(last__lt=below)
    found = list(rows.order_by("-last")[:limit])
    traces = Trace.objects.select_related("program", "classification").in_bulk(
        [row["trace_id"] for row in found]
    )
    signals = _signals(reports, traces)
    return [
        Backtrace(
            trace=row["trace_id"],
            program=traces[row["trace_id"]].program.name,
            classification=traces[row["trace_id"]].classification.name,
            crashes=row["crashes"],
            machines=row["machines"],
            last_record=row["last"],
            last_received=row["received"],
            signals=signals.get(row["trace_id"], ()),
            frames=noted_frames(traces[row["trace_id"]]),
        )
        for row in found
    ]


def _signals(
    reports: QuerySet[CrashReport], traces: Collection[int]
) -> dict[int, tuple[int, ...]]:
    pairs = reports.filter(trace__in=list(traces)).order_by()
    found: defaultdict[int, list[int]] = defaultdict(list)
    for trace, signal in pairs.values_list("trace_id", "signal").distinct():
        if signal is not None:
            found[trace].append(signal)
    return {trace: tuple(sorted(each)) for trace, each in found.items()}


def noted_frames(trace: Trace) -> tuple[NotedFrame, ...]:
    """The frames of a trace with the verdict of the rules in force."""
    frame_ids: Sequence[int] = trace.frames
    frames = judging.frames_of(frame_ids)
    rules = judging.in_force().rules
    matcher = rules.of(trace.classification.name, trace.program.name)
    notes = guilty.judge(frames, matcher).notes
    return tuple(
        NotedFrame(pk, frame, note, guilty.is_markable(frame.function, frame.module))
        for pk, frame, note in zip(frame_ids, frames, notes, strict=True)
    )

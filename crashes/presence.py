"""Crashes and machines per guilty: exact for any days, whatever the rules become.

Machines are counted by the links of their days (see `records.chains`). While a guilty
is *counted*, storing a report adds to its counts. What moves traces to another guilty,
or deletes reports, makes guilties uncounted: pages then ask reports and `CrashDay`, and
the worker counts them anew.

A guilty becomes counted only while no batch is digested (`own_digest`). Whoever changes
what is to be counted is beside that at most (`share_digest`), and then alone with it
(`own_presence`). One that is merged into another is counted as that one.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date
from itertools import accumulate, groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce, TruncDate

from crashes.models import (
    CountedGuilty,
    CrashDay,
    CrashReport,
    Guilty,
    GuiltyDay,
    GuiltyPresence,
    Source,
    Trace,
)
from crashes.rollups import GUILTY_DAY, GUILTY_PRESENCE, and_ever, day_of
from records import database, labels, rollups
from records.chains import joined
from records.models import RetentionRun
from records.rollups import Key

OWNER = Coalesce("trace__guilty__merged_into", "trace__guilty")
"""The guilty that a report, or a count by trace, is counted for."""

DAY = TruncDate("received_at", tzinfo=UTC)

Machine = tuple[str, int]
"""A machine id, and the guilty of its crashes."""

_AT_ONCE = 2000
_MOST_LISTED = 500
_CRASHES_AT_ONCE = 20_000  # about half a second, in which nothing is digested


class Place(NamedTuple):
    """Where machines are counted: everywhere is no name, 0 and any source."""

    system_name: str
    build_id: int
    source: Source


class Crash(NamedTuple):
    """What is counted of a crash of a machine."""

    day: date
    build_id: int
    external: bool


Crashes = frozenset[Crash]


class Change(NamedTuple):
    """What a machine had of a guilty, and has now in addition."""

    guilty: int
    before: Crashes
    new: Crashes

    def links(self) -> Iterator[tuple[Key, int]]:
        """Links that come, with 1, and go, with -1."""
        known = _days_by_place(self.before)
        for place, days in _days_by_place(self.new).items():
            before = known[place]
            if not days <= before:
                for n, some in zip((1, -1), joined(before, days - before), strict=True):
                    for link in some:
                        yield (self.guilty, *place, link.day, link.previous), n


def _days_by_place(crashes: Crashes) -> defaultdict[Place, set[date]]:
    found: defaultdict[Place, set[date]] = defaultdict(set)
    for day, build_id, external in crashes:
        for place in _places(build_id, external):
            found[place].add(day)
    return found


def _places(build_id: int, external: bool) -> set[Place]:
    system_name = labels.builds.one(build_id).system_name
    return {
        Place(*where, source)
        for where in (("", 0), (system_name, 0), ("", build_id))
        for source in (Source.ANY, Source.of(external))
    }


def _save(changes: Counter[Change]) -> None:
    """Save what changed for so many machines each: most of them are alike."""
    ids: Counter[Key] = Counter()
    for change, machines in changes.items():
        for key, n in change.links():
            ids[key] += n * machines
    rollups.add(GUILTY_PRESENCE, {key: n for key, n in ids.items() if n})
    fewer = {key[0] for key, n in ids.items() if n < 0}
    if fewer:
        GuiltyPresence.objects.filter(guilty__in=fewer, ids=0).delete()


# --- Reports that are stored --------------------------------------------------------


def add(reports: Sequence[CrashReport]) -> None:
    """Count reports that are about to be stored, where their guilty is counted."""
    if not CountedGuilty.objects.exists():
        return
    database.own_presence()
    owners = dict(_counted_owners({report.trace_id for report in reports}))
    days: Counter[Key] = Counter()
    crashes: defaultdict[Machine, set[Crash]] = defaultdict(set)
    for each in reports:
        if owner := owners.get(each.trace_id):
            crash = Crash(day_of(each), each.build_id, each.external)
            days[crash.day, owner, crash.build_id, crash.external] += 1
            crashes[each.machine_id, owner].add(crash)
    rollups.add(GUILTY_DAY, and_ever(days))
    _save(_changes(crashes))


def _counted_owners(trace_ids: Collection[int]) -> QuerySet[Trace, tuple[int, int]]:
    owner = Coalesce("guilty__merged_into", "guilty")
    traces = Trace.objects.filter(id__in=trace_ids).annotate(owner=owner)
    counted = CountedGuilty.objects.values("guilty")
    return traces.filter(owner__in=counted).values_list("id", "owner")


def _changes(crashes: Mapping[Machine, set[Crash]]) -> Counter[Change]:
    machines = iter({machine_id for machine_id, _ in crashes})
    known: defaultdict[Machine, set[Crash]] = defaultdict(set)
    while some := list(islice(machines, _AT_ONCE)):
        reports = CrashReport.objects.filter(machine_id__in=some).annotate(owner=OWNER)
        rows = reports.filter(owner__isnull=False).annotate(day=DAY).order_by()
        columns = ("machine_id", "owner", *Crash._fields)
        for machine_id, owner, *crash in rows.values_list(*columns).distinct():
            known[machine_id, owner].add(Crash._make(crash))
    return Counter(
        Change(machine[1], frozenset(known[machine]), frozenset(new))
        for machine, new in crashes.items()
    )


# --- Guilties that are counted anew -------------------------------------------------


def uncount(guilty_ids: Iterable[int | None]) -> None:
    """Call it before other traces or reports become theirs, or some no longer are."""
    database.own_presence()
    known = Guilty.objects.filter(id__in={each for each in guilty_ids if each})
    owners = known.annotate(owner=Coalesce("merged_into", "id")).values("owner")
    CountedGuilty.objects.filter(guilty__in=owners).delete()


def uncount_traces(trace_ids: Collection[int]) -> None:
    """The same for the guilties of these traces."""
    if trace_ids:
        database.own_presence()
        traces = Trace.objects.filter(id__in=trace_ids).order_by()
        uncount(traces.values_list("guilty_id", flat=True).distinct())


def uncounted() -> QuerySet[Guilty]:
    """Guilties whose counts are to be made from `CrashDay` and reports."""
    return Guilty.objects.filter(counted__isnull=True, merged_into__isnull=True)


def count_again() -> int:
    """The worker's step: count some of the uncounted; how many.

    Not while a purge is at work, after which they had to be counted again.
    """
    if RetentionRun.objects.filter(finished__isnull=True).exists():
        return 0
    guilty_ids = _some()
    if guilty_ids:
        count_anew(guilty_ids)
    return len(guilty_ids)


def _some() -> list[int]:
    """Uncounted guilties that have few crashes together, or one that has many."""
    listed = list(uncounted().values_list("id", flat=True)[:_MOST_LISTED])
    days = _of(CrashDay.objects.all(), listed).values_list("owner")
    crashes = Counter(dict(days.annotate(n=Sum("crashes"))))
    together = accumulate(crashes[each] for each in listed)
    few = sum(n <= _CRASHES_AT_ONCE for n in together)
    return listed[: max(few, 1)]


def count_anew(guilty_ids: Collection[int]) -> None:
    """Count these from `CrashDay` and from reports; they are counted then."""
    with transaction.atomic():
        database.own_digest()
        rows = uncounted().filter(id__in=guilty_ids).values_list("id", flat=True)
        mine = list(rows)  # without those that another worker has counted
        for model in (GuiltyDay, GuiltyPresence):
            model._default_manager.filter(guilty__in=mine).delete()
        rollups.add(GUILTY_DAY, and_ever(_days(mine)))
        _save(_all_changes(mine))
        CountedGuilty.objects.bulk_create(CountedGuilty(guilty_id=pk) for pk in mine)


def _of(rows: QuerySet[Any], guilty_ids: Collection[int]) -> QuerySet[Any]:
    """Reports, or counts by trace, of these guilties, and whose they are."""
    owner = Coalesce("guilty__merged_into", "guilty")
    traces = Trace.objects.annotate(owner=owner).filter(owner__in=guilty_ids)
    of_them = rows.filter(trace__in=traces.values("id"))
    owned: QuerySet[Any] = of_them.annotate(owner=OWNER)
    return owned


def _days(guilty_ids: Collection[int]) -> dict[Key, int]:
    rows = _of(CrashDay.objects.all(), guilty_ids)
    key = ("day", "owner", "build_id", "external")
    found = rows.values_list(*key).annotate(n=Sum("crashes"))
    return {tuple(key): n for *key, n in found}


def _all_changes(guilty_ids: Collection[int]) -> Counter[Change]:
    """From no report to all of them, read in the order of their machines."""
    reports = _of(CrashReport.objects.all(), guilty_ids).annotate(day=DAY)
    columns = ("machine_id", "owner", *Crash._fields)
    rows = reports.order_by("machine_id", "owner").values_list(*columns)
    machines = groupby(rows.iterator(chunk_size=5000), key=itemgetter(0, 1))
    return Counter(
        Change(owner, frozenset(), frozenset(Crash._make(row[2:]) for row in some))
        for (_, owner), some in machines
    )

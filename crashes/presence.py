"""Crashes and machines per guilty: exact for any days, whatever the rules become.

Machines are counted by the links of their days (see `records.chains`). While a guilty
is *counted*, storing a report adds to its counts. What moves traces to another guilty,
or deletes reports, makes guilties uncounted: pages then ask reports and `CrashDay`, and
the worker counts them anew.

A guilty becomes counted only while no batch is digested (`own_digest`). Whoever changes
what is to be counted is beside that at most (`share_digest`), and then alone with it
(`own_presence`). One that is merged into another is counted as that one.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date
from itertools import groupby, islice
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
from crashes.rollups import GUILTY_DAY, GUILTY_PRESENCE, day_of
from records import database, labels, rollups
from records.chains import joined, links
from records.rollups import Key

OWNER = Coalesce("trace__guilty__merged_into", "trace__guilty")
"""The guilty that a report, or a count by trace, is counted for."""

_AT_ONCE = 2000
_STEP_SECONDS = 0.2
_MOST_LISTED = 100


class Place(NamedTuple):
    """Where machines are counted: everywhere is no name, 0 and any source."""

    system_name: str
    build_id: int
    source: Source


class Seen(NamedTuple):
    """A machine with a crash of a guilty on a day."""

    machine_id: str
    guilty: int
    day: date
    build_id: int
    external: bool


Chains = Mapping[tuple[str, int, Place], set[date]]


def _places(build_id: int, external: bool) -> set[Place]:
    system_name = labels.builds.one(build_id).system_name
    return {
        Place(*where, source)
        for where in (("", 0), (system_name, 0), ("", build_id))
        for source in (Source.ANY, Source.of(external))
    }


def _chains(seen: Iterable[Seen]) -> Chains:
    found: defaultdict[tuple[str, int, Place], set[date]] = defaultdict(set)
    for machine_id, guilty, day, build_id, external in seen:
        for place in _places(build_id, external):
            found[machine_id, guilty, place].add(day)
    return found


# --- Reports that are stored --------------------------------------------------------


def add(reports: Sequence[CrashReport]) -> None:
    """Count reports that are about to be stored, where their guilty is counted."""
    trace_ids = {report.trace_id for report in reports}
    if not _counted_owners(trace_ids).exists():
        return
    database.own_presence()
    owners = dict(_counted_owners(trace_ids))
    days: Counter[Key] = Counter()
    seen: set[Seen] = set()
    for each in reports:
        if owner := owners.get(each.trace_id):
            day, build_id, external = day_of(each), each.build_id, each.external
            days[day, owner, build_id, external] += 1
            seen.add(Seen(each.machine_id, owner, day, build_id, external))
    rollups.add(GUILTY_DAY, days)
    _link(seen)


def _counted_owners(trace_ids: Collection[int]) -> QuerySet[Trace, tuple[int, int]]:
    owner = Coalesce("guilty__merged_into", "guilty")
    traces = Trace.objects.filter(id__in=trace_ids).annotate(owner=owner)
    counted = CountedGuilty.objects.values("guilty")
    return traces.filter(owner__in=counted).values_list("id", "owner")


def _link(seen: Collection[Seen]) -> None:
    """Count days that join the chains of their machines."""
    by_machine = groupby(sorted(seen), key=itemgetter(0))
    machines = ((machine_id, list(some)) for machine_id, some in by_machine)
    ids: Counter[Key] = Counter()
    while some := dict(islice(machines, _AT_ONCE)):
        known = _chains(_seen(CrashReport.objects.filter(machine_id__in=some)))
        new = _chains(each for mine in some.values() for each in mine)
        for (machine_id, guilty, place), days in new.items():
            before = known.get((machine_id, guilty, place), set())
            if not days <= before:
                came, went = joined(before, days - before)
                ids.update((guilty, *place, link.day, link.previous) for link in came)
                ids.subtract((guilty, *place, *link[:2]) for link in went)
    rollups.add(GUILTY_PRESENCE, {key: n for key, n in ids.items() if n})
    fewer = {key[0] for key, n in ids.items() if n < 0}
    if fewer:
        GuiltyPresence.objects.filter(guilty__in=fewer, ids=0).delete()


def _seen(reports: QuerySet[CrashReport]) -> Iterator[Seen]:
    day = TruncDate("received_at", tzinfo=UTC)
    rows = reports.annotate(owner=OWNER, day=day).filter(owner__isnull=False)
    columns = ("machine_id", "owner", "day", "build_id", "external")
    return map(Seen._make, rows.order_by().values_list(*columns).distinct())


# --- Guilties that are counted anew -------------------------------------------------


def uncount(guilty_ids: Iterable[int | None]) -> None:
    """Call it before other traces or reports become theirs, or some no longer are."""
    database.own_presence()
    known = Guilty.objects.filter(id__in=set(guilty_ids) - {None})
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
    """The worker's step: count some of the uncounted; how many."""
    end = time.monotonic() + _STEP_SECONDS
    done = 0
    for guilty_id in list(uncounted().values_list("id", flat=True)[:_MOST_LISTED]):
        count_anew(guilty_id)
        done += 1
        if time.monotonic() > end:
            break
    return done


def count_anew(guilty_id: int) -> None:
    """Count a guilty, from `CrashDay` and from its reports; it is counted then."""
    with transaction.atomic():
        database.own_digest()
        if not uncounted().filter(pk=guilty_id).exists():
            return  # another worker has counted it
        for model in (GuiltyDay, GuiltyPresence):
            model._default_manager.filter(guilty=guilty_id).delete()
        rollups.upsert(GUILTY_DAY, _days(guilty_id))
        rollups.add(GUILTY_PRESENCE, _links(guilty_id))
        CountedGuilty.objects.create(guilty_id=guilty_id)


def _traces(guilty_id: int) -> list[int]:
    owner = Coalesce("guilty__merged_into", "guilty")
    traces = Trace.objects.annotate(owner=owner).filter(owner=guilty_id)
    return list(traces.values_list("id", flat=True))


def _days(guilty_id: int) -> list[Key]:
    days = CrashDay.objects.filter(trace__in=_traces(guilty_id))
    rows = days.values_list("day", "build_id", "external").annotate(n=Sum("crashes"))
    return [(day, guilty_id, *rest) for day, *rest in rows]


def _links(guilty_id: int) -> Counter[Key]:
    """All links, from reports in the order of their machines: memory stays flat."""
    day = TruncDate("received_at", tzinfo=UTC)
    reports = CrashReport.objects.filter(trace__in=_traces(guilty_id))
    rows = reports.order_by("machine_id").annotate(day=day)
    columns = ("machine_id", "day", "build_id", "external")
    found = rows.values_list(*columns).iterator(chunk_size=5000)
    ids: Counter[Key] = Counter()
    for _, some in groupby(found, key=itemgetter(0)):
        for place, days in _days_by_place(some).items():
            for link in links(days):
                ids[guilty_id, *place, link.day, link.previous] += 1
    return ids


def _days_by_place(rows: Iterable[tuple[Any, ...]]) -> Mapping[Place, set[date]]:
    found: defaultdict[Place, set[date]] = defaultdict(set)
    for _, day, build_id, external in rows:
        for place in _places(build_id, external):
            found[place].add(day)
    return found

"""How many ids were there: kept while heartbeats are counted, exact for any days.

An id has a chain of days (see `records.chains`) on its operating system, and another
one on each build. Their links are counted in `SystemPresence` and `BuildPresence`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import chain, islice
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet, Window
from django.db.models.functions import RowNumber

from records import database, labels
from records.chains import NEVER, joined
from records.models import Folded, MachineDay
from records.rollups import BUILD_PRESENCE, SYSTEM_PRESENCE, Key, Table, upsert

_NEAR = timedelta(days=8)
_AT_ONCE = 2000
_CHAIN = ("machine_id", "build_id", "external")


class Beat(NamedTuple):
    """A machine-day with a heartbeat."""

    day: date
    machine_id: str
    build_id: int
    external: bool


Chains = dict[tuple[str, str | int, bool], set[date]]


class _Level(NamedTuple):
    """What ids are counted by: a rollup, and its name for a build."""

    table: Table
    place: Callable[[int], str | int]

    def chains(self, beats: Iterable[Beat]) -> Chains:
        found: defaultdict[tuple[str, str | int, bool], set[date]] = defaultdict(set)
        for day, machine_id, build_id, external in beats:
            found[machine_id, self.place(build_id), external].add(day)
        return found


_LEVELS = (
    _Level(SYSTEM_PRESENCE, lambda build_id: labels.builds.one(build_id).system_name),
    _Level(BUILD_PRESENCE, lambda build_id: build_id),
)


def add(beats: Iterable[Beat]) -> None:
    """Count machine-days that have just had their first heartbeat."""
    _change(beats, 1)


def leave_out(day: date) -> None:
    """Count as if no machine had a heartbeat on that day, until they are added."""
    of_day = _beats().filter(day=day)
    _change(map(Beat._make, of_day.values_list(*Beat._fields)), -1)


def recount() -> None:
    """Count all chains again, from every machine-day there is."""
    never = connection.ops.adapt_datefield_value(NEVER)
    with transaction.atomic(), connection.cursor() as cursor:
        database.own_digest()
        database.own_presence()
        Folded.objects.all().delete()
        for table, place in ((SYSTEM_PRESENCE, "system_name"), (BUILD_PRESENCE, "id")):
            table.model._default_manager.all().delete()
            cursor.execute(_recount(table, place), [never])


def _recount(table: Table, place: str) -> str:
    """SQL that fills the table; ``place``: the column of builds that it counts by."""
    return f"""
        INSERT INTO {table.model._meta.db_table} ({", ".join(table.columns)})
        SELECT day, COALESCE(previous, %s), place, external, COUNT(*),
            COUNT(CASE WHEN n = 2 THEN 1 END)
        FROM (
            SELECT day, place, external, LAG(day) OVER chain AS previous,
                ROW_NUMBER() OVER chain AS n
            FROM (
                SELECT DISTINCT m.machine_id, b.{place} AS place, m.external, m.day
                FROM records_machineday m JOIN records_build b ON b.id = m.build_id
                WHERE m.heartbeats > 0
            ) beats
            WINDOW chain AS (PARTITION BY machine_id, place, external ORDER BY day)
        ) links
        GROUP BY 1, 2, 3, 4
    """  # noqa: S608 - every name here is one of our own


def _change(beats: Iterable[Beat], sign: int) -> None:
    by_machine: defaultdict[str, list[Beat]] = defaultdict(list)
    for beat in beats:
        by_machine[beat.machine_id].append(beat)
    if by_machine:
        database.own_presence()
    machines = iter(by_machine.values())
    while some := list(chain.from_iterable(islice(machines, _AT_ONCE))):
        known = _known(some)
        for level in _LEVELS:
            _save(level.table, _links(level.chains(some), level.chains(known)), sign)


def _links(new: Chains, known: Chains) -> Iterator[tuple[Key, bool, int]]:
    """What becomes of links when days join chains: their key, second or not, and ±1."""
    for each, days in new.items():
        before = known.get(each, set())
        if days <= before:
            continue
        for n, links in zip((1, -1), joined(before, days - before), strict=True):
            for link in links:
                yield (link.day, link.previous, *each[1:]), link.second, n


def _save(table: Table, links: Iterable[tuple[Key, bool, int]], sign: int) -> None:
    ids: Counter[Key] = Counter()
    second: Counter[Key] = Counter()
    for key, is_second, n in links:
        ids[key] += n * sign
        second[key] += n * sign * is_second
    rows = [(*key, n, second[key]) for key, n in ids.items() if n or second[key]]
    upsert(table, rows)
    fewer = {key[0] for key, n in ids.items() if n < 0}
    if fewer:
        table.model._default_manager.filter(day__in=fewer, ids__lte=0).delete()


# --- Neighbours ---------------------------------------------------------------------


def _known(beats: Sequence[Beat]) -> set[Beat]:
    """Other machine-days of the same ids: enough of them to know their neighbours."""
    first, last = min(beats).day, max(beats).day
    machines = {beat.machine_id for beat in beats}
    near = _of(machines, day__gte=first - _NEAR, day__lte=last + _NEAR)
    earlier = _few(beats, (beat for beat in near if beat[0] < first))
    near |= _nearest("-day", earlier, day__lt=first - _NEAR)
    if _beats().filter(day__gt=last + _NEAR).exists():
        later = _few(beats, (beat for beat in near if beat[0] > last))
        near |= _nearest("day", later, day__gt=last + _NEAR)
    return near.difference(beats)


def _few(beats: Iterable[Beat], on_one_side: Iterable[Beat]) -> set[str]:
    """Machines of which less than two days on that side are known for some build."""
    known = Counter(beat[1:] for beat in on_one_side)
    return {beat.machine_id for beat in beats if known[beat[1:]] < 2}


def _beats() -> QuerySet[MachineDay]:
    return MachineDay.objects.filter(heartbeats__gt=0)


def _of(machines: Collection[str], **days: date) -> set[Beat]:
    found = _beats().filter(machine_id__in=machines, **days)
    return set(found.values_list(*Beat._fields))


def _nearest(order: str, machines: Collection[str], **days: date) -> set[Beat]:
    """The first two days, in that order, of these machines on each build."""
    if not machines:
        return set()
    place = Window(RowNumber(), partition_by=list(_CHAIN), order_by=order)
    found = _beats().filter(machine_id__in=machines, **days).annotate(place=place)
    return set(found.filter(place__lte=2).values_list(*Beat._fields))

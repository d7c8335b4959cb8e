"""The counts of rollups, made by the database from the records themselves."""

from collections import Counter, defaultdict
from datetime import date
from typing import Any

from django.db.models import Count, Max, Min, Q
from django.db.models.functions import TruncDate, TruncHour

from records.models import (
    BuildPresence,
    HardwareDay,
    KindDay,
    MachineDay,
    ReceivedHour,
    SystemPresence,
)
from records.querysets import RecordQuerySet

Rows = list[tuple[Any, ...]]
Chain = tuple[Any, ...]


def recounted(records: RecordQuerySet) -> dict[str, Rows]:
    """What the rollups of these records have to be."""
    by_day = records.order_by().annotate(day=TruncDate("received_at"))
    by_hour = records.order_by().annotate(hour=TruncHour("received_at"))
    n = Count("id")
    heartbeats = Q(kind__classification__name__contains="/heartbeat/")
    kinds = by_day.values_list("day", "kind_id", "build_id").annotate(n=n)
    hardware = by_day.values_list(
        "day", "hardware_id", "build__system_name", "kind__external"
    ).annotate(n=n)
    machines = by_day.values_list(
        "day", "machine_id", "build_id", "kind__external"
    ).annotate(n=n, heartbeats=Count("id", filter=heartbeats))
    hours = by_hour.values_list("hour").annotate(first=Min("id"), last=Max("id"), n=n)
    return {
        "kinds": sorted(kinds),
        "hardware": sorted(hardware),
        "machines": sorted(machines),
        "hours": sorted(hours),
        "systems": _presence(records, "build__system_name"),
        "builds": _presence(records, "build_id"),
    }


def heartbeat_days(records: RecordQuerySet, place: str) -> dict[Chain, list[date]]:
    """The days on which an id was there, by id, place and source."""
    heartbeats = records.filter(kind__classification__name__contains="/heartbeat/")
    by_day = heartbeats.order_by().annotate(day=TruncDate("received_at"))
    rows = by_day.values_list("machine_id", place, "kind__external", "day").distinct()
    days: defaultdict[Chain, list[date]] = defaultdict(list)
    for *chain, day in rows.order_by("day"):
        days[tuple(chain)].append(day)
    return days


def _presence(records: RecordQuerySet, place: str) -> Rows:
    ids: Counter[tuple[Any, ...]] = Counter()
    second: Counter[tuple[Any, ...]] = Counter()
    for chain, days in heartbeat_days(records, place).items():
        for n, day in enumerate(days):
            key = (day, days[n - 1] if n else date(1, 1, 1), *chain[1:])
            ids[key] += 1
            second[key] += n == 1
    return sorted((*key, n, second[key]) for key, n in ids.items())


def rollups() -> dict[str, Rows]:
    """What the rollups are."""
    return {
        "kinds": sorted(
            KindDay.objects.values_list("day", "kind_id", "build_id", "records")
        ),
        "hardware": sorted(
            HardwareDay.objects.values_list(
                "day", "hardware_id", "system_name", "external", "records"
            )
        ),
        "machines": sorted(
            MachineDay.objects.values_list(
                "day", "machine_id", "build_id", "external", "records", "heartbeats"
            )
        ),
        "hours": sorted(
            ReceivedHour.objects.values_list("hour", "first_id", "last_id", "records")
        ),
        "systems": sorted(
            SystemPresence.objects.values_list(
                "day", "previous", "system_name", "external", "ids", "second"
            )
        ),
        "builds": sorted(
            BuildPresence.objects.values_list(
                "day", "previous", "build_id", "external", "ids", "second"
            )
        ),
    }

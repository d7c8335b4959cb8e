"""The counts of rollups, made by the database from the records themselves."""

from typing import Any

from django.db.models import Count, Max, Min, Q
from django.db.models.functions import TruncDate, TruncHour

from records.models import HardwareDay, KindDay, MachineDay, ReceivedHour
from records.querysets import RecordQuerySet

Rows = list[tuple[Any, ...]]


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
    }


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
    }

"""What one machine id sent, for its page.

This module and its signatures are what views and plugins read one machine through.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from django.http import QueryDict

from records import labels, listing
from records.labels import HardwareLabel
from records.listing import Page
from records.models import MachineDay, Record

NEWEST = 5000
"""So many records are looked at: an id that never changes may have sent millions."""

_COLUMNS = ("id", "received_at", "kind_id", "hardware_id", "kernel_id")


class Day(NamedTuple):
    """What an id sent on a UTC day from a build."""

    day: date
    build_id: int
    external: bool
    records: int
    heartbeats: int


class Platform(NamedTuple):
    """Hardware and kernel that an id reported, and when."""

    hardware: HardwareLabel
    kernel: str
    records: int
    first: datetime
    last: datetime


@dataclass(frozen=True)
class Sent:
    """The newest records of an id, counted; ``cut``: there are older ones.

    ``ids`` are the ids of these records, the newest first. The most frequent
    classifications, and the platforms seen last, come first.
    """

    ids: tuple[int, ...]
    cut: bool
    classifications: Mapping[str, int]
    severities: Mapping[int, int]
    platforms: tuple[Platform, ...]


def days(machine_id: str) -> list[Day]:
    """Everything that was ever counted of an id, by day and build, oldest first."""
    rows = MachineDay.objects.filter(machine_id=machine_id)
    ordered = rows.order_by("day", "build_id", "external")
    return [Day(*row) for row in ordered.values_list(*Day._fields)]


def sent(machine_id: str) -> Sent:
    """What the newest records of an id are."""
    records = Record.objects.of_machine(machine_id)
    found = list(records.newest(NEWEST + 1, *_COLUMNS))
    rows = found[:NEWEST]
    kinds = labels.kinds.of({row[2] for row in rows})
    return Sent(
        ids=tuple(row[0] for row in rows),
        cut=len(found) > NEWEST,
        classifications=dict(
            Counter(kinds[row[2]].classification for row in rows).most_common()
        ),
        severities=dict(
            sorted(Counter(kinds[row[2]].severity for row in rows).items())
        ),
        platforms=_platforms(rows),
    )


def _platforms(rows: list[tuple[Any, ...]]) -> tuple[Platform, ...]:
    """Each hardware with each kernel, the one seen last first."""
    received: dict[tuple[int, int], list[datetime]] = {}
    for _, received_at, _, hardware_id, kernel_id in rows:
        received.setdefault((hardware_id, kernel_id), []).append(received_at)
    hardware = labels.hardware.of({pair[0] for pair in received})
    kernels = labels.kernels.of({pair[1] for pair in received})
    return tuple(
        Platform(hardware[pair[0]], kernels[pair[1]], len(when), min(when), max(when))
        for pair, when in received.items()
    )


def page(machine_id: str, paging: Mapping[str, str], *, payload: bool) -> Page:
    """A page of the id's records, newest first, from `from_id` or `after_id` on.

    Raises InvalidParameters and QueryTimeout.
    """
    parameters = QueryDict(mutable=True)
    parameters["machine_id"] = machine_id
    for name in ("from_id", "after_id"):
        if name in paging:
            parameters[name] = paging[name]
    return listing.page(listing.parse(parameters), payload=payload)

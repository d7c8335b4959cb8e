"""What is known of one machine id: counts of every day, and its newest records."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import NamedTuple

from crashes import stats as crashes
from crashes.stats import RecordsCount
from records import machine, stats
from records.labels import BuildLabel
from records.machine import Day, Sent

ROTATION = timedelta(days=3)
"""How long a client keeps its id, unless it is told to keep one for good."""
_STATIC = ROTATION * 2


class Build(NamedTuple):
    """A build that the id reported from."""

    label: BuildLabel
    first: date
    last: date
    records: int
    heartbeats: int


@dataclass(frozen=True)
class History:
    """``days`` are counts, which outlive records; ``sent`` is of those still kept."""

    machine_id: str
    days: Sequence[Day]
    sent: Sent
    builds: Sequence[Build]
    guilties: Sequence[RecordsCount]

    @cached_property
    def records(self) -> int:
        return sum(each.records for each in self.days)

    @cached_property
    def heartbeats(self) -> int:
        return sum(each.heartbeats for each in self.days)

    @cached_property
    def active_days(self) -> int:
        return len({each.day for each in self.days})

    @property
    def first(self) -> date | None:
        return self.days[0].day if self.days else None

    @property
    def last(self) -> date | None:
        return self.days[-1].day if self.days else None

    @property
    def sources(self) -> list[str]:
        found = sorted({each.external for each in self.days})
        return ["external" if each else "internal" for each in found]

    @property
    def keeps_its_id(self) -> bool:
        """Whether it was seen for longer than an id lasts that rotates."""
        return bool(self.days) and self.days[-1].day - self.days[0].day > _STATIC


def find(machine_id: str) -> History | None:
    """The history of an id; None when nothing is known of it."""
    days, sent = machine.days(machine_id), machine.sent(machine_id)
    if not (days or sent.ids):
        return None
    guilties = crashes.of_records(sent.ids)
    return History(machine_id, days, sent, _builds(days), guilties)


def _builds(days: Iterable[Day]) -> list[Build]:
    """The builds of an id, the one seen last first."""
    found: dict[int, list[Day]] = {}
    for each in days:
        found.setdefault(each.build_id, []).append(each)
    labels = stats.build_labels(found)
    builds = [
        Build(
            labels[build_id],
            some[0].day,
            some[-1].day,
            sum(each.records for each in some),
            sum(each.heartbeats for each in some),
        )
        for build_id, some in found.items()
    ]
    return sorted(builds, key=lambda each: (each.last, each.first), reverse=True)

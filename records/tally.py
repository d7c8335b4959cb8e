"""What is counted of records: the one definition of every count per day."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from records import presence
from records.presence import Beat
from records.rollups import (
    HARDWARE_DAY,
    KIND_DAY,
    MACHINE_DAY,
    RECEIVED_HOUR,
    Key,
    add,
    upsert,
)


class Counted(NamedTuple):
    """What counting needs to know of a record."""

    id: int
    received_at: datetime
    kind_id: int
    build_id: int
    hardware_id: int
    machine_id: str
    external: bool
    heartbeat: bool
    system_name: str


@dataclass
class Tally:
    """Counts of some records, by the keys of the rollups."""

    kinds: Counter[Key] = field(default_factory=Counter)
    hardware: Counter[Key] = field(default_factory=Counter)
    machines: Counter[Key] = field(default_factory=Counter)
    heartbeats: Counter[Key] = field(default_factory=Counter)
    hours: dict[datetime, list[int]] = field(default_factory=dict)

    def count(self, records: Iterable[Counted]) -> "Tally":
        for record in records:
            day = record.received_at.date()
            self.kinds[day, record.kind_id, record.build_id] += 1
            self.hardware[
                day, record.hardware_id, record.system_name, record.external
            ] += 1
            machine = (day, record.machine_id, record.build_id, record.external)
            self.machines[machine] += 1
            self.heartbeats[machine] += record.heartbeat
            self._count_hour(record)
        return self

    def _count_hour(self, record: Counted) -> None:
        hour = record.received_at.replace(minute=0, second=0, microsecond=0)
        seen = self.hours.setdefault(hour, [record.id, record.id, 0])
        seen[0] = min(seen[0], record.id)
        seen[1] = max(seen[1], record.id)
        seen[2] += 1

    def save(self) -> None:
        """Add to the rollups, in one order, so that workers never deadlock.

        Presence comes last: what it locks, other workers wait for.
        """
        presence.add(self.save_counts())

    def save_counts(self) -> list[Beat]:
        """Add to the rollups, but not to presence: what that still has to count."""
        add(HARDWARE_DAY, self.hardware)
        machines = [(*key, n, self.heartbeats[key]) for key, n in self.machines.items()]
        heartbeats = upsert(MACHINE_DAY, machines, returning="heartbeats")
        upsert(RECEIVED_HOUR, [(hour, *seen) for hour, seen in self.hours.items()])
        add(KIND_DAY, self.kinds)
        return self._first(heartbeats)

    def _first(self, heartbeats: Mapping[Key, int]) -> list[Beat]:
        """Machine-days that had no heartbeat before those of this tally."""
        return [
            Beat(*key)
            for key, total in heartbeats.items()
            if total and total == self.heartbeats[key]
        ]

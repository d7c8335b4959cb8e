"""What a server takes for a fleet, computed from what was measured (pure).

Every figure names where it was measured: a section of docs/benchmarks.md or of
docs/scaling.md. Other hardware has others; what a fleet takes of each stays the same.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import NamedTuple

_DAY = 86_400
_YEAR = 365
_GB = 1_000_000_000


class Figure(NamedTuple):
    """Something that was measured: two cores of an AMD EPYC, PostgreSQL beside."""

    value: float
    unit: str
    what: str
    document: str
    section: str

    @property
    def seconds(self) -> float:
        return self.value / 1_000_000


COLLECTOR = Figure(
    485,
    "µs",
    "processor time of the collector per 2 KB record",
    "benchmarks.md",
    "Ingest",
)
STORING = Figure(
    206, "µs", "processor time of PostgreSQL to store it", "benchmarks.md", "Ingest"
)
WORKER = Figure(
    133, "µs", "processor time of the worker per record", "benchmarks.md", "Digest"
)
COUNTING = Figure(
    75, "µs", "processor time of PostgreSQL to count it", "benchmarks.md", "Digest"
)
RECORD = Figure(
    340,
    "bytes",
    "a record with its indexes, without its payload",
    "benchmarks.md",
    "Disk",
)
FACT = Figure(
    160,
    "bytes",
    "what a payload that is no heartbeat is read into",
    "scaling.md",
    "Disk",
)
MACHINE_DAY = Figure(
    400, "bytes", "counts of a machine on a day; they stay", "scaling.md", "Disk"
)
PROCESS = Figure(66, "MB", "memory of a collector process", "benchmarks.md", "Memory")
FIGURES = (
    *(COLLECTOR, STORING, WORKER, COUNTING),
    *(RECORD, FACT, MACHINE_DAY, PROCESS),
)

# Judgement, not measurement.
BUSY = 0.5
"""Of a core at the peak: the rest is for pages, retries, VACUUM and the next year."""
ROOM = 1.5
"""Disk for the log, for what VACUUM has not freed yet, and for a day more."""
CACHED = 0.04
"""Of the disk in memory: about the indexes of the newest day or two."""
_HEADERS = 700  # bytes of a request besides its payload


@dataclass(frozen=True)
class Class:
    """A sort of record: its share of all, and the mean length of its payloads."""

    share: float
    payload: float


@dataclass(frozen=True)
class Fleet:
    """What is to be served. What is neither short nor long are heartbeats."""

    machines: int
    per_day: float
    """Records of a machine on a day on which it is on."""
    days: int
    """How long records are kept; 0: for ever."""
    short: Class
    long: Class
    peak: float
    """How many times the mean rate the busiest minutes have."""

    @property
    def records_per_day(self) -> float:
        return self.machines * self.per_day

    @property
    def payload(self) -> float:
        """The mean length of all payloads; a heartbeat's is next to nothing."""
        return sum(each.share * each.payload for each in (self.short, self.long))


class Part(StrEnum):
    """What to run it on: steps of docs/scaling.md."""

    ONE = "one machine for everything"
    TWO = "the database on a machine of its own"
    MANY = "several collectors before a database of its own"
    CLUSTER = "a cluster of databases (Citus)"


@dataclass(frozen=True)
class Need:
    """What a fleet takes."""

    fleet: Fleet

    @property
    def rate(self) -> float:
        """Records a second, on average."""
        return self.fleet.records_per_day / _DAY

    @property
    def peak(self) -> float:
        return self.rate * self.fleet.peak

    @property
    def network(self) -> float:
        """Bytes a second at the peak, before TLS."""
        return self.peak * (self.fleet.payload + _HEADERS)

    # --- Disk

    @property
    def stored(self) -> float:
        """Records in the database: of a year, if they are kept for ever."""
        return self.fleet.records_per_day * (self.fleet.days or _YEAR)

    @property
    def bytes_per_record(self) -> float:
        facts = FACT.value * (self.fleet.short.share + self.fleet.long.share)
        return RECORD.value + self.fleet.payload + facts

    @property
    def records_bytes(self) -> float:
        return self.stored * self.bytes_per_record

    @property
    def counts_bytes(self) -> float:
        """Counts of a year; they outlive the records."""
        return self.fleet.machines * MACHINE_DAY.value * _YEAR

    @property
    def disk(self) -> float:
        return (self.records_bytes + self.counts_bytes) * ROOM

    # --- Processors and memory

    @property
    def collector_cores(self) -> int:
        return self._cores(COLLECTOR)

    @property
    def worker_cores(self) -> int:
        return self._cores(WORKER)

    @property
    def database_cores(self) -> int:
        return self._cores(STORING, COUNTING)

    @property
    def cores(self) -> int:
        """Of one machine that does all of it, with one for pages."""
        if self.peak * _all_seconds() <= BUSY:
            return 1
        return 1 + ceil(self.peak * _all_seconds() / BUSY)

    @property
    def database_memory(self) -> float:
        return 1 * _GB + CACHED * self.disk

    @property
    def memory(self) -> float:
        """Of one machine that does all of it: collectors, site and worker as well."""
        processes = self.collector_cores + 2 * 2 + 2 * self.worker_cores
        return self.database_memory + processes * PROCESS.value * 1_000_000

    @property
    def part(self) -> Part:
        if self.database_cores > 16 or self.disk > 4_000 * _GB:
            return Part.CLUSTER
        if self.collector_cores > 8:
            return Part.MANY
        if self.cores > 4 or self.disk > 500 * _GB:
            return Part.TWO
        return Part.ONE

    def _cores(self, *figures: Figure) -> int:
        return ceil(self.peak * sum(each.seconds for each in figures) / BUSY) or 1


def _all_seconds() -> float:
    return sum(each.seconds for each in (COLLECTOR, STORING, WORKER, COUNTING))

"""Memory of a collector's processes over many requests."""

from collections.abc import Sequence
from statistics import linear_regression, mean
from typing import NamedTuple

from benchmarks import processes
from benchmarks.bench import Bench, say
from benchmarks.load import Sent
from benchmarks.parts import ingest
from benchmarks.results import Line, Section
from benchmarks.servers import COLLECTOR, Running, on_postgres

_WARM = 0.05  # of the requests: caches fill, and the allocator finds its size
_SLICE = 5
_MEGABYTE = 1 << 20
_LIMIT = 10


class Used(NamedTuple):
    """Megabytes of each process, after so many requests."""

    requests: int
    megabytes: list[float]

    def __str__(self) -> str:
        return " and ".join(f"{each:.1f}" for each in self.megabytes) + " MB"


def measure(bench: Bench) -> Section:
    section = Section("Memory")
    with on_postgres(bench, COLLECTOR, ingest.best(bench).workers) as running:
        total = Sent(0, 0, 0, 0)
        used: list[Used] = []
        while total.created < bench.sizes.requests:
            total = total.and_then(_slice(bench, running))
            used.append(Used(total.created, _megabytes(running)))
            say(f"memory: {total.created:,} requests: {used[-1]}")
        section.problems.extend(ingest.checked(running.name, total, running.rows()))
    warm = _WARM * bench.sizes.requests
    settled = [each for each in used if each.requests >= warm]
    section.lines.append(_judged(running.name, settled[0], used[-1]))
    section.lines.append(_slope(settled))
    return section


def _slice(bench: Bench, running: Running) -> Sent:
    requests = ingest.PAYLOADS[0].requests
    return bench.generator.send(running.server.url, requests, _SLICE)


def _megabytes(running: Running) -> list[float]:
    workers = running.server.workers
    return [processes.resident_bytes(pid) / _MEGABYTE for pid in workers]


def _judged(name: str, start: Used, end: Used) -> Line:
    both = zip(start.megabytes, end.megabytes, strict=True)
    growth = max(after - before for before, after in both)
    return Line(
        what=f"memory per process after {end.requests:,} requests ({name})",
        measured=str(end),
        compared=f"after {start.requests:,} requests: {start}",
        ratio=f"{growth:+.1f} MB",
        budget="± 10 MB",
        met=abs(growth) <= _LIMIT,
    )


def _slope(used: Sequence[Used]) -> Line:
    """The line through everything that was looked at."""
    millions = [each.requests / 1e6 for each in used]
    means = [mean(each.megabytes) for each in used]
    several = len(used) > 1
    slope = linear_regression(millions, means).slope if several else 0.0
    return Line(
        what="slope of that, mean of the processes",
        measured=f"{slope:+.2f} MB per million requests",
        compared=f"looked at {len(used)} times",
    )

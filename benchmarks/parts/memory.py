"""Memory of a collector's processes over many requests."""

from benchmarks import processes
from benchmarks.bench import Bench, say
from benchmarks.parts import ingest
from benchmarks.results import Line, Section
from benchmarks.servers import COLLECTOR, on_postgres

_WARM = 0.05  # of the requests: caches fill, and the allocator finds its size
_SLICE = 5
_MEGABYTE = 1 << 20
_LIMIT = 10


def measure(bench: Bench) -> Section:
    wanted = bench.sizes.requests
    section = Section("Memory")
    used: list[tuple[int, list[float]]] = []
    with on_postgres(bench, COLLECTOR, ingest.best(bench).workers) as running:
        sent = 0
        while sent < wanted:
            done = bench.generator.send(
                running.server.url, ingest.PAYLOADS[0].requests, _SLICE
            )
            sent += done.created
            used.append((sent, [_megabytes(pid) for pid in running.server.workers]))
            say(f"memory: {sent:,} requests: {_shown(used[-1][1])}")
        section.problems.extend(ingest.checked(running.name, done, done.created))
    start = next(each for each in used if each[0] >= wanted * _WARM)
    section.lines.append(_judged(running.name, start, used[-1]))
    return section


def _megabytes(pid: int) -> float:
    return processes.resident_bytes(pid) / _MEGABYTE


def _shown(used: list[float]) -> str:
    return " and ".join(f"{each:.1f}" for each in used) + " MB"


def _judged(
    name: str, start: tuple[int, list[float]], end: tuple[int, list[float]]
) -> Line:
    growth = max(after - before for before, after in zip(start[1], end[1], strict=True))
    return Line(
        what=f"memory per process after {end[0]:,} requests ({name})",
        measured=_shown(end[1]),
        compared=f"after {start[0]:,} requests: {_shown(start[1])}",
        ratio=f"{growth:+.1f} MB",
        budget="± 10 MB",
        met=abs(growth) <= _LIMIT,
    )

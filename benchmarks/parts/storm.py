"""A fleet that comes back at once after an outage, each client with a full spool."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import processes
from benchmarks.bench import Bench, say
from benchmarks.load import EVENT
from benchmarks.parts import ingest
from benchmarks.results import Line, Section
from benchmarks.servers import COLLECTOR, Running, on_postgres
from records.loadgen import ReplayResult, Template, run_replay

CLIENTS = 2000
RECORDS = 20
_PATIENCE = 10.0  # seconds, then a client gives up
_SENDERS = 2
_MEGABYTE = 1 << 20
_LIMIT = 64
_LOOK = 0.1


def measure(bench: Bench) -> Section:
    section = Section("Replay storm")
    with on_postgres(bench, COLLECTOR, 2) as running:
        before = _megabytes(running)
        with _watched(running) as highest:
            result = run_replay(running.server.url, _spools(), processes=_SENDERS)
        rows = running.rows()
    say(f"storm: {dict(result.outcomes)}, {rows:,} rows")
    if rows != CLIENTS * RECORDS or result.undelivered:
        lost = f"{result.undelivered} undelivered, {rows:,} stored"
        section.problems.append(f"storm: of {CLIENTS * RECORDS:,} records {lost}")
    section.lines += [_waits(result), _memory(before, max(highest))]
    return section


def _spools() -> list[list[bytes]]:
    """What every client has to send: records of its own, in both formats."""
    templates = [Template.of(each, EVENT) for each in ingest.PAYLOADS[0].requests]
    return [
        [
            templates[n % len(templates)].request(f"{client:016x}{n:016x}".encode())
            for n in range(RECORDS)
        ]
        for client in range(CLIENTS)
    ]


@contextmanager
def _watched(running: Running) -> Iterator[list[float]]:
    """The memory of the largest process, looked at all the time."""
    over = threading.Event()
    seen: list[float] = [_megabytes(running)]

    def look() -> None:
        while not over.wait(_LOOK):
            seen.append(_megabytes(running))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _megabytes(running: Running) -> float:
    workers = running.server.workers
    return max(processes.resident_bytes(pid) for pid in workers) / _MEGABYTE


def _waits(result: ReplayResult) -> Line:
    """A client gives up after ten seconds: then its answer is a timeout."""
    failed = result.attempts - result.delivered
    return Line(
        what=f"{CLIENTS:,} clients at once, {RECORDS} records each",
        measured=f"{result.seconds:,.0f} s, longest wait {result.longest_wait:,.1f} s",
        compared=f"{failed:,} of {result.attempts:,} attempts failed and were repeated",
        budget="no wait over 10 s",
        met=result.longest_wait <= _PATIENCE,
    )


def _memory(before: float, highest: float) -> Line:
    return Line(
        what="memory of the largest process meanwhile",
        measured=f"{highest:,.0f} MB",
        compared=f"before: {before:,.0f} MB",
        budget=f"≤ {_LIMIT} MB more",
        met=highest - before <= _LIMIT,
    )

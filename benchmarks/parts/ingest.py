"""Durable 201s per second, beside bare gunicorn processes that only answer."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks import load
from benchmarks.bench import Bench, Best, say
from benchmarks.load import Sent
from benchmarks.postgres import settings
from benchmarks.results import Line, Section, Spread, Table, percent, rate
from benchmarks.servers import COLLECTOR, SITE, Running, bare, on_postgres, on_sqlite

_WORKERS = (1, 2, 3)
_BARE = {
    "bare gunicorn, sync, 2 processes": ("-ksync", "-w2"),
    "bare gunicorn, sync, 4 processes": ("-ksync", "-w4"),
    "bare gunicorn, 2 processes, 8 threads each": ("-kgthread", "-w2", "--threads=8"),
}


class Payload(NamedTuple):
    name: str
    requests: Sequence[bytes]
    least: float
    """The budget: a share of the best bare gunicorn's rate."""


PAYLOADS = (
    Payload("200-byte payload", load.heartbeats(200), 0.55),
    Payload("2 KB crash payload", load.crashes(2048), 0.45),
)


@dataclass
class Samples:
    """Figures of one server with one payload, a value per round."""

    per_second: list[float] = field(default_factory=list)
    gunicorn: list[float] = field(default_factory=list)
    """Processor seconds per request."""
    postgres: list[float] = field(default_factory=list)

    @property
    def rate(self) -> Spread:
        return Spread.of(self.per_second)


Found = Mapping[str, Samples]


def measure(bench: Bench) -> Section:
    section = Section("Ingest", notes=[_note(bench)])
    with ExitStack() as stack:
        running = [stack.enter_context(each) for each in _servers(bench)]
        for payload in PAYLOADS:
            found = _rounds(bench, running, payload, section.problems)
            best = _best(running, found)
            bench.best = bench.best or Best(best.workers, found[best.name].rate)
            section.lines.append(_judged(payload, best, found))
            section.tables.append(_table(payload, found))
    return section


def best(bench: Bench) -> Best:
    """What `measure` found; a single load of two processes when it did not run."""
    if bench.best is None:
        with on_postgres(bench, COLLECTOR, 2) as running:
            requests = PAYLOADS[0].requests
            bench.generator.send(running.server.url, requests, 1)
            sent = bench.generator.send(running.server.url, requests, 3)
            bench.best = Best(2, Spread((sent.per_second,)))
    return bench.best


def checked(name: str, sent: Sent, stored: int) -> Iterator[str]:
    """What is wrong with a load: records lost or invented, requests not accepted."""
    if sent.failed:
        yield f"{name}: {sent.failed} requests were not accepted"
    if not sent.created <= stored <= sent.created + sent.open_at_end:
        yield f"{name}: {sent.created} answers 201, but {stored} records"


def _note(bench: Bench) -> str:
    changed = ", ".join(f"`{name}={value}`" for name, value in settings().items())
    return (
        f"{load.CONNECTIONS} connections, a new one for each request; every request "
        "has its own event id, half of them are in each of the two wire formats. "
        "After each load the records in the database are compared with the 201s. "
        f"A load lasts {bench.sizes.seconds} s. PostgreSQL runs with {changed}."
    )


def _servers(bench: Bench) -> Iterator[AbstractContextManager[Running]]:
    for name, options in _BARE.items():
        yield bare(bench, name, options)
    for workers in _WORKERS:
        yield on_postgres(bench, COLLECTOR, workers)
    yield on_postgres(bench, SITE, 2)
    yield on_sqlite(bench)


def _rounds(
    bench: Bench, running: Sequence[Running], payload: Payload, problems: list[str]
) -> Found:
    found = {each.name: Samples() for each in running}
    for each in running:
        bench.generator.send(each.server.url, payload.requests, 1)
    for _ in range(bench.sizes.rounds):
        for each in running:
            _load(bench, each, payload, found[each.name], problems)
    return found


def _load(
    bench: Bench, each: Running, payload: Payload, samples: Samples, problems: list[str]
) -> None:
    rows = each.rows()
    gunicorn, postgres = each.server.cpu_seconds, bench.postgres.cpu_seconds()
    sent = bench.generator.send(each.server.url, payload.requests, bench.sizes.seconds)
    requests = max(1, sent.created)
    samples.gunicorn.append((each.server.cpu_seconds - gunicorn) / requests)
    samples.postgres.append((bench.postgres.cpu_seconds() - postgres) / requests)
    samples.per_second.append(sent.per_second)
    if each.count:
        name = f"{each.name}, {payload.name}"
        problems.extend(checked(name, sent, each.rows() - rows))
    say(f"ingest: {payload.name}, {each.name}: {sent.per_second:,.0f}/s")


# --- What it comes to ---------------------------------------------------------------


def _best(running: Sequence[Running], found: Found) -> Running:
    collectors = [each for each in running if each.workers]
    return max(collectors, key=lambda each: found[each.name].rate.median)


def _judged(payload: Payload, best: Running, found: Found) -> Line:
    mine = found[best.name].rate
    bare_name = max(_BARE, key=lambda name: found[name].rate.median)
    theirs = found[bare_name].rate
    share = mine.per(theirs)
    return Line(
        what=f"durable 201s, {payload.name} ({best.name})",
        measured=rate(mine),
        compared=f"{bare_name}: {rate(theirs)}",
        ratio=percent(share),
        budget=f"≥ {payload.least:.0%} of the best bare gunicorn",
        met=share.median >= payload.least,
    )


def _table(payload: Payload, found: Found) -> Table:
    head = (
        f"201s, {payload.name}",
        "rate",
        "gunicorn, µs of processor per request",
        "PostgreSQL, µs",
    )
    return Table(head, [_row(name, samples) for name, samples in found.items()])


def _row(name: str, samples: Samples) -> tuple[str, ...]:
    stored = not name.startswith("bare") and "SQLite" not in name
    return (
        name,
        rate(samples.rate),
        _microseconds(samples.gunicorn),
        _microseconds(samples.postgres) if stored else "",
    )


def _microseconds(seconds: Sequence[float]) -> str:
    return Spread.of(seconds).times(1e6).show()

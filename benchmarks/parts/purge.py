"""How fast old records are deleted, and what clients notice of it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from benchmarks import load
from benchmarks.bench import Bench, say
from benchmarks.parts import ingest
from benchmarks.project import inside
from benchmarks.results import Line, Section, Spread, milliseconds, rate
from benchmarks.servers import COLLECTOR, Server
from records.loadgen import run_load

_DATABASE = "purged"
_RATE = 50_000
_BATCH_SECONDS = 1.0
_LATENCY = 0.05


@dataclass
class Samples:
    """A value for each round."""

    per_second: list[float] = field(default_factory=list)
    longest: list[float] = field(default_factory=list)
    p99_alone: list[float] = field(default_factory=list)
    p99_beside: list[float] = field(default_factory=list)


def measure(bench: Bench) -> Section:
    per_second = ingest.best(bench).per_second.median / 4
    fleet = bench.own_fleet(min(bench.sizes.records, bench.sizes.compared))
    days = fleet.days // 2
    section, samples = Section("Purge"), Samples()
    for _ in range(bench.sizes.rounds):
        url = bench.postgres.copy(_DATABASE, of=fleet.name)
        found = inside("purge", url, days=days)
        samples.per_second.append(found["records"] / found["seconds"])
        samples.longest.append(found["longest"])
        section.problems.extend(_wrong(found))
        say(f"purge: {found['records']:,} records: {samples.per_second[-1]:,.0f}/s")
        url = bench.postgres.copy(_DATABASE, of=fleet.name)
        _beside(bench, url, days, per_second, samples, section.problems)
    bench.postgres.drop(_DATABASE)
    section.lines += _judged(samples, per_second)
    section.notes.append(_note(found, per_second))
    return section


def _beside(
    bench: Bench,
    url: str,
    days: int,
    per_second: float,
    samples: Samples,
    problems: list[str],
) -> None:
    """The same load twice, the second time while a purge is at work."""
    with (
        Server(COLLECTOR, url, bench.folder, 2) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        _p99(bench, server, per_second, problems)  # the first is the warm-up
        samples.p99_alone.append(_p99(bench, server, per_second, problems))
        purge = pool.submit(inside, "purge", url, days=days)
        samples.p99_beside.append(_p99(bench, server, per_second, problems))
        if purge.done():
            problems.append("The purge ended before the load: take more --records")
        purge.result()
    alone, beside = samples.p99_alone[-1], samples.p99_beside[-1]
    say(f"purge: p99 {alone * 1000:.1f} ms alone, {beside * 1000:.1f} ms beside it")


def _p99(bench: Bench, server: Server, per_second: float, problems: list[str]) -> float:
    result = run_load(
        server.url,
        load.templates(ingest.PAYLOADS[0].requests),
        connections=load.CONNECTIONS,
        seconds=bench.sizes.seconds,
        rate=per_second,
    )
    if result.accepted < result.sent:
        problems.append(f"purge: {result.sent - result.accepted} requests failed")
    (slow,) = result.percentiles(0.99)
    return slow


def _wrong(found: dict[str, Any]) -> list[str]:
    problems = [found["error"]] if found["error"] else []
    return problems if found["counts_kept"] else [*problems, "A purge changed counts"]


def _judged(samples: Samples, per_second: float) -> list[Line]:
    speed = Spread.of(samples.per_second)
    longest = Spread.of(samples.longest)
    alone, beside = Spread.of(samples.p99_alone), Spread.of(samples.p99_beside)
    return [
        Line(
            what="records purged by one process, facts included",
            measured=rate(speed),
            budget=f"≥ {_RATE:,}/s",
            met=speed.median >= _RATE,
        ),
        Line(
            what="the longest batch of a purge",
            measured=milliseconds(longest),
            budget="≤ 1 s",
            met=max(longest.values) <= _BATCH_SECONDS,
        ),
        Line(
            what=f"p99 latency at {per_second:,.0f}/s while a purge is at work",
            measured=milliseconds(beside),
            compared=f"without: {milliseconds(alone)}",
            budget="≤ 50 ms",
            met=beside.median <= _LATENCY,
        ),
    ]


def _note(found: dict[str, Any], per_second: float) -> str:
    return (
        f"{found['records']:,} of the demo fleet's records, with their facts, "
        f"{found['batch']:,} a commit. Latency is measured at {per_second:,.0f} "
        "requests per second, a quarter of the highest rate: collector, PostgreSQL, "
        "purge and sender share the machine."
    )

"""How fast worker processes digest a backlog: one, and two beside each other."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from benchmarks.bench import Bench, say
from benchmarks.parts import ingest
from benchmarks.project import inside
from benchmarks.results import Line, Section, Spread, factor, rate

_BACKLOG = "backlog"
_COPY = "digested"


class _Round(NamedTuple):
    """A backlog that was digested; seconds of processor per record."""

    records: int
    per_second: float
    python: float
    postgres: float
    said: dict[str, Any]


def measure(bench: Bench) -> Section:
    collector = ingest.best(bench).per_second
    bench.filled(_BACKLOG, records=bench.sizes.backlog, queue=True)
    alone, beside = [], []
    for _ in range(bench.sizes.rounds):
        alone.append(_digested(bench, workers=1))
        beside.append(_digested(bench, workers=2))
    bench.postgres.drop(_BACKLOG)
    one, two = _rate(alone), _rate(beside)
    lines = [
        _judged("one worker process", one, "the collector", collector),
        _judged("two worker processes", two, "one of them", one),
    ]
    return Section("Digest", lines=lines, notes=[_note(alone), _of_two(beside)])


def _digested(bench: Bench, workers: int) -> _Round:
    url = bench.postgres.copy(_COPY, of=_BACKLOG)
    before = bench.postgres.cpu_seconds()
    with ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(lambda _: inside("digest", url), range(workers)))
    records = sum(each["records"] for each in found)
    done = _Round(
        records,
        records / max(each["seconds"] for each in found),
        sum(each["cpu_seconds"] for each in found) / records,
        (bench.postgres.cpu_seconds() - before) / records,
        found[0],
    )
    bench.postgres.drop(_COPY)
    say(f"digest: {records:,} records, {workers} workers: {done.per_second:,.0f}/s")
    return done


def _rate(rounds: Sequence[_Round]) -> Spread:
    return Spread.of(each.per_second for each in rounds)


# --- What it comes to ---------------------------------------------------------------


def _note(rounds: Sequence[_Round]) -> str:
    last = rounds[-1]
    parsers = ", ".join(last.said["parsers"]) or "none"
    return (
        f"{last.records:,} records of the demo fleet, {last.said['batch']:,} a commit; "
        f"payload parsers: {parsers}; payloads that no parser could read: "
        f"{last.said['failures']}. {_processor(rounds)}"
    )


def _of_two(rounds: Sequence[_Round]) -> str:
    return f"Two workers share the backlog. {_processor(rounds)}"


def _processor(rounds: Sequence[_Round]) -> str:
    python = Spread.of(each.python for each in rounds).times(1e6).show()
    postgres = Spread.of(each.postgres for each in rounds).times(1e6).show()
    return f"Processor time per record: Python {python} µs, PostgreSQL {postgres} µs."


def _judged(workers: str, mine: Spread, name: str, other: Spread) -> Line:
    ratio = mine.per(other)
    return Line(
        what=f"records digested by {workers}",
        measured=rate(mine),
        compared=f"{name}: {rate(other)}",
        ratio=factor(ratio),
        budget=f"≥ the rate of {name}",
        met=ratio.median >= 1,
    )

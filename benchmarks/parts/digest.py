"""How fast one worker process digests a backlog."""

from benchmarks.bench import Bench, say
from benchmarks.parts import ingest
from benchmarks.project import inside
from benchmarks.results import Line, Section, Spread, factor, rate

_BACKLOG = "backlog"
_ROUND = "digested"


def measure(bench: Bench) -> Section:
    collector = ingest.best(bench).per_second
    bench.filled(_BACKLOG, records=bench.sizes.backlog, queue=True)
    rates, python, postgres = [], [], []
    for _ in range(bench.sizes.rounds):
        url = bench.postgres.copy(_ROUND, of=_BACKLOG)
        before = bench.postgres.cpu_seconds()
        found = inside("digest", url)
        records = found["records"]
        rates.append(records / found["seconds"])
        python.append(1e6 * found["cpu_seconds"] / records)
        postgres.append(1e6 * (bench.postgres.cpu_seconds() - before) / records)
        say(f"digest: {records:,} records: {rates[-1]:,.0f}/s")
    bench.postgres.drop(_ROUND)
    bench.postgres.drop(_BACKLOG)
    parsers = ", ".join(found["parsers"]) or "none"
    note = (
        f"{records:,} records of the demo fleet, {found['batch']:,} a commit; payload "
        f"parsers: {parsers}; payloads that no parser could read: {found['failures']}. "
        f"Processor time per record: Python {Spread.of(python).show()} µs, "
        f"PostgreSQL {Spread.of(postgres).show()} µs."
    )
    line = _judged(Spread.of(rates), collector)
    return Section("Digest", lines=[line], notes=[note])


def _judged(mine: Spread, collector: Spread) -> Line:
    ratio = mine.per(collector)
    return Line(
        what="records digested by one worker process",
        measured=rate(mine),
        compared=f"the collector: {rate(collector)}",
        ratio=factor(ratio),
        budget="≥ the collector's rate",
        met=ratio.median >= 1,
    )

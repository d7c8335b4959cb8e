"""How long clients wait at half of the highest rate."""

from benchmarks import load
from benchmarks.bench import Bench, say
from benchmarks.load import Sent
from benchmarks.parts import ingest
from benchmarks.results import Line, Section, Spread, milliseconds
from benchmarks.servers import COLLECTOR, Running, bare, on_postgres
from records.loadgen import LoadResult, run_load

_BARE = ("-ksync", "-w4")
_LIMIT = 0.05


def measure(bench: Bench) -> Section:
    best = ingest.best(bench)
    per_second = best.per_second.median / 2
    section = Section("Latency", notes=[_note(per_second)])
    p99: dict[str, list[float]] = {}
    with (
        on_postgres(bench, COLLECTOR, best.workers) as collector,
        bare(bench, "bare gunicorn, sync, 4 processes", _BARE) as nothing,
    ):
        for number in range(bench.sizes.rounds + 1):
            for each in (collector, nothing):
                slow = _p99(bench, each, per_second, section.problems)
                if number:  # the first is the warm-up
                    p99.setdefault(each.name, []).append(slow)
    section.lines.append(_judged(*((name, Spread.of(p99[name])) for name in p99)))
    return section


def _note(per_second: float) -> str:
    return (
        f"{per_second:,.0f} requests per second, half of the highest rate, each due at "
        "a fixed time; latency counts from then. Sent by `records.loadgen` in this "
        "run's own process: what bare gunicorn needs is partly the sender's own time."
    )


def _p99(
    bench: Bench, running: Running, per_second: float, problems: list[str]
) -> float:
    rows = running.rows()
    result = run_load(
        running.server.url,
        load.templates(ingest.PAYLOADS[0].requests),
        connections=load.CONNECTIONS,
        seconds=bench.sizes.seconds,
        rate=per_second,
    )
    if running.count:
        name = f"{running.name} at half rate"
        problems.extend(ingest.checked(name, _sent(result), running.rows() - rows))
    (slow,) = result.percentiles(0.99)
    say(f"latency: {running.name}: p99 {slow * 1000:.1f} ms")
    return slow


def _sent(result: LoadResult) -> Sent:
    return Sent(result.accepted, result.sent - result.accepted, result.seconds, 0)


def _judged(mine: tuple[str, Spread], theirs: tuple[str, Spread]) -> Line:
    return Line(
        what=f"p99 latency at half that load ({mine[0]})",
        measured=milliseconds(mine[1]),
        compared=f"{theirs[0]}: {milliseconds(theirs[1])}",
        budget="≤ 50 ms",
        met=mine[1].median <= _LIMIT,
    )

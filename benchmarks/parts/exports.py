"""Exports, beside COPY of the same records."""

from benchmarks.bench import Bench, say
from benchmarks.project import inside
from benchmarks.results import Line, Section, Spread, percent, rate

_LEAST = 0.5
_MOST_GROWTH = 10
_MEGABYTE = 1 << 20


def measure(bench: Bench) -> Section:
    sizes = bench.sizes
    url = bench.fleet().url
    found = inside("exports", url, limit=sizes.exported, rounds=sizes.rounds)
    records = found["records"]
    copy = _per_second(records, found["copy"])
    section = Section("Exports", notes=[_note(records)])
    for kind, name in {"csv": "CSV", "ndjson": "NDJSON"}.items():
        mine = _per_second(records, found[kind])
        say(f"exports: {name} {rate(mine)}, COPY {rate(copy)}")
        growth = found["growth"][kind] / _MEGABYTE
        section.lines.append(_speed(name, mine, copy))
        section.lines.append(_memory(name, growth))
    return section


def _per_second(records: int, seconds: list[float]) -> Spread:
    return Spread.of(records / each for each in seconds)


def _note(records: int) -> str:
    return (
        f"The newest {records:,} records with payloads, the whole request in process, "
        "beside one `COPY (SELECT …) TO STDOUT` of the same columns and rows as they "
        "are stored. Memory: what the second half of an export needed at most, less "
        "what the first half did."
    )


def _speed(name: str, mine: Spread, copy: Spread) -> Line:
    share = mine.per(copy)
    return Line(
        what=f"{name} export",
        measured=rate(mine),
        compared=f"COPY: {rate(copy)}",
        ratio=percent(share),
        budget=f"≥ {_LEAST:.0%}",
        met=share.median >= _LEAST,
    )


def _memory(name: str, growth: float) -> Line:
    return Line(
        what=f"memory during the {name} export",
        measured=f"{growth:+.1f} MB",
        budget=f"flat (≤ {_MOST_GROWTH} MB)",
        met=growth <= _MOST_GROWTH,
    )

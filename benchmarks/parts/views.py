"""Every dashboard: server time and number of queries."""

from collections.abc import Sequence

from benchmarks import requests
from benchmarks.bench import Bench, Fleet, say
from benchmarks.project import inside
from benchmarks.requests import Request
from benchmarks.results import Line, Section

_LIMIT = 0.1
_GROWTH = 1.3
_AT = 10_000_000


def measure(bench: Bench) -> Section:
    fleet, smaller = bench.fleet(), bench.smaller()
    times = {"repeats": bench.sizes.repeats}
    found = inside("views", fleet.url, **times)
    before = inside("views", smaller.url, **times) if smaller else {}
    views = requests.read(found["views"], before.get("views", ()))
    section = Section(
        "Views",
        lines=[_judged(views, fleet.records)],
        notes=[_note(fleet)],
        tables=[requests.table(views, _LIMIT, smaller.records if smaller else None)],
        problems=requests.refused(views),
        details=requests.plans(found["plans"]),
    )
    if smaller:
        section.lines.append(_grown(views, smaller.records))
    say(f"views: {section.lines[0].measured}")
    return section


def _note(fleet: Fleet) -> str:
    return (
        f"{fleet.records:,} records of {fleet.days} days; the whole request in "
        "process, with the page and its tables. First: the names of small tables are "
        "not in memory yet. Then: the median of more."
    )


def _judged(views: Sequence[Request], records: int) -> Line:
    within = sum(each.first <= _LIMIT for each in views)
    slowest = max(views, key=lambda each: each.first)
    here = "" if records >= 0.9 * _AT else f" (at {_AT:,} records; here {records:,})"
    return Line(
        what="any dashboard, first request",
        measured=f"{within} of {len(views)} within 100 ms, the slowest "
        f"{slowest.first * 1000:.0f} ms",
        budget=f"≤ 100 ms{here}",
        met=within == len(views),
    )


def _grown(views: Sequence[Request], records: int) -> Line:
    within = sum(each.growth <= _GROWTH for each in views)
    worst = max(views, key=lambda each: each.growth)
    return Line(
        what=f"any dashboard, beside its time at {records:,} records",
        measured=f"{within} of {len(views)} within {_GROWTH}, the worst "
        f"{worst.growth:.2f} ({worst.shown})",
        budget=f"≤ {_GROWTH} (from 1,000,000 to {_AT:,})",
        met=within == len(views),
    )

"""Every dashboard: server time and number of queries."""

from collections.abc import Sequence
from statistics import median
from typing import Any
from urllib.parse import unquote_plus

from benchmarks.bench import Bench, say
from benchmarks.project import inside
from benchmarks.results import Details, Line, Section, Spread, Table, milliseconds

_LIMIT = 0.1
_AT = 10_000_000

Case = dict[str, Any]


def measure(bench: Bench) -> Section:
    found = inside("views", bench.fleet())
    cases: list[Case] = found["views"]
    records = bench.sizes.records
    section = Section(
        "Views",
        lines=[_judged(cases, records)],
        notes=[_note(records)],
        tables=[_table(cases)],
        problems=[
            f"{each['address']}: {each['status']}"
            for each in cases
            if not each["status"].startswith("200")
        ],
        details=[
            Details(unquote_plus(each["address"]), each["plan"])
            for each in found["plans"]
        ],
    )
    say(f"views: {section.lines[0].measured}")
    return section


def _note(records: int) -> str:
    return (
        f"{records:,} records of 35 days; the whole request in process, with the page "
        "and its tables. First: the names of small tables are not in memory yet. "
        "Then: the median of seven more."
    )


def _judged(cases: Sequence[Case], records: int) -> Line:
    within = sum(each["first"] <= _LIMIT for each in cases)
    slowest = max(cases, key=lambda each: each["first"])
    here = "" if records >= _AT else f" (at {_AT:,} records; here {records:,})"
    return Line(
        what="any dashboard, first request",
        measured=f"{within} of {len(cases)} within 100 ms, the slowest "
        f"{slowest['first'] * 1000:.0f} ms",
        budget=f"≤ 100 ms{here}",
        met=within == len(cases),
    )


def _table(cases: Sequence[Case]) -> Table:
    """Slowest first; what is above the budget is bold."""
    ordered = sorted(cases, key=lambda each: -median(each["seconds"]))
    head = ("page", "queries", "first", "then")
    return Table(head, [_row(each) for each in ordered])


def _row(case: Case) -> tuple[str, str, str, str]:
    first = f"{case['first'] * 1000:.1f} ms"
    return (
        f"`{unquote_plus(case['address'])}`",
        str(case["queries"]),
        f"**{first}**" if case["first"] > _LIMIT else first,
        milliseconds(Spread.of(case["seconds"])),
    )

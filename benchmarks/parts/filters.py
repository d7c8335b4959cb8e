"""One filter at a time: `/api/records?limit=100`, and the page of records."""

from collections.abc import Sequence
from statistics import median
from typing import Any
from urllib.parse import unquote_plus

from benchmarks.bench import Bench, say
from benchmarks.project import inside
from benchmarks.results import Details, Line, Section, Spread, Table, milliseconds

_LIMIT = 0.02
_AT = 10_000_000

Case = dict[str, Any]


def measure(bench: Bench) -> Section:
    found = inside("filters", bench.fleet())
    records = bench.sizes.records
    section = Section("Filters", notes=[_note(records)])
    searches = [each for each in found["api"] if "payload=" in each["address"]]
    others = [each for each in found["api"] if each not in searches]
    section.lines += [
        _judged("`/api/records?limit=100` with any one filter", others, records),
        _judged("the same with a search in payloads", searches, records),
    ]
    if found["pages"]:
        section.lines.append(_told("the page of records", found["pages"]))
    else:
        section.notes.append("The site has no page of records yet.")
    for cases in (found["api"], found["pages"]):
        section.problems.extend(_refused(cases))
        if cases:
            section.tables.append(_table(cases))
    section.details.extend(
        Details(unquote_plus(each["address"]), each["plan"]) for each in found["plans"]
    )
    say(f"filters: {section.lines[0].measured}")
    return section


def _note(records: int) -> str:
    return (
        f"{records:,} records, the whole request in process, median of up to 15 after "
        "two. The newest tenth arrived after the last VACUUM and ANALYZE. A search in "
        "payloads reads them until a hundred match; `TELEMETRY_QUERY_SECONDS` ends it. "
        "The slowest queries are explained below."
    )


def _slow(cases: Sequence[Case]) -> list[Case]:
    return [each for each in cases if median(each["seconds"]) > _LIMIT]


def _judged(name: str, cases: Sequence[Case], records: int) -> Line:
    within = len(cases) - len(_slow(cases))
    worst = max(cases, key=lambda each: median(each["seconds"]))
    here = "" if records >= _AT else f"; here {records:,}"
    return Line(
        what=name,
        measured=f"{within} of {len(cases)} within 20 ms, "
        f"the slowest {milliseconds(Spread.of(worst['seconds']))}",
        budget=f"≤ 20 ms (at {_AT:,} records{here})",
        met=within == len(cases),
    )


def _told(name: str, cases: Sequence[Case]) -> Line:
    medians = [median(each["seconds"]) for each in cases]
    return Line(
        what=f"{name} with any one filter",
        measured=f"median {median(medians) * 1000:.0f} ms, "
        f"slowest {max(medians) * 1000:.0f} ms",
    )


def _refused(cases: Sequence[Case]) -> list[str]:
    return [
        f"{each['address']}: {each['status']}"
        for each in cases
        if not each["status"].startswith("200")
    ]


def _table(cases: Sequence[Case]) -> Table:
    """Slowest first; what is above the budget is bold."""
    ordered = sorted(cases, key=lambda each: -median(each["seconds"]))
    return Table(("request", "", "server time"), list(map(_row, ordered)))


def _row(case: Case) -> tuple[str, str, str]:
    time = milliseconds(Spread.of(case["seconds"]))
    slow = median(case["seconds"]) > _LIMIT
    address = f"`{unquote_plus(case['address'])}`"
    return address, case["what"], f"**{time}**" if slow else time

"""One filter at a time: `/api/records?limit=100`, and the page of records."""

from collections.abc import Sequence
from statistics import median

from benchmarks import requests
from benchmarks.bench import Bench, Fleet, say
from benchmarks.project import inside
from benchmarks.requests import Request
from benchmarks.results import Line, Section, milliseconds

_LIMIT = 0.02
_AT = 10_000_000


def measure(bench: Bench) -> Section:
    fleet, smaller = bench.fleet(), bench.smaller()
    times = {"repeats": bench.sizes.repeats}
    found = inside("filters", fleet.url, **times, delete=not fleet.given)
    before = inside("filters", smaller.url, **times, delete=True) if smaller else {}
    api, pages = (
        requests.read(found[name], before.get(name, ())) for name in ("api", "pages")
    )
    searches = [each for each in api if "payload=" in each.address]
    others = [each for each in api if each not in searches]
    section = Section("Filters", notes=[_note(fleet)])
    section.lines += [
        _judged("`/api/records?limit=100` with any one filter", others, fleet),
        _judged("the same with a search in payloads", searches, fleet),
        _told("the page of records", pages),
    ]
    for some in (api, pages):
        section.problems.extend(requests.refused(some))
        table = requests.table(some, _LIMIT, smaller.records if smaller else None)
        section.tables.append(table)
    section.details.extend(requests.plans(found["plans"]))
    say(f"filters: {section.lines[0].measured}")
    return section


def _note(fleet: Fleet) -> str:
    return (
        f"{fleet.records:,} records of {fleet.days} days, the whole request in "
        "process. First: the names of small tables are not in memory yet. Then: the "
        "median of more. The newest tenth arrived after the last VACUUM and "
        "ANALYZE. A search in payloads reads them until a hundred match; "
        "`TELEMETRY_QUERY_SECONDS` ends it. The slowest queries are explained below."
    )


def _judged(name: str, cases: Sequence[Request], fleet: Fleet) -> Line:
    within = sum(each.later.median <= _LIMIT for each in cases)
    worst = max(cases, key=lambda each: each.later.median)
    here = "" if fleet.records >= 0.9 * _AT else f"; here {fleet.records:,}"
    return Line(
        what=name,
        measured=f"{within} of {len(cases)} within 20 ms, "
        f"the slowest {milliseconds(worst.later)}",
        budget=f"≤ 20 ms (at {_AT:,} records{here})",
        met=within == len(cases),
    )


def _told(name: str, cases: Sequence[Request]) -> Line:
    medians = [each.later.median for each in cases]
    return Line(
        what=f"{name} with any one filter",
        measured=f"median {median(medians) * 1000:.0f} ms, slowest "
        f"{max(medians) * 1000:.0f} ms, slowest first one "
        f"{max(each.first for each in cases) * 1000:.0f} ms",
    )

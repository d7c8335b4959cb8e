"""Many records over the API, beside psycopg2 and orjson alone."""

from benchmarks.bench import Bench, say
from benchmarks.project import inside
from benchmarks.results import Line, Section, Spread, factor, milliseconds

_LIMIT = 10_000
_MOST = 1.5


def measure(bench: Bench) -> Section:
    found = inside("api", bench.fleet().url, limit=_LIMIT, rounds=bench.sizes.rounds)
    api = Spread.of(found["api"])
    least = _sum(found["fetch"], found["dump"])
    real = _sum(found["fetch"], found["build"], found["dump"])
    say(f"api: {milliseconds(api)}, psycopg2 and orjson {milliseconds(least)}")
    ratio = api.per(least)
    lines = [
        Line(
            what=f"`/api/records?limit={_LIMIT}`",
            measured=milliseconds(api),
            compared=f"psycopg2 and `orjson.dumps`: {milliseconds(least)}",
            ratio=factor(ratio),
            budget=f"≤ {_MOST}",
            met=ratio.median <= _MOST,
        ),
        Line(
            what="the same, beside the simplest script",
            measured=milliseconds(api),
            compared=f"with `dict(zip(…))` of each row: {milliseconds(real)}",
            ratio=factor(api.per(real)),
        ),
    ]
    note = (
        f"{found['records']:,} of {bench.fleet().records:,} records, the whole request "
        "in process. It is compared with `fetchall` of the same records in one joined "
        "query, plus `orjson.dumps` of the finished dictionaries, which the budget "
        "names; a script that does the same has to make the dictionaries, too."
    )
    return Section("API", lines=lines, notes=[note])


def _sum(*parts: list[float]) -> Spread:
    return Spread.of(map(sum, zip(*parts, strict=True)))

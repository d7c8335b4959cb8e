"""`/api/records` with many records, beside psycopg2 and orjson alone."""

import time
from typing import Any

import orjson

from benchmarks.inside import main, reference, site

_REPEATS = 5


def measure(limit: int, rounds: int) -> dict[str, Any]:
    """Seconds by what was done, and how many records an answer had."""
    address = f"/api/records?limit={limit}"
    found: dict[str, list[float]] = {"api": [], "fetch": [], "build": [], "dump": []}
    with reference.cursor() as cursor:
        records = orjson.loads(site.get(address).body)["records"]
        reference.fetch(cursor, limit)
        for _ in range(rounds * _REPEATS):
            found["api"].append(site.get(address).seconds)
            seconds, rows = reference.fetch(cursor, limit)
            found["fetch"].append(seconds)
            found["build"].append(_build(rows, list(records[0])))
            found["dump"].append(_dump(records))
    return {"records": len(records), **found}


def _build(rows: list[tuple[Any, ...]], names: list[str]) -> float:
    """Seconds that the simplest dictionaries of the rows take."""
    started = time.perf_counter()
    objects = [dict(zip(names, row, strict=False)) for row in rows]
    elapsed = time.perf_counter() - started
    assert len(objects) == len(rows)
    return elapsed


def _dump(records: list[dict[str, Any]]) -> float:
    started = time.perf_counter()
    orjson.dumps({"records": records})
    return time.perf_counter() - started


if __name__ == "__main__":
    main(measure)

"""Exports through the site, beside one COPY of the same records."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks import processes
from benchmarks.inside import main, reference, site

_KINDS = ("csv", "ndjson")


def measure(limit: int, rounds: int) -> dict[str, Any]:
    """Seconds by what was done, growth in bytes by format, and how many records."""
    found: dict[str, Any] = {"copy": [], **{kind: [] for kind in _KINDS}}
    growth = dict.fromkeys(_KINDS, 0)
    with reference.cursor() as cursor:
        for _ in range(rounds):
            for kind in _KINDS:
                started = time.perf_counter()
                used = [processes.resident_bytes() for _ in _export(kind, limit)]
                found[kind].append(time.perf_counter() - started)
                growth[kind] = max(growth[kind], _growth(used))
            found["copy"].append(reference.copy(cursor, limit))
    records = sum(piece.count(b"\n") for piece in _export("ndjson", limit))
    return {**found, "growth": growth, "records": records}


def _growth(used: Sequence[int]) -> int:
    """How much more the second half of an export needed than the first."""
    half = len(used) // 2
    return max(used[half:]) - max(used[:half] or used)


def _export(kind: str, limit: int) -> Iterator[bytes]:
    return site.stream(f"/api/records?format={kind}&limit={limit}", [])


if __name__ == "__main__":
    main(measure)

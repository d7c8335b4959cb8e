"""Exports through the site, beside one COPY of the same records."""

import time
from typing import Any

from benchmarks import processes
from benchmarks.inside import main, reference, site

_SETTLED = 3
"""Pieces after which memory is expected to stay where it is."""


def measure(limit: int, rounds: int) -> dict[str, Any]:
    """Seconds by what was done, growth in bytes by format, and how many records."""
    kinds = ("csv", "ndjson")
    found: dict[str, Any] = {"copy": [], **{kind: [] for kind in kinds}}
    growth = dict.fromkeys(kinds, 0)
    with reference.cursor() as cursor:
        for _ in range(rounds):
            for kind in kinds:
                seconds, lines, grown = _export(kind, limit)
                found[kind].append(seconds)
                growth[kind] = max(growth[kind], grown)
            found["copy"].append(reference.copy(cursor, limit))
    return {**found, "growth": growth, "records": lines}


def _export(kind: str, limit: int) -> tuple[float, int, int]:
    """Seconds, records, and by how much memory grew on the way."""
    pieces, lines, settled, highest = 0, 0, 0, 0
    started = time.perf_counter()
    for piece in site.stream(f"/api/records?format={kind}&limit={limit}", []):
        pieces += 1
        if kind == "ndjson":
            lines += piece.count(b"\n")
        used = processes.resident_bytes()
        settled = used if pieces <= _SETTLED else settled
        highest = max(highest, used)
    return time.perf_counter() - started, lines, highest - settled


if __name__ == "__main__":
    main(measure)

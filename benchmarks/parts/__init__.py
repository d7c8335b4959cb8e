"""What is measured, in the order of a run."""

from collections.abc import Callable, Mapping

from benchmarks.bench import Bench
from benchmarks.parts import (
    api,
    digest,
    disk,
    exports,
    filling,
    filters,
    guilty,
    ingest,
    latency,
    memory,
    purge,
    storm,
    views,
)
from benchmarks.results import Section

PARTS: Mapping[str, Callable[[Bench], Section]] = {
    "ingest": ingest.measure,
    "latency": latency.measure,
    "memory": memory.measure,
    "storm": storm.measure,
    "digest": digest.measure,
    "guilty": guilty.measure,
    "filling": filling.measure,
    "disk": disk.measure,
    "api": api.measure,
    "exports": exports.measure,
    "views": views.measure,
    "purge": purge.measure,
    "filters": filters.measure,  # last: it deletes records
}

"""What is measured while the server works, for Prometheus.

The objects are the declaration: what is not here cannot be counted. Processes of one
gunicorn share their values through files (see deployments/gunicorn.conf.py).
"""

import os

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

RECORDS = Counter(
    "telemetry_records",
    "Records answered 201 after their commit; a duplicate was stored before.",
    ["outcome"],
)
ACCEPTED, DUPLICATE = RECORDS.labels("accepted"), RECORDS.labels("duplicate")

REFUSED = Counter(
    "telemetry_refused", "Requests, or lines of batches, that were refused.", ["reason"]
)
UNAVAILABLE = Counter(
    "telemetry_unavailable", "Requests answered 503: their record was not stored."
)
BATCH = Histogram(
    "telemetry_batch_records",
    "Records that shared a commit.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
COMMIT = Histogram(
    "telemetry_commit_seconds", "Time of a commit of records.", buckets=_SECONDS
)
PAGE = Histogram(
    "telemetry_page_seconds",
    "Time until an answer of the site begins, by view and status.",
    ["view", "status"],
    buckets=_SECONDS,
)


def registry() -> CollectorRegistry:
    """What this process counted, or all processes of its server where they share it."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return shared


def since_start() -> dict[str, int]:
    """Records by outcome, and requests that were not answered 201, since the start."""
    names = {"telemetry_records_total", "telemetry_refused_total"}
    found = {"accepted": 0, "duplicate": 0, "refused": 0, "unavailable": 0}
    for family in registry().collect():
        for sample in family.samples:
            if sample.name in names:
                outcome = sample.labels.get("outcome", "refused")
                found[outcome] += int(sample.value)
            elif sample.name == "telemetry_unavailable_total":
                found["unavailable"] += int(sample.value)
    return found

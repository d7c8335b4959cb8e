"""A purge of everything that is older than some days, by one process."""

import time
from datetime import UTC, datetime
from typing import Any

from benchmarks.inside import main
from records.models import KindDay, RetentionRule, RetentionRun
from records.purge import BATCH, batches


def measure(days: int) -> dict[str, Any]:
    RetentionRule.objects.update_or_create(
        criterion="default", value="", defaults={"days": days}
    )
    run = RetentionRun.objects.create(started=datetime.now(UTC))
    counted = KindDay.objects.count()
    seconds: list[float] = []
    started = last = time.perf_counter()
    for _ in batches(run):
        now = time.perf_counter()
        seconds.append(now - last)
        last = now
    run.refresh_from_db()
    return {
        "records": run.deleted,
        "seconds": time.perf_counter() - started,
        "longest": max(seconds, default=0.0),
        "batch": BATCH,
        "error": run.error,
        "counts_kept": KindDay.objects.count() == counted,
    }


if __name__ == "__main__":
    main(measure)

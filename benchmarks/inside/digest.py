"""One worker process on a backlog."""

import time
from typing import Any

from benchmarks.inside import main
from records.digest import digest_batch
from records.management.commands.digest import Command
from records.models import ParserFailure
from records.parsers import registered

BATCH = Command().create_parser("manage.py", "digest").get_default("batch")


def measure() -> dict[str, Any]:
    started, cpu = time.perf_counter(), time.process_time()
    records = 0
    while done := digest_batch(BATCH):
        records += done
    return {
        "records": records,
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "batch": BATCH,
        "parsers": [parser.name for parser in registered()],
        "failures": ParserFailure.objects.count(),
    }


if __name__ == "__main__":
    main(measure)

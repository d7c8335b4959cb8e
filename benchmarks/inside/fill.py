"""Fill a database with the fleet that is queried."""

import os
from random import Random
from typing import Any

from django.apps import apps
from django.db import connection

from benchmarks import dataset
from benchmarks.inside import main
from crashes import presence
from records import names
from records.demo import demo_submission
from records.progress import progress
from records.seeding import Filling

_SETTLED = 0.9


def fill(records: int, queue: bool) -> dict[str, Any]:
    """Store about this many; ``queue``: the worker has not seen them yet.

    The newest tenth of the days comes after the last VACUUM and ANALYZE, as it may in
    any database that records arrive in.
    """
    plan = dataset.fleet(records, digest=not queue)
    names.resolve([dataset.named(demo_submission(Random(1)), "unused")])
    settled = int(_SETTLED * len(plan.numbers))
    made = 0
    with (
        progress(total=records, desc="Fleet", unit="records") as bar,
        Filling(plan, os.cpu_count() or 1) as filling,
    ):
        for done in filling.store(plan.numbers[:settled]):
            made += done
            bar.update(done)
        filling.index()
        execute("VACUUM ANALYZE records_record")
        for done in filling.store(plan.numbers[settled:]):
            made += done
            bar.update(done)
    while not queue and presence.count_again():
        pass  # as the worker does between batches
    others = {model._meta.db_table for model in apps.get_models()} - {"records_record"}
    execute(f"VACUUM ANALYZE {', '.join(sorted(others))}")
    return {"records": made, "machines": plan.size.machines, "days": plan.size.days}


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


if __name__ == "__main__":
    main(fill)

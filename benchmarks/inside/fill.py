"""Fill a database fast: records by COPY, then counts and facts as `rebuild` does."""

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from random import Random

from django.apps import apps
from django.db import connection

from benchmarks import dataset
from benchmarks.dataset import Placed
from benchmarks.inside import main
from records import names, rebuild
from records.demo import demo_submission
from records.names import NameIds
from records.progress import progress

_CHUNK = 20_000
_VACUUMED = 0.9
_COLUMNS = (
    "id, received_at, captured_at, event_id, kind_id, build_id, hardware_id, "
    "kernel_id, machine_id, payload"
)
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def fill(records: int, queue: bool) -> int:
    """Store about this many; ``queue``: the worker has not seen them yet.

    The newest tenth comes after the last VACUUM and ANALYZE, as it may in any database
    that records arrive in.
    """
    made = dataset.fleet(records)
    names.resolve([dataset.named(demo_submission(Random(1)), "unused")])
    first = 1
    with progress(total=records, desc="Records", unit="records") as bar:
        for chunk in chunks(made):
            after = first + len(chunk)
            copy(chunk, first, queue=queue)
            if first < _VACUUMED * records <= after:
                execute("VACUUM ANALYZE records_record")
            first = after
            bar.update(len(chunk))
    execute(f"SELECT setval('records_record_id_seq', {first})")
    if not queue:
        _count()
    return first - 1


def chunks(made: Iterable[Placed]) -> Iterator[list[Placed]]:
    rest = iter(made)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def copy(placed: Sequence[Placed], first: int, *, queue: bool) -> None:
    """Store these under the ids from ``first``."""
    ids = names.resolve([submission for _, submission in placed])
    rows = io.StringIO()
    for record_id, (each, name_ids) in enumerate(zip(placed, ids, strict=True), first):
        rows.write(_row(record_id, each, name_ids))
    _copy_into("records_record", _COLUMNS, rows)
    if queue:
        waiting = "".join(f"{n}\n" for n in range(first, first + len(placed)))
        _copy_into("records_pending", "record_id", io.StringIO(waiting))


def _row(record_id: int, placed: Placed, ids: NameIds) -> str:
    received_at, submission = placed
    return (
        "\t".join(
            (
                str(record_id),
                received_at.isoformat(),
                str(submission.captured_at),
                submission.event_id or r"\N",
                *map(str, ids),
                submission.machine_id.translate(_ESCAPES),
                submission.payload.translate(_ESCAPES),
            )
        )
        + "\n"
    )


def _copy_into(table: str, columns: str, rows: io.StringIO) -> None:
    rows.seek(0)
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", rows)


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _count() -> None:
    period = rebuild.days(None, None)
    for day in progress(period, desc="Counts", unit="days"):
        rebuild.rebuild_day(day)
    with progress(total=None, desc="Facts", unit="records") as bar:
        for done in rebuild.rebuild_facts(period[0], period[-1]):
            bar.update(done)
    others = {model._meta.db_table for model in apps.get_models()} - {"records_record"}
    execute(f"VACUUM ANALYZE {', '.join(sorted(others))}")


if __name__ == "__main__":
    main(fill)

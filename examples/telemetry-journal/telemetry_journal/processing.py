"""From a record to its failure and the counts. Runs in the worker."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any

from records import rollups
from records.parsers import PayloadParser, StoredRecord
from telemetry_journal.models import ServiceDay, ServiceFailure
from telemetry_journal.parser import Failure, failure

CLASSES = "*/journal/error"
_DAYS = rollups.Table(ServiceDay, ServiceDay.KEY, {"failures": "sum"})


def parse(record: StoredRecord) -> Failure | None:
    return failure(record.payload)


def store(facts: Sequence[tuple[StoredRecord, Failure]]) -> None:
    rows = [
        ServiceFailure(
            record_id=record.id,
            received_at=record.received_at,
            machine_id=record.machine_id,
            build_id=record.build_id,
            external=record.external,
            service=fact.service,
            code=fact.code,
            status=fact.status,
        )
        for record, fact in facts
    ]
    ServiceFailure.objects.bulk_create(rows)
    _count(rows, 1)


def forget(record_ids: Sequence[int]) -> None:
    """As if the records had never been read: facts and counts."""
    rows = ServiceFailure.objects.filter(record_id__in=record_ids)
    _count(rows, -1)
    ServiceDay.objects.filter(failures=0).delete()
    rows.delete()


def expire(record_ids: Sequence[int]) -> None:
    """The records are deleted: facts go with them, and counts stay."""
    ServiceFailure.objects.filter(record_id__in=record_ids).delete()


def _count(rows: Iterable[ServiceFailure], sign: int) -> None:
    counts: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        day = row.received_at.astimezone(UTC).date()
        place = (day, row.build_id, row.external)
        counts[*place, row.service, row.code, row.status] += sign
    rollups.add(_DAYS, counts)


PARSER = PayloadParser(
    name="telemetry_journal",
    version=1,
    classifications=(CLASSES,),
    parse=parse,
    store=store,
    forget=forget,
    expire=expire,
)

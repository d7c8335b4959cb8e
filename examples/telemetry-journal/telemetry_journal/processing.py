"""From a record to its failure and the counts. Runs in the worker."""

from typing import Any

from records.facts import Count, CountedFacts, common, day
from records.parsers import PayloadParser, StoredRecord
from records.rollups import Table
from telemetry_journal.models import ServiceDay, ServiceFailure
from telemetry_journal.parser import Failure, failure

CLASSES = "*/journal/error"
_DAYS = Table(ServiceDay, ServiceDay.KEY, {"failures": "sum"})


def parse(record: StoredRecord) -> Failure | None:
    return failure(record.payload)


def _row(record: StoredRecord, fact: Failure) -> ServiceFailure:
    return ServiceFailure(
        **common(record), service=fact.service, code=fact.code, status=fact.status
    )


def _key(row: ServiceFailure) -> tuple[Any, ...]:
    place = (day(row), row.build_id, row.external)
    return (*place, row.service, row.code, row.status)


FACTS = CountedFacts(ServiceFailure, _row, (Count(_DAYS, _key),))
PARSER = PayloadParser(
    name="telemetry_journal",
    version=1,
    classifications=(CLASSES,),
    parse=parse,
    store=FACTS.store,
    forget=FACTS.forget,
    expire=FACTS.expire,
)

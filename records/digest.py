"""The worker's step: claim pending records, make facts of them, count them.

One transaction per batch: facts, counts and the removal from the queue become visible
together, so a killed worker leaves nothing half done and nothing counted twice.
"""

import logging
import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from records import database
from records.labels import builds, kinds
from records.models import ParserFailure, Pending, Record
from records.parsers import PayloadParser, StoredRecord, registered
from records.querysets import RecordQuerySet
from records.tally import Counted, Tally

log = logging.getLogger(__name__)

Facts = list[tuple[StoredRecord, Any]]
_ERROR_LENGTH = 4000


def digest_batch(limit: int) -> int:
    """Digest up to ``limit`` pending records; how many there were."""
    with transaction.atomic():
        database.share_digest()
        claimed = _claim(limit)
        if claimed:
            run_parsers(claimed)
            Tally().count(counted(Record.objects.filter(id__in=claimed))).save()
    return len(claimed)


def _claim(limit: int) -> list[int]:
    """Take the oldest free rows off the queue; other workers skip them meanwhile."""
    queue = Pending.objects.order_by("record_id").values_list("record_id", flat=True)
    claimed = list(queue.select_for_update(skip_locked=True)[:limit])
    if database.is_distributed():
        claimed = _visible(claimed)
    Pending.objects.filter(record_id__in=claimed).delete()
    return claimed


def _visible(claimed: list[int]) -> list[int]:
    """Nodes commit a moment after the queue does: what is not there yet comes again."""
    return list(Record.objects.filter(id__in=claimed).values_list("id", flat=True))


def counted(records: RecordQuerySet) -> Iterable[Counted]:
    """The records of a queryset as counting needs them."""
    rows = records.order_by().values_list(
        "id", "received_at", "kind_id", "build_id", "hardware_id", "machine_id"
    )
    for row in rows.iterator(chunk_size=5000):
        yield labelled(*row)


def labelled(
    record_id: int,
    received_at: datetime,
    kind_id: int,
    build_id: int,
    hardware_id: int,
    machine_id: str,
) -> Counted:
    """A record as counting needs it."""
    kind = kinds.one(kind_id)
    return Counted(
        record_id,
        received_at,
        kind_id,
        build_id,
        hardware_id,
        machine_id,
        kind.external,
        kind.heartbeat,
        builds.one(build_id).system_name,
    )


def run_parsers(record_ids: Sequence[int]) -> None:
    """Make facts of these records with every parser that reads them."""
    rows = Record.objects.filter(id__in=record_ids).values_list("id", "kind_id")
    classes = {pk: kinds.one(kind_id).classification for pk, kind_id in rows}
    for parser in registered():
        wanted = [pk for pk, name in classes.items() if parser.reads(name)]
        if wanted:
            run_parser(parser, stored_records(wanted))


def stored_records(record_ids: Sequence[int]) -> Iterable[StoredRecord]:
    rows = Record.objects.filter(id__in=record_ids).order_by("id")
    for record in rows.iterator(chunk_size=500):
        kind, build = kinds.one(record.kind_id), builds.one(record.build_id)
        yield StoredRecord(
            id=record.id,
            received_at=record.received_at,
            captured_at=record.captured_at,
            machine_id=record.machine_id,
            classification=kind.classification,
            severity=kind.severity,
            external=kind.external,
            build_id=record.build_id,
            system_name=build.system_name,
            build=build.version,
            payload=record.payload,
        )


def run_parser(parser: PayloadParser, records: Iterable[StoredRecord]) -> None:
    """Store the facts of these records, and note the records that have none."""
    facts: Facts = []
    failures: list[ParserFailure] = []
    for record in records:
        fact = _isolated(parser, record, failures, partial(parser.parse, record))
        if fact is not None:
            facts.append((record, fact))
    _store(parser, facts, failures)
    ParserFailure.objects.bulk_create(
        failures,
        update_conflicts=True,
        unique_fields=["record_id", "parser"],
        update_fields=["version", "error", "failed_at"],
    )


def _store(parser: PayloadParser, facts: Facts, failures: list[ParserFailure]) -> None:
    """Save facts together; when that fails, one by one, noting those that cannot be."""
    if not facts:
        return
    together: list[ParserFailure] = []
    _isolated(parser, facts[0][0], together, partial(_in_savepoint, parser, facts))
    if together and len(facts) == 1:
        failures.extend(together)
    elif together:
        for fact in facts:
            _store(parser, [fact], failures)


def _in_savepoint(parser: PayloadParser, facts: Facts) -> None:
    with transaction.atomic():
        parser.store(facts)


def _isolated(
    parser: PayloadParser,
    record: StoredRecord,
    failures: list[ParserFailure],
    step: Callable[[], Any],
) -> Any | None:
    """The result of ``step``; what it raises becomes a failure of the record."""
    try:
        return step()
    except (Exception, SystemExit) as error:  # noqa: BLE001
        log.warning("Parser %s failed on record %d", parser.name, record.id)
        text = "".join(traceback.format_exception(error))[-_ERROR_LENGTH:]
        failures.append(
            ParserFailure(
                record_id=record.id,
                parser=parser.name,
                version=parser.version,
                error=text.replace("\x00", "�"),
            )
        )
        return None

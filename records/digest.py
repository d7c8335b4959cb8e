"""The worker's step: claim pending records, make facts of them, count them.

One transaction per batch: facts, counts and the removal from the queue become visible
together, so a killed worker leaves nothing half done and nothing counted twice.
"""

import logging
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
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
            _digest(claimed)
    return len(claimed)


def _claim(limit: int) -> list[int]:
    """Take the oldest free rows off the queue; other workers skip them meanwhile."""
    claimed = database.claim(Pending, limit)
    if claimed and database.is_distributed():
        claimed = _visible(claimed)
    return claimed


def _visible(claimed: Sequence[int]) -> list[int]:
    """Nodes commit a moment after the queue does: what is not there yet comes again."""
    there = set(_records(claimed).values_list("id", flat=True))
    Pending.objects.bulk_create(
        Pending(record_id=pk) for pk in claimed if pk not in there
    )
    return [pk for pk in claimed if pk in there]


def _digest(record_ids: Sequence[int]) -> None:
    """Counts are saved last: what they lock, other workers wait for."""
    records = list(counted(_records(record_ids)))
    tally = Tally().count(records)
    run_parsers(records)
    tally.save()


def _records(record_ids: Sequence[int]) -> RecordQuerySet:
    return Record.objects.filter(database.among("id", record_ids))


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


def run_parsers(records: Iterable[Counted]) -> None:
    """Make facts of these records with every parser that reads them."""
    by_kind: defaultdict[int, list[int]] = defaultdict(list)
    for record in records:
        by_kind[record.kind_id].append(record.id)
    wanted = {each.name: _read_by(each, by_kind) for each in registered()}
    found = stored_records(sorted(set(chain.from_iterable(wanted.values()))))
    stored = {record.id: record for record in found}
    for parser in registered():
        if ids := wanted[parser.name]:
            run_parser(parser, [stored[pk] for pk in ids])


def _read_by(parser: PayloadParser, by_kind: Mapping[int, list[int]]) -> list[int]:
    """The records that this parser reads, in order."""
    read = (kind for kind in by_kind if parser.reads(kinds.one(kind).classification))
    return sorted(chain.from_iterable(by_kind[kind] for kind in read))


def stored_records(record_ids: Sequence[int]) -> Iterable[StoredRecord]:
    """These records with their names and payloads, in order."""
    columns = ("id", "received_at", "captured_at", "machine_id", "kind_id", "build_id")
    rows = _records(record_ids).order_by("id").values_list(*columns, "payload")
    for row in rows.iterator(chunk_size=500):
        pk, received_at, captured_at, machine_id, kind_id, build_id, payload = row
        kind, build = kinds.one(kind_id), builds.one(build_id)
        yield StoredRecord(
            id=pk,
            received_at=received_at,
            captured_at=captured_at,
            machine_id=machine_id,
            classification=kind.classification,
            severity=kind.severity,
            external=kind.external,
            build_id=build_id,
            system_name=build.system_name,
            build=build.version,
            payload=payload,
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

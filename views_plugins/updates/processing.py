"""From a record of an updater to its event and the counts. Runs in the worker."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any

from records import rollups
from records.parsers import PayloadParser, StoredRecord, delete_facts
from views_plugins.updates import parser
from views_plugins.updates.models import UpdateDay, UpdateEvent
from views_plugins.updates.parser import Update

UPDATE_DAY = rollups.Table(
    UpdateDay,
    UpdateDay.KEY,
    {"updates": "sum", "timed": "sum", "seconds": "sum", "bytes": "sum"},
)


def parse(record: StoredRecord) -> Update | None:
    return parser.update(record.classification, record.payload)


def store(facts: Sequence[tuple[StoredRecord, Update]]) -> None:
    """Save events and count them."""
    events = [_event(record, update) for record, update in facts]
    UpdateEvent.objects.bulk_create(events)
    _count(events, 1)


def forget(record_ids: Sequence[int]) -> None:
    """Take events back, and their counts with them."""
    events = UpdateEvent.objects.filter(record_id__in=record_ids)
    _count(list(events), -1)
    UpdateDay.objects.filter(updates=0).delete()
    events.delete()


def expire(record_ids: Sequence[int]) -> None:
    """Delete events whose records are deleted; their counts stay."""
    delete_facts(UpdateEvent, record_ids)


PARSER = PayloadParser(
    name="updates",
    version=1,
    classifications=("*/swupd-client/update", "*/swupd-client/unknown", "*/swupdate/*"),
    parse=parse,
    store=store,
    forget=forget,
    expire=expire,
)


def _event(record: StoredRecord, update: Update) -> UpdateEvent:
    return UpdateEvent(
        record_id=record.id,
        received_at=record.received_at,
        machine_id=record.machine_id,
        build_id=record.build_id,
        external=record.external,
        from_version=update.from_version,
        to_version=update.to_version,
        outcome=update.outcome.value,
        result=update.result,
        seconds=update.seconds,
        bytes=update.bytes,
    )


def _count(events: Iterable[UpdateEvent], sign: int) -> None:
    updates: Counter[tuple[Any, ...]] = Counter()
    timed: Counter[tuple[Any, ...]] = Counter()
    seconds: Counter[tuple[Any, ...]] = Counter()
    amount: Counter[tuple[Any, ...]] = Counter()
    for event in events:
        key = _key(event)
        updates[key] += sign
        timed[key] += sign * (event.seconds is not None)
        seconds[key] += sign * round(event.seconds or 0)
        amount[key] += sign * (event.bytes or 0)
    rows = [
        (*key, n, timed[key], seconds[key], amount[key]) for key, n in updates.items()
    ]
    rollups.upsert(UPDATE_DAY, rows)


def _key(event: UpdateEvent) -> tuple[Any, ...]:
    return (
        event.received_at.astimezone(UTC).date(),
        event.build_id,
        event.external,
        event.from_version,
        event.to_version,
        event.outcome,
        UpdateDay.NO_RESULT if event.result is None else event.result,
    )

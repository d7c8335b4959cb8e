"""From a record of a machine check to its event and the counts. Runs in the worker."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any

from records import rollups
from records.parsers import PayloadParser, StoredRecord, delete_facts
from views_plugins import mcelog
from views_plugins.mce.models import MceDay, MceEvent
from views_plugins.mcelog import MachineCheck

CLASSIFICATIONS = ("*/mce/*",)

MCE_DAY = rollups.Table(MceDay, MceDay.KEY, {"events": "sum"})


def parse(record: StoredRecord) -> MachineCheck | None:
    if mcelog.is_thermal(record.classification, record.payload):
        return None
    return mcelog.parse(record.payload, record.classification)


def store(facts: Sequence[tuple[StoredRecord, MachineCheck]]) -> None:
    """Save events and count them."""
    events = [_event(record, check) for record, check in facts]
    MceEvent.objects.bulk_create(events)
    _count(events, 1)


def forget(record_ids: Sequence[int]) -> None:
    """Take events back, and their counts with them."""
    events = MceEvent.objects.filter(record_id__in=record_ids)
    _count(list(events), -1)
    MceDay.objects.filter(events=0).delete()
    events.delete()


def expire(record_ids: Sequence[int]) -> None:
    """Delete events whose records are deleted; their counts stay."""
    delete_facts(MceEvent, record_ids)


PARSER = PayloadParser(
    name="mce",
    version=1,
    classifications=CLASSIFICATIONS,
    parse=parse,
    store=store,
    forget=forget,
    expire=expire,
)


def _event(record: StoredRecord, check: MachineCheck) -> MceEvent:
    return MceEvent(
        record_id=record.id,
        received_at=record.received_at,
        machine_id=record.machine_id,
        build_id=record.build_id,
        external=record.external,
        event_class=check.kind,
        uncorrected=check.uncorrected,
        cpu=check.cpu,
        bank=check.bank,
        socket=check.socket,
        channel=check.channel,
        status=_hex(check.status, 16),
        status_word=check.status_word,
        mcacod=check.mcacod,
        error_class=check.error.name,
        addr=_hex(check.addr),
        misc=_hex(check.misc),
    )


def _count(events: Iterable[MceEvent], sign: int) -> None:
    counts: Counter[tuple[Any, ...]] = Counter()
    for event in events:
        counts[_key(event)] += sign
    rollups.add(MCE_DAY, counts)


def _key(event: MceEvent) -> tuple[Any, ...]:
    return (
        event.received_at.astimezone(UTC).date(),
        event.machine_id,
        event.build_id,
        event.external,
        event.event_class,
        event.uncorrected,
        event.status_word,
        event.error_class,
        _place(event),
    )


def _place(event: MceEvent) -> str:
    known = (("socket", event.socket), ("channel", event.channel))
    return ", ".join(f"{name} {n}" for name, n in known if n is not None)


def _hex(value: int | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:0{digits}x}"

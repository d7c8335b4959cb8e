"""From a record of a thermal event to its event and the counts. Runs in the worker."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any

from records import rollups
from records.parsers import PayloadParser, StoredRecord, delete_facts
from views_plugins import mcelog
from views_plugins.mcelog import MachineCheck
from views_plugins.thermal.models import ThermalDay, ThermalEvent

CLASSIFICATIONS = ("*/mce/thermal", "*/mce/corrected")
"""Old clients file thermal events under corrected errors."""

THERMAL_DAY = rollups.Table(
    ThermalDay, ThermalDay.KEY, {"events": "sum", "above": "sum"}
)


def parse(record: StoredRecord) -> MachineCheck | None:
    if not mcelog.is_thermal(record.classification, record.payload):
        return None
    return mcelog.parse(record.payload, record.classification)


def store(facts: Sequence[tuple[StoredRecord, MachineCheck]]) -> None:
    """Save events and count them."""
    events = [_event(record, check) for record, check in facts]
    ThermalEvent.objects.bulk_create(events)
    _count(events, 1)


def forget(record_ids: Sequence[int]) -> None:
    """Take events back, and their counts with them."""
    events = ThermalEvent.objects.filter(record_id__in=record_ids)
    _count(list(events), -1)
    ThermalDay.objects.filter(events=0).delete()
    events.delete()


def expire(record_ids: Sequence[int]) -> None:
    """Delete events whose records are deleted; their counts stay."""
    delete_facts(ThermalEvent, record_ids)


PARSER = PayloadParser(
    name="thermal",
    version=1,
    classifications=CLASSIFICATIONS,
    parse=parse,
    store=store,
    forget=forget,
    expire=expire,
)


def _event(record: StoredRecord, check: MachineCheck) -> ThermalEvent:
    return ThermalEvent(
        record_id=record.id,
        received_at=record.received_at,
        machine_id=record.machine_id,
        build_id=record.build_id,
        external=record.external,
        cpu=check.cpu,
        above=check.above,
    )


def _count(events: Iterable[ThermalEvent], sign: int) -> None:
    counts: Counter[tuple[Any, ...]] = Counter()
    above: Counter[tuple[Any, ...]] = Counter()
    for event in events:
        day = event.received_at.astimezone(UTC).date()
        key = (day, event.machine_id, event.build_id, event.external)
        counts[key] += sign
        above[key] += sign * (event.above is True)
    rollups.upsert(THERMAL_DAY, [(*key, n, above[key]) for key, n in counts.items()])

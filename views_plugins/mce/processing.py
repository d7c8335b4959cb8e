"""From a record of a machine check to its event and the counts. Runs in the worker."""

from records.facts import Count, CountedFacts, Values, common, day
from records.parsers import PayloadParser, StoredRecord
from records.rollups import Key, Table
from views_plugins import mcelog
from views_plugins.mce.models import MceDay, MceEvent, MceMachineDay
from views_plugins.mcelog import NO_STATUS, MachineCheck

CLASSIFICATIONS = ("*/mce/*",)
MEMORY = {"Memory controller", "Near memory", "Cache hierarchy", NO_STATUS}
"""Errors of memory that are found when it is read are told as those of a cache."""


def parse(record: StoredRecord) -> MachineCheck | None:
    if mcelog.is_thermal(record.classification, record.payload):
        return None
    return mcelog.parse(record.payload, record.classification)


def _event(record: StoredRecord, check: MachineCheck) -> MceEvent:
    return MceEvent(
        **common(record),
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


def _hex(value: int | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:0{digits}x}"


def _of_day(event: MceEvent) -> Key:
    return (
        day(event),
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


def _of_machine(event: MceEvent) -> Key:
    return day(event), event.machine_id, event.build_id, event.external


def _of_memory(event: MceEvent) -> Values:
    return 1, event.uncorrected and event.error_class in MEMORY


FACTS = CountedFacts(
    MceEvent,
    _event,
    (
        Count(Table(MceDay, MceDay.KEY, {"events": "sum"}), _of_day),
        Count(
            Table(MceMachineDay, MceMachineDay.KEY, {"events": "sum", "memory": "sum"}),
            _of_machine,
            _of_memory,
        ),
    ),
)
PARSER = PayloadParser(
    name="mce",
    version=1,
    classifications=CLASSIFICATIONS,
    parse=parse,
    store=FACTS.store,
    forget=FACTS.forget,
    expire=FACTS.expire,
)

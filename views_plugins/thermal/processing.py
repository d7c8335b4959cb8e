"""From a record of a thermal event to its event and the counts. Runs in the worker."""

from records.facts import Count, CountedFacts, Values, common, day
from records.parsers import PayloadParser, StoredRecord
from records.rollups import Key, Table
from views_plugins import mcelog
from views_plugins.mcelog import MachineCheck
from views_plugins.thermal.models import ThermalDay, ThermalEvent, ThermalMachineDay

CLASSIFICATIONS = ("*/mce/thermal", "*/mce/corrected")
"""Old clients file thermal events under corrected errors."""

_SUMS = {"events": "sum", "above": "sum"}


def parse(record: StoredRecord) -> MachineCheck | None:
    if not mcelog.is_thermal(record.classification, record.payload):
        return None
    return mcelog.parse(record.payload, record.classification)


def _event(record: StoredRecord, check: MachineCheck) -> ThermalEvent:
    return ThermalEvent(**common(record), cpu=check.cpu, above=check.above)


def _of_day(event: ThermalEvent) -> Key:
    return day(event), event.build_id, event.external


def _of_machine(event: ThermalEvent) -> Key:
    return day(event), event.machine_id, event.build_id, event.external


def _sums(event: ThermalEvent) -> Values:
    return 1, event.above is True


FACTS = CountedFacts(
    ThermalEvent,
    _event,
    (
        Count(Table(ThermalDay, ThermalDay.KEY, _SUMS), _of_day, _sums),
        Count(
            Table(ThermalMachineDay, ThermalMachineDay.KEY, _SUMS), _of_machine, _sums
        ),
    ),
)
PARSER = PayloadParser(
    name="thermal",
    version=1,
    classifications=CLASSIFICATIONS,
    parse=parse,
    store=FACTS.store,
    forget=FACTS.forget,
    expire=FACTS.expire,
)

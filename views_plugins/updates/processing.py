"""From a record of an updater to its event and the counts. Runs in the worker."""

from records.facts import Count, CountedFacts, Values, common, day
from records.parsers import PayloadParser, StoredRecord
from records.rollups import Key, Table
from views_plugins.updates import parser
from views_plugins.updates.models import UpdateDay, UpdateEvent
from views_plugins.updates.parser import Update

_SUMS = dict.fromkeys(("updates", "silent", "timed", "seconds", "bytes"), "sum")


def parse(record: StoredRecord) -> Update | None:
    return parser.update(record.classification, record.payload)


def _event(record: StoredRecord, update: Update) -> UpdateEvent:
    return UpdateEvent(
        **common(record),
        from_version=update.from_version,
        to_version=update.to_version,
        outcome=update.outcome.value,
        result=update.result,
        seconds=update.seconds,
        bytes=update.bytes,
    )


def _key(event: UpdateEvent) -> Key:
    return (
        day(event),
        event.build_id,
        event.external,
        event.from_version,
        event.to_version,
        event.outcome,
        UpdateDay.NO_RESULT if event.result is None else event.result,
    )


def _sums(event: UpdateEvent) -> Values:
    silent, timed = event.result is None, event.seconds is not None
    return 1, silent, timed, round(event.seconds or 0), event.bytes or 0


FACTS = CountedFacts(
    UpdateEvent,
    _event,
    (Count(Table(UpdateDay, UpdateDay.KEY, _SUMS), _key, _sums),),
)
PARSER = PayloadParser(
    name="updates",
    version=1,
    classifications=("*/swupd-client/update", "*/swupd-client/unknown", "*/swupdate/*"),
    parse=parse,
    store=FACTS.store,
    forget=FACTS.forget,
    expire=FACTS.expire,
)

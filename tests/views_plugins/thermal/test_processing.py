"""From records of thermal events to events and counts."""

from collections import Counter
from datetime import date
from typing import Any

import pytest

from records.digest import digest_batch
from records.models import Build, ParserFailure
from records.parsers import StoredRecord
from records.rebuild import rebuild_facts
from tests.factories import stored
from tests.views_plugins.mcelogs import (
    MOMENTS,
    Sent,
    all_sent,
    check,
    digested,
    hot,
    mixed,
)
from views_plugins.mce.models import MceEvent
from views_plugins.thermal import processing
from views_plugins.thermal.models import ThermalDay, ThermalEvent, ThermalMachineDay
from views_plugins.thermal.reading import READING

pytestmark = pytest.mark.django_db

THERMAL = "org.clearlinux/mce/thermal"
CORRECTED = "org.clearlinux/mce/corrected"


def events() -> list[dict[str, Any]]:
    return list(ThermalEvent.objects.order_by("record_id").values())


def days() -> list[list[tuple[Any, ...]]]:
    """The rows of both rollups."""
    return [
        sorted(model.objects.values_list(*model.KEY, "events", "above"))
        for model in (ThermalDay, ThermalMachineDay)
    ]


def recounted(sent: list[Sent]) -> list[list[tuple[Any, ...]]]:
    """What `days` should be."""
    return [_recounted(sent, by_machine=each) for each in (False, True)]


def _recounted(sent: list[Sent], *, by_machine: bool) -> list[tuple[Any, ...]]:
    all_events: Counter[tuple[Any, ...]] = Counter()
    above: Counter[tuple[Any, ...]] = Counter()
    for each in sent:
        system, version = each.build
        build = Build.objects.get(system_name=system, version=version).pk
        machine = (each.machine,) if by_machine else ()
        key = (each.day, *machine, build, each.external)
        all_events[key] += 1
        above[key] += each.above
    return sorted((*key, n, above[key]) for key, n in all_events.items())


@pytest.mark.parametrize(
    ("status", "above"), [("1", True), ("0", False), ("x", None), ("880003c3", True)]
)
@pytest.mark.parametrize("classification", [THERMAL, CORRECTED])
def test_a_thermal_event_becomes_an_event_and_a_count(classification, status, above):
    record = stored(
        MOMENTS[0], classification=classification, payload=hot(status), machine_id="m"
    )
    digest_batch(10)
    assert events() == [
        {
            "record_id": record.pk,
            "received_at": MOMENTS[0],
            "machine_id": "m",
            "build_id": record.build_id,
            "external": False,
            "cpu": 2,
            "above": above,
        }
    ]
    day, place = date(2025, 12, 22), (record.build_id, False)
    sums = (1, int(above is True))
    assert days() == [[(day, *place, *sums)], [(day, "m", *place, *sums)]]
    assert not MceEvent.objects.exists()


@pytest.mark.parametrize("seed", range(3))
def test_counts_equal_a_recount_of_the_records(seed):
    digested(mixed(seed=seed))
    sent = [each for each in all_sent() if each.event == "thermal"]
    assert days() == recounted(sent)
    assert [event["record_id"] for event in events()] == [each.id for each in sent]
    assert not ParserFailure.objects.exists()


def test_the_page_of_a_record_says_what_happened():
    record = StoredRecord(
        1, MOMENTS[0], 0, "m", CORRECTED, 2, False, 1, "clear", "1", hot("0")
    )
    shown = READING.read(record)
    assert shown is not None
    assert shown["title"] == "Thermal event"
    assert dict(shown["facts"])["Temperature"] == "below the threshold"
    other = check("Corrected error", "9c00004001010091")
    assert READING.read(record._replace(payload=other)) is None


@pytest.fixture(scope="module")
def sent(module_db: None) -> None:
    """Stored once for the tests below."""
    digested(mixed())


def test_every_record_of_mcelog_is_either_a_check_or_thermal(sent):
    both = [ThermalEvent.objects, MceEvent.objects]
    ids = [pk for facts in both for pk in facts.values_list("record_id", flat=True)]
    assert sorted(ids) == [each.id for each in all_sent() if each.event]


def test_facts_and_counts_made_again_are_equal_to_the_first_time(sent):
    first = (events(), days())
    for start in (date(2025, 12, 1), date(2026, 1, 1)):
        list(rebuild_facts(start, date(2026, 2, 1)))
        assert (events(), days()) == first


def test_forgotten_records_leave_no_count_behind(sent):
    ids = [event["record_id"] for event in events()]
    processing.PARSER.forget(ids[::2])
    assert days() == recounted([each for each in all_sent() if each.id in ids[1::2]])
    processing.PARSER.forget(ids)
    assert (events(), days()) == ([], [[], []])


def test_events_of_deleted_records_go_and_stay_counted(sent):
    ids, first = [event["record_id"] for event in events()], days()
    processing.PARSER.expire(ids[::2])
    assert [event["record_id"] for event in events()] == ids[1::2]
    assert days() == first

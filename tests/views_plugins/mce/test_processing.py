"""From records of machine checks to events and counts."""

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
from views_plugins.mce import processing
from views_plugins.mce.models import MceDay, MceEvent, MceMachineDay
from views_plugins.mce.reading import READING

pytestmark = pytest.mark.django_db

CORRECTED = "org.clearlinux/mce/corrected"
MEMORY = check("Corrected error", "9c00004001010091", socket=1)


def events() -> list[dict[str, Any]]:
    return list(MceEvent.objects.order_by("record_id").values())


def days() -> Counter[tuple[Any, ...]]:
    rows = MceDay.objects.values_list(*MceDay.KEY, "events")
    return Counter({row[:-1]: row[-1] for row in rows})


def machine_days() -> list[tuple[Any, ...]]:
    rows = MceMachineDay.objects.values_list(*MceMachineDay.KEY, "events", "memory")
    return sorted(rows)


def recounted(sent: list[Sent]) -> tuple[Counter[Any], list[Any]]:
    """What `days` and `machine_days` should be."""
    checks: Counter[tuple[Any, ...]] = Counter()
    machines: Counter[tuple[Any, ...]] = Counter()
    memory: Counter[tuple[Any, ...]] = Counter()
    for each in sent:
        system, version = each.build
        build = Build.objects.get(system_name=system, version=version).pk
        what = (each.event, each.uncorrected, each.word, each.error, each.place)
        checks[each.day, build, each.external, *what] += 1
        machine = (each.day, each.machine, build, each.external)
        machines[machine] += 1
        memory[machine] += each.uncorrected and each.error in processing.MEMORY
    return checks, sorted((*key, n, memory[key]) for key, n in machines.items())


def counts() -> tuple[Counter[Any], list[Any]]:
    return days(), machine_days()


def test_a_machine_check_becomes_an_event_and_a_count():
    record = stored(
        MOMENTS[0], classification=CORRECTED, payload=MEMORY, machine_id="m"
    )
    digest_batch(10)
    assert events() == [
        {
            "record_id": record.pk,
            "received_at": MOMENTS[0],
            "machine_id": "m",
            "build_id": record.build_id,
            "external": False,
            "event_class": "corrected",
            "uncorrected": False,
            "cpu": 3,
            "bank": 7,
            "socket": 1,
            "channel": 1,
            "status": "9c00004001010091",
            "status_word": "01010091",
            "mcacod": 0x91,
            "error_class": "Memory controller",
            "addr": "1d0035000",
            "misc": "8c",
        }
    ]
    what = ("corrected", False, "01010091", "Memory controller", "socket 1, channel 1")
    place = (record.build_id, False)
    assert days() == {(date(2025, 12, 22), *place, *what): 1}
    assert machine_days() == [(date(2025, 12, 22), "m", *place, 1, 0)]


def test_what_a_payload_does_not_say_is_nothing_in_the_event():
    stored(MOMENTS[0], classification="org.example/mce/odd", payload="no such text")
    digest_batch(10)
    (event,) = events()
    missing = ("cpu", "bank", "socket", "channel", "mcacod")
    assert {event[name] for name in missing} == {None}
    texts = ("status", "status_word", "addr", "misc")
    assert {event[name] for name in texts} == {""}
    assert (event["event_class"], event["error_class"]) == ("odd", "No status")


@pytest.mark.parametrize("seed", range(3))
def test_counts_equal_a_recount_of_the_records(seed):
    digested(mixed(seed=seed))
    sent = [each for each in all_sent() if each.event not in ("", "thermal")]
    assert counts() == recounted(sent)
    assert [event["record_id"] for event in events()] == [each.id for each in sent]
    assert not ParserFailure.objects.exists()


@pytest.mark.parametrize(
    ("classification", "payload", "read"),
    [
        ("org.example/mce/SRAR", MEMORY, True),
        ("org.example/mce/whatever", "", True),
        ("org.clearlinux/mce/thermal", hot(), False),
        ("org.clearlinux/mce/corrected", hot(), False),
        ("org.clearlinux/mcelog/corrected", MEMORY, False),
        ("org.clearlinux/crash/mce", MEMORY, False),
    ],
)
def test_checks_of_any_vendor_are_read_and_thermal_events_are_not(
    classification, payload, read
):
    stored(classification=classification, payload=payload)
    digest_batch(10)
    assert (len(events()), sum(days().values())) == (int(read), int(read))


@pytest.mark.parametrize(
    "payload",
    [
        "CPU 999999999 BANK 999999999\nSTATUS " + "f" * 16 + " MCGSTATUS 0\n",
        "ADDR " + "f" * 16 + " MISC " + "f" * 16 + " SOCKETID ffff\n",
        "Memory channel ID of error: 999999999\nSTATUS 8c0000400001009f\n",
        "CPU 9999999999 STATUS 12345678901234567 MCGSTATUS é\x01",
    ],
)
def test_hostile_numbers_fit_the_database(payload):
    name = f"org.example/mce/{'x' * 60}"
    stored(classification=name, payload=payload, machine_id="m" * 32)
    digest_batch(10)
    assert sum(days().values()) == len(events()) == 1
    assert not ParserFailure.objects.exists()


def record(classification: str, payload: str) -> StoredRecord:
    return StoredRecord(
        1, MOMENTS[0], 0, "m", classification, 2, False, 1, "clear", "1", payload
    )


def test_the_page_of_a_record_says_what_the_check_is():
    shown = READING.read(record(CORRECTED, MEMORY))
    assert shown is not None
    assert shown["title"] == "Machine check: corrected"
    assert dict(shown["facts"])["Error"] == "Memory controller, memory read"
    assert READING.read(record(CORRECTED, hot())) is None


@pytest.fixture(scope="module")
def sent(module_db: None) -> None:
    """Stored once for the tests below."""
    digested(mixed())


def test_facts_and_counts_made_again_are_equal_to_the_first_time(sent):
    first = (events(), counts())
    for start in (date(2025, 12, 1), date(2026, 1, 1)):
        list(rebuild_facts(start, date(2026, 2, 1)))
        assert (events(), counts()) == first


def test_forgotten_records_leave_no_count_behind(sent):
    kept = [event["record_id"] for event in events()][::2]
    processing.PARSER.forget(
        [e["record_id"] for e in events() if e["record_id"] not in kept]
    )
    assert [event["record_id"] for event in events()] == kept
    sent = [each for each in all_sent() if each.id in kept]
    assert counts() == recounted(sent)
    processing.PARSER.forget(kept)
    assert (events(), counts()) == ([], ({}, []))


def test_events_of_deleted_records_go_and_stay_counted(sent):
    ids, first = [event["record_id"] for event in events()], counts()
    processing.PARSER.expire(ids[::2])
    assert [event["record_id"] for event in events()] == ids[1::2]
    assert counts() == first

"""From records of updates to events and counts."""

from collections import Counter
from datetime import UTC, date, timedelta
from random import Random
from typing import Any

import pytest

from records.models import ParserFailure, Pending, Record
from records.rebuild import rebuild_facts
from records.store import insert_records
from tests.factories import stored, submission
from tests.views_plugins.updates.factories import (
    ACRN,
    NOON,
    digest,
    update_of,
    updated,
)
from views_plugins.updates import processing
from views_plugins.updates.models import UpdateDay, UpdateEvent
from views_plugins.updates.parser import update

pytestmark = pytest.mark.django_db


def events() -> list[dict[str, Any]]:
    return list(UpdateEvent.objects.order_by("record_id").values())


def days() -> list[tuple[Any, ...]]:
    columns = (*UpdateDay.KEY, "updates", "timed", "seconds", "bytes")
    return sorted(UpdateDay.objects.values_list(*columns))


def recounted() -> list[tuple[Any, ...]]:
    """The same from the records themselves."""
    counts: dict[tuple[Any, ...], Counter[str]] = {}
    for record in Record.objects.select_related("kind__classification"):
        found = update(record.kind.classification.name, record.payload)
        if found is None:
            continue
        key = (
            record.received_at.astimezone(UTC).date(),
            record.build_id,
            record.kind.external,
            found.from_version,
            found.to_version,
            found.outcome.value,
            -(2**31) if found.result is None else found.result,
        )
        count = counts.setdefault(key, Counter())
        count["n"] += 1
        count["timed"] += found.seconds is not None
        count["seconds"] += round(found.seconds or 0)
        count["bytes"] += found.bytes or 0
    names = ("n", "timed", "seconds", "bytes")
    return sorted((*key, *(n[name] for name in names)) for key, n in counts.items())


def seed(number: int, count: int = 80) -> None:
    """Updates over some days, of all outcomes, and what is none."""
    rng = Random(number)
    made = []
    for _ in range(count):
        before, after = rng.choice([(10, 20), (10, 30), (20, 30), (30, 30), (30, -1)])
        each = update_of(
            before,
            after,
            rng.choice([0, 0, 0, 11, ""]),
            *rng.choice([("time= 39.6", "bytes=98123455"), ("time=0.4",), ()]),
            build=rng.choice(["10", "20", "30"]),
            machine_id=f"m{rng.randrange(9)}",
            external=rng.random() < 0.5,
            system_name=rng.choice(["clear-linux-os", "example-os"]),
        )
        at = NOON + timedelta(hours=rng.randrange(-60, 60))
        made.append((at, submission(**each)))
    insert_records(made)
    stored(NOON, classification=ACRN, payload="system update to: 30\n")
    stored(NOON, classification="org.clearlinux/swupd-client/check", payload="result=0")


def test_an_update_becomes_an_event_and_a_count():
    record = updated(
        "22140", "22160", 0, "time= 39.6", "bytes=98", machine_id="m", external=True
    )
    digest()
    assert events() == [
        {
            "record_id": record.pk,
            "received_at": NOON,
            "machine_id": "m",
            "build_id": record.build_id,
            "external": True,
            "from_version": "22140",
            "to_version": "22160",
            "outcome": "updated",
            "result": 0,
            "seconds": 39.6,
            "bytes": 98,
        }
    ]
    day = date(2026, 3, 10)
    key = (day, record.build_id, True, "22140", "22160", "updated", 0)
    assert days() == [(*key, 1, 1, 40, 98)]


@pytest.mark.parametrize("number", range(3))
def test_counts_equal_a_recount_of_the_records(number):
    seed(number)
    digest()
    assert not ParserFailure.objects.exists()
    assert days() == recounted()
    assert len({row[5] for row in days()}) == 3
    assert sum(row[-4] for row in days()) == len(events())


def test_facts_and_counts_made_again_are_equal_to_the_first_time():
    seed(7)
    digest()
    first = (events(), days())
    for start in (NOON - timedelta(days=9), NOON):
        list(rebuild_facts(start.date(), (NOON + timedelta(days=9)).date()))
        assert (events(), days()) == first


def test_what_is_forgotten_leaves_no_count():
    kept = updated(1, 2, 0, "time=7", "bytes=5")
    gone = [updated(1, 2, 0, "time=9"), updated(2, 3)]
    digest()
    processing.PARSER.forget([each.pk for each in gone])
    assert [event["record_id"] for event in events()] == [kept.pk]
    assert [row[3:] for row in days()] == [("1", "2", "updated", 0, 1, 1, 7, 5)]


def test_a_record_that_is_digested_again_is_not_counted_twice():
    record = updated(1, 2)
    digest()
    first = (events(), days())
    Pending.objects.create(record_id=record.pk)
    digest()
    assert (events(), days()) == first


@pytest.mark.parametrize(
    "line",
    [
        f"bytes={2**40}",
        f"bytes={'9' * 30}",
        "time=1e308",
        f"result={'9' * 30}",
        "x=\x01",
    ],
)
def test_hostile_numbers_fit_the_database(line):
    for _ in range(3):
        updated("9" * 64, "é" * 64, 0, line, system_name="é" * 256)
    digest()
    assert not ParserFailure.objects.exists()
    assert sum(row[-4] for row in days()) == 3

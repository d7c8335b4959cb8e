"""One record and its machine around it."""

from datetime import UTC, datetime, timedelta

import pytest

from records import detail
from records.store import insert_records
from records.submission import NOT_CARRIED
from tests.factories import stored, submission

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(hours: float, count: int = 1, **changes) -> list[int]:
    moment = NOW + timedelta(hours=hours)
    return insert_records([(moment, submission(**changes)) for _ in range(count)])


def find(record_id: int) -> detail.Detail:
    found = detail.find(record_id, payload=True)
    assert found is not None
    return found


def facts(found: detail.Detail) -> dict[str, detail.Fact]:
    every = [*found.machine, *found.system, *found.formats]
    return {fact.label: fact for fact in every}


def test_there_may_be_no_such_record():
    assert detail.find(1, payload=True) is None


@pytest.mark.parametrize("record_id", [0, 2**63, 10**30])
def test_an_id_that_no_record_can_have_finds_none(record_id):
    assert detail.find(record_id, payload=True) is None


def test_every_value_leads_to_the_records_that_share_it():
    found = find(stored(board_name="A&B", build="43 210").pk)
    named = facts(found)
    assert named["Board"].query == "board_name=A%26B"
    assert named["Version"].query == "system_name=clear-linux-os&build=43+210"
    assert found.classification_query == "classification=org.clearlinux%2Fhello%2Fworld"
    assert all(fact.query for fact in named.values())


def test_a_value_that_was_not_carried_leads_nowhere():
    found = find(stored(event_id=None, board_name=NOT_CARRIED).pk)
    assert facts(found)["Event id"] == detail.Fact("Event id", NOT_CARRIED)
    assert facts(found)["Board"].query == ""


def test_without_leave_there_is_a_length_and_no_payload():
    found = detail.find(stored(payload="12345").pk, payload=False)
    assert found is not None
    assert (found.payload, found.length) == (None, 5)


@pytest.mark.parametrize(
    ("captured", "note"),
    [
        (timedelta(seconds=-14), "14 s before it was received"),
        (timedelta(seconds=10), "0 s before it was received"),
        (timedelta(hours=-20), "20 h before it was received"),
        (timedelta(days=-3), "the machine's clock seems to be 3 d behind"),
        (timedelta(hours=2), "the machine's clock seems to be 2 h ahead"),
    ],
)
def test_an_odd_clock_is_pointed_out(captured, note):
    seconds = int((NOW + captured).timestamp())
    (record_id,) = at(0, captured_at=seconds)
    assert find(record_id).clock_note == note


def test_a_capture_beyond_the_year_9999_is_shown():
    (record_id,) = at(0, captured_at=9_000_000_000_000)
    assert find(record_id).captured.value.startswith("287168-08-24")


def test_the_timeline_is_of_the_same_machine_within_a_day():
    (too_old,) = at(-25)
    (older,) = at(-2.05, severity=3, build="43200")
    at(-1, machine_id="another")
    (own,) = at(0)
    (newer,) = at(23)
    at(25)
    found = find(own)
    line = [(each.id, each.offset, each.current) for each in found.timeline]
    assert line == [
        (newer, "+23 h", False),
        (own, "+0 s", True),
        (older, "\u22122 h 3 min", False),
    ]
    assert (found.timeline[2].severity, found.timeline[2].build) == (3, "43200")
    assert (found.older, found.newer) == (older, newer)
    assert find(older).older == too_old


def test_the_way_on_leads_further_than_the_timeline():
    (first,) = at(-1000)
    (last,) = at(0)
    assert (find(last).older, find(first).newer) == (first, last)
    assert (find(first).older, find(last).newer) == (None, None)
    assert len(find(last).timeline) == 1


def test_a_busy_machine_s_timeline_is_cut_and_says_so():
    before = at(-1, detail.SIDE + 5)
    (own,) = at(0)
    after = at(1, detail.SIDE)
    found = find(own)
    assert [each.id for each in found.timeline] == [
        *after[::-1],
        own,
        *before[: -detail.SIDE - 1 : -1],
    ]
    assert found.cut


def test_a_timeline_that_just_fits_is_not_cut():
    at(-1, detail.SIDE)
    (own,) = at(0)
    assert not find(own).cut

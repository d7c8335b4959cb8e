"""Accepted records are digested, failed or pending; none is missing."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import parsers
from records.digest import digest_batch
from records.models import Pending, Record
from records.parsers import PayloadParser
from records.pipeline import pipeline
from records.store import insert_records
from tests.factories import stored
from tests.records.strategies import START, in_one_database, received, rolled_back

pytestmark = pytest.mark.django_db
DAYS = [START.date(), START.date().replace(day=31), date(2026, 2, 1)]


def unreadable(record):
    raise ValueError


PARSER = PayloadParser(
    name="of some",
    version=1,
    classifications=("a/b/c",),
    parse=unreadable,
    store=lambda facts: None,
    forget=lambda ids: None,
)


@pytest.fixture(autouse=True)
def _a_parser_that_cannot_read():
    parsers.register(PARSER)
    yield
    parsers.unregister(PARSER.name)


@in_one_database
@given(received, st.integers(0, 30))
def test_every_accepted_record_is_accounted_for(rows, digested):
    with rolled_back():
        insert_records(rows)
        done = digest_batch(digested) if digested else 0
        found = [pipeline(day) for day in DAYS]
        assert [(each.missing, each.deleted) for each in found] == [(0, 0)] * 3
        assert sum(each.accepted for each in found) == len(rows)
        assert sum(each.pending for each in found) == len(rows) - done
        counted = Record.objects.exclude(id__in=Pending.objects.values("record_id"))
        odd = counted.filter(kind__classification__name="a/b/c").count()
        assert sum(each.failed for each in found) == odd
        assert sum(each.digested for each in found) == done - odd


def test_a_record_that_was_lost_on_the_way_is_missing():
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    record = stored(moment)
    stored(moment)
    Pending.objects.filter(record_id=record.pk).delete()
    while digest_batch(10):
        pass
    found = pipeline(moment.date())
    assert (found.missing, found.deleted) == (1, 0)


def test_a_deleted_record_stays_counted():
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    record = stored(moment)
    digest_batch(10)
    Record.objects.filter(pk=record.pk).delete()
    found = pipeline(moment.date())
    assert (found.missing, found.deleted) == (0, 1)

"""Facts of records that were purged are gone; what they counted stays counted."""

from datetime import UTC, datetime, timedelta

import pytest

from records.models import MachineDay, RetentionRun, SystemPresence
from records.purge import batches
from records.rebuild import rebuild_day, rebuild_facts
from tests.records.every_fact import DAYS, FACTS, fact_ids, rows, sent_and_digested
from tests.records.recount import rollups

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=36)


@pytest.fixture
def young() -> list[int]:
    """Ids of what is left after a purge of half of what there was."""
    sent_and_digested(OLD)
    young = sent_and_digested(OLD + timedelta(days=2))
    counted = rollups(), rows(*DAYS)
    run = RetentionRun.objects.create(started=NOW)
    assert sum(batches(run)) == 5
    assert (rollups(), rows(*DAYS)) == counted
    return young


def test_facts_go_with_their_records_and_counts_stay(young):
    assert fact_ids() == {name: [young[n]] for n, name in enumerate(FACTS)}
    assert MachineDay.objects.count() == 2
    assert SystemPresence.objects.count() == 2


def test_making_facts_again_takes_nothing_back_of_records_that_are_gone(young):
    facts, counted = fact_ids(), (rollups(), rows(*DAYS))
    for day in (OLD.date(), (OLD + timedelta(days=2)).date()):
        rebuild_day(day)
        list(rebuild_facts(day, day))
    assert fact_ids() == facts
    assert (rollups(), rows(*DAYS)) == counted

"""The view of shares shows what was sent."""

from collections import Counter
from urllib.parse import urlsplit

import pytest
from django.http import QueryDict
from hypothesis import given

from records.filters import RecordFilter, strict
from tests.factories import stored
from tests.records.strategies import START, in_one_database, received, rolled_back
from tests.views_plugins.recount import (
    FIRST,
    Sent,
    links,
    meant,
    numbers,
    of_all_classifications,
    questions,
    rows,
    show,
    store,
)
from views_plugins.stats.plugin import PLUGIN, SEVERITIES, SOURCES

DAY = {"start": FIRST, "end": FIRST}
KEYS = ("classifications", "platforms", "severities", "systems", "sources")


@in_one_database
@given(received, questions())
def test_shares_and_links_are_those_of_what_was_sent(db, sent, asked):
    with rolled_back():
        store(sent)
        check_shares(sent, asked)
        everything = of_all_classifications(asked)
        check_links(everything)
        check_order(everything)


def check_shares(sent: Sent, asked: dict[str, object]) -> None:
    shown = show(PLUGIN, asked)
    ours = [each for _, each in meant(sent, asked)]
    of_all = [each for _, each in meant(sent, of_all_classifications(asked))]
    assert numbers(shown) == {
        "Records": len(ours),
        "Classifications": len({each.classification for each in ours}),
        "Operating systems": len({each.system_name for each in ours}),
    }
    wanted = {
        "classifications": Counter(each.classification for each in ours),
        "platforms": Counter(each.host_type for each in of_all),
        "severities": Counter(SEVERITIES[each.severity] for each in ours),
        "systems": Counter(each.system_name for each in ours),
        "sources": Counter(SOURCES[each.external] for each in ours),
    }
    for key in KEYS:
        found = rows(shown, key)
        assert {row[0]: row[1] for row in found if row[1]} == wanted[key]


def check_links(asked: dict[str, object]) -> None:
    """They lead to the records that were counted."""
    shown = show(PLUGIN, asked)
    for key in KEYS:
        for row, link in zip(rows(shown, key), links(shown, key), strict=True):
            chosen = strict(RecordFilter, QueryDict(urlsplit(link).query))
            assert chosen.qs.everything().count() == row[1], link


def check_order(asked: dict[str, object]) -> None:
    """The greatest share is first, and all are a hundred."""
    found = rows(show(PLUGIN, asked), "classifications")
    assert [row[1] for row in found] == sorted((row[1] for row in found), reverse=True)
    assert sum(row[2] for row in found) == pytest.approx(100 if found else 0, abs=1)


@pytest.mark.django_db
def test_platforms_of_one_classification_are_said_not_to_be_known():
    stored(START)
    store([])
    asked = {**DAY, "classification": "a/b/c"}
    assert "not counted by classification" in show(PLUGIN, asked).part("platforms").note
    assert show(PLUGIN, DAY).part("platforms").note == ""


@pytest.mark.django_db
def test_its_cost_does_not_grow_with_names(django_assert_max_num_queries):
    for n in range(12):
        stored(START, classification=f"a/b/{n}", host_type=f"{n}", severity=1 + n % 4)
    store([])
    # Counts of kinds, systems and hardware, what of each is summed up, and names.
    with django_assert_max_num_queries(9):
        show(PLUGIN, DAY)

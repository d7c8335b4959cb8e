"""The view of builds shows what was sent."""

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
    parsed,
    questions,
    rows,
    show,
    store,
    time_of,
)
from views_plugins.builds.plugin import PLUGIN

DAY = {"start": FIRST, "end": FIRST}


def by_build(sent: Sent, asked: dict[str, object]) -> Counter[tuple[str, bool]]:
    alone = "system_name" in asked
    return Counter(
        (each.build if alone else f"{each.system_name} {each.build}", each.external)
        for _, each in meant(sent, asked)
    )


@in_one_database
@given(received, questions())
def test_numbers_and_links_are_those_of_what_was_sent(db, sent, asked):
    with rolled_back():
        store(sent)
        check_builds(sent, asked)
        check_times(sent, asked)
        check_links(asked)
        check_rates(sent, of_all_classifications(asked))


def check_builds(sent: Sent, asked: dict[str, object]) -> None:
    shown = show(PLUGIN, asked)
    counts = by_build(sent, asked)
    head = [each.name for each in shown.part("builds").series]
    assert numbers(shown) == {
        "Records": counts.total(),
        "Builds": len({name for name, _ in counts}),
    }
    assert {
        (row[0], source == "external"): n
        for row in rows(shown, "builds")
        for source, n in zip(head, row[1:], strict=True)
        if n
    } == counts


def check_times(sent: Sent, asked: dict[str, object]) -> None:
    """Days or weeks are those in which records were received."""
    found = rows(show(PLUGIN, asked), "days")
    over = parsed(PLUGIN, asked)
    counts = Counter(time_of(over, at.date()) for at, _ in meant(sent, asked))
    assert {row[0]: sum(row[1:]) for row in found if sum(row[1:])} == counts
    assert [row[0] for row in found] == [each.text for each in over.times]


def check_links(asked: dict[str, object]) -> None:
    """They lead to the records that were counted."""
    shown = show(PLUGIN, asked)
    for row, link in zip(rows(shown, "builds"), links(shown, "builds"), strict=True):
        chosen = strict(RecordFilter, QueryDict(urlsplit(link).query))
        assert chosen.qs.everything().count() == sum(row[1:])


def check_rates(sent: Sent, asked: dict[str, object]) -> None:
    """They are per id and day with a heartbeat."""
    shown = show(PLUGIN, asked, per="machine-day")
    head = [each.name for each in shown.part("builds").series]
    alone = "system_name" in asked
    beats = {
        (
            moment.date(),
            each.machine_id,
            each.build if alone else f"{each.system_name} {each.build}",
            each.external,
        )
        for moment, each in meant(sent, asked)
        if "/heartbeat/" in each.classification
    }
    days = Counter((name, external) for _, _, name, external in beats)
    counts = by_build(sent, asked)
    for row in rows(shown, "builds"):
        for source, rate in zip(head, row[1:], strict=True):
            key = (row[0], source == "external")
            wanted = counts[key] / days[key] if days[key] else None
            assert rate == pytest.approx(wanted)


@pytest.mark.django_db
def test_builds_are_in_the_order_of_versions():
    for build in ("33020", "9990", "40.1", "40.10", "40.9"):
        stored(START, build=build, system_name="os")
    store([])
    found = rows(show(PLUGIN, {**DAY, "system_name": "os"}), "builds")
    assert [row[0] for row in found] == ["40.1", "40.9", "40.10", "9990", "33020"]


@pytest.mark.django_db
def test_a_source_that_was_not_asked_for_has_no_column():
    shown = show(PLUGIN, {**DAY, "external": "true"})
    assert [each.name for each in shown.part("builds").series] == ["external"]


@pytest.mark.django_db
def test_builds_beyond_the_greatest_are_summed_up_over_time():
    for n in range(9):
        for _ in range(n + 1):
            stored(START, build=f"{n}", system_name="os")
    store([])
    shown = show(PLUGIN, {**DAY, "system_name": "os"})
    head, (_, *values) = (
        [each.name for each in shown.part("days").series],
        rows(shown, "days")[0],
    )
    assert head == ["2", "3", "4", "5", "6", "7", "8", "other (2)"]
    assert values == [3, 4, 5, 6, 7, 8, 9, 3]


@pytest.mark.django_db
def test_its_cost_does_not_grow_with_builds(django_assert_max_num_queries):
    for n in range(12):
        stored(START, build=f"{n}", system_name=f"os {n % 3}")
    store([])
    # Counts and what is summed up, twice; the order of builds, their names.
    with django_assert_max_num_queries(6):
        show(PLUGIN, DAY)

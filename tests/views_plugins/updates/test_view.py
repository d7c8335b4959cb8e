"""The Updates view: its numbers are those of the records, and lead to them."""

from collections import Counter
from datetime import UTC, date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import QueryDict
from django.test import Client

from records.models import Record
from tests.factories import stored
from tests.views_plugins.recount import time_of
from tests.views_plugins.updates.factories import ACRN, NOON, digest, sum_up, updated
from tests.views_plugins.updates.test_processing import seed
from views_plugins import filters
from views_plugins.charts import Chart, Content, Table
from views_plugins.filters import Filters
from views_plugins.updates import plugin
from views_plugins.updates.parser import Outcome, Update, update
from views_plugins.updates.plugin import PLUGIN

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 12)


def asked(query: str = "") -> Filters:
    return filters.parse(PLUGIN, QueryDict(query), today=TODAY)


def shown(query: str = "") -> Content:
    return plugin.content(asked(query))


def chart(content: Content, key: str) -> Chart:
    part = content.part(key)
    assert isinstance(part, Chart)
    return part


def table(content: Content, key: str) -> Table:
    part = content.part(key)
    assert isinstance(part, Table)
    return part


def figures(content: Content) -> dict[str, object]:
    return {each.label: each.value for each in content.figures}


def cells(content: Content) -> dict[tuple[str, str], int]:
    matrix = chart(content, "matrix")
    return {
        (label.text, series.name): value
        for series in matrix.series
        for label, value in zip(matrix.categories, series.values, strict=True)
        if value
    }


def sent(query: str = "") -> list[tuple[Record, Update]]:
    """The updates among the records that the filters leave, read again."""
    scope = asked(query).scope
    records = Record.objects.select_related("kind__classification", "build")
    if scope.system_name:
        records = records.filter(build__system_name=scope.system_name)
    if scope.external is not None:
        records = records.filter(kind__external=scope.external)
    read = [(r, update(r.kind.classification.name, r.payload)) for r in records]
    days = asked(query).days
    return [
        (record, found)
        for record, found in read
        if found and record.received_at.astimezone(UTC).date() in days
    ]


def values(part: Chart) -> dict[str, object]:
    (series,) = part.series
    names = (label.text for label in part.categories)
    return dict(zip(names, series.values, strict=True))


def test_versions_are_in_their_order_at_both_sides_with_sums():
    for before, after, times in [(9, 10, 1), (10, 11, 2), (9, 11, 4), (8, 9, 8)]:
        for _ in range(times):
            updated(before, after, at=NOON)
    digest()
    sum_up()
    matrix = chart(shown(), "matrix")
    assert [label.text for label in matrix.categories] == ["8", "9", "10"]
    assert [series.name for series in matrix.series] == ["9", "10", "11"]
    shown_as = matrix.table()
    assert [row[-1].value for row in shown_as.rows] == [8, 5, 2]
    assert [cell.value for cell in shown_as.foot] == ["Sum", 8, 1, 6, 15]
    assert not chart(shown("days=1"), "matrix").categories


def test_a_matrix_that_is_too_large_sums_up_its_rarest_versions(monkeypatch):
    monkeypatch.setattr(plugin, "MOST_VERSIONS", 2)
    for before, times in [(1, 1), (2, 3), (3, 2), (4, 1)]:
        for n in range(times):
            updated(before, 5 + n)
    digest()
    assert cells(shown()) == {
        ("2", "5"): 1,
        ("2", "6"): 1,
        ("2", "others"): 1,
        ("3", "5"): 1,
        ("3", "6"): 1,
        ("others", "5"): 2,
    }


def test_a_cell_leads_to_the_records_of_what_was_updated():
    updated(1, 2, build="2")
    updated(2, 3, build="2")
    updated(2, 3, build="3")
    stored(NOON, classification=ACRN, payload="system update to: 4\n", build="4")
    digest()
    matrix = chart(shown("external=false"), "matrix")
    links = {
        (label.text, series.name): parse_qs(urlsplit(link).query)
        for series in matrix.series
        for label, link in zip(matrix.categories, series.links, strict=True)
        if link
    }
    assert links["1", "2"]["build"] == ["2"]
    assert links["1", "2"]["classification"] == ["*/swupd-client/*"]
    assert links["1", "2"]["external"] == ["false"]
    assert links["1", "2"]["received_after"] == ["2026-03-06"]
    assert "build" not in links["2", "3"]
    assert links["not said", "4"]["classification"] == ["*/swupdate/*"]
    assert len(links) == 3


def test_the_mean_is_of_the_updates_that_told_their_duration():
    updated(1, 2, 0, "time=10", "bytes=3000000")
    updated(1, 2, 0, "time=21", "bytes=4000000")
    updated(1, 2, 0)
    updated(1, 2, 7, "time=99", "bytes=9000000")
    updated(1, 1, 0, "time=0.2")
    digest()
    sum_up()
    content = shown()
    assert figures(content)["Mean duration"] == 15.5
    (row,) = table(content, "targets").rows
    assert [cell.value for cell in row] == ["2", 3, 1, 75.0, 15.5, 3.5]


def test_the_latest_failures_lead_to_their_record_and_machine():
    updated(1, 2)
    old = updated(1, -1, 11, machine_id="a/b")
    new = updated(1, 2, 5, at=NOON + timedelta(hours=1), machine_id="m")
    digest()
    updated(1, 2, 5, at=NOON - timedelta(days=30))
    updated(1, 2, 5, external=True)
    digest()
    rows = table(shown("external=false"), "latest-failures").rows
    assert [[cell.value for cell in row] for row in rows] == [
        ["2026-03-10 13:00:00", "m", "1", "2", "5"],
        ["2026-03-10 12:00:00", "a/b", "1", "not said", "11"],
    ]
    assert [row[0].link for row in rows] == [
        f"/records/record_details/{each.pk}" for each in (new, old)
    ]
    assert rows[1][1].link == "/machines/?machine_id=a%2Fb"


def test_without_updates_the_view_is_empty():
    assert shown().empty
    assert figures(shown())["Success rate"] is None


@pytest.mark.parametrize(
    "address", ["/updates", "/updates/matrix.csv", "/api/views/updates"]
)
def test_page_table_and_twin_answer(client: Client, settings, address):
    settings.TELEMETRY_ANONYMOUS_READ = True
    assert client.get(address.replace("/matrix.csv", "")).status_code == 200
    updated("<b>1", "2&\u00e9", at=NOON, machine_id="<i>")
    updated("<b>1", -1, at=NOON, machine_id="<i>")
    digest()
    response = client.get(f"{address}?days=all")
    assert response.status_code == 200
    text = response.content.decode()
    assert "1" in text
    assert ("<b>1" in text) == (address != "/updates")
    assert "<i>" not in text or address != "/updates"


@pytest.mark.parametrize(
    ("lines", "shown_as"),
    [
        (
            "current_version=1\nserver_version=2\nresult=0\ntime=39.6\nbytes=98123455",
            "Update from 1 to 2 Outcome updated From 1 To 2 Result 0 Took 39.6 s "
            "Downloaded 98.1 MB",
        ),
        (
            "current_version=1\nserver_version=-1\nresult=11\nextra=<b>",
            "Update from 1 to an unknown version Outcome failed From 1 To not said "
            "Result 11 Extra &lt;b&gt;",
        ),
        ("current_version=1", "Updater: update Current version 1"),
    ],
)
def test_a_record_tells_what_the_updater_reported(
    client: Client, settings, lines, shown_as
):
    settings.TELEMETRY_ANONYMOUS_READ = True
    record = updated(0, 0, payload=f"PACKAGE_NAME=swupd-client\n{lines}")
    page = client.get(f"/records/record_details/{record.pk}").content.decode()
    reading = page.partition('class="reading"')[2].partition("Raw text")[0]
    assert words(f"{shown_as} Sent by swupd-client") in words(reading)


def words(html: str) -> str:
    """Text without tags, with single blanks."""
    pieces = [each.partition(">")[2] for each in f">{html}".split("<")]
    return " ".join(" ".join(pieces).split())


QUERIES = [
    "",
    "days=2",
    "start=2026-03-09&end=2026-03-10",
    "external=true",
    "system_name=example-os&external=false&days=14",
    "start=2026-03-01&end=2026-06-30",
]


@pytest.fixture(scope="module")
def seeded(module_db: None) -> None:
    """Stored once for the test below."""
    seed(3, 150)
    digest()
    sum_up()


@pytest.mark.parametrize("query", QUERIES)
def test_every_number_is_a_recount_of_the_records(seeded, query):
    content, found = shown(query), sent(query)
    several = "system_name" not in query

    def name(record: Record, version: str) -> str:
        text = version or "not said"
        return f"{record.build.system_name} {text}" if several else text

    n = Counter(each.outcome for _, each in found)
    assert min(n.values()) > 0
    tried = n[Outcome.UPDATED] + n[Outcome.FAILED]
    assert figures(content) | {"Mean duration": 0} == {
        "Updates": n[Outcome.UPDATED],
        "Failed": n[Outcome.FAILED],
        "Nothing to do": n[Outcome.NONE],
        "Success rate": round(100 * n[Outcome.UPDATED] / tried, 1),
        "Mean duration": 0,
    }
    assert cells(content) == Counter(
        (name(record, each.from_version), name(record, each.to_version))
        for record, each in found
        if each.outcome is Outcome.UPDATED
    )
    failed = [
        (record, each) for record, each in found if each.outcome is Outcome.FAILED
    ]
    assert values(chart(content, "failures-by-build")) == Counter(
        name(record, each.from_version) for record, each in failed
    )
    assert values(chart(content, "failures-by-result")) == Counter(
        "not said" if each.result is None else str(each.result) for _, each in failed
    )
    days = chart(content, "days")
    by_day = Counter(
        (time_of(asked(query), record.received_at.date()), each.outcome.value)
        for record, each in found
    )
    words = {"updated": "updated", "failed": "failed", "nothing to do": "none"}
    assert {
        (label.text, words[series.name]): value
        for series in days.series
        for label, value in zip(days.categories, series.values, strict=True)
        if value
    } == by_day
    targets = table(content, "targets")
    assert sum(int(str(row[1].value)) for row in targets.rows) == n[Outcome.UPDATED]
    assert sum(int(str(row[2].value)) for row in targets.rows) == n[Outcome.FAILED]

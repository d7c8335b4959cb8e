"""`/capacity`: the form, its errors, and what this site does beside it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from records.digest import digest_batch
from records.models import Record
from records.planning import TYPICAL
from records.store import insert_records
from records.usage import usage
from tests.factories import stored, submission

pytestmark = pytest.mark.django_db

HEARTBEAT = "org.clearlinux/heartbeat/ping"


@pytest.fixture(autouse=True)
def _open(settings):
    settings.TELEMETRY_ANONYMOUS_READ = True


def page(client: Client, status: int = 200, **parameters: object) -> str:
    response = client.get("/capacity", parameters)
    assert response.status_code == status
    return response.content.decode()


def value(html: str, name: str) -> str:
    found = re.search(rf'<input[^>]* name="{name}"[^>]* value="([^"]*)"', html)
    other = re.search(rf'<input[^>]* value="([^"]*)"[^>]* name="{name}"', html)
    match = found or other
    assert match
    return match[1]


def cell(html: str, row: str, column: int = 0) -> str:
    line = re.search(rf'<th scope="row">{row}</th>(.*?)</tr>', html)
    assert line
    return re.findall(r"<td[^>]*>(.*?)</td>", line[1])[column]


def a_week() -> None:
    """Two machines a day: a heartbeat of each, a short payload and a long one."""
    now = datetime.now(UTC)
    for days in range(7):
        for machine in ("one", "two"):
            sent = [("", HEARTBEAT), ("x" * 100, "a/b/c"), ("y" * 3000, "a/b/d")]
            for payload, name in sent:
                stored(
                    now - timedelta(days=days),
                    payload=payload,
                    classification=name,
                    machine_id=machine,
                )
    digest_batch(100)


def test_an_empty_site_starts_with_a_typical_fleet(client):
    html = page(client)
    assert value(html, "machines") == str(TYPICAL["machines"])
    assert "nothing was received here lately" in html
    assert "This site" not in html


def test_a_site_starts_with_what_it_does_itself(client):
    a_week()
    html = page(client)
    expected = {
        "machines": "2",
        "per_day": "3.0",
        "days": "35",
        "short_share": "33.3",
        "short_payload": "100",
        "long_share": "33.3",
        "long_payload": "3000",
    }
    assert {name: value(html, name) for name in expected} == expected
    assert cell(html, "Records a day", 0) == cell(html, "Records a day", 1) == "6"


def test_a_fleet_that_is_asked_for_is_computed_beside_this_site(client):
    a_week()
    html = page(client, machines=1_000_000, per_day=8.64, peak=10, days=35)
    assert cell(html, "Records a second, on average") == "100"
    assert cell(html, "Records a second, at the peak") == "1,000"
    assert cell(html, "Records a day", 1) == "6"
    assert cell(html, "Disk for the counts of a year") == "146 GB"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"machines": "0"}, "greater than or equal to 1"),
        ({"machines": "-5"}, "greater than or equal to 1"),
        ({"machines": "many"}, "Enter a whole number"),
        ({"machines": ""}, "This field is required"),
        ({"per_day": "nan"}, "Enter a number"),
        ({"per_day": "1e400"}, "Enter a number"),
        ({"peak": "0.5"}, "greater than or equal to 1"),
        ({"short_share": "60", "long_share": "60"}, "more than 100 percent"),
        ({"days": "36501"}, "less than or equal to 36500"),
        ({"color": "<b>red</b>"}, "There is no such parameter"),
        ({"machines": ["1", "2"]}, "Given more than once"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name(client, parameters, message):
    html = page(client, 400, **parameters)
    assert message in html
    assert "cannot be computed" in html
    assert "<b>" not in html
    assert 'class="figures"' not in html


def test_what_was_typed_stays_in_the_form(client):
    assert 'value="&lt;b&gt;"' in page(client, 400, machines="<b>")


def test_a_site_without_heartbeats_has_no_figures_of_its_own():
    stored()
    digest_batch(10)
    assert usage() is None


def test_postgresql_tells_what_a_record_takes(client, on_postgres):
    if not on_postgres:
        a_week()
        assert usage().bytes_per_record is None
        assert "In the database of this site" not in page(client)
        return
    now = datetime.now(UTC)
    sent = [submission(classification=HEARTBEAT, payload="x" * 500)] * 1100
    insert_records([(now, each) for each in sent])
    digest_batch(2000)
    assert usage().bytes_per_record is None  # nobody counted yet
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Record._meta.db_table}")
    measured = usage().bytes_per_record
    assert 500 < measured < 5000
    assert f"{measured:.0f} bytes" in page(client)

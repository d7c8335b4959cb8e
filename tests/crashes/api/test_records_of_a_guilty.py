"""`guilty=<id>` among the filters of records: API, pages and exports."""

import csv
import io
import json

import pytest
from django.http import QueryDict
from django.test import Client

from crashes.models import Guilty
from records.panel import Panel
from tests.crashes.factories import crashed, digest, guilty_row, in_force, rule
from tests.crashes.users import logged_in, user_with
from tests.factories import stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(db: None) -> Client:
    names = ("view_record", "view_payload", "export_record")
    return logged_in(user_with(*(f"records.{name}" for name in names)))


def ids(client: Client, **parameters: object) -> list[int]:
    response = client.get("/api/records", parameters)
    assert response.status_code == 200, response.content
    return [record["id"] for record in response.json()["records"]]


def test_only_records_of_its_crashes_are_found(reader):
    first = crashed(("f()", "m.so"))
    second = crashed(("f()", "m.so"), ("main()", "app"), severity=4)
    crashed(("g()", "m.so"))
    stored()
    digest()
    guilty = guilty_row("f()").pk
    assert ids(reader, guilty=guilty) == [second.pk, first.pk]
    assert ids(reader, guilty=guilty, severity=4) == [second.pk]
    assert ids(reader, guilty=guilty, classification="*/hello/*") == []


def test_what_is_merged_into_it_belongs_to_it(reader):
    both = [crashed(("f()", "m.so")).pk, crashed(("g()", "m.so")).pk]
    digest()
    target, other = guilty_row("f()"), guilty_row("g()")
    Guilty.objects.filter(pk=other.pk).update(merged_into=target)
    assert ids(reader, guilty=target.pk) == both[::-1]
    assert ids(reader, guilty=other.pk) == both[1:]


def test_a_change_of_rules_moves_its_records(reader):
    record = crashed(("f()", "m.so"), ("g()", "m.so"))
    digest()
    before = guilty_row("f()").pk
    in_force(rule("f()"))
    assert ids(reader, guilty=before) == []
    assert ids(reader, guilty=guilty_row("g()").pk) == [record.pk]


@pytest.mark.parametrize("unknown", [0, 999_999, 2**31, 2**63 - 1])
def test_a_guilty_that_is_not_there_has_no_records(reader, unknown):
    crashed(("f()", "m.so"))
    digest()
    assert ids(reader, guilty=unknown) == []


@pytest.mark.parametrize("odd", ["-1", "x", "1.5", str(2**63)])
def test_what_is_no_id_is_refused(reader, odd):
    refused = reader.get("/api/records", {"guilty": odd})
    assert refused.status_code == 400
    assert refused.json()["errors"].keys() == {"guilty"}


def test_exports_are_of_the_same_records(reader):
    record = crashed(("f()", "m.so"))
    crashed(("g()", "m.so"))
    digest()
    asked = {"guilty": guilty_row("f()").pk, "fields": "id"}
    lines = b"".join(reader.get("/api/records", {**asked, "format": "ndjson"}))
    assert [json.loads(line) for line in lines.splitlines()] == [{"id": record.pk}]
    text = b"".join(reader.get("/api/records", {**asked, "format": "csv"})).decode()
    assert list(csv.reader(io.StringIO(text))) == [["id"], [str(record.pk)]]


def test_the_page_filters_too_and_says_so(reader):
    wanted = crashed(("f()", "m.so"), machine_id="a" * 32)
    crashed(("g()", "m.so"), machine_id="b" * 32)
    digest()
    guilty = guilty_row("f()").pk
    page = reader.get("/records", {"guilty": guilty})
    assert page.status_code == 200
    assert f'id="record-{wanted.pk}"'.encode() in page.content
    assert b"b" * 32 not in page.content
    (chip,) = Panel(QueryDict(f"guilty={guilty}")).chips
    assert (chip.label, chip.value) == ("Guilty id", str(guilty))

"""On PostgreSQL no page and no list reads the whole table of records."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from crashes.models import Guilty
from records import addresses
from records.demo import fleet_records
from records.digest import digest_batch
from records.models import Record
from records.store import insert_records
from tests.accounts.people import member
from tests.accounts.roles import SITE
from views_plugins import registry

pytestmark = pytest.mark.django_db

TIMES = 15
"""So often is each record there: enough of them that an index is worth its while."""

COPIES = """
    INSERT INTO records_record (received_at, captured_at, event_id, kind_id, build_id,
        hardware_id, kernel_id, machine_id, payload)
    SELECT received_at, captured_at, event_id, kind_id, build_id, hardware_id,
        kernel_id, machine_id, payload
    FROM records_record, generate_series(2, %s) AS n ORDER BY received_at
"""
READ_ALL = {
    "records/export/records-1.csv",  # all is what it is asked for
}


@pytest.fixture(scope="module")
def fleet(on_postgres: bool, module_db: None) -> None:
    """Filled once for the module."""
    if not on_postgres:
        pytest.skip("runs in the PostgreSQL half")
    made = fleet_records(machines=40, days=35, until=datetime.now(UTC), seed=1)
    insert_records(list(made))
    while digest_batch(10_000):
        pass
    with connection.cursor() as cursor:
        cursor.execute(COPIES, [TIMES])
        cursor.execute("ANALYZE")


class Reads:
    """How each statement about records was answered."""

    def __init__(self) -> None:
        self.seen = 0
        self.whole: list[str] = []

    def __call__(
        self, execute: Callable[..., Any], statement: str, parameters: Any, *more: Any
    ) -> Any:
        if '"records_record"' in statement and statement.startswith("SELECT"):
            self.seen += 1
            with connection.cursor() as cursor:
                cursor.cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
                (plan,) = cursor.cursor.fetchone()[0]
            self.whole += [f"{each}: {statement}" for each in _whole(plan["Plan"])]
        return execute(statement, parameters, *more)


def _whole(node: dict[str, Any]) -> Iterator[str]:
    """Parts of a plan that read every record."""
    of_records = node.get("Relation Name", "").startswith("records_record")
    kind = node["Node Type"]
    passes = "Filter" in node and "Index Cond" not in node
    if of_records and (kind == "Seq Scan" or (kind.startswith("Index") and passes)):
        yield f"{kind} {json.dumps(node.get('Filter'))}"
    for each in node.get("Plans", ()):
        yield from _whole(each)


def asked() -> list[str]:
    """Every address of the site that is read."""
    found = {path for path, row in SITE.values() if "GET" in row}
    for plugin in registry.plugins():
        if plugin.content:
            found.add(f"{plugin.slug}?days=all")
            found |= {
                f"{plugin.slug}?{option.name}={choice}"
                for option in plugin.options
                for choice in option.choices
            }
    return sorted(found - READ_ALL)


@pytest.fixture(scope="module")
def client(fleet: None) -> Client:
    reader = Client()
    reader.force_login(member("viewer", "curator", is_superuser=True))
    return reader


@pytest.mark.parametrize("path", asked())
def test_a_page_reads_only_the_records_that_it_shows(client, path):
    reads = Reads()
    with connection.execute_wrapper(reads):
        response = client.get(f"/{path}")
        assert response.status_code < 500
    assert reads.whole == []


def test_pages_of_what_is_there_read_only_the_records_that_they_show(client):
    newest = Record.objects.values_list("pk", "machine_id").latest("pk")
    some = [*range(newest[0] - 300, newest[0], 7)]
    guilty = Guilty.objects.values_list("pk", flat=True).latest("pk")
    reads = Reads()
    with connection.execute_wrapper(reads):
        for path in (
            *(f"/records/record_details/{pk}" for pk in some),
            addresses.machine(newest[1]),
            addresses.machine_records(newest[1]),
            f"/crashes/guilty_details/{guilty}",
            f"/crashes/guilty_details/{guilty}/backtraces",
            f"/api/guilties/{guilty}/backtraces",
            f"/records/more?from_id={newest[0]}",
            f"/records/live?after_id={newest[0] - 5}",
        ):
            assert client.get(path).status_code < 400, path
    assert reads.seen > len(some)
    assert reads.whole == []


def test_a_scan_of_all_records_would_be_seen(client):
    reads = Reads()
    with connection.execute_wrapper(reads):
        assert Record.objects.filter(payload__contains="nowhere").count() == 0
    assert len(reads.whole) >= 1

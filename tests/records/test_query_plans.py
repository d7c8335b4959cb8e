"""On PostgreSQL no documented filter reads the whole table of records."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise, starmap
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Max, Min
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from records import partitions, querysets
from records.api.parameters import RecordParameters
from records.digest import digest_batch
from records.filters import strict
from records.models import Build, Hardware, Kernel, Kind, Pending, Record
from records.names import resolve
from records.querysets import RecordQuerySet, Row
from tests.factories import submission
from tests.records.partitioned import partitions_of, remake

pytestmark = pytest.mark.django_db

RECORDS = 30_000
WHOLE = re.compile(r"Seq Scan on records_record\w* ")
"""Of a partition, too."""

NOW = datetime.now(UTC)
KINDS = 40

COPIES = """
    INSERT INTO records_record (received_at, captured_at, event_id, kind_id, build_id,
        hardware_id, kernel_id, machine_id, payload)
    SELECT now() - (%(n)s - n) * interval '30 seconds',
        extract(epoch FROM now())::bigint - (%(n)s - n) * 30, gen_random_uuid(),
        (%(kinds)s::int[])[n %% %(k)s + 1], (%(builds)s::int[])[n %% %(k)s + 1],
        (%(hardware)s::int[])[n %% %(k)s + 1], (%(kernels)s::int[])[n %% %(k)s + 1],
        CASE WHEN n %% 20 = 0 AND n < 20000 THEN 'busy once'
            ELSE md5((n %% 997)::text) END,
        repeat('payload ', 5)
    FROM generate_series(1, %(n)s) AS n
"""


def fill() -> None:
    """Ten days of records with forty of every name."""
    made = resolve(
        [
            submission(
                classification=f"org.clearlinux/sender{n % 8}/event{n}",
                severity=n % 4 + 1,
                external=n % 10 == 0,
                record_format_version=n % 4 + 1,
                payload_format_version=n,
                build=str(n),
                system_name=f"system{n % 5}",
                kernel_version=f"5.{n}.0",
                **{name: f"{name}{n}" for name in Hardware.KEY},
            )
            for n in range(KINDS)
        ]
    )
    parameters = {
        "n": RECORDS,
        "k": KINDS,
        "kinds": [each.kind for each in made],
        "builds": [each.build for each in made],
        "hardware": [each.hardware for each in made],
        "kernels": [each.kernel for each in made],
    }
    with connection.cursor() as cursor:
        cursor.execute(COPIES, parameters)
    newest = Record.objects.order_by("-id")[:50]
    older = Record.objects.exclude(pk__in=newest).values_list("pk", flat=True)
    Pending.objects.bulk_create(Pending(record_id=pk) for pk in older)
    while digest_batch(RECORDS):
        pass
    Pending.objects.bulk_create(Pending(record_id=each.pk) for each in newest)
    with connection.cursor() as cursor:
        # As autovacuum does: it never looks at the whole of a partitioned table.
        cursor.execute("ANALYZE records_kind, records_receivedhour")
        for span in partitions.spans():
            cursor.execute(f"ANALYZE {partitions._name(span)}")


def four_partitions() -> list[range]:
    """Of the ids that come next."""
    first = partitions._last_id()
    edges = [first + n * (RECORDS // 4) for n in range(4)]
    return list(starmap(range, pairwise([*edges, first + RECORDS + 9])))


@pytest.fixture(scope="module")
def filled(on_postgres: bool, module_db: None) -> Iterator[None]:
    """Filled once for the module."""
    if not on_postgres:
        pytest.skip("runs in the PostgreSQL half")
    with partitions_of(RECORDS):
        remake(four_partitions())
        fill()
        yield


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(querysets, "_NEAR", range(1000, 2000))
    monkeypatch.setattr(querysets, "_MIDDLE", RECORDS // 3)


def plans(records: RecordQuerySet, limit: int = 101) -> list[str]:
    """Of each query that a page of records takes, as if none found enough."""
    with CaptureQueriesContext(connection) as made:
        for part, way in records._parts("-id", limit):
            way(part, "-id", limit, Row._fields)
    asked = [each["sql"] for each in made if "records_record" in each["sql"]]
    with connection.cursor() as cursor:
        return [_explained(cursor, sql) for sql in asked]


def _explained(cursor: CursorWrapper, sql: str) -> str:
    cursor.execute(f"EXPLAIN {sql}")
    return "\n".join(line for (line,) in cursor.fetchall())


def plan(records: RecordQuerySet, limit: int = 101) -> str:
    return "\n".join(plans(records, limit))


def filtered(**parameters: Any) -> RecordQuerySet:
    query = QueryDict(mutable=True)
    query.update({name: str(value) for name, value in parameters.items()})
    found: RecordQuerySet = strict(RecordParameters, query).qs
    return found


def middle_id() -> int:
    edges = Record.objects.aggregate(first=Min("id"), last=Max("id"))
    return int(edges["first"] + edges["last"]) // 2


SINGLE = {
    "classification": "org.clearlinux/sender3/event3",
    "severity": 3,
    "severity_min": 3,
    "machine_id": "0cc175b9c0f1b6a831c399e269772661",
    "build": "7",
    "system_name": "system2",
    "created_in_days": 1,
    "created_in_sec": 3600,
    "received_after": int(NOW.timestamp()) - 7200,
    "received_before": int((NOW - timedelta(days=9)).timestamp()),
    "captured_after": int(NOW.timestamp()) - 7200,
    "captured_before": int((NOW - timedelta(days=10)).timestamp()),
    "ts_capture": int(NOW.timestamp()) - 3000,
    "from_id": middle_id,
    "arch": "arch3",
    "kernel_version": "5.3.0",
    "board_name": "board_name3",
    "cpu_model": "cpu_model3",
    "bios_version": "bios_version3",
    "machine_type": "host_type3",
    "event_id": uuid4().hex,
    "external": "true",
    "record_format_version": 2,
    "payload_format_version": 7,
    "guilty": 7,
}


def test_every_filter_but_those_by_expression_is_looked_at():
    by_expression = {"payload", "not_payload"}
    shapes = {"limit", "format", "fields"}
    assert (
        SINGLE.keys() == RecordParameters.base_filters.keys() - by_expression - shapes
    )


def single(name: str) -> RecordQuerySet:
    value = SINGLE[name]
    return filtered(**{name: value() if callable(value) else value})


@pytest.mark.parametrize("name", SINGLE)
def test_a_filter_reads_records_through_an_index(filled, name):
    explained = plan(single(name))
    assert "records_record" in explained or name == "guilty"  # of nothing
    assert not WHOLE.search(explained)


@pytest.mark.parametrize(
    "parameters",
    [
        {"classification": "org.clearlinux/sender3/*"},
        {"classification": "*/sender3/*", "from_id": middle_id},
        {"classification": "org.clearlinux/*", "severity": 4, "created_in_days": 2},
        {"system_name": "system2", "external": "false", "severity_min": 2},
        {"machine_id": SINGLE["machine_id"], "created_in_days": 30},
        {
            "captured_after": SINGLE["captured_after"],
            "ts_capture": SINGLE["ts_capture"],
        },
    ],
)
@pytest.mark.parametrize("limit", [101, 10_001])
def test_a_page_of_several_filters_reads_records_through_an_index(
    filled, parameters, limit
):
    given = {n: v() if callable(v) else v for n, v in parameters.items()}
    assert not WHOLE.search(plan(filtered(**given), limit))


NAMED = sorted(
    SINGLE.keys()
    - {"event_id", "from_id", "guilty", "captured_after", "captured_before"}
    - {"created_in_days", "created_in_sec", "received_after", "received_before"}
)
"""Filters that may ask for what is rare, or of which there is nothing."""
ALONG = re.compile(r"using records_record\w*_pkey.*\n +Filter")
"""A walk over all ids."""


@pytest.mark.parametrize("name", NAMED)
def test_what_may_be_rare_is_not_looked_for_along_all_ids(filled, name):
    """As PostgreSQL would for two records, when it thinks that they are frequent."""
    explained = plan(single(name), limit=2)
    assert "Index Scan" in explained
    assert not ALONG.search(explained)


@pytest.mark.parametrize(
    "given",
    [{"captured_before": "1969-01-01T00:00:00Z"}, {"captured_after": "2900-01-01"}],
    ids=lambda given: next(iter(given)),
)
def test_a_time_in_which_nothing_was_captured_is_not_looked_for_along_all_ids(
    filled, given
):
    _last_id, near, *others = plans(filtered(**given))
    assert "_pkey" in near
    assert len(others) == 2
    for each in others:
        assert "captured_at_idx" in each
        assert not ALONG.search(each)


def test_a_machine_that_was_busy_once_is_not_looked_for_along_all_ids(filled):
    _last_id, _near, *others = plans(filtered(machine_id="busy once"), limit=2)
    assert len(others) == 2
    for each in others:
        assert "hashtext_idx" in each
        assert "_pkey" not in each


@pytest.mark.parametrize("name", ["severity_min", "external", "record_format_version"])
def test_many_names_are_planned_as_one(filled, name):
    explained = plans(filtered(**{name: "false" if name == "external" else 1}))
    merges = [each for each in explained if "SubPlan" in each]
    assert merges
    for each in merges:
        assert each.count("SubPlan 1") == 2  # where it is used, and where it is told
        assert "SubPlan 2" not in each
        assert not re.search(r"Sort Key: \w+\.id", each)


def test_the_newest_records_are_read_through_the_index_of_their_ids(filled):
    backward = r"Index Scan Backward using records_record\w*_pkey"
    assert re.search(backward, plan(filtered()))


def test_a_filter_by_expression_reads_them_all_as_it_must(filled):
    assert WHOLE.search(plan(filtered(payload="nowhere"), RECORDS))


def test_a_window_prunes_by_id(filled):
    explained = plan(filtered(created_in_sec=3600))
    assert "id >=" in explained


@pytest.mark.parametrize("model", [Kind, Build, Hardware, Kernel])
def test_the_small_tables_are_small(filled, model):
    assert model.objects.count() == KINDS

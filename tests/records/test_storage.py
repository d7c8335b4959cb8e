"""How PostgreSQL keeps records, and that it makes no difference to what is found."""

import pytest
from django.db import connection

from records import partitions
from records.models import Record
from tests.factories import stored

pytestmark = pytest.mark.django_db
FAR = range(50_000_000, 50_000_001)


@pytest.fixture
def postgres(on_postgres: bool) -> None:
    if not on_postgres:
        pytest.skip("SQLite keeps records in its own way")


@pytest.mark.parametrize("machine_id", ["", "a", "A", " a", "größe 🦀", "x" * 32])
def test_a_machine_is_found_by_exactly_its_id(machine_id):
    pk = stored(machine_id=machine_id).pk
    other = stored(machine_id="another").pk
    of_machine = {"machine_id": machine_id}
    assert [each.pk for each in Record.objects.filter(**of_machine)] == [pk]
    assert [each.pk for each in Record.objects.exclude(**of_machine)] == [other]
    assert Record.objects.filter(machine_id__in=[machine_id, "b"]).count() == 1
    assert Record.objects.get(machine_id=machine_id).machine_id == machine_id


def indexes(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = %s", [table])
        return [
            definition.partition(" USING ")[2] for (definition,) in cursor.fetchall()
        ]


@pytest.mark.parametrize("column", ["kind_id", "build_id", "hardware_id", "kernel_id"])
def test_pages_of_an_index_by_a_name_are_nearly_full(postgres, column):
    full = f"btree ({column}, id) WITH (fillfactor='95')"
    assert full in indexes("records_record_0")


def test_a_new_partition_has_the_indexes_of_the_others(postgres):
    partitions.cover(FAR)
    (made,) = (span for span in partitions.spans() if FAR.start in span)
    found = indexes(f"records_record_{made.start}")
    assert sorted(found) == sorted(indexes("records_record_0"))
    assert "btree (id) WITH (fillfactor='95')" in found


def test_machines_are_in_the_index_by_a_number(postgres):
    assert "btree (hashtext((machine_id)::text))" in indexes("records_record_0")
    question = Record.objects.filter(machine_id="m")
    with connection.cursor() as cursor:
        # The other ways to read a table that has hardly a row, all of it.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
    assert "hashtext" in question.explain().partition("Index Cond")[2]


def test_texts_are_behind_everything_of_a_fixed_length(postgres):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attnum > 0 "
            "AND attrelid = 'records_record_0'::regclass ORDER BY attnum"
        )
        names = [name for (name,) in cursor.fetchall()]
    assert names[-2:] == ["machine_id", "payload"]
    assert len(names) == 10

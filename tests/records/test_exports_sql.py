"""What PostgreSQL is asked to write."""

import pytest

from records.exports_sql import query
from records.objects import FIELDS

TABLES = ("records_kind", "records_build", "records_hardware", "records_kernel")


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
@pytest.mark.parametrize(
    ("names", "tables"),
    [
        (("id", "payload", "ts_capture"), ()),
        (("severity", "classification"), ("records_kind",)),
        (("build", "id", "system_name"), ("records_build",)),
        (FIELDS, TABLES),
    ],
)
def test_only_the_small_tables_that_are_asked_for_are_read(kind, names, tables):
    sql = query(kind, names, payload=True)
    assert tuple(each for each in TABLES if each in sql) == tables


def test_without_the_right_to_payloads_only_their_length_is_read():
    sql = query("csv", FIELDS, payload=False)
    assert sql.count("r.payload") == sql.count("length(r.payload)") == 1


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_a_text_of_a_small_table_is_written_before_records_are_joined(kind):
    before, after = query(kind, ("arch", "id"), payload=True).split("FROM records_hard")
    assert {"csv": "ascii(", "ndjson": "to_json("}[kind] in before
    assert "ascii(" not in after
    assert "to_json(" not in after

"""Exports: the same records, keys and values on both databases and in every format."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import exports
from records.database import QueryTimeout
from records.exports import response, stream
from records.exports_sql import query
from records.models import Record
from records.objects import FIELDS
from records.querysets import RecordQuerySet
from records.reading import record_objects
from records.store import insert_records
from tests.factories import stored, submission
from tests.records.strategies import in_one_database, rolled_back

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 1, 31, 12, 0, 59, 999_999, tzinfo=UTC)

PAYLOADS = [
    "",
    "hello\n",
    "carriage\rreturn",
    "both\r\n",
    '"quoted", with; commas\t|',
    "größe 🦀 \u2028 \x85 \xa0",
    "\x01\x02\x07\x1b\x7f",
    "\\.",
    "\\N",
    "\\",
    "NULL",
    "{}",
    " spaces ",
]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "=", '="a,b"\n']
NO_FORMULAS = ["1=1", " =1", "'=1", "a\n=1", "|=", "x-1"]


def exported(records: RecordQuerySet, kind: str, fields=FIELDS, **kwargs: Any) -> str:
    return b"".join(stream(records, kind, fields, payload=True, **kwargs)).decode()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def objects(text: str) -> list[dict[str, Any]]:
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def expected() -> list[dict[str, Any]]:
    return record_objects(list(Record.objects.newest(10_000)), payload=True)


def line(value: dict[str, Any]) -> str:
    return orjson.dumps(value).decode() + "\n"


def as_cell(value: Any) -> str:
    """What a cell of a table holds for a value of a record object."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def various_records() -> None:
    """Records of every format, with every kind of value."""
    for n, payload in enumerate(PAYLOADS):
        stored(NOON + timedelta(minutes=n), payload=payload, external=n % 2 == 0)
    stored(
        NOON,
        record_format_version=1,
        payload_format_version=None,
        event_id=None,
        system_name="N/A",
        board_name="N/A",
    )
    for seconds in (0, 253_402_300_799, 253_402_300_800, 2**63 - 1):
        stored(NOON, captured_at=seconds, payload_format_version=4_294_967_295)


def test_a_line_of_json_is_the_object_of_the_api_byte_for_byte():
    various_records()
    found = exported(Record.objects.all(), "ndjson")
    assert found == "".join(map(line, expected()))
    assert [tuple(each) for each in objects(found)] == [FIELDS] * len(expected())


def test_a_row_of_a_table_holds_the_values_of_the_object():
    various_records()
    found = rows(exported(Record.objects.all(), "csv"))
    assert found == [
        {name: as_cell(value) for name, value in each.items()} for each in expected()
    ]


def test_a_table_begins_with_the_keys():
    assert exported(Record.objects.all(), "csv") == ",".join(FIELDS) + "\n"
    assert exported(Record.objects.all(), "ndjson") == ""
    stored()
    text = exported(Record.objects.all(), "csv", ("severity", "id"))
    assert text.startswith("severity,id\n1,")


@in_one_database
@given(
    st.lists(
        st.builds(
            submission,
            payload=st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
            machine_id=st.text(
                st.characters(codec="utf-8", exclude_characters="\x00"), max_size=32
            ),
            captured_at=st.integers(0, 2**63 - 1),
        ),
        max_size=5,
    )
)
def test_any_text_and_any_time_is_exported_as_the_api_shows_it(submissions):
    with rolled_back():
        insert_records([(NOON, each) for each in submissions])
        found = exported(Record.objects.all(), "ndjson")
        assert found == "".join(map(line, expected()))
        table = rows(exported(Record.objects.all(), "csv"))
        for found, wanted in zip(table, expected(), strict=True):
            assert found["ts_capture"] == wanted["ts_capture"]
            guarded = wanted["payload"].startswith(exports.FORMULA)
            assert found["payload"] == "'" * guarded + wanted["payload"]


# --- Formulas -----------------------------------------------------------------------


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_that_a_spreadsheet_takes_for_a_formula_is_quoted(text):
    stored(payload=text, machine_id=text, host_type=text)
    (row,) = rows(exported(Record.objects.all(), "csv"))
    assert row["payload"] == row["machine_id"] == row["machine_type"] == f"'{text}"
    (found,) = objects(exported(Record.objects.all(), "ndjson"))
    assert found["payload"] == text


SENT = (
    *("system_name", "build", "classification", "kernel_version", "machine_id"),
    *("host_type", "board_name", "cpu_model", "bios_version", "arch", "payload"),
)


def test_no_cell_that_clients_fill_is_a_formula():
    stored(**dict.fromkeys(SENT, "@x"))
    (row,) = rows(exported(Record.objects.all(), "csv"))
    assert list(row.values()).count("'@x") == len(SENT)
    assert "@x" not in row.values()


@pytest.mark.parametrize("text", NO_FORMULAS)
def test_another_cell_is_left_as_it_is(text):
    stored(payload=text)
    (row,) = rows(exported(Record.objects.all(), "csv"))
    assert row["payload"] == text


# --- Shape --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_only_the_chosen_keys_are_exported_in_their_order(kind):
    stored(severity=3)
    text = exported(Record.objects.all(), kind, ("severity", "payload"))
    if kind == "csv":
        assert text == 'severity,payload\n3,"hello\n"\n'
    else:
        assert list(objects(text)[0].items()) == [
            ("severity", 3),
            ("payload", "hello\n"),
        ]


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_without_the_right_to_payloads_their_length_is_exported(kind):
    stored(payload="größe 🦀")
    text = b"".join(stream(Record.objects.all(), kind, ("payload",), payload=False))
    assert text.decode() == {"csv": "payload\n7\n", "ndjson": text.decode()}[kind]
    if kind == "ndjson":
        assert objects(text.decode()) == [{"payload": 7}]


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
@pytest.mark.parametrize("batch", [1, 3, 7, 10, 11])
@pytest.mark.parametrize("limit", [None, 0, 1, 3, 6, 7, 10, 100])
def test_any_number_of_batches_gives_every_record_once(monkeypatch, kind, batch, limit):
    monkeypatch.setattr(exports, "BATCH", batch)
    ids = insert_records([(NOON, submission(build=str(n % 3))) for n in range(10)])
    text = exported(Record.objects.all(), kind, ("id",), limit=limit)
    found = rows(text) if kind == "csv" else objects(text)
    assert [int(each["id"]) for each in found] == ids[::-1][:limit]


def test_a_question_with_several_names_is_exported_as_it_is_listed(monkeypatch):
    monkeypatch.setattr(exports, "BATCH", 2)
    insert_records([(NOON, submission(build=str(n % 5))) for n in range(20)])
    builds = Record.objects.order_by("id").values_list("build_id", flat=True)
    chosen = Record.objects.with_name("build_id", set(builds[:3]))
    found = objects(exported(chosen, "ndjson", ("id",)))
    assert [each["id"] for each in found] == [row[0] for row in chosen.newest(99)]
    assert len(found) == 12


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_records_that_arrive_meanwhile_push_no_other_out(monkeypatch, kind):
    monkeypatch.setattr(exports, "BATCH", 4)
    ids = insert_records([(NOON, submission()) for _ in range(10)])
    name = "_copied" if exports.database.is_postgres() else "_written"
    original = getattr(exports, name)

    def read(*args: Any) -> bytes:
        insert_records([(NOON, submission()) for _ in range(3)])
        return bytes(original(*args))

    monkeypatch.setattr(exports, name, read)
    text = exported(Record.objects.all(), kind, ("id",))
    found = rows(text) if kind == "csv" else objects(text)
    seen = [int(each["id"]) for each in found]
    assert [pk for pk in seen if pk in ids] == ids[::-1]
    assert len(set(seen)) == len(seen)


@pytest.mark.django_db(transaction=True)
def test_writing_records_is_bounded_in_time_as_finding_them_is(
    on_postgres, monkeypatch, settings
):
    if not on_postgres:
        pytest.skip("runs in the PostgreSQL half")

    def slow(*args: Any, **kwargs: Any) -> str:
        return f"{query(*args, **kwargs)} CROSS JOIN (SELECT pg_sleep(2)) AS slow"

    monkeypatch.setattr(exports, "query", slow)
    settings.TELEMETRY_EXPORT_TIME = timedelta(milliseconds=100)
    stored()
    with pytest.raises(QueryTimeout):
        exported(Record.objects.all(), "csv")


# --- Downloads ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("csv", "text/csv; charset=utf-8"), ("ndjson", "application/x-ndjson")],
)
def test_a_download_has_a_name_and_a_type(kind, content_type):
    stored()
    answer = response(Record.objects.all(), kind, payload=True)
    assert answer["Content-Type"] == content_type
    name = answer["Content-Disposition"]
    assert name.startswith('attachment; filename="records-2')
    assert name.endswith(f'.{kind}"')
    text = b"".join(answer)  # type: ignore[arg-type]
    assert text.decode() == exported(Record.objects.all(), kind)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_a_download_that_takes_too_long_says_so_before_it_begins(kind, settings):
    settings.TELEMETRY_EXPORT_TIME = timedelta(milliseconds=1)
    insert_records([(NOON, submission(payload="x" * 20_000)) for _ in range(300)])
    slow = Record.objects.filter(payload__regex="(x+x+)+y")
    with pytest.raises(QueryTimeout):
        response(slow, kind, payload=True)

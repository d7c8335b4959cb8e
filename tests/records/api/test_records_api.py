"""`/api/records`, key by key as docs/api.md has it."""

import csv
import io
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from records import exports
from records.api import views
from records.api.parameters import RecordParameters
from records.digest import digest_batch
from records.models import Record
from records.objects import FIELDS, record_object
from records.store import insert_records
from tests.factories import new_event_id, stored, submission

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
EVENT = "04946838d58d2b4f0cd50e76065c5a6d"
CRASH = "org.clearlinux/crash/clr"
BEFORE = datetime(2026, 1, 31, 11, 59, 59, tzinfo=UTC)
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def api(anyone: None, client: Client) -> Client:
    return client


def answer(client: Client, status: int = 200, **parameters: Any) -> Any:
    response = client.get("/api/records", parameters)
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    return json.loads(response.content)


def put_all(records: Iterable[dict[str, Any]]) -> list[int]:
    """Store them; ``at`` is when one was received."""
    chosen = [{"at": NOW, **each} for each in records]
    return insert_records([(each.pop("at"), submission(**each)) for each in chosen])


def ids(client: Client, **parameters: Any) -> list[int]:
    return [record["id"] for record in answer(client, **parameters)["records"]]


# --- Shape --------------------------------------------------------------------------


def test_no_match_is_an_empty_list(api):
    assert answer(api) == {"records": []}


def test_a_record_has_the_documented_keys_and_types(api):
    sent = submission(external=True, severity=3, payload="größe\n")
    (pk,) = insert_records([(NOON, sent)])
    (record,) = answer(api)["records"]
    assert record == record_object(pk, NOON, sent)
    assert tuple(record) == FIELDS
    types = {name: type(value) for name, value in record.items()}
    integers = {"id", "severity", "record_format_version", "record_version"}
    integers |= {"payload_format_version"}
    assert {name for name, kind in types.items() if kind is int} == integers
    assert {name for name, kind in types.items() if kind is bool} == {"external"}
    assert record["ts_reception"] == "2026-01-31 12:00:00 UTC"
    assert record["ts_capture"] == "2026-11-22 08:05:32 UTC"


def test_what_a_record_format_does_not_carry_is_not_available(api):
    stored(
        record_format_version=1,
        payload_format_version=None,
        event_id=None,
        system_name="N/A",
        board_name="N/A",
        cpu_model="N/A",
        bios_version="N/A",
    )
    (record,) = answer(api)["records"]
    absent = [name for name, value in record.items() if value == "N/A"]
    assert absent == [
        "bios_version",
        "board_name",
        "cpu_model",
        "event_id",
        "payload_format_version",
        "system_name",
    ]


def test_records_come_newest_first_by_id(api):
    late, early = stored(NOW), stored(NOW - timedelta(days=3))
    assert ids(api) == [early.pk, late.pk]


def test_without_an_interval_there_is_no_limit_in_time(api):
    old = stored(NOW - timedelta(days=4000))
    assert ids(api) == [old.pk]


def test_the_address_may_end_in_a_slash(api):
    stored()
    with_slash = api.get("/api/records/?limit=5")
    assert with_slash.status_code == 200
    assert with_slash.content == api.get("/api/records?limit=5").content


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_records_are_only_read(api, method):
    response = getattr(api, method)("/api/records")
    assert response.status_code == 405
    assert "message" in response.json()


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "text/csv"])
def test_the_shape_does_not_depend_on_what_a_caller_accepts(api, accept):
    stored()
    response = api.get("/api/records", headers={"Accept": accept})
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    table = api.get("/api/records?format=csv", headers={"Accept": accept})
    assert table["Content-Type"].startswith("text/csv")


def test_a_page_costs_one_query_for_records_and_one_for_each_kind_of_name(
    api, django_assert_num_queries, on_postgres
):
    insert_records([(NOW, submission(build=str(n))) for n in range(50)])
    bound_in_time = 3 if on_postgres else 0  # a transaction, with a time limit
    with django_assert_num_queries(5 + bound_in_time):
        answer(api, limit=100)


@pytest.mark.parametrize("rights", [(), ("view_payload",)])
def test_long_pages_are_written_as_short_ones_are(user_with, monkeypatch, rights):
    put_all(
        {"payload": f'größe\n"{n}"\x01', "external": n % 2 == 0, "build": f"{n}"}
        for n in range(5)
    )
    reader = user_with("view_record", *rights)

    def page(many: int, parameters: dict[str, Any]) -> tuple[bytes, str | None]:
        monkeypatch.setattr(views, "_MANY", many)
        response = reader.get("/api/records", parameters)
        return response.content, response.headers.get("Link")

    for parameters in ({}, {"limit": 3}, {"fields": "payload,id"}, {"severity": 4}):
        short = page(100_000, parameters)
        for batch in (1, 2, 10):
            monkeypatch.setattr(exports, "BATCH", batch)
            assert page(1, parameters) == short, (parameters, batch)


# --- Filters ------------------------------------------------------------------------

# A parameter, and values of a record that it finds and of one that it does not.
FOUND = [
    ("classification", CRASH, {"classification": CRASH}, {}),
    ("classification", "//", {"classification": "//"}, {}),
    ("classification", "org.clearlinux/crash/*", {"classification": CRASH}, {}),
    ("classification", "org.clearlinux/cr*", {"classification": CRASH}, {}),
    ("classification", "*/crash/clr", {"classification": CRASH}, {}),
    (
        "classification",
        CRASH,
        {"classification": CRASH},
        {"classification": f"{CRASH}-build"},
    ),
    (
        "classification",
        "ORG.clearlinux/crash/*",
        {"classification": "ORG.clearlinux/crash/clr"},
        {"classification": CRASH},
    ),
    (
        "classification",
        "a_b%/c/*",
        {"classification": "a_b%/c/d"},
        {"classification": "axb%x/c/d"},
    ),
    ("severity", "3", {"severity": 3}, {"severity": 4}),
    ("severity_min", "3", {"severity": 4}, {"severity": 2}),
    ("severity_min", "3", {"severity": 3}, {"severity": 1}),
    ("machine_id", "m", {"machine_id": "m"}, {"machine_id": "M"}),
    ("build", "32131", {"build": "32131"}, {"build": "032131"}),
    ("build", '"32131"', {"build": "32131"}, {}),
    ("build", "'15.1'", {"build": "15.1", "system_name": "suse"}, {}),
    ("system_name", "suse", {"system_name": "suse"}, {}),
    ("arch", "riscv64", {"arch": "riscv64"}, {}),
    ("kernel_version", "6.1.0", {"kernel_version": "6.1.0"}, {}),
    ("board_name", "B²|V", {"board_name": "B²|V"}, {}),
    ("cpu_model", "N/A", {"cpu_model": "N/A"}, {}),
    ("bios_version", "1.0", {"bios_version": "1.0"}, {}),
    ("machine_type", "A|B|C", {"host_type": "A|B|C"}, {}),
    ("event_id", EVENT, {"event_id": EVENT}, {}),
    ("event_id", EVENT, {"event_id": EVENT}, {"event_id": None}),
    ("external", "true", {"external": True}, {"external": False}),
    ("external", "false", {"external": False}, {"external": True}),
    ("record_format_version", "2", {"record_format_version": 2}, {}),
    ("payload_format_version", "0", {"payload_format_version": 0}, {}),
    (
        "payload_format_version",
        "4294967295",
        {"payload_format_version": 4_294_967_295},
        {"payload_format_version": None},
    ),
    ("ts_capture", "5", {"captured_at": 5}, {"captured_at": 6}),
    ("ts_capture", str(2**63 - 1), {"captured_at": 2**63 - 1}, {}),
    ("captured_after", "1000", {"captured_at": 1000}, {"captured_at": 999}),
    ("captured_before", "1000", {"captured_at": 999}, {"captured_at": 1000}),
    (
        "captured_before",
        "2001-09-09T01:46:41Z",
        {"captured_at": 1_000_000_000},
        {"captured_at": 1_000_000_001},
    ),
    ("received_after", "2026-01-31T12:00:00Z", {"at": NOON}, {"at": BEFORE}),
    ("received_after", "1769860800", {"at": NOON}, {"at": BEFORE}),
    ("received_after", "2026-01-31T14:00:00+02:00", {"at": NOON}, {"at": BEFORE}),
    ("received_before", "2026-01-31T12:00:00Z", {"at": BEFORE}, {"at": NOON}),
    ("received_before", "2026-01-31", {"at": NOON - timedelta(1)}, {"at": NOON}),
    ("created_in_days", "7", {}, {"at": NOW - timedelta(days=7, minutes=1)}),
    (
        "created_in_days",
        "7",
        {"at": NOW - timedelta(days=6, hours=23)},
        {"at": NOW - timedelta(days=8)},
    ),
    ("created_in_sec", "3600", {}, {"at": NOW - timedelta(seconds=3700)}),
    ("payload", "hel+o", {"payload": "say hello"}, {"payload": "say helo?"[:7]}),
    ("payload", "^say", {"payload": "say"}, {"payload": "x say"}),
    ("payload", "größe", {"payload": "die größe"}, {}),
    ("not_payload", "hel+o", {"payload": "bye"}, {"payload": "say hello"}),
]


@pytest.mark.parametrize(("name", "value", "hit", "miss"), FOUND)
def test_a_parameter_finds_what_it_says_and_nothing_else(api, name, value, hit, miss):
    _, wanted, _ = put_all([miss, hit, miss])
    assert ids(api, **{name: value}) == [wanted]
    digest_batch(100)
    assert ids(api, **{name: value}) == [wanted]


def test_the_table_above_has_every_parameter_that_filters():
    shapes = {"limit", "format", "fields", "from_id"}
    of_other_apps = {"guilty"}  # tested where they are registered
    tested = {name for name, *_ in FOUND}
    assert tested == set(RecordParameters.base_filters) - shapes - of_other_apps


def test_parameters_are_joined_by_and(api):
    stored(severity=3)
    stored(classification=CRASH)
    both = stored(severity=3, classification=CRASH)
    assert ids(api, severity=3, classification=CRASH) == [both.pk]
    assert ids(api, severity=3, severity_min=4) == []


def test_a_name_that_was_never_sent_finds_nothing(api):
    stored()
    for name in ("classification", "build", "machine_id", "kernel_version", "arch"):
        assert ids(api, **{name: "nothing"}) == []


def test_days_win_over_seconds(api):
    old = stored(NOW - timedelta(days=2))
    assert ids(api, created_in_days=3, created_in_sec=5) == [old.pk]


def test_an_interval_is_of_the_servers_clock(api):
    record = stored(captured_at=0)
    assert ids(api, created_in_sec=60) == [record.pk]


# --- Refusals -----------------------------------------------------------------------

REFUSED = [
    *(("severity", value) for value in ("0", "5", "-1", "high", "1.5", "9" * 30)),
    *(("severity_min", value) for value in ("0", "5", "x")),
    ("classification", "x" * 141),
    ("machine_id", "x" * 33),
    ("build", "x" * 257),
    ("system_name", "x" * 257),
    ("arch", "x" * 33),
    ("kernel_version", "x" * 257),
    ("board_name", "x" * 257),
    ("cpu_model", "x" * 257),
    ("bios_version", "x" * 257),
    ("machine_type", "x" * 257),
    *(("event_id", value) for value in ("x", "0494", f"{EVENT}0")),
    *(("external", value) for value in ("yes", "2", "maybe")),
    *(("record_format_version", value) for value in ("0", "5", "x")),
    *(("payload_format_version", value) for value in ("-1", "4294967296", "x")),
    *(("created_in_days", value) for value in ("-1", "1.5", "week", str(2**63))),
    *(("created_in_sec", value) for value in ("-1", "x", str(2**63))),
    *(("ts_capture", value) for value in ("-1", "now", str(2**63))),
    *(("from_id", value) for value in ("-1", "x", str(2**63))),
    *(
        (name, value)
        for name in (
            "received_after",
            "received_before",
            "captured_after",
            "captured_before",
        )
        for value in ("yesterday", "2026-13-01", "-5", "9" * 40)
    ),
    *(("payload", value) for value in ("(", r"(a)\1", "(?=a)", "x" * 501)),
    *(("not_payload", value) for value in ("[", "*")),
    *(("limit", value) for value in ("-1", "10001", "x", "1.5", str(2**63))),
    *(("format", value) for value in ("xml", "JSON", "html")),
    *(("fields", value) for value in ("nothing", "id,nothing", "Id", ",", " , ")),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_an_invalid_value_is_refused_by_name(api, name, value):
    refused = answer(api, 400, **{name: value})
    assert refused.keys() == {"message", "errors"}
    assert list(refused["errors"]) == [name]
    assert all(isinstance(text, str) and text for text in refused["errors"][name])
    assert refused["message"] == f"Invalid parameters: {name}"


@pytest.mark.parametrize("name", list(RecordParameters.base_filters))
def test_an_empty_parameter_is_refused(api, name):
    assert answer(api, 400, **{name: ""})["errors"] == {name: ["Empty."]}


@pytest.mark.parametrize("name", list(RecordParameters.base_filters))
def test_a_repeated_parameter_is_refused(api, name):
    refused = answer(api, 400, **{name: ["1", "1"]})
    assert refused["errors"][name] == ["Given more than once."]


@pytest.mark.parametrize("name", ["sevrity", "Severity", "page", "offset", "after_id"])
def test_an_unknown_parameter_is_refused(api, name):
    refused = answer(api, 400, **{name: "1"})
    assert refused["errors"] == {name: ["There is no such parameter."]}


@pytest.mark.parametrize("shape", ["ndjson", "csv"])
def test_a_stream_refuses_the_same(api, shape):
    refused = answer(api, 400, format=shape, severity=9, nothing=1)
    assert refused["errors"].keys() == {"severity", "nothing"}


@pytest.mark.parametrize(
    "query", ["%00=1", "severity=%ff", "a=%F0%9F", "=1", "&&&", "?"]
)
def test_an_odd_query_is_answered(api, query):
    assert api.get(f"/api/records?{query}").status_code in {200, 400}


def test_an_expression_that_is_refused_says_why(api):
    (text,) = answer(api, 400, payload="a(b")["errors"]["payload"]
    assert text.startswith("Not a regular expression: ")
    assert ")" in text or "paren" in text


@pytest.mark.parametrize(
    "pattern", [r"(?P<n>a)", r"\pL+", r"\Ax\z", "x{300}", r"\Q.\E", "(?s).", "(?U)a+"]
)
def test_an_expression_of_another_dialect_is_answered_or_refused(api, pattern):
    stored(payload="x")
    assert api.get("/api/records", {"payload": pattern}).status_code in {200, 400}


@pytest.mark.django_db(transaction=True)
def test_a_search_that_takes_too_long_is_refused(api, settings):
    settings.TELEMETRY_QUERY_TIME = timedelta(milliseconds=1)
    settings.TELEMETRY_EXPORT_TIME = timedelta(milliseconds=1)
    insert_records([(NOW, submission(payload="x" * 20_000)) for _ in range(300)])
    for shape in ("json", "ndjson", "csv"):
        refused = answer(api, 400, payload="(x+x+)+y", format=shape)
        assert refused["errors"].keys() == {"payload"}
        assert refused["message"].startswith("The search took too long.")


# --- Limit and pages ----------------------------------------------------------------


def test_at_most_so_many_records_are_answered(api):
    made = put_all([{}] * 3)
    for limit in (0, 1, 2, 3, 10_000):
        assert ids(api, limit=limit) == made[::-1][:limit]


def test_ten_thousand_records_are_answered_when_nothing_is_said(api):
    insert_records([(NOW, submission(payload="")) for _ in range(10_001)])
    response = api.get("/api/records")
    assert len(response.json()["records"]) == 10_000
    assert 'rel="next"' in response["Link"]


def test_only_records_below_an_id_are_answered(api):
    made = [stored().pk for _ in range(4)]
    assert ids(api, from_id=made[2]) == [made[1], made[0]]
    assert ids(api, from_id=made[0]) == ids(api, from_id=0) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7])
def test_pages_linked_to_one_another_give_every_record_once(api, limit):
    put_all({"build": f"{n // 2 % 2}", "severity": 2 - n % 2} for n in range(14))
    seen: list[int] = []
    address = f"/api/records?severity=2&limit={limit}&fields=id&build=%220%22"
    for _ in range(10):
        response = api.get(address)
        seen += [record["id"] for record in response.json()["records"]]
        if "Link" not in response:
            break
        found = re.fullmatch(
            r'<(http://testserver/[^>]+)>; rel="next"', response["Link"]
        )
        assert found
        query = parse_qs(urlsplit(found[1]).query)
        assert query["from_id"] == [str(seen[-1])]
        address = found[1].removeprefix("http://testserver")
    assert seen == ids(api, severity=2, build=0)
    assert len(seen) == 4


def test_a_last_page_that_is_full_has_no_next_one(api):
    stored(), stored()
    assert "Link" not in api.get("/api/records?limit=2")
    assert "Link" in api.get("/api/records?limit=1")
    assert "Link" not in api.get("/api/records?limit=0")


# --- Fields -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ("id", ["id"]),
        ("severity,id", ["severity", "id"]),
        (" id , build ", ["id", "build"]),
        ("id,id,build", ["id", "build"]),
        ("id,", ["id"]),
        (",".join(FIELDS), list(FIELDS)),
    ],
)
def test_only_the_chosen_keys_are_answered_in_their_order(api, fields, keys):
    stored()
    (record,) = answer(api, fields=fields)["records"]
    assert list(record) == keys


# --- ETag ---------------------------------------------------------------------------


def test_what_is_unchanged_is_not_sent_again(api):
    stored()
    first = api.get("/api/records?limit=5")
    for known in (
        first["ETag"],
        f'"other", {first["ETag"]}',
        f"W/{first['ETag']}",
        "*",
    ):
        again = api.get("/api/records?limit=5", headers={"If-None-Match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again["ETag"] == first["ETag"]


def test_a_change_has_another_etag(api):
    stored()
    first = api.get("/api/records")
    stored()
    again = api.get("/api/records", headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 200
    assert again["ETag"] != first["ETag"]
    assert len(again.json()["records"]) == 2


def test_answers_are_not_shared_between_callers(api):
    assert {"Cookie", "Authorization"} <= set(
        re.split(r", *", api.get("/api/records")["Vary"])
    )


# --- One record ---------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_one_record_is_answered_by_its_id(api, slash):
    stored()
    record = stored(NOON, severity=2)
    stored()
    response = api.get(f"/api/records/{record.pk}{slash}")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.json() == answer(api, severity=2)["records"][0]
    again = api.get(f"/api/records/{record.pk}", headers={"If-None-Match": "*"})
    assert again.status_code == 304


@pytest.mark.parametrize("missing", ["0", "999999999999999999"])
def test_a_record_that_is_not_there_is_not_found(api, missing):
    response = api.get(f"/api/records/{missing}")
    assert response.status_code == 404
    assert response.json() == {"message": "There is no such record."}


@pytest.mark.parametrize("odd", ["-1", "x", "1.0", "9" * 30, "\uff11"])
def test_what_is_no_id_is_not_found(api, odd):
    assert api.get(f"/api/records/{odd}").status_code == 404


# --- Streams ------------------------------------------------------------------------


def lines(response: Any) -> list[Any]:
    assert response.status_code == 200
    assert response["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in b"".join(response).splitlines()]


def rows(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    text = io.StringIO(b"".join(response).decode(), newline="")
    return list(csv.DictReader(text, strict=True))


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"severity": 2},
        {"limit": 2},
        {"limit": 0},
        {"fields": "payload,id,external"},
        {"classification": "org.clearlinux/*", "limit": 3},
        {"payload": "[a-z]"},
    ],
)
def test_streams_hold_the_records_of_the_json_answer(api, parameters):
    put_all(
        {
            "payload": payload,
            "severity": n % 2 + 1,
            "external": n % 3 == 0,
            "classification": CRASH if n % 2 else "a/b/c",
            "event_id": None if n == 3 else new_event_id(),
        }
        for n, payload in enumerate(["größe", "=1+1", "a,b\r\n", "", "x\ry", '"'])
    )
    records = answer(api, **parameters)["records"]
    streamed = lines(api.get("/api/records", {**parameters, "format": "ndjson"}))
    assert streamed == records
    table = rows(api.get("/api/records", {**parameters, "format": "csv"}))
    assert [each.get("id") for each in table] == [
        str(each["id"]) if "id" in each else None for each in records
    ]
    guarded = {"=1+1": "'=1+1"}
    for row, record in zip(table, records, strict=True):
        assert row == {
            name: str(guarded.get(value, value)).replace("True", "true")
            if name != "external"
            else str(value).lower()
            for name, value in record.items()
        }


def test_a_stream_may_be_longer_than_a_page(api):
    insert_records([(NOW, submission(payload="")) for _ in range(10_001)])
    parameters = {"format": "ndjson", "fields": "id", "limit": 20_000}
    assert len(lines(api.get("/api/records", parameters))) == 10_001


# --- Access -------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/api/records", "/api/records/1"])
def test_without_login_nothing_is_read(client, address):
    stored(payload="secret")
    response = client.get(address)
    assert response.status_code in {401, 403}
    assert "message" in response.json()
    assert b"secret" not in response.content


def test_a_user_without_permission_reads_nothing(user_with):
    stored()
    response = user_with().get("/api/records")
    assert response.status_code == 403
    assert response.json().keys() == {"message"}


def test_a_user_that_is_not_active_reads_nothing(user_with):
    client = user_with("view_record", "view_payload")
    stored()
    client.get("/api/records").wsgi_request.user.__class__.objects.update(
        is_active=False
    )
    assert client.get("/api/records").status_code == 401


def test_a_payload_needs_a_permission_of_its_own(user_with):
    record = stored(payload="größe 🦀")
    reader = user_with("view_record")
    assert answer(reader)["records"][0]["payload"] == 7
    assert reader.get(f"/api/records/{record.pk}").json()["payload"] == 7
    assert lines(reader.get("/api/records?format=ndjson"))[0]["payload"] == 7
    assert rows(reader.get("/api/records?format=csv"))[0]["payload"] == "7"
    trusted = user_with("view_record", "view_payload")
    assert answer(trusted)["records"][0]["payload"] == "größe 🦀"


@pytest.mark.parametrize("name", ["payload", "not_payload"])
@pytest.mark.parametrize("shape", ["json", "csv"])
def test_a_hidden_payload_cannot_be_guessed_by_searching_it(user_with, name, shape):
    stored(payload="secret")
    reader = user_with("view_record", "export_record")
    response = reader.get("/api/records", {name: "^s", "format": shape})
    assert response.status_code == 403
    assert response.json().keys() == {"message"}
    trusted = user_with("view_record", "view_payload")
    assert len(answer(trusted, payload="^s")["records"]) == 1


def test_without_the_right_to_export_a_stream_ends_where_a_page_does(
    user_with, monkeypatch
):
    monkeypatch.setattr("records.api.parameters.MAX_LIMIT", 3)
    made = [stored().pk for _ in range(5)]
    reader, exporter = (
        user_with("view_record"),
        user_with("view_record", "export_record"),
    )

    def streamed(client: Client, **parameters: Any) -> list[int]:
        chosen = {"format": "ndjson", "fields": "id", **parameters}
        return [each["id"] for each in lines(client.get("/api/records", chosen))]

    assert streamed(reader) == streamed(reader, limit=5) == made[:1:-1]
    assert streamed(reader, limit=2) == made[:2:-1]
    assert streamed(reader, limit=0) == []
    assert streamed(exporter) == streamed(exporter, limit=5) == made[::-1]
    assert streamed(exporter, limit=0) == []


def test_records_are_not_changed_by_reading_them(api):
    record = stored()
    answer(api)
    assert Record.objects.get() == record

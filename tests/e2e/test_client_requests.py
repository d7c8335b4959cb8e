"""What real clients sent, replayed byte for byte: every record is stored as it was.

The same for requests of the same shapes that are kept here, so that a clone without the
recordings sends them too.
"""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Served
from tests.factories import TELEMETRY_ID, json_body, new_event_id, values
from tests.server import RawResponse

pytestmark = pytest.mark.xdist_group("client requests")

Recorded = dict[str, Any]
Headers = list[tuple[str, str]]

LEFT_OUT_WHEN_BLANK = ("host_type", "board_name", "cpu_model", "bios_version")
INTEGERS = ("record_format_version", "severity", "payload_format_version")


def raw(recorded: Recorded, *, hyphens: bool = False) -> tuple[bytes, bytes]:
    """Head and body of a request; ``hyphens`` spells the names as proxies do."""
    lines = [f"{recorded['method']} {recorded['path']} HTTP/1.1"]
    for name, value in recorded["headers"]:
        parts = [part.capitalize() for part in re.split("[-_]", name)]
        lines.append(f"{'-'.join(parts) if hyphens else name}: {value}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head, base64.b64decode(recorded["body_base64"])


def send(served: Served, recorded: Recorded, **kwargs: bool) -> RawResponse:
    """As the client did: with `Expect`, the body only after the server said so."""
    head, body = raw(recorded, **kwargs)
    if any(name == "Expect" for name, _ in recorded["headers"]):
        return served.send(head, after_continue=body)
    return served.send(head + body)


# --- What has to be stored ------------------------------------------------------------


def decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def sent_values(recorded: Recorded) -> dict[str, str]:
    """The values of a request, payload included, as text."""
    body = base64.b64decode(recorded["body_base64"])
    if ("Content-Type", "application/json") in map(tuple, recorded["headers"]):
        fields = json.loads(body.decode("utf-8", "surrogateescape"), strict=False)
        return {
            name: decoded(value.encode("utf-8", "surrogateescape"))
            for name, value in fields.items()
        }
    sent = {
        name.lower().replace("-", "_"): decoded(value.encode("latin-1"))
        for name, value in recorded["headers"]
    }
    return {**sent, "payload": decoded(body)}


def expected(recorded: Recorded) -> dict[str, Any]:
    """The row that a request has to become, from the documented rules alone."""
    sent = sent_values(recorded)
    names = (*LEFT_OUT_WHEN_BLANK, *INTEGERS, "classification", "machine_id", "build")
    names += ("creation_timestamp", "arch", "kernel_version", "system_name", "event_id")
    row: dict[str, Any] = {name: sent.get(name, "").strip() for name in names}
    for name in LEFT_OUT_WHEN_BLANK:
        row[name] = row[name] or "N/A"
    for name in INTEGERS:
        row[name] = int(row[name])
    for name in ("build", "system_name"):
        row[name] = row[name].replace('"', "").replace("'", "")
    row["captured_at"] = int(row.pop("creation_timestamp"))
    row["event_id"] = row["event_id"] or None
    row["payload"] = sent["payload"].replace("\x00", "\N{REPLACEMENT CHARACTER}")
    row["external"] = sent.get("x_clr_external", "") == "true"
    row["telemetry_id"] = TELEMETRY_ID
    return row


def as_answered(row: dict[str, Any]) -> dict[str, Any]:
    """What the answer has to say of a row, but for its id and its time."""
    captured = datetime.fromtimestamp(row["captured_at"], UTC)
    absent = {"id", "captured_at", "host_type", "telemetry_id"}
    same = {name: value for name, value in row.items() if name not in absent}
    return {
        **same,
        "event_id": row["event_id"] or "N/A",
        "machine_type": row["host_type"],
        "record_version": row["record_format_version"],
        "ts_capture": f"{captured:%Y-%m-%d %H:%M:%S} UTC",
    }


def problems(served: Served, recorded: Recorded, **kwargs: bool) -> Any:
    """What is wrong with the answer, or with what was stored; None when all is well."""
    answer = send(served, recorded, **kwargs)
    if "tid" in recorded["name"]:
        refused = (answer.status, json.loads(answer.body)["message"])
        return None if refused == (400, "Telemetry ID mismatch") else answer
    if answer.status != 201 or answer.headers["content-type"] != "application/json":
        return answer
    said = json.loads(answer.body)
    row = {"id": said["id"], **expected(recorded)}
    received = datetime.fromisoformat(said.pop("ts_reception").replace(" UTC", "Z"))
    if abs(received - datetime.now(UTC)) > timedelta(minutes=1):
        return received
    if served.database.record(row["id"]) != row:
        return served.database.record(row["id"])
    return None if said == {"id": row["id"], **as_answered(row)} else said


# --- Recorded -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recordings(shared_data: Path) -> list[Recorded]:
    lines = (shared_data / "requests.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("hyphens", [False, True])
def test_every_recorded_request_is_stored_as_it_was_sent(served, recordings, hyphens):
    found = {
        each["name"]: problems(served, each, hyphens=hyphens) for each in recordings
    }
    assert {name: problem for name, problem in found.items() if problem} == {}
    assert len(found) > 80


def test_what_the_predecessor_refused_without_need_is_accepted(served, recordings):
    """A blank CPU model, Latin-1 in DMI data, and the longest payload version."""
    names = [
        each["name"]
        for each in recordings
        if each["predecessor"].startswith("400") and "tid" not in each["name"]
    ]
    assert names == [
        "v2.3.5-profile-empty-cpu",
        "v2.3.5-profile-latin1-dmi",
        "v2.3.5-rg-payload-version-max",
    ]
    for each in recordings:
        if each["name"] in names:
            assert send(served, each).status == 201


# --- Of the same shapes ---------------------------------------------------------------


def in_headers(
    *without: str, body: bytes = b"hello\n", path: str = "/v2/collector", **changes: str
) -> Recorded:
    headers: Headers = [("Host", "telemetry.example"), ("Accept", "*/*")]
    headers += [*values(*without, **changes).items(), ("X-Telemetry-TID", TELEMETRY_ID)]
    return recorded("headers", path, headers, body, "application/text")


def in_json(
    *without: str,
    payload: str = "hello\n\n",
    path: str = "/v3/collector",
    **changes: str,
) -> Recorded:
    cut = {name: value.split(" ")[0] for name, value in values(*without).items()}
    body = json_body({**cut, **changes}, payload)
    headers: Headers = [("Host", "telemetry.example"), ("Accept", "*/*")]
    headers.append(("X-Telemetry-TID", TELEMETRY_ID))
    return recorded("json", path, headers, body, "application/json")


def recorded(
    name: str, path: str, headers: Headers, body: bytes, content_type: str
) -> Recorded:
    headers = [
        *headers,
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
    ]
    text = base64.b64encode(body).decode()
    return {
        "name": name,
        "method": "POST",
        "path": path,
        "headers": headers,
        "body_base64": text,
    }


def with_header(base: Recorded, name: str, value: str) -> Recorded:
    return {**base, "headers": [*base["headers"], (name, value)]}


FORMAT_3 = ("board_name", "cpu_model", "bios_version")
OWN = {
    "format 1": in_headers(
        *("event_id", *FORMAT_3), record_format_version="1", classification="a/b/c"
    ),
    "format 2": in_headers(*("event_id", *FORMAT_3), record_format_version="2"),
    "format 2 with names of format 3": in_headers(
        "event_id", record_format_version="2"
    ),
    "format 3": in_headers("event_id", record_format_version="3"),
    "format 4": in_headers(),
    "to the root": in_headers(path="/"),
    "headers to the newer address": in_headers(path="/v3/collector"),
    "through a proxy": with_header(
        in_headers(path="http://telemetry.example/v2/collector"),
        "Proxy-Connection",
        "Keep-Alive",
    ),
    "expecting to be told to continue": with_header(
        in_headers(body=b"0123456789abcde\n" * 512), "Expect", "100-continue"
    ),
    "external": with_header(in_headers(), "X-CLR-External", "true"),
    "without values that are blank": in_headers("host_type", *FORMAT_3),
    "Latin-1": in_headers(
        host_type="Soci\xe9t\xe9|Model\xae X\xff|1.0", board_name="\xb2"
    ),
    "UTF-8": in_headers(
        host_type="Citro\xc3\xab \xd0\x9d\xd0\xa0", cpu_model="\xc3\xa0"
    ),
    "a payload of any bytes": in_headers(body=bytes(range(256))),
    "a payload of UTF-8": in_headers(body="größe 🦀\n".encode()),
    "an empty payload": in_headers(body=b""),
    "a large payload": in_headers(body=b"x" * 307_200),
    "a payload that looks like JSON": in_headers(body=b'{"severity": "9"}\n'),
    "empty parts": in_headers(classification="//"),
    "odd parts": in_headers(classification='a b"c//d%20e'),
    "a static machine id": in_headers(machine_id="unique machine ID: build lab rac"),
    "the highest payload version": in_headers(payload_format_version="4294967295"),
    "a clock that is wrong": in_headers(creation_timestamp="0"),
    "another system": in_headers(
        system_name="ubuntu", build="22.04", kernel_version="5.15.0-91-generic"
    ),
    "another architecture": in_headers(arch="riscv64"),
    "spaces around": in_headers(cpu_model="  CPU \t", severity=" 3 "),
    "JSON": in_json(),
    "JSON to the older address": in_json(path="/v2/collector"),
    "JSON to the root": in_json(path="/"),
    "JSON with quotes in values": in_json(
        build='"15.1"', system_name='"opensuse-leap"_"server"'
    ),
    "JSON with raw bytes": in_json(
        host_type="Soci\udce9t\udce9|Model\udcae", cpu_model=""
    ),
    "JSON of many lines": in_json(
        payload="  one\ttab\r\ncrlf\n\n: colons\n   \n\n", cpu_model="Intel(R)\n"
    ),
    "JSON of format 1": in_json(
        *("event_id", *FORMAT_3), record_format_version="1", classification="a/b/c"
    ),
    "JSON with a large payload": in_json(payload="x" * 100_000),
}


@pytest.mark.parametrize("name", OWN)
def test_a_request_of_every_shape_is_stored_as_it_was_sent(served, name):
    recorded = OWN[name]
    assert problems(served, recorded) is None
    # The same spelled as proxies do, and with a query, which takes another way through
    # the server; it is the same record.
    with_query = {**recorded, "path": f"{recorded['path']}?x=1"}
    assert problems(served, recorded, hyphens=True) is None
    assert problems(served, with_query) is None
    event = expected(recorded)["event_id"]
    if event:
        assert len(served.database.ids_by_event()[event]) == 1


@pytest.mark.parametrize("tid", [None, "", "11111111-2222-3333-4444-555555555555"])
@pytest.mark.parametrize("make", [in_headers, in_json])
def test_a_wrong_or_missing_telemetry_id_is_refused(served, make, tid):
    recorded = make()
    headers = [each for each in recorded["headers"] if each[0] != "X-Telemetry-TID"]
    if tid is not None:
        headers.append(("X-Telemetry-TID", tid))
    before = served.database.count("record")
    answer = send(served, {**recorded, "headers": headers})
    assert answer.status == 400
    assert json.loads(answer.body) == {
        "message": "Telemetry ID mismatch",
        "field": "X-Telemetry-TID",
        "code": "telemetry_id",
    }
    assert served.database.count("record") == before


def test_a_request_that_is_sent_again_gets_the_first_answer(served):
    recorded = in_headers(event_id=new_event_id())
    first, again = send(served, recorded), send(served, recorded)
    assert (again.status, again.body) == (201, first.body)

"""HTTP as the collector speaks it, over sockets: odd, broken and hostile requests."""

import json
import random
import resource
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Served
from tests.e2e.database import Database
from tests.factories import (
    TELEMETRY_ID,
    header_request,
    json_body,
    json_request,
    request,
    values,
)
from tests.postgres import Cluster
from tests.server import GunicornServer, RawResponse, migrate, raw_request

pytestmark = pytest.mark.xdist_group("collector protocol")

MAX_PAYLOAD = 307_200
TID = ("X-Telemetry-TID", TELEMETRY_ID)


def said(answer: RawResponse) -> Any:
    return json.loads(answer.body)


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """A request whose body comes in chunks."""
    headers = [*values().items(), TID, ("Transfer-Encoding", "chunked")]
    head = request(headers, length=False)
    return head + b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + end


def read_answer(connection: socket.socket) -> RawResponse:
    response = HTTPResponse(connection)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return RawResponse(response.status, headers, response.read())


@pytest.fixture
def connection(served: Served) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", served.server.port), 10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def still_works(served: Served) -> bool:
    return served.send(header_request(values())).status == 201


# --- Addresses ------------------------------------------------------------------------


LOCAL = ("Host", "localhost")
"""The site asks for a name of its own; the collector does not."""


def get(target: str, method: str = "GET") -> bytes:
    return request([LOCAL], target=target, method=method, length=False)


def test_the_process_says_that_it_lives(served):
    answer = served.send(get("/healthz"))
    assert (answer.status, said(answer)) == (200, {"status": "ok"})
    assert served.send(get("/healthz", "HEAD")).status == 200


def test_the_process_says_that_it_is_ready(served):
    answer = served.send(get("/readyz"))
    assert answer.status == 200
    assert said(answer)["status"] == said(answer)["database"] == "ok"
    assert said(answer)["migrations_missing"] == []


def test_the_root_of_a_collector_leads_to_the_site(served):
    answer = served.send(get("/"))
    if served.app == "telemetry_site.wsgi_collector":
        assert (answer.status, answer.headers["location"]) == (302, "/telemetryui/")
    else:
        assert answer.status in {200, 302}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("target", ["/v2/collector", "/v3/collector"])
def test_a_collector_only_takes_posts(served, method, target):
    answer = served.send(get(target, method))
    if served.app == "telemetry_site.wsgi_collector":
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
    else:
        assert answer.status in {403, 404, 405}


@pytest.mark.parametrize("target", ["/v1/collector", "/v2", "/v2/collector/x", "/%00"])
def test_another_address_is_not_found(served, target):
    answer = served.send(header_request(values(), b"x", LOCAL, target=target))
    assert answer.status in {403, 404}
    if served.app == "telemetry_site.wsgi_collector":
        assert said(answer) == {"message": "There is no such address here"}


@pytest.mark.parametrize(
    "target",
    [
        "/v2/collector/",
        "/v2/collector?a=b",
        "/v2/%63ollector",
        "https://other.example/v2/collector",
        "http://telemetry.example:8080/",
        "//",
    ],
)
def test_an_address_may_be_written_in_other_ways(served, target):
    assert served.send(header_request(values(), target=target)).status == 201


def test_an_answer_is_complete_json_and_ends_the_connection(served):
    answer = served.send(header_request(values()))
    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.headers["connection"] == "close"
    assert said(answer)["payload"] == "hello\n"


# --- Bodies ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [MAX_PAYLOAD + 1, 1_000_000, 5_000_000])
def test_what_is_too_large_is_refused_and_the_client_can_read_so(served, size):
    answer = served.send(header_request(values(), b"x" * size))
    assert answer.status == 413
    assert said(answer)["code"] == "too_large"


@pytest.mark.parametrize("size", [MAX_PAYLOAD + 1, 1_000_000])
def test_what_is_too_large_is_refused_to_a_client_that_asks_first(served, size):
    sent = request(
        [*values().items(), TID, ("Expect", "100-continue")], length=False
    ).removesuffix(b"\r\n")
    sent += b"Content-Length: %d\r\n\r\n" % size
    assert served.send(sent, after_continue=b"x" * size).status == 413


@pytest.mark.parametrize("size", [16_000, 20_000, MAX_PAYLOAD])
def test_a_long_answer_arrives_whole(served, size):
    answer = served.send(header_request(values(), b"x" * size))
    assert answer.status == 201
    assert said(answer)["payload"] == "x" * size


def test_a_long_answer_waits_for_a_client_that_reads_slowly(served, connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(header_request(values(), b"x" * 50_000))
    time.sleep(0.3)
    assert still_works(served)
    assert said(read_answer(connection))["payload"] == "x" * 50_000


@pytest.mark.parametrize(
    "chunks",
    [
        [b"hello\n"],
        [b"h", b"e", b"llo\n"],
        [b"x" * 100_000] * 3,
        [],
    ],
)
def test_a_body_may_come_in_chunks(served, chunks):
    answer = served.send(chunked(*chunks))
    assert answer.status == 201
    assert said(answer)["payload"] == b"".join(chunks).decode()


def test_chunks_that_are_too_large_together_are_refused(served):
    assert served.send(chunked(*[b"x" * 100_000] * 4)).status == 413


@pytest.mark.parametrize(
    "broken",
    [
        chunked(b"x", end=b"zz\r\n\r\n"),
        chunked(b"x", end=b"-1\r\n\r\n"),
        chunked(end=b"5\r\nab\r\n"),
        request([*values().items(), TID, ("Transfer-Encoding", "chunked")], b"hello\n"),
        request([*values().items(), TID, ("Transfer-Encoding", "gzip")], b"hello\n"),
        request([*values().items(), TID, ("Content-Length", "6")], b"hello\n"),
        request([*values().items(), TID, ("Content-Length", "x")], length=False),
        request([*values().items(), TID, ("Content-Length", "-1")], length=False),
        request([*values().items(), TID, ("Content-Length", "+6")], length=False),
    ],
    ids=range(9),
)
def test_a_body_whose_end_is_not_clear_is_refused(served, connection, broken):
    before = served.database.count("record")
    connection.sendall(broken)
    connection.shutdown(socket.SHUT_WR)
    with suppress(ConnectionResetError, HTTPException):
        assert read_answer(connection).status in {400, 501}
    assert served.database.count("record") == before
    assert still_works(served)


def test_a_body_that_was_cut_short_is_not_stored(served, connection):
    before = served.database.count("record")
    connection.sendall(header_request(values(), b"hello\n")[:-3])
    connection.shutdown(socket.SHUT_WR)
    with suppress(ConnectionResetError, HTTPException):
        assert read_answer(connection).status == 400
    assert served.database.count("record") == before


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_compressed_body_is_refused(served, encoding):
    sent = header_request(values(), b"\x1f\x8b\x08", ("Content-Encoding", encoding))
    answer = served.send(sent)
    assert (answer.status, said(answer)["code"]) == (400, "encoding")


@pytest.mark.parametrize("size", [1, 100, 700])
def test_a_slow_client_is_waited_for(served, connection, size):
    sent = header_request(values(), b"x" * 1500)
    for start in range(0, len(sent), size):
        connection.sendall(sent[start : start + size])
        time.sleep(0.02 if size > 1 else 0.0002)
    assert read_answer(connection).status == 201


@pytest.mark.parametrize(
    "sent",
    [
        header_request(values(), b"x" * 1500),
        request(
            [LOCAL, ("Accept", "*/*" + " " * 1500)], method="GET", target="/healthz"
        ),
    ],
    ids=["a record", "a page"],
)
def test_slow_clients_do_not_hold_up_others(served, sent):
    with ExitStack() as stack:
        slow = [
            stack.enter_context(
                socket.create_connection(("127.0.0.1", served.server.port), 10)
            )
            for _ in range(40)
        ]
        for n, each in enumerate(slow):
            each.sendall(sent[: n * 40])
        start = time.monotonic()
        assert still_works(served)
        assert served.send(get("/healthz")).status == 200
        assert time.monotonic() - start < 2
        slow[30].sendall(sent[30 * 40 :])
        assert read_answer(slow[30]).status in {200, 201}


def test_clients_that_leave_do_no_harm(served):
    sent = header_request(values(), b"x" * 20_000, ("Expect", "100-continue"))
    for end in (0, 1, 30, 300, len(sent) - 20_000, len(sent) - 1, len(sent)):
        for reset in (True, False):
            connection = socket.create_connection(("127.0.0.1", served.server.port), 10)
            connection.sendall(sent[:end])
            if reset:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.close()
    assert still_works(served)


def test_more_connections_than_file_descriptors_do_not_end_the_process(served):
    children = Path(f"/proc/{served.server.pid}/task/{served.server.pid}/children")
    (worker,) = map(int, children.read_text().split())
    limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (40, limits[1]))
    address = ("127.0.0.1", served.server.port)
    try:
        idle = [socket.create_connection(address, 10) for _ in range(60)]
        time.sleep(0.2)
        for each in idle:
            each.close()
    finally:
        resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)
    assert still_works(served)
    assert children.read_text().split() == [str(worker)]


def test_two_requests_on_one_connection_are_both_stored(served, connection):
    one, two = values(), values()
    connection.sendall(header_request(one) + header_request(two))
    assert said(read_answer(connection))["event_id"] == one["event_id"]
    end = time.monotonic() + 5
    while two["event_id"] not in served.database.ids_by_event():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_many_clients_at_once_all_get_their_own_answer(served):
    def send(n: int) -> bool:
        sent = values()
        payload = b"x" * random.Random(n).randrange(5000) + b"%d" % n
        make = header_request(sent, payload)
        if n % 3 == 0:
            make = json_request(json_body(sent, payload.decode()))
        answer = served.send(make)
        same = said(answer)["event_id"] == sent["event_id"]
        return (
            answer.status == 201 and same and said(answer)["payload"].endswith(str(n))
        )

    before = served.database.count("record")
    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(send, range(200)))
    assert served.database.count("record") == before + 200
    assert served.database.count("pending") == served.database.count("record")


# --- Headers --------------------------------------------------------------------------

# A header that looks like another one to a careless server, and where it would appear.
SPOOFS = [
    ("X_Forwarded_For", "HTTP_X_FORWARDED_FOR"),
    ("X_Forwarded-For", "HTTP_X_FORWARDED_FOR"),
    ("X-Forwarded_Proto", "HTTP_X_FORWARDED_PROTO"),
    ("X_Telemetry_TID2", "HTTP_X_TELEMETRY_TID2"),
    ("Host-Type_", "HTTP_HOST_TYPE_"),
    ("User_Agent", "HTTP_USER_AGENT"),
    ("Remote_User", "HTTP_REMOTE_USER"),
    ("HTTP_HOST", "HTTP_HTTP_HOST"),
    ("Content_Length", "HTTP_CONTENT_LENGTH"),
    ("Content_Type", "HTTP_CONTENT_TYPE"),
    ("Content_Encoding", "HTTP_CONTENT_ENCODING"),
    ("Transfer_Encoding", "HTTP_TRANSFER_ENCODING"),
    ("SCRIPT_NAME", "HTTP_SCRIPT_NAME"),
    ("PATH_INFO", "HTTP_PATH_INFO"),
]


@pytest.mark.parametrize(("name", "key"), SPOOFS)
def test_only_names_of_the_protocol_may_have_underscores(served, name, key):
    answer = served.send(header_request(values(severity="9"), b"x", (name, "/v2")))
    assert (answer.status, said(answer)["code"]) == (400, "severity")
    kept = served.database.last_refused()
    assert key not in kept["headers"]
    assert kept["path"] == "/v2/collector"
    assert kept["headers"]["CONTENT_LENGTH"] == "1"
    assert kept["headers"]["HTTP_SEVERITY"] == "9"


@pytest.mark.parametrize(
    "name", ["X_Telemetry_TID", "X_Telemetry-TID", "X-Telemetry_TID"]
)
def test_the_telemetry_id_has_one_spelling(served, name):
    sent = header_request(values(), b"x", (name, TELEMETRY_ID), tid=None)
    assert served.send(sent).status == 400


def test_whether_a_record_is_external_has_one_spelling(served):
    for name, external in (("X-CLR-External", True), ("X_CLR_External", False)):
        answer = served.send(header_request(values(), b"x", (name, "true")))
        assert said(answer)["external"] is external


@pytest.mark.parametrize("name", ["CPU_MODEL", "Cpu_Model", "cpu-model", "CPU-Model"])
def test_names_of_the_protocol_may_be_in_any_case(served, name):
    sent = header_request(values("cpu_model"), b"x", (name, "a CPU"))
    assert said(served.send(sent))["cpu_model"] == "a CPU"


@pytest.mark.parametrize(
    "name", ["cpu_model-", "cpu-model_", "cpu_model_", "cpu.model"]
)
def test_other_names_are_not_taken_for_them(served, name):
    sent = header_request(values("cpu_model"), b"x", (name, "a CPU"))
    assert said(served.send(sent))["cpu_model"] == "N/A"


@pytest.mark.parametrize("name", ["severity", "record_format_version", "event_id"])
@pytest.mark.parametrize("spelling", ["_", "-"])
def test_a_header_that_is_sent_twice_is_not_guessed_at(served, name, spelling):
    sent = values()
    more = (name.replace("_", spelling), sent[name])
    answer = served.send(header_request(sent, b"x", more))
    assert (answer.status, said(answer)["field"]) == (400, name)


def test_a_telemetry_id_that_is_sent_twice_is_refused(served):
    assert served.send(header_request(values(), b"x", TID)).status == 400


def test_bytes_of_a_refused_request_are_kept(served):
    body = bytes(range(256))
    sent = header_request(values(severity="9", cpu_model="B\xb2"), body)
    assert served.send(sent).status == 400
    kept = served.database.last_refused()
    assert kept["body"] == body
    assert kept["headers"]["HTTP_CPU_MODEL"] == "B\xb2"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cpu_model", "x" * 9000),
        ("cpu_model", "a\x01b"),
        ("cpu_model", "a\x7fb"),
        ("cpu_model", "a\x00b"),
        ("machine_id", "\xff" * 33),
        ("bad name", "x"),
        ("bad\x00name", "x"),
        ("bad(name", "x"),
        ("", "x"),
    ],
)
def test_a_header_that_http_or_the_protocol_forbids_is_refused(served, name, value):
    answer = served.send(header_request(values("cpu_model"), b"x", (name, value)))
    assert 400 <= answer.status < 500
    assert still_works(served)


def test_too_many_headers_are_refused(served):
    more = [(f"X-{n}", "x") for n in range(200)]
    assert 400 <= served.send(header_request(values(), b"x", *more)).status < 500


def test_what_a_header_says_on_a_second_line_is_never_part_of_it(served):
    sent = header_request(values(cpu_model="a CPU"), b"x")
    sent = sent.replace(b"a CPU\r\n", b"a CPU\r\n folded\r\n")
    answer = served.send(sent)
    assert answer.status == 400 or said(answer)["cpu_model"] == "a CPU"


def test_an_older_http_is_answered_too(served):
    sent = header_request(values()).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    assert served.send(sent).status == 201


def test_a_connection_may_be_kept_for_more(served, connection):
    sent = request([*values().items(), TID], b"x", target="/v2/collector?")
    for _ in range(3):
        connection.sendall(sent)
        assert read_answer(connection).status == 201


# --- Batches --------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/json"])
def test_a_batch_is_answered_line_by_line(served, content_type):
    one, two = values(), values(severity="2")
    body = b"\n".join(
        [
            json_body(one),
            json_body(values(severity="9")),
            b"{garbage \xff",
            json_body(two),
        ]
    )
    before = served.database.count("record")
    answer = served.send(json_request(body, content_type=content_type))
    assert answer.status == 200
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert [line["status"] for line in lines] == [201, 400, 400, 201]
    assert [line.get("event_id") for line in lines] == [
        one["event_id"],
        None,
        None,
        two["event_id"],
    ]
    assert served.database.count("record") == before + 2
    assert served.database.record(lines[3]["id"])["severity"] == 2
    assert served.database.last_refused()["body"] == b"{garbage \xff"


def test_a_batch_may_be_larger_than_a_payload(served):
    body = b"\n".join(json_body(values(), "x" * 1000) for _ in range(500))
    assert len(body) > MAX_PAYLOAD
    answer = served.send(json_request(body, content_type="application/x-ndjson"))
    assert answer.status == 200
    assert answer.body.count(b"\n") == 500


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"{}",
        b'{"payload": null}',
        b'{"payload": {}}',
        b"{" * 100_000,
        b'{"a":' * 50_000,
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b"{}\n{}",
        b"{}\n\x1c",
        json_body(values()) + b"\n" + json_body(values()) + b"\n\x1c",
        json_body(values()) + b"\n\xc2\x85\n" + json_body(values()),
        b'{"payload":"\\ud800","classification":"\\udfff"}',
        b'{"severity":' + b"9" * 10_000 + b',"payload":""}',
        b'{"severity":1e999,"payload":NaN}',
    ],
    ids=range(18),
)
def test_a_body_that_is_no_record_is_refused(served, body):
    before = served.database.count("record")
    answer = served.send(json_request(body))
    if answer.status == 200:
        assert {json.loads(line)["status"] for line in answer.body.splitlines()} == {
            400
        }
    else:
        assert answer.status == 400
        assert said(answer).keys() == {"message", "field", "code"}
    assert served.database.count("record") == before


# --- Garbage --------------------------------------------------------------------------


def mutated(sent: bytes, chance: random.Random) -> bytes:
    """A request with some of its bytes changed, doubled, or left out."""
    data = bytearray(sent)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data))
        how = chance.randrange(4)
        if how == 0:
            data[at] = chance.randrange(256)
        elif how == 1:
            del data[at : at + chance.randint(1, 30)]
        elif how == 2:
            data[at:at] = data[at : at + chance.randint(1, 30)]
        else:
            data[at:at] = chance.randbytes(chance.randint(1, 10))
    return bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_no_request_whatever_makes_the_server_fail(served, seed):
    chance = random.Random(seed)
    statuses = set()
    for _ in range(60):
        make = header_request(values()), json_request(json_body(values()))
        sent = mutated(chance.choice(make), chance)
        address = ("127.0.0.1", served.server.port)
        with (
            suppress(ConnectionResetError, BrokenPipeError, HTTPException),
            socket.create_connection(address, 5) as connection,
        ):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            statuses.add(read_answer(connection).status)
    assert not {status for status in statuses if status == 500}
    assert {201, 400} <= statuses
    assert still_works(served)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST\r\n\r\n",
        b"POST /v2/collector\r\n\r\n",
        b"POST /v2/collector HTTP/9.9\r\n\r\n",
        b"POST /v2/collector HTTP/1.1\n\n",
        b"post /v2/collector HTTP/1.1\r\n\r\n",
        b"\x00" * 1000,
        b"A" * 100_000,
        b"POST /" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=range(11),
)
def test_what_is_no_request_is_not_answered_with_a_failure(served, connection, data):
    with suppress(ConnectionResetError, BrokenPipeError, HTTPException):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        assert read_answer(connection).status not in {200, 201, 500}
    assert still_works(served)


# --- When the store is down -----------------------------------------------------------


def test_a_store_that_fails_makes_clients_come_again_until_it_is_back(served):
    served.database.run("ALTER TABLE records_record RENAME TO records_away")
    try:
        for sent in (
            header_request(values()),
            header_request(values(), target="/v2/collector?"),
            json_request(json_body(values())),
        ):
            start = time.monotonic()
            answer = served.send(sent)
            assert time.monotonic() - start < 2
            assert (answer.status, answer.headers["retry-after"]) == (503, "30")
            assert said(answer) == {"message": "The store is down"}
        assert served.send(get("/healthz")).status == 200
    finally:
        served.database.run("ALTER TABLE records_away RENAME TO records_record")
    end = time.monotonic() + 5
    while not still_works(served):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_full_queue_makes_clients_come_again(server_database, tmp_path):
    env = {"DATABASE_URL": server_database, "TELEMETRY_QUEUE": "0"}
    app = "telemetry_site.wsgi_collector"
    with GunicornServer(app, env, log_file=tmp_path / "log") as server:
        answer = raw_request(server.port, chunked(b"x"))
        assert (answer.status, answer.headers["retry-after"]) == (503, "30")
        assert said(answer) == {"message": "Too many records are waiting"}


@pytest.fixture
def cluster(on_postgres: bool) -> Iterator[Cluster]:
    if not on_postgres:
        pytest.skip("runs in the PostgreSQL half")
    with Cluster() as cluster:
        yield cluster


def test_a_database_that_is_away_makes_clients_come_again_at_once(cluster, tmp_path):
    url = cluster.create_database("telemetry")
    migrate(url)
    app = "telemetry_site.wsgi_collector"
    with GunicornServer(
        app, {"DATABASE_URL": url}, log_file=tmp_path / "log"
    ) as server:

        def answers(sent: bytes) -> tuple[int, str | None]:
            start = time.monotonic()
            answer = raw_request(server.port, sent)
            assert time.monotonic() - start < 3
            return answer.status, answer.headers.get("retry-after")

        assert answers(header_request(values())) == (201, None)
        cluster.stop()
        for _ in range(5):
            assert answers(header_request(values())) == (503, "30")
            assert answers(chunked(b"x")) == (503, "30")
        # Refused without the store, as before: it would be refused again.
        assert answers(header_request(values(severity="9")))[0] in {400, 503}
        assert answers(get("/readyz"))[0] == 503
        assert answers(get("/healthz"))[0] == 200
        cluster.start()
        end = time.monotonic() + 5
        while answers(header_request(values()))[0] != 201:
            assert time.monotonic() < end
        assert answers(get("/readyz"))[0] == 200
        assert answers(chunked(b"x"))[0] in {201, 503}
        assert Database(url).count("record") >= 2
        assert "Traceback" not in server.log

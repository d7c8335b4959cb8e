"""What nginx lets through, and to whom. Echo servers stand for collector and site."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from records.collector.fields import NAMES
from telemetry_site.env import SETTINGS
from tests.deployments.echo import Asked, asked, echoing
from tests.deployments.nginx import (
    Nginx,
    answer,
    ask,
    connect,
    make_certificate,
)
from tests.factories import header_request, json_body, json_request, request, values
from tests.server import RawResponse

pytestmark = pytest.mark.once

(MAX_PAYLOAD,) = (
    int(each.default) for each in SETTINGS if each.name == "TELEMETRY_MAX_PAYLOAD"
)
COLLECTOR_PATHS = ["/v2/collector", "/v3/collector", "/v2/collector/", "/v3/collector/"]


@pytest.fixture(scope="module")
def served(folder: Path, program) -> Iterator[Nginx]:
    """nginx over TLS, with echo servers behind it."""
    program("nginx"), program("openssl")
    make_certificate(folder / "tls")
    with (
        echoing(folder / "collector.sock"),
        echoing(folder / "site.sock"),
        Nginx(folder, secure=True) as server,
    ):
        yield server


def echoed(served: Nginx, data: bytes) -> Asked:
    got = ask(served, data)
    assert got.status == 201, got
    return asked(got.body)


def get(target: str, *headers: tuple[str, str]) -> bytes:
    return request([*headers], target=target, method="GET", length=False)


def test_nginx_has_nothing_to_say_against_the_configuration(served):
    assert re.findall(r"\[(?!notice)\w+\]", served.check()) == []
    assert "successful" in served.check()


def test_without_tls_the_same_is_served(folder, program, served):
    with Nginx(folder, secure=False) as plain:
        assert "successful" in plain.check()
        assert echoed(plain, header_request(values())).by == "collector"
        seen = echoed(plain, get("/records", ("X-Forwarded-Proto", "https")))
        assert (seen.by, seen.header("X-Forwarded-Proto")) == ("site", "http")


# --- Who is asked ---------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/", *COLLECTOR_PATHS])
def test_records_go_to_the_collector(served, target):
    seen = echoed(served, header_request(values(), b"hello\n", target=target))
    path = "/v2/collector" if target == "/" else target
    assert (seen.by, seen.line) == ("collector", f"POST {path} HTTP/1.1")
    assert seen.body == "hello\n"


@pytest.mark.parametrize(
    "target", ["/", "/records", "/v3/collectors", "/v4/collector", "/v3/collector/x"]
)
def test_everything_else_goes_to_the_site(served, target):
    assert echoed(served, get(target)).by == "site"
    if target != "/":
        assert echoed(served, request([], b"x=1", target=target)).by == "site"


@pytest.mark.parametrize("name", ["healthz", "readyz", "metrics"])
def test_site_and_collector_can_be_asked_how_they_are(served, name):
    assert echoed(served, get(f"/{name}")).by == "site"
    seen = echoed(served, get(f"/{name}/collector"))
    assert (seen.by, seen.line) == ("collector", f"GET /{name} HTTP/1.1")


def test_people_are_sent_to_tls_and_records_are_not_taken_in_the_clear(served):
    data = request([("Host", "telemetry.example")], target="/records?x=1", method="GET")
    got = ask(served, data, plain=True)
    assert got.status == 308
    assert got.headers["location"] == "https://telemetry.example/records?x=1"
    assert ask(served, header_request(values()), plain=True).status == 308


def test_nginx_does_not_tell_its_version(served):
    assert ask(served, get("/")).headers["server"] == "nginx"


# --- Headers --------------------------------------------------------------------------


def test_the_collector_gets_underscored_names_byte_for_byte(served):
    sent = values(board_name="Größe | \xe9", cpu_model="")
    data = header_request(sent, b"\x00\xff body")
    seen = echoed(served, data)
    assert {name: seen.headers.get(name) for name in sent if sent[name]} == {
        name: value for name, value in sent.items() if value
    }
    assert seen.body == "\x00\xff body"


def test_the_site_gets_no_name_of_the_protocol(served):
    seen = echoed(served, get("/records", *((name, "x") for name in NAMES)))
    assert [name for name in seen.headers if name.lower() in NAMES] == []


@pytest.mark.parametrize("target", ["/records", "/v3/collector"])
def test_what_a_client_says_about_itself_is_replaced(served, target):
    spoofed = (
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Proto", "ftp"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Port", "1"),
        ("X-Real-IP", "10.0.0.1"),
        ("X-Request-ID", "evil\u00e9"),
        ("Forwarded", "for=10.0.0.1"),
        ("Via", "1.1 evil"),
        ("X-Remote-User", "admin"),
        ("Remote-User", "admin"),
    )
    seen = echoed(served, get(target, *spoofed, ("Host", "telemetry.example")))
    assert seen.header("X-Forwarded-For") == "127.0.0.1"
    assert seen.header("X-Forwarded-Proto") == "https"
    assert seen.header("Host") == "telemetry.example"
    assert re.fullmatch("[0-9a-f]{32}", seen.header("X-Request-ID") or "")
    gone = {name for name, _ in spoofed} - {"X-Forwarded-For", "X-Forwarded-Proto"}
    for name in gone - {"X-Request-ID"}:
        assert seen.header(name) is None


# --- Sizes, rates, and who is away ----------------------------------------------------


def sized(size: int, *, content_type: str = "application/json") -> bytes:
    return json_request(b"x" * size, content_type=content_type)


def test_a_little_more_than_the_longest_payload_is_left_to_the_collector(served):
    assert len(echoed(served, sized(MAX_PAYLOAD + 10_000)).body) == MAX_PAYLOAD + 10_000


def test_much_more_is_refused_as_the_collector_would(served):
    got = ask(served, sized(MAX_PAYLOAD + 100_000))
    assert (got.status, got.headers["content-type"]) == (413, "application/json")
    assert json.loads(got.body)["code"] == "too_large"
    assert set(json.loads(got.body)) == {"message", "field", "code"}


def test_a_batch_may_be_as_long_as_sixteen_payloads(served):
    batch = sized(16 * MAX_PAYLOAD, content_type="application/x-ndjson")
    seen = echoed(served, batch)
    assert seen.line == "POST /v3/collector HTTP/1.1"
    assert len(seen.body) == 16 * MAX_PAYLOAD
    too_long = sized(18 * MAX_PAYLOAD, content_type="application/x-ndjson")
    assert ask(served, too_long).status == 413


def test_the_address_of_batches_is_not_for_others(served):
    assert ask(served, json_request(b"{}", target="/v3/collector/batch")).status == 404


def test_a_client_that_expects_to_be_told_to_continue_is_told(served):
    head, _, body = header_request(values(), b"x" * 2000).partition(b"\r\n\r\n")
    with connect(served) as connection:
        connection.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        got = asked(answer(connection).body)
    assert got.body == "x" * 2000
    assert got.header("Expect") is None


def test_an_address_that_sends_too_much_is_told_to_come_again(served):
    several = get("/v3/collector") * 200
    answers: list[RawResponse] = []
    with connect(served, source="127.0.0.2") as connection:
        while all(each.status == 201 for each in answers) and len(answers) < 20_000:
            connection.sendall(several)
            answers += [answer(connection, "GET") for _ in range(200)]
    late = next(each for each in answers if each.status == 429)
    assert [each.status for each in answers[:500]] == [201] * 500
    assert late.headers["content-type"] == "application/json"
    assert late.headers["retry-after"] == "30"
    assert "message" in json.loads(late.body)
    assert ask(served, get("/v3/collector")).status == 201


def test_a_collector_that_is_away_is_answered_for(served, folder):
    socket = folder / "collector.sock"
    aside = socket.rename(folder / "aside.sock")
    got = ask(served, header_request(values()))
    aside.rename(socket)
    assert (got.status, got.headers["content-type"]) == (503, "application/json")
    assert got.headers["retry-after"] == "30"
    assert "message" in json.loads(got.body)
    assert ask(served, header_request(values())).status == 201


# --- TLS and HTTP/2 -------------------------------------------------------------------


def test_old_tls_is_not_spoken(served):
    with connect(served) as connection:
        assert connection.version() in {"TLSv1.2", "TLSv1.3"}
    done = subprocess.run(
        [
            *("openssl", "s_client", "-connect", f"127.0.0.1:{served.port}"),
            *("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"),
        ],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode != 0


@pytest.mark.parametrize("version", ["http1.1", "http2"])
def test_both_versions_of_http_bring_records_over_tls(served, program, folder, version):
    sent = values()
    headers = [arg for name in sent for arg in ("-H", f"{name}: {sent[name]}")]
    done = subprocess.run(
        [
            *(program("curl"), "-sS", f"--{version}", "--data", "hello", *headers),
            *("--cacert", folder / "tls/fullchain.pem", "-w", "\n%{http_version}"),
            f"https://127.0.0.1:{served.port}/v2/collector",
        ],
        capture_output=True,
        check=True,
    )
    body, _, spoken = done.stdout.rpartition(b"\n")
    assert spoken.decode() == version.removeprefix("http").replace("http", "")
    assert {name: asked(body).header(name) for name in sent} == sent


def test_json_comes_through_too(served):
    body = json_body(values(), "é\n")
    assert echoed(served, json_request(body)).body.encode("latin-1") == body

"""The whole server as it is deployed: clients and people come over TLS, by nginx."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import (
    HTTPCookieProcessor,
    HTTPSHandler,
    OpenerDirector,
    Request,
    build_opener,
)

import pytest

from tests.deployments.nginx import answer, ask, connect
from tests.deployments.stack import Stack
from tests.e2e.database import Database
from tests.factories import (
    header_request,
    json_body,
    json_request,
    request,
    values,
)
from tests.server import RawResponse

pytestmark = pytest.mark.once

PASSWORD = "correct horse battery staple"


class Served(NamedTuple):
    stack: Stack
    database: Database

    def send(self, data: bytes) -> RawResponse:
        return ask(self.stack.nginx, data)


@pytest.fixture(scope="module")
def served(_migrated_template: Any, folder: Path, program: Any) -> Iterator[Served]:
    for name in ("nginx", "openssl"):
        program(name)
    with _migrated_template.copy() as url, Stack(folder, url) as stack:
        yield Served(stack, Database(url))
    for service in (stack.collector, stack.site, stack.worker):
        assert "Traceback" not in service.log
    assert re.findall(r"\[(?:alert|crit|emerg)\]", stack.nginx.log) == []


def get(target: str, *headers: tuple[str, str]) -> bytes:
    headers = (("Host", "telemetry.example"), *headers)
    return request([*headers], target=target, method="GET", length=False)


# --- Records --------------------------------------------------------------------------


def test_old_clients_records_are_stored_as_they_were_sent(served):
    sent = values(cpu_model="Größe | \xe9", host_type="a|b c|d")
    got = served.send(header_request(sent, b"\xff payload\n"))
    assert got.status == 201, got
    assert got.headers["content-type"] == "application/json"
    row = served.database.record(json.loads(got.body)["id"])
    assert row["payload"] == "\xff payload\n"
    stored = {**row, "creation_timestamp": row["captured_at"]}
    text = {name: str(stored[name]) for name in sent}
    assert text == sent


@pytest.mark.parametrize("target", ["/", "/v2/collector", "/v3/collector"])
def test_new_clients_records_are_stored_as_they_were_sent(served, target):
    sent = values()
    got = served.send(json_request(json_body(sent, "é\n"), target=target))
    assert got.status == 201, got
    row = served.database.record(json.loads(got.body)["id"])
    assert (row["payload"], row["event_id"]) == ("é\n", sent["event_id"])


@pytest.mark.parametrize("version", ["http1.1", "http2"])
def test_a_client_may_speak_either_http(served, program, folder, version):
    sent = values()
    headers = [arg for name in sent for arg in ("-H", f"{name}: {sent[name]}")]
    headers += ["-H", "X-Telemetry-TID: 6907c830-eed9-4ce9-81ae-76daf8d88f0f"]
    done = subprocess.run(
        [
            *(program("curl"), "-sS", f"--{version}", "--data", "x" * 2000, *headers),
            *("-H", "Expect: 100-continue", "-w", "\n%{http_code} %{http_version}"),
            *("--cacert", folder / "tls/fullchain.pem"),
            f"https://127.0.0.1:{served.stack.nginx.port}/v2/collector",
        ],
        capture_output=True,
        check=True,
        text=True,
    )
    body, _, spoken = done.stdout.rpartition("\n")
    assert spoken == f"201 {version.removeprefix('http')}"
    row = served.database.record(json.loads(body)["id"])
    assert (row["event_id"], row["payload"]) == (sent["event_id"], "x" * 2000)


def test_a_refusal_of_the_collector_comes_through_and_shows_what_nginx_added(served):
    spoofed = [
        ("X-Forwarded-For", "10.0.0.1"),
        ("X_Forwarded_For", "10.0.0.2"),
        ("X-Forwarded-Proto", "ftp"),
        ("Remote_User", "admin"),
    ]
    got = served.send(header_request(values(severity="9"), b"x", *spoofed))
    assert (got.status, json.loads(got.body)["code"]) == (400, "severity")
    kept = served.database.last_refused()["headers"]
    assert kept["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
    assert kept["HTTP_X_FORWARDED_PROTO"] == "https"
    assert "HTTP_REMOTE_USER" not in kept


def test_a_body_that_is_too_long_is_refused_by_either(served):
    for size in (310_000, 400_000):
        got = served.send(json_request(b"x" * size))
        assert (got.status, json.loads(got.body)["code"]) == (413, "too_large")


def test_slow_senders_keep_nobody_waiting(served):
    data = header_request(values(), b"x" * 100)
    slow = [connect(served.stack.nginx) for _ in range(40)]
    for each in slow:
        each.sendall(data[:-50])
    started = time.monotonic()
    assert served.send(header_request(values())).status == 201
    assert time.monotonic() - started < 10
    slow[0].sendall(data[-50:])
    assert answer(slow[0]).status == 201
    for each in slow:
        each.close()


def test_the_worker_digests_what_came(served):
    served.send(header_request(values()))
    end = time.monotonic() + 20
    while served.database.count("pending"):
        assert time.monotonic() < end, served.stack.worker.log
        time.sleep(0.1)


# --- People ---------------------------------------------------------------------------


def browser(served: Served) -> OpenerDirector:
    """It keeps cookies, follows redirects, and trusts the certificate."""
    tls = HTTPSHandler(context=served.stack.nginx.trusted())
    return build_opener(tls, HTTPCookieProcessor(CookieJar()))


def log_in(served: Served, opener: OpenerDirector, **changes: str) -> Any:
    address = f"{served.stack.nginx.url}/login?next=/account"
    with opener.open(address) as page:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', _text(page))
    assert found
    form = {"username": "kim", "password": PASSWORD, "csrfmiddlewaretoken": found[1]}
    headers = {"Referer": address}
    data = urlencode({**form, **changes}).encode()
    return opener.open(Request(address, data, headers))


def _text(page: Any) -> str:
    return str(page.read().decode())


@pytest.fixture(scope="module")
def kim(served: Served) -> str:
    """Somebody who may log in."""
    make = ("createsuperuser", "--noinput", "--username=kim", "--email=k@example.org")
    served.stack.manage(*make, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    return "kim"


def test_a_person_logs_in(served, kim):
    opener = browser(served)
    with log_in(served, opener) as page:
        assert page.url == f"{served.stack.nginx.url}/account"
        assert kim in _text(page)
        assert "max-age" in page.headers["Strict-Transport-Security"]


def test_a_login_needs_the_token_of_its_form(served, kim):
    with pytest.raises(HTTPError, match="403") as refused:
        log_in(served, browser(served), csrfmiddlewaretoken="x" * 64)
    refused.value.close()


def test_cookies_are_for_tls_only(served):
    got = served.send(get("/login"))
    assert got.status == 200
    assert "Secure" in got.headers["set-cookie"]
    assert "HttpOnly" in got.headers["set-cookie"]


def test_another_host_name_is_refused(served):
    assert served.send(get("/login", ("Host", "evil.example"))).status == 400


def test_a_client_cannot_claim_to_have_come_without_tls(served):
    """Were its header believed, it would be sent to where it is already."""
    assert served.send(get("/login", ("X-Forwarded-Proto", "http"))).status == 200


def test_static_files_are_kept_for_ever(served):
    page = served.send(get("/login")).body.decode()
    address = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert address
    got = served.send(get(address[1], ("Accept-Encoding", "gzip")))
    assert got.status == 200
    assert got.headers["cache-control"] == "max-age=315360000, public, immutable"
    assert got.headers["content-encoding"] == "gzip"


# --- One part at a time ---------------------------------------------------------------


def test_the_collector_takes_records_while_site_and_worker_are_down(served):
    served.stack.site.stop()
    served.stack.worker.stop()
    assert served.send(header_request(values())).status == 201
    assert served.send(get("/readyz/collector")).status == 200
    served.stack.site.start()
    served.stack.site.wait_until_healthy()
    assert served.send(get("/healthz")).status == 200


def test_a_record_that_comes_while_the_collector_restarts_waits_for_it(served):
    """systemd holds the socket."""
    collector = served.stack.collector
    collector.stop()
    with ThreadPoolExecutor() as pool:
        waiting = [
            pool.submit(collector.ask, header_request(values())) for _ in range(5)
        ]
        time.sleep(0.2)
        assert [each.done() for each in waiting] == [False] * 5
        collector.start()
        assert [each.result().status for each in waiting] == [201] * 5

"""Hostile requests to the site: nothing fails, leads away, opens, or runs."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, NamedTuple

import pytest

from tests.e2e.hostile import site
from tests.factories import header_request, request, values
from tests.server import GunicornServer, RawResponse, raw_request

pytestmark = pytest.mark.xdist_group("hostile site")

PAGES = ("/records", "/records/more", "/records/facets", "/crashes", "/overview")
PER_PARAMETER = 3
MARKUP = ("<script>alert(1)", "<img src=x")


class Site(NamedTuple):
    server: GunicornServer

    def get(self, target: str, *headers: tuple[str, str]) -> RawResponse:
        sent = [("Connection", "close"), *headers]
        if not any(name == "Host" for name, _ in headers):
            sent.insert(0, ("Host", "localhost"))
        data = request(sent, method="GET", target=target, length=False)
        return raw_request(self.server.port, data, timeout=30)


def _served(template: Any, folder: Any, anonymous: str) -> Iterator[Site]:
    log_file = folder.mktemp("hostile-site") / "log"
    with template.copy() as url:
        env = {"DATABASE_URL": url, "TELEMETRY_ANONYMOUS_READ": anonymous}
        app = "telemetry_site.wsgi"
        with GunicornServer(app, env, log_file=log_file) as server:
            for payload in ("hello", "".join(MARKUP)):
                sent = header_request(values(), payload.encode())
                assert raw_request(server.port, sent).status == 201
            yield Site(server)
        for trace in ("Traceback", "WORKER TIMEOUT", "was sent SIG", "CRITICAL"):
            assert trace not in server.log


@pytest.fixture(scope="module")
def open_site(_migrated_template: Any, tmp_path_factory: Any) -> Iterator[Site]:
    yield from _served(_migrated_template, tmp_path_factory, "true")


@pytest.fixture(scope="module")
def closed_site(_migrated_template: Any, tmp_path_factory: Any) -> Iterator[Site]:
    yield from _served(_migrated_template, tmp_path_factory, "false")


def assert_harmless(answer: RawResponse) -> None:
    assert answer.status < 500
    location = answer.headers.get("location", "/")
    assert location.startswith("/")
    assert location[1:2] not in {"/", "\\"}
    assert "x-a" not in answer.headers
    assert "a=b" not in answer.headers.get("set-cookie", "")
    if "html" in answer.headers.get("content-type", ""):
        page = answer.body.decode()
        assert not [markup for markup in MARKUP if markup in page]


@pytest.mark.parametrize(("target", "statuses"), site.TARGETS)
def test_an_address_does_no_harm(open_site, target, statuses):
    answer = open_site.get(target)
    assert_harmless(answer)
    assert answer.status in map(int, statuses.split())


@pytest.mark.parametrize(("header", "status"), site.HEADERS)
def test_a_header_opens_nothing(closed_site, header, status):
    answer = closed_site.get("/records", header)
    assert_harmless(answer)
    assert answer.status == int(status)
    assert answer.headers["location"] == "/login?next=/records"


@pytest.mark.parametrize("token", site.TOKENS)
def test_credentials_that_are_none_open_nothing(closed_site, token):
    answer = closed_site.get("/api/records", ("Authorization", token))
    assert answer.status == 401
    assert b'"records"' not in answer.body


@pytest.mark.parametrize("host", site.HOSTS)
@pytest.mark.parametrize("target", ["/records", "/api/records", "/login"])
def test_a_host_of_somebody_else_is_refused(open_site, host, target):
    answer = open_site.get(target, ("Host", host))
    assert answer.status == 400
    assert b"evil" not in answer.body


def _documented(open_site: Site) -> list[tuple[str, str]]:
    """Every address with one of its parameters, from the description of the API."""
    answer = open_site.get("/api/schema", ("Accept", "application/json"))
    return [
        (path.replace("{record_id}", "1").replace("{guilty_id}", "1"), each["name"])
        for path, methods in json.loads(answer.body)["paths"].items()
        for each in methods.get("get", {}).get("parameters", ())
        if each["in"] == "query"
    ]


def _questions(open_site: Site) -> Iterator[str]:
    """Each parameter with some hostile values; each value with some parameters."""
    documented = _documented(open_site)
    names = sorted({name for path, name in documented if path == "/api/records"})
    turn = count()
    for path, name in [
        *documented,
        *((page, name) for page in PAGES for name in names),
    ]:
        for _ in range(PER_PARAMETER):
            value = site.PARAMETERS[next(turn) % len(site.PARAMETERS)]
            yield f"{path}?{name}={site.encoded(value)[: 4000 - len(path) - len(name)]}"
        next(turn)  # so that values and parameters meet in other pairs


def test_no_parameter_makes_the_site_fail(open_site):
    questions = list(_questions(open_site))
    assert len(questions) > 300
    with ThreadPoolExecutor(6) as pool:
        for question, answer in zip(
            questions, pool.map(open_site.get, questions), strict=True
        ):
            assert answer.status in {200, 302, 400, 404}, question[:200]
            assert_harmless(answer)

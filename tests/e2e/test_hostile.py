"""Hostile requests to the real server, all at once, each beside a good one.

Whatever is sent, the answer is the one of its table and never a failure, the log has no
trace of one, and the good records are stored, each once.
"""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from tests.e2e.conftest import APPS
from tests.e2e.database import Database
from tests.e2e.hostile import bodies, framing, headers
from tests.e2e.hostile import values as single_values
from tests.e2e.hostile.case import Case, Outcome, exchange, framed
from tests.factories import header_request, values
from tests.server import App, GunicornServer

pytestmark = pytest.mark.xdist_group("hostile")

SERVERS = [*((app, "auto") for app in APPS), (APPS[0], "python")]
"""With gunicorn's parser in C where it is installed, and with its own in Python."""

CASES = [*single_values.CASES, *headers.CASES, *bodies.CASES, *framing.CASES]
CLIENTS = 12


class Aftermath(NamedTuple):
    """What became of all cases on one server."""

    app: App
    in_python: bool
    outcomes: dict[str, Outcome]
    good: list[str]
    """Event ids of the good records beside them."""
    database: Database
    log: str


@pytest.fixture(scope="module", params=SERVERS, ids="-".join)
def aftermath(
    request: pytest.FixtureRequest, _migrated_template: Any, tmp_path_factory: Any
) -> Iterator[Aftermath]:
    app, parser = cast(tuple[App, str], request.param)
    in_python = parser == "python" or find_spec("gunicorn_h1c") is None
    options = ("--http-parser", parser)
    log_file: Path = tmp_path_factory.mktemp("hostile") / "log"
    with _migrated_template.copy() as url:
        with (
            GunicornServer(
                app, {"DATABASE_URL": url}, log_file=log_file, options=options
            ) as server,
            ThreadPoolExecutor(CLIENTS) as pool,
        ):
            sent = list(pool.map(lambda case: _send(server.port, case), CASES))
        outcomes = {
            case.name: each for case, (each, _) in zip(CASES, sent, strict=True)
        }
        good = [event_id for _, event_id in sent]
        yield Aftermath(app, in_python, outcomes, good, Database(url), server.log)


def _send(port: int, case: Case) -> tuple[Outcome, str]:
    """The case, then a good record, whose event id is returned."""
    outcome = exchange(port, case.data)
    sent = values(classification="good/beside/bad")
    answer = exchange(port, header_request(sent, b"x"))
    assert answer.statuses == (201,), f"{answer} to a good record after {case.name}"
    return outcome, sent["event_id"]


def test_every_case_has_a_name_of_its_own():
    assert len({case.name for case in CASES}) == len(CASES) > 200


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_it_is_answered_as_the_table_says(aftermath, case):
    outcome = str(aftermath.outcomes[case.name])
    if aftermath.in_python and case.name in framing.IN_PYTHON:
        assert outcome == framing.IN_PYTHON[case.name]
    else:
        assert case.allows(outcome, aftermath.app), outcome


def test_good_records_beside_them_are_stored_once(aftermath):
    stored = aftermath.database.ids_by_event()
    assert [len(stored.get(event, ())) for event in aftermath.good] == [1] * len(CASES)


def test_nothing_is_stored_that_was_not_answered_so(aftermath):
    answered = sum(each.statuses.count(201) for each in aftermath.outcomes.values())
    assert aftermath.database.count("record") == answered + len(aftermath.good)


def test_no_request_hides_in_another(aftermath):
    found = aftermath.database.rows(
        "SELECT count(*) FROM records_classification WHERE name LIKE 'smuggled%'"
    )
    assert found == [(0,)]


def test_the_server_noticed_no_fault_of_its_own(aftermath):
    for trace in ("Traceback", "was sent SIG", "WORKER TIMEOUT", "CRITICAL"):
        assert trace not in aftermath.log


def test_nothing_of_a_request_is_in_the_log(aftermath):
    for text in ("smuggled", "onerror", "\x1b[2J", "owned"):
        assert text not in aftermath.log


# --- Requests that stop in the middle -------------------------------------------------

STOPPED = {
    "nothing": b"",
    "half a head": header_request(values(), b"x")[:100],
    "half a body": header_request(values(), b"x" * 100)[:-50],
    "half a body that was asked for": header_request(
        values(), b"x" * 100, ("Expect", "100-continue")
    )[:-100],
    "chunks without an end": framed(("Transfer-Encoding", "chunked"), body=b"1\r\nx"),
    "a body longer than gathered ones": header_request(values(), b"x" * 310_000)[:-9],
    "half the head of a page": b"GET /records HTTP/1.1\r\nHost: localhost\r\nX:",
}


def _seconds_until_closed(port: int, data: bytes) -> float:
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 40) as connection:
        connection.sendall(data)
        with suppress(ConnectionResetError):
            while connection.recv(4096):
                pass
    return time.monotonic() - start


@pytest.mark.slow
def test_a_request_that_stops_is_ended(server_database, tmp_path):
    env = {"DATABASE_URL": server_database}
    with (
        GunicornServer(APPS[1], env, log_file=tmp_path / "log") as server,
        ThreadPoolExecutor(len(STOPPED)) as pool,
    ):
        held = pool.map(
            lambda d: _seconds_until_closed(server.port, d), STOPPED.values()
        )
        good = exchange(server.port, header_request(values(), b"x"))
        assert good.statuses == (201,)
        assert all(seconds < 30 for seconds in held)
        assert "Traceback" not in server.log

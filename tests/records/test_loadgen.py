"""The load generator against a small server that does not always behave."""

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import parse_headers
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from records import loadgen
from records.collector import body, fields
from records.demo import demo_submission
from records.loadgen import (
    Address,
    LoadResult,
    Template,
    post,
    render_v2,
    render_v3,
    run_load,
    run_replay,
)
from records.submission import Submission

TID = "11111111-2222-3333-4444-555555555555"
ANSWER = b'{"id": 1}'


class Behaviour:
    """What the server does with its n-th request; it remembers them all."""

    def __init__(self) -> None:
        self.misbehave: Callable[[int], str] = lambda number: "accept"
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.delivered: list[str] = []
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert isinstance(self.server, Server)
        behaviour = self.server.behaviour
        payload = self.rfile.read(int(self.headers["Content-Length"]))
        with behaviour.lock:
            number = len(behaviour.requests)
            behaviour.requests.append((dict(self.headers.items()), payload))
            how = behaviour.misbehave(number)
            if how == "accept":
                behaviour.delivered.append(event_id(self.headers, payload))
        getattr(self, how)()

    def accept(self) -> None:
        self._answer(201, ANSWER, len(ANSWER))

    def busy(self) -> None:
        self._answer(503, b"", 0)

    def cut(self) -> None:
        self._answer(201, ANSWER[:4], len(ANSWER))
        self.close_connection = True

    def chunked(self) -> None:
        self.send_response(201)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"9\r\n" + ANSWER + b"\r\n0\r\n\r\n")

    def until_closed(self) -> None:
        self.send_response(201)
        self.end_headers()
        self.wfile.write(ANSWER)
        self.close_connection = True

    def hang_up(self) -> None:
        self.close_connection = True

    def stay_silent(self) -> None:
        threading.Event().wait(0.5)
        self.close_connection = True

    def _answer(self, status: int, content: bytes, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 64
    behaviour: Behaviour
    connections = 0

    def verify_request(self, request: Any, client_address: Any) -> bool:
        self.connections += 1
        return True


def event_id(headers: Any, payload: bytes) -> str:
    return str(headers.get("event_id") or json.loads(payload)["event_id"])


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.behaviour = Behaviour()
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def known_submissions(count: int) -> list[Submission]:
    """Records that have an event id and no hostile names."""
    rng = Random(5)
    made: list[Submission] = []
    while len(made) < count:
        each = demo_submission(rng)
        if each.event_id and each.machine_id.isalnum():
            made.append(each)
    return made


def rendered(count: int) -> list[bytes]:
    return [render_v2(each, TID) for each in known_submissions(count)]


def templates(count: int = 20) -> list[Template]:
    return [
        Template.of(render_v2(each, TID), each.event_id)
        for each in known_submissions(count)
    ]


def split(request: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, content = request.partition(b"\r\n\r\n")
    first, _, rest = head.partition(b"\r\n")
    headers = parse_headers(BytesIO(rest + b"\r\n\r\n"))
    return first.decode(), dict(headers.items()), content


class TestRendering:
    def test_a_v2_request_has_underscored_headers_that_the_collector_understands(self):
        for submission in known_submissions(200):
            first, headers, content = split(render_v2(submission, TID))
            assert first == "POST /v2/collector HTTP/1.1"
            assert headers["X-Telemetry-TID"] == TID
            assert int(headers["Content-Length"]) == len(content)
            values = {
                name: headers[name].encode("latin-1").decode()
                for name in fields.NAMES
                if name in headers
            }
            parsed = fields.parse(values, body.payload(content), 0, submission.external)
            assert parsed._replace(telemetry_id=None) == submission

    def test_a_v3_request_is_json_with_values_cut_at_the_first_space(self):
        for submission in known_submissions(200):
            first, headers, content = split(render_v3(submission, TID))
            assert first == "POST /v3/collector HTTP/1.1"
            assert headers["Content-Type"] == "application/json"
            assert "record_format_version" not in headers
            assert int(headers["Content-Length"]) == len(content)
            assert set(map(type, json.loads(content).values())) == {str}
            values, payload = body.record(json.loads(content))
            parsed = fields.parse(values, payload, 0, submission.external)
            assert parsed.payload == submission.payload
            assert parsed.event_id == submission.event_id
            assert parsed.cpu_model == submission.cpu_model.split(" ")[0]

    def test_external_machines_say_so(self):
        submission = known_submissions(1)[0]
        _, inside, _ = split(render_v2(submission._replace(external=False), TID))
        _, outside, _ = split(render_v3(submission._replace(external=True), TID))
        assert "X-CLR-External" not in inside
        assert outside["X-CLR-External"] == "true"

    def test_values_that_the_format_does_not_carry_are_not_sent(self):
        submission = known_submissions(1)[0]._replace(
            record_format_version=2, cpu_model="N/A", event_id=None
        )
        _, headers, _ = split(render_v2(submission, TID))
        assert headers.keys().isdisjoint({"cpu_model", "event_id"})

    def test_a_template_changes_the_event_id_and_nothing_else(self):
        submission = known_submissions(1)[0]
        new = "f" * 32
        for render in (render_v2, render_v3):
            template = Template.of(render(submission, TID), submission.event_id)
            expected = render(submission._replace(event_id=new), TID)
            assert template.request(new.encode()) == expected

    def test_a_template_without_event_id_stays_as_it_is(self):
        request = render_v2(known_submissions(1)[0]._replace(event_id=None), TID)
        assert Template.of(request, None).request(b"f" * 32) == request


class TestAddress:
    @pytest.mark.parametrize(
        ("url", "expected", "host_header"),
        [
            ("http://127.0.0.1:8000", ("127.0.0.1", 8000, ""), "127.0.0.1:8000"),
            ("localhost:8000/", ("localhost", 8000, ""), "localhost:8000"),
            ("http://h.example/tm/", ("h.example", 80, "/tm"), "h.example"),
            ("http://[::1]:81", ("::1", 81, ""), "[::1]:81"),
        ],
    )
    def test_an_address_is_read_from_a_url(self, url, expected, host_header):
        address = Address.of(url)
        assert address == expected
        assert address.host_header == host_header

    @pytest.mark.parametrize("url", ["https://127.0.0.1", "http://", "ftp://h/"])
    def test_other_urls_are_refused(self, url):
        with pytest.raises(ValueError, match="is not an address"):
            Address.of(url)


class TestOneRequest:
    @pytest.mark.parametrize(
        ("how", "outcome"),
        [
            ("accept", "201"),
            ("chunked", "201"),
            ("until_closed", "201"),
            ("busy", "503"),
            ("cut", "cut"),
            ("hang_up", "cut"),
        ],
    )
    def test_an_answer_is_judged_as_the_clients_do(self, server, url, how, outcome):
        server.behaviour.misbehave = lambda number: how
        answer = post(Address.of(url), rendered(1)[0])
        assert answer.outcome == outcome
        assert answer.delivered == (outcome == "201")

    def test_a_silent_server_is_given_up_after_the_clients_patience(
        self, server, url, monkeypatch
    ):
        monkeypatch.setattr(loadgen, "TOTAL_TIMEOUT", 0.1)
        server.behaviour.misbehave = lambda number: "stay_silent"
        answer = post(Address.of(url), rendered(1)[0])
        assert answer.outcome == "timeout"
        assert 0.1 <= answer.seconds < 0.4

    def test_a_closed_port_is_no_connection(self, closed_port):
        answer = post(Address("127.0.0.1", closed_port, ""), rendered(1)[0])
        assert answer.outcome == "no connection"


class TestLoad:
    def test_exactly_the_number_asked_for_is_sent_with_distinct_event_ids(
        self, server, url
    ):
        result = run_load(url, templates(), connections=4, count=50)
        assert result.outcomes == {"201": 50}
        assert result.accepted == len(result.latencies) == 50
        assert len(set(server.behaviour.delivered)) == 50

    def test_every_request_has_a_connection_of_its_own(self, server, url):
        run_load(url, templates(), connections=2, count=10)
        assert server.connections == 10

    def test_answers_are_counted_by_what_came_of_them(self, server, url):
        server.behaviour.misbehave = lambda number: ("accept", "busy", "cut")[
            number % 3
        ]
        result = run_load(url, templates(), connections=2, count=30)
        assert result.outcomes == {"201": 10, "503": 10, "cut": 10}
        assert result.accepted == 10

    def test_it_stops_when_the_time_is_over(self, url):
        result = run_load(url, templates(), connections=2, seconds=0.3)
        assert 0.3 <= result.seconds < 1.5
        assert result.accepted > 5
        assert result.accepted_per_second == result.accepted / result.seconds

    def test_a_rate_is_kept(self, url):
        result = run_load(url, templates(), connections=4, seconds=0.5, rate=40)
        assert result.sent == 20

    def test_with_a_rate_waiting_for_a_slow_server_counts_as_latency(
        self, server, url, monkeypatch
    ):
        monkeypatch.setattr(loadgen, "TOTAL_TIMEOUT", 0.1)
        server.behaviour.misbehave = lambda number: "stay_silent"
        load = run_load(url, templates(), connections=1, count=5, rate=1000)
        assert load.outcomes == {"timeout": 5}
        assert max(load.latencies) > 0.45

    def test_several_processes_share_the_work(self, server, url):
        result = run_load(url, templates(), connections=4, count=31, processes=2)
        assert result.outcomes == {"201": 31}
        assert len(set(server.behaviour.delivered)) == 31

    def test_percentiles_are_latencies_that_occurred(self):
        result = LoadResult(Counter({"201": 4}))
        result.latencies.extend([0.4, 0.1, 0.3, 0.2])
        assert result.percentiles(0, 0.5, 1) == [0.1, 0.3, 0.4]
        assert LoadResult().percentiles(0.99) == [0.0]


class TestReplay:
    def test_every_record_is_delivered_once_the_server_recovers(self, server, url):
        misbehaviours = ("busy", "cut", "hang_up")
        server.behaviour.misbehave = lambda number: (
            misbehaviours[number % 3] if number < 12 else "accept"
        )
        requests = rendered(40)
        spools = [requests[n::8] for n in range(8)]
        result = run_replay(url, spools, pause=0.01)
        assert result.delivered == 40
        assert result.undelivered == 0
        assert result.attempts == 52
        assert result.outcomes == {"201": 40, "503": 4, "cut": 8}
        assert len(server.behaviour.delivered) == 40
        assert set(server.behaviour.delivered) == {
            each.event_id for each in known_submissions(40)
        }

    def test_a_client_sends_one_record_after_another_until_each_is_delivered(
        self, server, url
    ):
        server.behaviour.misbehave = lambda number: "busy" if number % 2 else "accept"
        spool = rendered(5)
        run_replay(url, [spool], pause=0.001)
        seen = [headers["event_id"] for headers, _ in server.behaviour.requests]
        expected = [each.event_id for each in known_submissions(5)]
        assert list(dict.fromkeys(seen)) == expected
        assert seen == sorted(seen, key=expected.index)
        assert len(seen) == 9

    def test_the_longest_wait_is_the_one_of_a_record_that_was_sent_again(
        self, server, url
    ):
        server.behaviour.misbehave = lambda number: "busy" if number < 3 else "accept"
        result = run_replay(url, [rendered(2)], pause=0.1)
        assert 0.15 < result.longest_wait < 1.5

    def test_clients_give_up_when_their_patience_ends(self, server, url):
        server.behaviour.misbehave = lambda number: "busy"
        result = run_replay(url, [rendered(3)] * 2, pause=0.02, patience=0.1)
        assert result.undelivered == 6
        assert result.delivered == 0
        assert result.longest_wait == 0


class TestCommand:
    def test_it_reports_what_was_accepted_how_fast_and_the_answers(
        self, server, url, capsys
    ):
        call_command("loadgen", url, "--count=20", "--processes=1", "--connections=2")
        accepted, latency, answers = capsys.readouterr().out.splitlines()
        assert "/s: 20 of 20 in " in accepted
        assert [word for word in latency.split() if word[0] in "pm"] == [
            *("p50", "ms", "p95", "ms", "p99", "ms", "max", "ms")
        ]
        assert answers.split() == ["answers", "201:", "20"]

    @pytest.mark.parametrize(
        ("wire", "in_headers"),
        [("v2", {True}), ("v3", {False}), ("both", {True, False})],
    )
    def test_the_wire_format_can_be_chosen(self, server, url, wire, in_headers):
        arguments = ("--count=10", "--processes=1", "--connections=1")
        call_command("loadgen", url, f"--format={wire}", *arguments)
        sent = {"event_id" in headers for headers, _ in server.behaviour.requests}
        assert sent == in_headers

    def test_payloads_can_have_a_given_length(self, server, url):
        arguments = ("--count=5", "--processes=1", "--connections=1", "--format=v2")
        call_command("loadgen", url, "--payload-bytes=200", *arguments)
        assert {len(payload) for _, payload in server.behaviour.requests} == {200}

    def test_the_replay_reports_deliveries_attempts_and_the_longest_wait(
        self, server, url, capsys
    ):
        server.behaviour.misbehave = lambda number: "busy" if number < 2 else "accept"
        arguments = ("--spools=3", "--spool-records=2", "--processes=1", "--pause=0.01")
        call_command("loadgen", url, "--outage-replay", *arguments)
        out = capsys.readouterr().out
        assert "delivered 6, not delivered 0" in out
        assert "attempts  8, longest wait 0." in out

    def test_it_fails_when_nothing_was_accepted(self, server, url):
        server.behaviour.misbehave = lambda number: "busy"
        with pytest.raises(CommandError, match="Nothing was accepted"):
            call_command("loadgen", url, "--count=3", "--processes=1")

    def test_another_machine_is_refused_without_saying_so_twice(self):
        with pytest.raises(CommandError, match=r"192\.0\.2\.1.* is not this machine"):
            call_command("loadgen", "http://192.0.2.1:8000", "--count=1")

    def test_another_machine_is_accepted_when_it_was_said_twice(
        self, server, url, monkeypatch
    ):
        monkeypatch.setattr(Address, "ip_addresses", lambda self: ["192.0.2.1"])
        monkeypatch.setattr(Address, "resolved", lambda self: self)
        with pytest.raises(CommandError, match="is not this machine"):
            call_command("loadgen", url, "--count=1", "--processes=1")
        assert server.behaviour.requests == []
        call_command("loadgen", url, "--count=1", "--processes=1", "--yes-really")
        assert len(server.behaviour.requests) == 1

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["https://127.0.0.1"], "is not an address"),
            (["127.0.0.1", "--connections=0"], "--connections must be at least 1"),
            (["127.0.0.1", "--spool-records=0"], "--spool-records must be at least 1"),
            (["127.0.0.1", "--rate=0"], "--rate must be above 0"),
        ],
    )
    def test_impossible_arguments_are_refused(self, arguments, message):
        with pytest.raises(CommandError, match=message):
            call_command("loadgen", *arguments)

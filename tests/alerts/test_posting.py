"""Posting to addresses of anybody, against real sockets."""

import socket
import ssl
import time
from functools import partial

import pytest

from alerts import posting
from alerts.posting import LARGEST_BODY, Undelivered, post
from alerts.targets import Allowed
from tests.alerts.receivers import certificate, drip, hang, misbehaving, receiver

NOTHING = Allowed()
HERE = socket.AF_INET, socket.SOCK_STREAM, 6, ""


def test_a_message_arrives_as_it_is():
    with receiver() as there:
        post(there.url, b'{"a": 1}', {"X-More": "yes"}, there.allowed)
    (sent,) = there.posts
    assert (sent.path, sent.body) == ("/hook?a=b", b'{"a": 1}')
    assert sent.headers == {
        "Host": f"127.0.0.1:{there.port}",
        "User-Agent": "telemetry-server",
        "Content-Type": "application/json",
        "Content-Length": "8",
        "Connection": "close",
        "X-More": "yes",
    }


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_an_answer_of_2xx_is_a_delivery(status):
    with receiver() as there:
        there.statuses = [status]
        post(there.url, b"", {}, there.allowed)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 410, 429, 500, 503])
def test_another_answer_is_none(status):
    with receiver() as there:
        there.statuses = [status]
        with pytest.raises(Undelivered, match=f"^The answer was {status}$"):
            post(there.url, b"", {}, there.allowed)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status):
    with receiver() as elsewhere, receiver() as there:
        there.statuses, there.headers = [status], {"Location": elsewhere.url}
        allowed = Allowed.of(["127.0.0.0/8:" + str(p.port) for p in (there, elsewhere)])
        with pytest.raises(Undelivered):
            post(there.url, b"", {}, allowed)
    assert elsewhere.posts == []


def test_proxies_of_the_environment_are_not_asked(monkeypatch):
    with receiver() as proxy, receiver() as there:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        post(there.url, b"", {}, there.allowed)
    assert len(there.posts) == 1
    assert proxy.posts == []


@pytest.mark.parametrize("answer", [hang, drip])
def test_a_receiver_that_never_answers_is_left_in_time(answer):
    with misbehaving(answer) as port:
        started = time.monotonic()
        with pytest.raises(Undelivered, match=r"^No answer within 0\.3 seconds$"):
            post(
                f"http://127.0.0.1:{port}/",
                b"",
                {},
                Allowed.of([f"127.0.0.1:{port}"]),
                seconds=0.3,
            )
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("answer", [hang, drip])
def test_a_receiver_that_never_speaks_tls_is_left_in_time(answer):
    with misbehaving(answer) as port:
        started = time.monotonic()
        with pytest.raises(Undelivered):
            post(
                f"https://127.0.0.1:{port}/",
                b"",
                {},
                Allowed.of([f"127.0.0.1:{port}"]),
                seconds=0.3,
            )
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 2\r\n",
        b"HTTP/1.1 2000\r\n",
        b"x" * 5000,
    ],
)
def test_what_is_no_http_is_no_delivery(answer):
    say = partial(_say, answer)
    with misbehaving(say) as port, pytest.raises(Undelivered, match=r"HTTP|connection"):
        post(f"http://127.0.0.1:{port}/", b"", {}, Allowed.of([f"127.0.0.1:{port}"]))


def _say(answer: bytes, connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(answer)


def test_an_answer_without_end_is_read_no_further_than_its_status():
    def endless(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"x: y\r\n" * 1000)

    with misbehaving(endless) as port:
        post(f"http://127.0.0.1:{port}/", b"", {}, Allowed.of([f"127.0.0.1:{port}"]))


def test_a_closed_port_is_no_delivery():
    with receiver() as there:
        pass
    with pytest.raises(Undelivered, match=r"^No connection: Connection refused$"):
        post(there.url, b"", {}, there.allowed)


def test_a_body_is_bounded():
    with receiver() as there:
        post(there.url, b"x" * LARGEST_BODY, {}, there.allowed)
        with pytest.raises(Undelivered, match="too large"):
            post(there.url, b"x" * (LARGEST_BODY + 1), {}, there.allowed)
    assert len(there.posts) == 1


# --- Addresses inside ---------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0", "0177.1"]
)
def test_nothing_is_sent_to_this_machine_however_it_is_written(host):
    with receiver() as there, pytest.raises(Undelivered, match="inside"):
        post(f"http://{host}:{there.port}/", b"", {}, NOTHING)
    assert there.posts == []


class Resolver:
    """Answers each question with its next addresses, as a rebinding name does."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[object] = []

    def __call__(self, host: object, port: int, **kwargs: object) -> list[object]:
        self.asked.append(host)
        answer = self.answers.pop(0)
        return [(*HERE, (address, port)) for address in answer]


class Connections:
    """Sockets that note where they are connected to, and go nowhere."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.places: list[tuple[str, int]] = []
        monkeypatch.setattr(socket.socket, "connect", self._connect)

    def _connect(self, place: tuple[str, int]) -> None:
        self.places.append(place)
        raise ConnectionRefusedError(111, "Connection refused")


def test_a_name_is_resolved_once_and_the_address_that_was_checked_is_used(monkeypatch):
    resolver = Resolver(["93.184.216.34"], ["127.0.0.1"])
    connections = Connections(monkeypatch)
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    with pytest.raises(Undelivered, match="refused"):
        post("http://rebinding.example/", b"", {}, NOTHING)
    assert resolver.asked == ["rebinding.example"]
    assert connections.places == [("93.184.216.34", 80)]


def test_a_name_that_also_leads_inside_is_not_connected_to(monkeypatch):
    connections = Connections(monkeypatch)
    monkeypatch.setattr(
        socket, "getaddrinfo", Resolver(["93.184.216.34", "169.254.169.254"])
    )
    with pytest.raises(Undelivered, match="inside"):
        post("https://both.example/", b"", {}, NOTHING)
    assert connections.places == []


def test_another_address_of_a_name_is_tried_when_the_first_does_not_take_it(
    monkeypatch,
):
    with receiver() as there:
        answers = Resolver(["127.0.0.9", "127.0.0.1"])
        monkeypatch.setattr(socket, "getaddrinfo", answers)
        allowed = Allowed.of([f"127.0.0.0/8:{there.port}"])
        post(f"http://two.example:{there.port}/", b"", {}, allowed)
    assert there.posts[0].headers["Host"] == f"two.example:{there.port}"


def test_a_name_that_is_not_known_is_no_delivery(monkeypatch):
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Undelivered, match="not known"):
        post("https://nowhere.example/", b"", {}, NOTHING)


# --- TLS ----------------------------------------------------------------------------


def test_tls_asks_for_the_name_at_the_address_that_was_checked(tmp_path, monkeypatch):
    file = certificate(tmp_path, "hook.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    asked: list[str | None] = []
    context.sni_callback = lambda connection, name, _: asked.append(name)
    monkeypatch.setattr(
        posting, "_context", lambda: ssl.create_default_context(cafile=file)
    )
    with receiver(context) as there:
        resolver = Resolver(["127.0.0.1"], ["127.0.0.1"])
        monkeypatch.setattr(socket, "getaddrinfo", resolver)
        post(f"https://hook.example:{there.port}/", b"", {}, there.allowed)
        assert asked == ["hook.example"]
        assert there.posts[0].headers["Host"] == f"hook.example:{there.port}"
        with pytest.raises(Undelivered, match="certificate"):
            post(f"https://other.example:{there.port}/", b"", {}, there.allowed)


def test_a_certificate_that_nobody_knows_is_not_accepted(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, "127.0.0.1"))
    with receiver(context) as there, pytest.raises(Undelivered, match="certificate"):
        post(f"https://127.0.0.1:{there.port}/", b"", {}, there.allowed)
    assert there.posts == []

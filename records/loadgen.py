"""A fleet's requests, as real clients send them: for benchmarks and tests (pure).

Every request has a connection of its own. An answer counts as delivered when it is 200
or 201 with a complete body, as the clients have it. Templates are rendered before the
clock starts; only the event id differs from one request to the next.
"""

import json
import random
import secrets
import socket
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import count as numbers
from math import inf
from multiprocessing import get_context
from operator import add
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from records.submission import NOT_CARRIED, Submission

CONNECT_TIMEOUT = 5.0
TOTAL_TIMEOUT = 10.0

_DELIVERED = {"200", "201"}
_START_DELAY = 1.0  # seconds that processes are given to come up

A = TypeVar("A")
R = TypeVar("R")


# --- Requests -----------------------------------------------------------------------


def render_v2(
    submission: Submission,
    tid: str,
    path: str = "/v2/collector",
    host: str = "127.0.0.1",
) -> bytes:
    """The request of a client up to 2.3.5: metadata in underscored headers."""
    body = submission.payload.encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Accept: */*"]
    lines += [f"{name}: {value}" for name, value in _metadata(submission)]
    lines += _control_lines(submission, tid, "application/text", len(body))
    return "\r\n".join(lines).encode() + body


def render_v3(
    submission: Submission,
    tid: str,
    path: str = "/v3/collector",
    host: str = "127.0.0.1",
) -> bytes:
    """The request of a client from 2.4.0: one JSON object.

    These clients cut metadata at the first space; of a classification that would leave
    too few parts, so it stays whole here.
    """
    fields = {
        name: value if name == "classification" else value.split(" ")[0]
        for name, value in _metadata(submission)
    }
    fields["payload"] = submission.payload
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Accept: */*"]
    lines += _control_lines(submission, tid, "application/json", len(body))
    return "\r\n".join(lines).encode() + body


def _metadata(s: Submission) -> Iterator[tuple[str, str]]:
    """Names and values in the client's order, without what its format lacks."""
    values = {
        "record_format_version": s.record_format_version,
        "classification": s.classification,
        "severity": s.severity,
        "machine_id": s.machine_id,
        "creation_timestamp": s.captured_at,
        "arch": s.arch,
        "host_type": s.host_type,
        "build": s.build,
        "kernel_version": s.kernel_version,
        "payload_format_version": s.payload_format_version,
        "system_name": s.system_name,
        "board_name": s.board_name,
        "cpu_model": s.cpu_model,
        "bios_version": s.bios_version,
        "event_id": s.event_id,
    }
    for name, value in values.items():
        if value is not None and value != NOT_CARRIED:
            yield name, str(value)


def _control_lines(s: Submission, tid: str, kind: str, length: int) -> list[str]:
    external = ["X-CLR-External: true"] if s.external else []
    return [
        f"X-Telemetry-TID: {tid}",
        *external,
        f"Content-Type: {kind}",
        f"Content-Length: {length}",
        "\r\n",
    ]


class Template(NamedTuple):
    """A rendered request around the place of its event id."""

    before: bytes
    after: bytes

    @classmethod
    def of(cls, request: bytes, event_id: str | None) -> "Template":
        before, found, after = request.partition((event_id or "").encode() or b"\0")
        return cls(before, after) if found else cls(request, b"")

    def request(self, event_id: bytes) -> bytes:
        """With another event id; unchanged if the record format has none."""
        return self.before + event_id + self.after if self.after else self.before


# --- One request --------------------------------------------------------------------


class Address(NamedTuple):
    """Where a collector listens; ``prefix`` is in front of its paths."""

    host: str
    port: int
    prefix: str

    @classmethod
    def of(cls, url: str) -> "Address":
        parts = urlsplit(url if "//" in url else f"//{url}", scheme="http")
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url} is not an address like http://127.0.0.1:8000")
        return cls(parts.hostname, parts.port or 80, parts.path.rstrip("/"))

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"

    def resolved(self) -> "Address":
        """With an IP address instead of a name, so that no request asks for it.

        Version 4 if there is one: servers listen there by default.
        """
        return self._replace(host=min(self.ip_addresses(), key=lambda ip: ":" in ip))

    def ip_addresses(self) -> list[str]:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        return [str(each[4][0]) for each in found]


class Answer(NamedTuple):
    """``outcome``: the status, or a word for why there is none or half a body."""

    outcome: str
    seconds: float

    @property
    def delivered(self) -> bool:
        return self.outcome in _DELIVERED


def post(address: Address, request: bytes) -> Answer:
    """Send one request on a connection of its own, with the clients' patience."""
    started = time.perf_counter()
    try:
        outcome = _exchange(address, request, started + TOTAL_TIMEOUT)
    except TimeoutError:
        outcome = "timeout"
    except ConnectionRefusedError:
        outcome = "no connection"
    except OSError:
        outcome = "broken"
    return Answer(outcome, time.perf_counter() - started)


def _exchange(address: Address, request: bytes, deadline: float) -> str:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(CONNECT_TIMEOUT)
        connection.connect((address.host, address.port))
        connection.settimeout(TOTAL_TIMEOUT)
        connection.sendall(request)
        return _read_answer(connection, deadline)


def _read_answer(connection: socket.socket, deadline: float) -> str:
    """The status of the answer, or ``cut`` when a part of it is missing."""
    answer = b""
    while not _complete(answer):
        left = deadline - time.perf_counter()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(65536)
        if not part:
            return _ended(answer)
        answer += part
    return _status(answer)


def _complete(answer: bytes) -> bool:
    head, ended, body = answer.partition(b"\r\n\r\n")
    if not ended:
        return False
    length = _content_length(head)
    if length is not None:
        return len(body) >= length
    return _chunked(head) and body.endswith(b"0\r\n\r\n")


def _ended(answer: bytes) -> str:
    """What an answer was worth whose connection the server closed."""
    head, ended, _ = answer.partition(b"\r\n\r\n")
    promised = _content_length(head) is not None or _chunked(head)
    return "cut" if promised or not ended else _status(answer)


def _content_length(head: bytes) -> int | None:
    value = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
    return int(value) if value.strip().isdigit() else None


def _chunked(head: bytes) -> bool:
    return b"\r\ntransfer-encoding: chunked" in head.lower()


def _status(answer: bytes) -> str:
    return answer[9:12].decode("ascii", "replace")


# --- Load ---------------------------------------------------------------------------


@dataclass(frozen=True)
class LoadResult:
    """What came of a load: answers by outcome, and how long each took."""

    outcomes: Counter[str] = field(default_factory=Counter)
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    started: float = inf
    ended: float = -inf

    def __add__(self, other: "LoadResult") -> "LoadResult":
        return LoadResult(
            self.outcomes + other.outcomes,
            self.latencies + other.latencies,
            min(self.started, other.started),
            max(self.ended, other.ended),
        )

    @property
    def sent(self) -> int:
        return self.outcomes.total()

    @property
    def accepted(self) -> int:
        return sum(self.outcomes[outcome] for outcome in _DELIVERED)

    @property
    def seconds(self) -> float:
        return max(self.ended - self.started, 0.0)

    @property
    def accepted_per_second(self) -> float:
        return self.accepted / self.seconds if self.seconds else 0.0

    def percentiles(self, *shares: float) -> list[float]:
        """Latencies in seconds that this share of the requests did not exceed."""
        ordered = sorted(self.latencies) or [0.0]
        return [ordered[round(share * (len(ordered) - 1))] for share in shares]


@dataclass(frozen=True)
class Load:
    """What one process sends: until ``seconds`` are over or ``count`` are sent.

    With a ``rate`` (requests per second) requests are due at fixed times, and latency
    counts from when a request was due: a slow server cannot hide behind slow sending.
    """

    address: Address
    templates: Sequence[Template]
    connections: int
    seconds: float | None
    count: int | None
    rate: float | None
    begin: float = 0.0


def run_load(
    url: str,
    templates: Sequence[Template],
    *,
    connections: int = 32,
    seconds: float | None = 10.0,
    count: int | None = None,
    rate: float | None = None,
    processes: int = 1,
) -> LoadResult:
    """Send for ``seconds``, or ``count`` requests when that is given."""
    address = Address.of(url).resolved()
    processes = min(processes, connections)
    begin = time.perf_counter() + (_START_DELAY if processes > 1 else 0)
    loads = [
        Load(
            address=address,
            templates=templates,
            connections=_share(connections, number, processes),
            seconds=None if count else seconds,
            count=count and _share(count, number, processes),
            rate=rate and rate / processes,
            begin=begin,
        )
        for number in range(processes)
    ]
    return reduce(add, _in_processes(_send, loads), LoadResult())


def _send(load: Load) -> LoadResult:
    """One process: as many threads as connections, sharing the turns."""
    time.sleep(max(0.0, load.begin - time.perf_counter()))
    load = replace(load, begin=time.perf_counter())
    turns, prefix = numbers(), secrets.token_hex(8)  # next() on a count is atomic
    with ThreadPoolExecutor(load.connections) as pool:
        threads = [
            pool.submit(_send_in_turn, load, turns, prefix)
            for _ in range(load.connections)
        ]
        return reduce(add, (thread.result() for thread in threads))


def _send_in_turn(load: Load, turns: Iterator[int], prefix: str) -> LoadResult:
    """One connection after another, until the load is over."""
    outcomes: Counter[str] = Counter()
    latencies = array("d")
    for turn, due in _due(load, turns):
        template = load.templates[turn % len(load.templates)]
        answer = post(load.address, template.request(f"{prefix}{turn:016x}".encode()))
        outcomes[answer.outcome] += 1
        latencies.append(time.perf_counter() - due if load.rate else answer.seconds)
    return LoadResult(outcomes, latencies, load.begin, time.perf_counter())


def _due(load: Load, turns: Iterator[int]) -> Iterator[tuple[int, float]]:
    """Turns with the moment at which each is due, after waiting for it."""
    end = load.begin + load.seconds if load.seconds is not None else inf
    for turn in turns:
        now = time.perf_counter()
        due = load.begin + turn / load.rate if load.rate else now
        if due >= end or (load.count is not None and turn >= load.count):
            return
        if due > now:
            time.sleep(due - now)
        yield turn, due


# --- Replay after an outage ---------------------------------------------------------


@dataclass(frozen=True)
class ReplayResult:
    """How a fleet got rid of its spools. ``longest_wait``: of a delivered record."""

    outcomes: Counter[str] = field(default_factory=Counter)
    undelivered: int = 0
    longest_wait: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: "ReplayResult") -> "ReplayResult":
        return ReplayResult(
            self.outcomes + other.outcomes,
            self.undelivered + other.undelivered,
            max(self.longest_wait, other.longest_wait),
            max(self.seconds, other.seconds),
        )

    @property
    def attempts(self) -> int:
        return self.outcomes.total()

    @property
    def delivered(self) -> int:
        return sum(self.outcomes[outcome] for outcome in _DELIVERED)


@dataclass(frozen=True)
class Replay:
    """The spools of one process: lists of requests, one list for each client."""

    address: Address
    spools: Sequence[Sequence[bytes]]
    pause: float
    patience: float


def run_replay(
    url: str,
    spools: Sequence[Sequence[bytes]],
    *,
    pause: float = 1.0,
    patience: float = 600.0,
    processes: int = 1,
) -> ReplayResult:
    """All clients send their spools at once, each one record after another.

    A record that was not delivered is sent again, unchanged, after about ``pause``
    seconds. Clients give up ``patience`` seconds after the start.
    """
    address = Address.of(url).resolved()
    processes = min(processes, len(spools))
    shares = [spools[number::processes] for number in range(processes)]
    works = [Replay(address, share, pause, patience) for share in shares]
    return reduce(add, _in_processes(_replay, works), ReplayResult())


def _replay(work: Replay) -> ReplayResult:
    with ThreadPoolExecutor(len(work.spools)) as pool:
        clients = [pool.submit(_empty_spool, work, spool) for spool in work.spools]
        return reduce(add, (client.result() for client in clients))


def _empty_spool(work: Replay, spool: Sequence[bytes]) -> ReplayResult:
    outcomes: Counter[str] = Counter()
    started = time.perf_counter()
    longest = 0.0
    undelivered = 0
    for request in spool:
        waiting_since = time.perf_counter()
        attempts = _deliver(work, request, started + work.patience)
        outcomes.update(answer.outcome for answer in attempts)
        if attempts and attempts[-1].delivered:
            longest = max(longest, time.perf_counter() - waiting_since)
        else:
            undelivered += 1
    return ReplayResult(outcomes, undelivered, longest, time.perf_counter() - started)


def _deliver(work: Replay, request: bytes, deadline: float) -> list[Answer]:
    """Send until delivered or out of patience; the answer to each attempt."""
    answers: list[Answer] = []
    while time.perf_counter() < deadline:
        answers.append(post(work.address, request))
        if answers[-1].delivered:
            break
        time.sleep(work.pause * (0.5 + random.random()))  # noqa: S311 - only jitter
    return answers


# --- Processes ----------------------------------------------------------------------


def _share(total: int, number: int, processes: int) -> int:
    """The part of ``total`` that is for process ``number``."""
    return total // processes + (number < total % processes)


def _in_processes(function: Callable[[A], R], works: Sequence[A]) -> list[R]:
    """Apply ``function`` to each of ``works`` at once; here if there is only one."""
    if len(works) == 1:
        return [function(works[0])]
    with ProcessPoolExecutor(len(works), mp_context=get_context("spawn")) as pool:
        return list(pool.map(function, works))

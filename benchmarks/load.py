"""Who sends: wrk where there is one, otherwise the project's own generator.

Each request has a connection of its own and a new event id, half of them in each of
the two wire formats. A machine id is used about three times, as daily heartbeats do it.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from records.loadgen import Template, render_v2, render_v3, run_load
from records.submission import Submission
from telemetry_site.env import CLIENT_TELEMETRY_ID

CONNECTIONS = 32
EVENT = "e" * 32
MACHINE = "f" * 32

_SCRIPT = Path(__file__).with_name("request.lua")
_FRAME = "#{n:02d} g_main_context_dispatch+0x{n:04x} - [/usr/lib64/libglib-2.0.so.0]\n"


class Sent(NamedTuple):
    """What came of a load. ``open_at_end``: requests whose answer nobody waited for."""

    created: int
    failed: int
    seconds: float
    open_at_end: int

    @property
    def per_second(self) -> float:
        return self.created / self.seconds

    def and_then(self, later: "Sent") -> "Sent":
        return Sent(
            created=self.created + later.created,
            failed=self.failed + later.failed,
            seconds=self.seconds + later.seconds,
            open_at_end=self.open_at_end + later.open_at_end,
        )


class Generator(Protocol):
    """A way to send as many requests as the server takes."""

    @property
    def name(self) -> str: ...

    def send(self, url: str, requests: Sequence[bytes], seconds: float) -> Sent: ...


def generator() -> Generator:
    found = shutil.which("wrk")
    return Wrk(found) if found else Loadgen()


# --- Requests -----------------------------------------------------------------------


def requests(payload: str, classification: str) -> list[bytes]:
    """One in each wire format, with `EVENT` and `MACHINE` where ids belong."""
    submission = Submission(
        record_format_version=4,
        severity=1,
        classification=classification,
        machine_id=MACHINE,
        captured_at=1_795_334_732,
        arch="x86_64",
        host_type="Intel Corporation|NUC7i7BNH|J31153-309",
        kernel_version="5.4.8-888.native",
        build="32130",
        system_name="clear-linux-os",
        board_name="NUC7i7BNB|Intel Corporation",
        cpu_model="Intel(R) Core(TM) i7-7567U CPU @ 3.50GHz",
        bios_version="BNKBL357.86A.0081.2019.1105.1121",
        payload_format_version=1,
        event_id=EVENT,
        external=False,
        payload=payload,
        telemetry_id=None,
    )
    both = (
        render(submission, CLIENT_TELEMETRY_ID) for render in (render_v2, render_v3)
    )
    return [_closing(request) for request in both]


def _closing(request: bytes) -> bytes:
    return request.replace(b"\r\nAccept:", b"\r\nConnection: close\r\nAccept:", 1)


def heartbeats(size: int) -> list[bytes]:
    """Requests whose payload has ``size`` bytes."""
    payload = ("hello\n" * (size // 6 + 1))[:size]
    return requests(payload, "org.clearlinux/heartbeat/ping")


def crashes(size: int) -> list[bytes]:
    """The same with a backtrace."""
    frames = "".join(_FRAME.format(n=n) for n in range(size // 60 + 1))
    payload = f"Process: gnome-shell\nPID: 1234\nSignal: 11\n\nBacktrace:\n{frames}"
    return requests(payload[:size], "org.clearlinux/crash/clr")


def templates(sent: Sequence[bytes]) -> list[Template]:
    """For the project's own generator, which puts an event id into each."""
    machines = (f"{number:032x}".encode() for number in range(2000))
    return [
        Template.of(request.replace(MACHINE.encode(), machine), EVENT)
        for machine in machines
        for request in sent
    ]


# --- Generators ---------------------------------------------------------------------


class Wrk:
    """https://github.com/wg/wrk, with a script that puts ids into each request."""

    def __init__(self, program: str) -> None:
        self._program = program

    @property
    def name(self) -> str:
        told = subprocess.run(
            [self._program, "-v"], capture_output=True, text=True, check=False
        )
        return " ".join(told.stdout.split()[:2])

    def send(self, url: str, requests: Sequence[bytes], seconds: float) -> Sent:
        with tempfile.TemporaryDirectory() as name:
            files = [Path(name) / str(number) for number in range(len(requests))]
            for file, request in zip(files, requests, strict=True):
                file.write_bytes(request)
            done = subprocess.run(
                self._command(url, seconds, files),
                capture_output=True,
                text=True,
                check=True,
            )
        return read_report(done.stdout)

    def _command(self, url: str, seconds: float, files: Sequence[Path]) -> list[str]:
        return [
            *(self._program, "--threads", "1", "--connections", str(CONNECTIONS)),
            *("--duration", f"{max(1, round(seconds))}s", "--timeout", "10s"),
            *("--script", str(_SCRIPT), url, "--", EVENT, MACHINE, *map(str, files)),
        ]


def read_report(output: str) -> Sent:
    """The last line of wrk's output, as request.lua writes it."""
    told = json.loads(output.strip().splitlines()[-1])
    failed = int(told["status"])
    return Sent(
        created=int(told["requests"]) - failed,
        failed=failed
        + sum(int(told[k]) for k in ("connect", "read", "write", "timeout")),
        seconds=told["microseconds"] / 1e6,
        open_at_end=CONNECTIONS,
    )


class Loadgen:
    """`records.loadgen`, in two processes."""

    name = "records.loadgen (wrk was not found)"

    def send(self, url: str, requests: Sequence[bytes], seconds: float) -> Sent:
        result = run_load(
            url,
            templates(requests),
            connections=CONNECTIONS,
            seconds=seconds,
            processes=2,
        )
        return Sent(
            created=result.accepted,
            failed=result.sent - result.accepted,
            seconds=result.seconds,
            open_at_end=0,
        )

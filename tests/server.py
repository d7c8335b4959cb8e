"""The real server in its own processes, and requests to it byte for byte."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self

from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
START_TIMEOUT = 30.0
STOP_TIMEOUT = 40.0

App = Literal["telemetry_site.wsgi", "telemetry_site.wsgi_collector"]


class ServerError(Exception):
    """The server did not start or stop; the message ends with its log."""


class RawResponse(NamedTuple):
    status: int
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes


class GunicornServer:
    """gunicorn with the project's configuration, in a session of its own.

    ``env`` is added to the environment of the tests and has to name ``DATABASE_URL``;
    further gunicorn ``options`` win over the configuration file. Use it as a context
    manager; ``terminate()`` and ``kill()`` may end it earlier.
    """

    def __init__(
        self,
        app: App,
        env: Mapping[str, str],
        *,
        log_file: Path,
        workers: int = 1,
        options: tuple[str, ...] = (),
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log_file = log_file
        self._command = [
            *(sys.executable, "-m", "gunicorn", "-c", "deployments/gunicorn.conf.py"),
            *("--workers", str(workers), *options, app),
        ]
        self._environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "telemetry_site.settings",
            "BIND": f"127.0.0.1:{self.port}",
            **env,
        }
        self._master: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.terminate()

    @property
    def pid(self) -> int:
        assert self._master is not None, "not running"
        return self._master.pid

    @property
    def log(self) -> str:
        return self._log_file.read_text(errors="replace")

    def start(self) -> None:
        """Start on the same port as before and wait until /healthz answers 200."""
        with self._log_file.open("ab") as log:
            self._master = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=self._environment,
                start_new_session=True,
            )
        self._wait_until_healthy(self._master)

    def terminate(self) -> None:
        """SIGTERM: requests in flight are finished. Does nothing when not running."""
        if self._master is None:
            return
        self._master.terminate()
        try:
            self._master.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired as late:
            self.kill()
            raise ServerError(f"SIGTERM had no effect\n{self.log}") from late
        self._master = None

    def kill(self) -> None:
        """SIGKILL master and workers at once. Does nothing when not running."""
        if self._master is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._master.pid, signal.SIGKILL)
        self._master.wait()
        self._master = None
        self._wait_until_closed()

    def _wait_until_closed(self) -> None:
        """Killed workers hold the port until the kernel is done with them."""
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                pass  # closing right now
            time.sleep(0.01)

    def _wait_until_healthy(self, master: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while (health := self._health()) != "200":
            if master.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"/healthz: {health}\n{self.log}")
            time.sleep(0.05)

    def _health(self) -> str:
        try:
            return str(raw_request(self.port, HEALTH).status)
        except (OSError, HTTPException) as error:
            return repr(error)


def raw_request(
    port: int, data: bytes, *, after_continue: bytes = b"", timeout: float = 10.0
) -> RawResponse:
    """Send ``data`` as it is on a new connection and read the whole answer.

    ``after_continue`` is sent once the server has said ``100 Continue``, and never when
    it answers something final instead. A body cut short raises ``IncompleteRead``.
    """
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        # An early refusal may close the connection while the rest is being sent.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
            if after_continue and _is_interim(_peek_status_line(connection)):
                connection.sendall(after_continue)
        response = HTTPResponse(connection, method=data.partition(b" ")[0].decode())
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return RawResponse(response.status, headers, response.read())


def _peek_status_line(connection: socket.socket) -> bytes:
    line = b""
    while b"\n" not in line:
        seen = connection.recv(4096, socket.MSG_PEEK)
        if seen == line:
            break
        line = seen
    return line.partition(b"\n")[0]


def _is_interim(status_line: bytes) -> bool:
    return status_line.split()[1:2] == [b"100"]


def migrate(database_url: str) -> None:
    """Apply all migrations to a database, with the site's own settings."""
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "telemetry_site.settings",
            "DATABASE_URL": database_url,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerError(f"migrate failed:\n{done.stdout}{done.stderr}")

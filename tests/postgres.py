"""Throw-away PostgreSQL clusters on the loopback interface."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

import psycopg2
from psycopg2 import sql

from tests.ports import free_port

START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class ClusterError(Exception):
    """PostgreSQL could not be started; the message ends with its log."""


def find_programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``, or None on a machine without them."""
    for folder in _candidate_folders():
        if all((folder / name).exists() for name in ("initdb", "postgres")):
            return folder
    return None


def _candidate_folders() -> Iterator[Path]:
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run(
            [pg_config, "--bindir"], capture_output=True, text=True, check=False
        )
        yield Path(answer.stdout.strip())
    versions = [
        folder
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdigit()
    ]
    yield from sorted(versions, key=lambda folder: -int(folder.parent.name))


class Cluster:
    """One PostgreSQL server with its own data folder, removed on leaving ``with``.

    ``durable`` keeps PostgreSQL's own flushing, so that what it confirmed survives
    ``kill()``; without it a cluster is only good for tests that never crash it.
    Further ``settings`` win over that.
    The address stays the same over ``stop()``, ``kill()`` and ``restart()``.
    """

    user = "postgres"

    def __init__(
        self,
        *,
        durable: bool = False,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        programs = find_programs()
        if programs is None:
            raise ClusterError("no PostgreSQL server programs (initdb, postgres)")
        self.durable = durable
        self._settings = dict(settings)
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self._programs = programs
        self._account = _unprivileged_account()
        self._folder = self._make_folder()
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def url(self, database: str = "postgres") -> str:
        return (
            f"postgres://{self.user}:{self.password}@127.0.0.1:{self.port}/{database}"
        )

    @property
    def is_running(self) -> bool:
        return self._server is not None and self._server.poll() is None

    def start(self) -> None:
        """Start the server, on an empty data folder the first time, and wait for it."""
        if not (self._data / "PG_VERSION").exists():
            self._init()
        with self._log_file.open("ab") as log:
            self._server = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *self._options()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                **self._account,
            )
        self._wait_until_ready()

    def start_if_ended(self) -> None:
        """Start a server that gave up by itself; one that lives is left alone."""
        assert self._server is not None
        with suppress(subprocess.TimeoutExpired):
            self._server.wait(2)
            self.start()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Shut down in an orderly way; clients are disconnected."""
        if self._server is None:
            return
        self._server.send_signal(how)
        try:
            self._server.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
        self._server = None

    def kill(self) -> None:
        """SIGKILL every process of the server at once, as a crash would."""
        if self._server is None:
            return
        # Stopped first, so that it neither restarts nor tells what dies before it.
        self._server.send_signal(signal.SIGSTOP)
        children = _children(self._server.pid)
        for pid in children:
            _signal(pid, signal.SIGKILL)
        self._server.kill()
        self._server.wait()
        self._server = None
        _wait_until_gone(children)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Every process is stopped: connections stay open, and nothing is answered."""
        assert self._server is not None
        pids = [self._server.pid, *_children(self._server.pid)]
        for pid in pids:
            _signal(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                _signal(pid, signal.SIGCONT)

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        try:
            self.stop(signal.SIGQUIT)  # nothing has to be written for another start
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def create_database(self, name: str) -> str:
        """Create an empty database and return its address."""
        with closing(psycopg2.connect(self.url())) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(
                    sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
                )
        return self.url(name)

    @property
    def log(self) -> str:
        if not self._log_file.exists():
            return ""
        return self._log_file.read_text(errors="replace")

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log_file(self) -> Path:
        return self._folder / "postgres.log"

    def _make_folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="pg-"))
        if self._account:
            shutil.chown(folder, self._account["user"], self._account["group"])
        return folder

    def _init(self) -> None:
        password_file = self._folder / "password"
        password_file.write_text(self.password)
        if self._account:
            shutil.chown(password_file, self._account["user"])
        command = [
            *(self._programs / "initdb", "-D", self._data),
            *("--username", self.user, "--pwfile", password_file),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"),
            *(() if self.durable and not self._settings else ("--no-sync",)),
        ]
        try:
            self._run(command)
        finally:
            password_file.unlink()

    def _run(self, command: Sequence[str | Path]) -> None:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            **self._account,
        )
        if done.returncode:
            name = Path(command[0]).name
            raise ClusterError(f"{name} failed:\n{done.stdout}{done.stderr}")

    def _options(self) -> Iterator[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._folder),
            "max_connections": "200",
            **({} if self.durable else NOT_DURABLE),
            **self._settings,
        }
        for name, value in settings.items():
            yield from ("-c", f"{name}={value}")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                psycopg2.connect(self.url(), connect_timeout=5).close()
            except psycopg2.OperationalError as error:
                assert self._server is not None
                gone = self._server.poll() is not None
                if gone or time.monotonic() > deadline:
                    raise ClusterError(f"{error}\n{self.log}") from error
                time.sleep(0.05)
            else:
                return


class Standby(Cluster):
    """A streaming copy of another cluster, with its databases, roles and passwords.

    It cancels what stands in the way of replaying at once.
    """

    def __init__(self, primary: Cluster) -> None:
        super().__init__(settings={"max_standby_streaming_delay": "0"})
        self.password = primary.password
        self._primary = primary

    def _init(self) -> None:
        self._run(
            [
                *(self._programs / "pg_basebackup", "--dbname", self._primary.url()),
                *("--pgdata", self._data, "--write-recovery-conf", "--no-sync"),
                *("--checkpoint", "fast"),
            ]
        )


def _unprivileged_account() -> dict[str, Any]:
    """Arguments of ``subprocess`` that drop root's rights: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": name, "group": entry.pw_gid, "extra_groups": []}
    raise ClusterError("neither of the accounts postgres and nobody exists")


def _children(parent: int) -> list[int]:
    return [
        int(stat.parent.name)
        for stat in Path("/proc").glob("[0-9]*/stat")
        if _state_and_parent(stat)[1] == str(parent)
    ]


def _state_and_parent(stat: Path) -> tuple[str, str]:
    try:
        after_name = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "gone", ""
    return after_name[0], after_name[1]


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _wait_until_gone(pids: list[int]) -> None:
    """Their shared memory is free once they are at least zombies."""
    for pid in pids:
        stat = Path(f"/proc/{pid}/stat")
        while _state_and_parent(stat)[0] not in {"gone", "Z", "X"}:
            time.sleep(0.01)

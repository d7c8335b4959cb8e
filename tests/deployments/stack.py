"""Everything that a bare machine runs, from the unit files and the sample environment.

What systemd would do is done here: it reads the environment, opens the sockets and
starts the commands. Paths and the database are those of the test; nothing else differs.
The code is a copy of what .dockerignore lets into an image, with its static files.
"""

import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path
from typing import Self

from tests.deployments.nginx import Nginx, answer, make_certificate
from tests.server import HEALTH, ROOT, RawResponse

UNITS = ROOT / "deployments/systemd"
START_TIMEOUT = 60.0

# As systemd hands a service its socket: as file descriptor 3, told by its process id.
_HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


def unit(name: str) -> dict[str, list[str]]:
    """The settings of a unit, by name."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text().splitlines():
        setting, assigned, value = line.partition("=")
        if assigned and not line.startswith("#"):
            found.setdefault(setting, []).append(value)
    return found


def copy_code(target: Path) -> None:
    """What an image is made of."""
    target.mkdir()
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        name = line.removeprefix("!")
        if name == line:
            continue
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name)
        else:
            shutil.copy(ROOT / name, target / name)


def environment(database_url: str, **changes: str) -> dict[str, str]:
    """/etc/telemetry/env as an operator fills it in."""
    sample = (ROOT / "deployments/env.example").read_text()
    lines = [line for line in sample.splitlines() if re.match("[A-Z]", line)]
    return {
        **dict(line.split("=", 1) for line in lines),
        "SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": database_url,
        "TELEMETRY_SECURE": "true",
        "WEB_CONCURRENCY": "1",
        **changes,
    }


class Service:
    """A telemetry-*.service, with its socket when it has one."""

    def __init__(self, name: str, folder: Path, settings: dict[str, str]) -> None:
        self.name = name
        self._folder = folder
        self._settings = settings
        self._unit = unit(f"telemetry-{name}.service")
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        if (UNITS / f"telemetry-{name}.socket").exists():
            self._socket = self._listen(unit(f"telemetry-{name}.socket"))

    @property
    def log(self) -> str:
        return self._log_file.read_text(errors="replace")

    def start(self) -> None:
        for command in self._unit.get("ExecStartPre", []):
            subprocess.run(self._here(command), check=True, **self._options())
        (command,) = self._unit["ExecStart"]
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._with_socket(), *self._here(command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[self._socket.fileno()] if self._socket else [],
                **self._options(),
            )

    def run(self) -> None:
        """As a oneshot service."""
        self.start()
        assert self._process is not None
        assert self._process.wait(START_TIMEOUT) == 0, self.log

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(45)
        self._process = None

    def close(self) -> None:
        self.stop()
        if self._socket:
            self._socket.close()

    def wait_until_healthy(self) -> None:
        end = time.monotonic() + START_TIMEOUT
        while not self._is_healthy():
            assert self._process is not None
            assert self._process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.05)

    def ask(self, data: bytes) -> RawResponse:
        """Over its socket, as nginx asks; it may take as long as a start takes."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(START_TIMEOUT)
            connection.connect(str(self._folder / f"{self.name}.sock"))
            connection.sendall(data)
            return answer(connection, data.partition(b" ")[0].decode())

    def _is_healthy(self) -> bool:
        try:
            return self.ask(HEALTH).status == 200
        except (OSError, HTTPException):
            return False

    def _listen(self, settings: dict[str, list[str]]) -> socket.socket:
        (path,) = settings["ListenStream"]
        here = self._folder / Path(path).relative_to("/run/telemetry")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(here))
        here.chmod(0o666)  # nginx of the test has another account
        listener.listen(int(settings["Backlog"][0]))
        return listener

    def _with_socket(self) -> list[str]:
        if self._socket is None:
            return []
        return [sys.executable, "-c", _HAND_OVER, str(self._socket.fileno())]

    def _here(self, command: str) -> list[str]:
        """The command of a unit, in this checkout and with the Python of the tests."""
        program, *arguments = shlex.split(command)
        (name,) = re.findall("^/opt/telemetry/.venv/bin/([a-z]+)$", program)
        return [str(Path(sys.executable).parent / name), *arguments]

    def _options(self) -> dict:
        return {
            "cwd": self._folder / "app",
            "env": {"PATH": os.environ["PATH"], **self._settings},
        }

    @property
    def _log_file(self) -> Path:
        return self._folder / f"{self.name}.log"


class Stack:
    """nginx over TLS, collector, site and worker on a database that is empty at first.

    They are started in the order of the target: migrations first.
    """

    def __init__(self, folder: Path, database_url: str) -> None:
        hosts = "telemetry.example,127.0.0.1"
        self.settings = settings = environment(database_url, ALLOWED_HOSTS=hosts)
        self.migrate, self.collector, self.site, self.worker = (
            Service(name, folder, settings)
            for name in ("migrate", "collector", "site", "worker")
        )
        self._app = folder / "app"
        self._folder = folder
        self.nginx = Nginx(folder, secure=True)
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        services = (self.collector, self.site, self.worker)
        with self._exit as undo:
            for service in services:
                undo.callback(service.close)
            copy_code(self._app)
            make_certificate(self._folder / "tls")
            self.manage(
                "collectstatic", "--noinput", "--ignore=drf_spectacular_sidecar"
            )
            self.migrate.run()
            for service in services:
                service.start()
            undo.enter_context(self.nginx)
            self.collector.wait_until_healthy()
            self.site.wait_until_healthy()
            self._exit = undo.pop_all()
        return self

    def __exit__(self, *args: object) -> None:
        self._exit.close()

    def manage(self, *command: str, **more: str) -> None:
        """`manage.py` as an operator runs it on the machine."""
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=self._app,
            env={"PATH": os.environ["PATH"], **self.settings, **more},
            check=True,
            stdout=subprocess.DEVNULL,
        )

"""nginx with the configuration of deployments/nginx, on ports of its own."""

import re
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Self

from tests.ports import free_port
from tests.server import ROOT, RawResponse

CONFIGURATION = ROOT / "deployments/nginx"
START_TIMEOUT = 15.0

# Debian's own nginx.conf, as far as it is needed without the rights of root.
MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/conf.d/*.conf;
}}
"""


def program() -> str | None:
    return shutil.which(
        "nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
    )


class Nginx:
    """A running nginx; ``secure`` chooses the file, as TELEMETRY_SECURE does.

    It finds collector and site at ``folder``/collector.sock and site.sock, and its
    certificate in ``folder``/tls.
    """

    def __init__(self, folder: Path, *, secure: bool) -> None:
        self.port = free_port()
        self.plain_port = free_port() if secure else self.port
        self.secure = secure
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        name = f"secure-{str(secure).lower()}"
        self._root = folder / name
        self._render(f"{name}.conf")

    def __enter__(self) -> Self:
        command = [program() or "nginx", "-c", self._root / "nginx.conf"]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        end = time.monotonic() + START_TIMEOUT
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"nginx does not run: {self.log}{self.check()}")
            time.sleep(0.02)
        return self

    def __exit__(self, *args: object) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    @property
    def url(self) -> str:
        return f"http{'s' if self.secure else ''}://127.0.0.1:{self.port}"

    @property
    def certificate(self) -> Path:
        return self._folder / "tls/fullchain.pem"

    @property
    def log(self) -> str:
        file = self._root / "error.log"
        return file.read_text() if file.exists() else ""

    def check(self) -> str:
        """What `nginx -t` has to say; nothing but "ok" and "successful" when all is."""
        done = subprocess.run(
            [program() or "nginx", "-t", "-c", self._root / "nginx.conf"],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stderr

    def trusted(self) -> ssl.SSLContext:
        """For clients that trust its certificate and nothing else."""
        return ssl.create_default_context(cafile=self.certificate)

    def _render(self, name: str) -> None:
        for file in [*CONFIGURATION.glob("telemetry/*.conf"), CONFIGURATION / name]:
            where = "telemetry" if file.parent.name == "telemetry" else "conf.d"
            target = self._root / where / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self._here(file.read_text()))
        main = MAIN.format(folder=self._root)
        (self._root / "nginx.conf").write_text(main)

    def _here(self, text: str) -> str:
        """The same configuration with paths and ports of this test."""
        text = text.replace("/run/telemetry/", f"{self._folder}/")
        text = text.replace("/etc/telemetry/", f"{self._folder}/")
        text = re.sub(r"listen \[::\]:.*\n", "\n", text)  # not on every machine
        text = text.replace("listen 443 ", f"listen 127.0.0.1:{self.port} ")
        return text.replace("listen 80 ", f"listen 127.0.0.1:{self.plain_port} ")

    def _listens(self) -> bool:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.plain_port), 5).close()
            return True
        return False


def connect(nginx: Nginx, *, plain: bool = False, source: str = "") -> socket.socket:
    """A connection, encrypted when nginx is; ``source`` is the client's address."""
    port = nginx.plain_port if plain else nginx.port
    raw = socket.create_connection(
        ("127.0.0.1", port), 15, source_address=(source, 0) if source else None
    )
    if plain or not nginx.secure:
        return raw
    return nginx.trusted().wrap_socket(raw, server_hostname="telemetry.example")


def answer(connection: socket.socket, method: str = "POST") -> RawResponse:
    response = HTTPResponse(connection, method=method)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return RawResponse(response.status, headers, response.read())


def ask(nginx: Nginx, data: bytes, *, plain: bool = False) -> RawResponse:
    """Send ``data`` as it is on a connection of its own; the answer."""
    with connect(nginx, plain=plain) as connection:
        with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            connection.sendall(data)
        return answer(connection, data.partition(b" ")[0].decode())


def make_certificate(folder: Path) -> None:
    """As docs/operations.md has it for a first try."""
    folder.mkdir(exist_ok=True)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-subj", "/CN=telemetry.example"),
            *("-addext", "subjectAltName=DNS:telemetry.example,IP:127.0.0.1"),
            *("-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"),
        ],
        check=True,
        capture_output=True,
    )

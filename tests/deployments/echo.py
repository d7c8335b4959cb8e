"""Servers behind nginx that answer with what they were asked."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class Asked(NamedTuple):
    """A request as it came out of nginx."""

    by: str
    line: str
    headers: dict[str, str]
    """By the name as it was spelled."""
    body: str

    def header(self, name: str) -> str | None:
        """By the name in any case, underscores apart from hyphens."""
        for spelled, value in self.headers.items():
            if spelled.lower() == name.lower():
                return value
        return None


def asked(body: bytes) -> Asked:
    """What an echo server was asked, from its answer."""
    return Asked(**json.loads(body))


class _Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        line = self.rfile.readline().decode("latin-1").strip()
        headers = dict(self._headers())
        lengths = [v for n, v in headers.items() if n.lower() == "content-length"]
        body = self.rfile.read(int(lengths[0]) if lengths else 0)
        by = Path(str(self.server.server_address)).stem
        said = json.dumps(Asked(by, line, headers, body.decode("latin-1"))._asdict())
        head = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(said)}\r\nConnection: close\r\n\r\n"
        self.wfile.write((head + said).encode("latin-1"))

    def _headers(self) -> Iterator[tuple[str, str]]:
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(": ")
            yield name, value


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 512


@contextmanager
def echoing(path: Path) -> Iterator[None]:
    with _Server(str(path), _Echo) as server:
        path.chmod(0o666)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            path.unlink()

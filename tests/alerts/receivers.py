"""Receivers of messages on this machine: HTTP, TLS, mail, and those that misbehave."""

import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from alerts.targets import Allowed


@dataclass
class Post:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What was posted to it, and the statuses that it answers (the last one stays)."""

    port: int
    statuses: list[int] = field(default_factory=lambda: [200])
    posts: list[Post] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"

    @property
    def allowed(self) -> Allowed:
        return Allowed.of([f"127.0.0.1:{self.port}"])

    def status(self) -> int:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@contextmanager
def receiver(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    found = Receiver(server.server_address[1])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.posts.append(Post(self.path, dict(self.headers.items()), body))
            self.send_response(found.status())
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server.RequestHandlerClass = Handler
    with _running(server):
        yield found


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def misbehaving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port where ``answer`` does what it likes with each connection."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                answer(self.request)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with _running(server):
        yield server.server_address[1]


def hang(connection: socket.socket) -> None:
    """Never an answer; until the other side has had enough."""
    while connection.recv(4096):
        pass


def drip(connection: socket.socket) -> None:
    """An answer that never ends, a byte at a time."""
    while True:
        connection.sendall(b"H")
        time.sleep(0.05)


def certificate(folder: Path, *names: str) -> Path:
    """A file with a key and a certificate for these names, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / "receiver.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


# --- Mail ---------------------------------------------------------------------------


@contextmanager
def mail_server(refuse: str = "") -> Iterator[tuple[int, list[str]]]:
    """Its port, and the messages it took; ``refuse`` answers senders instead."""
    taken: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 here")
            while line := self.rfile.readline().decode().rstrip("\r\n"):
                word = line.split()[0].upper()
                if word == "MAIL" and refuse:
                    self.say(refuse)
                elif word == "DATA":
                    self.say("354 go on")
                    taken.append("\n".join(iter(self.text_line, ".")))
                    self.say("250 taken")
                else:
                    self.say("221 bye" if word == "QUIT" else "250 fine")

        def text_line(self) -> str:
            return self.rfile.readline().decode().rstrip("\r\n")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with _running(server):
        yield server.server_address[1], taken

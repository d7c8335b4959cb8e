"""Whether the gunicorn of this container lives: /healthz at the address in BIND."""

import os
import socket
import sys
from http.client import HTTPConnection, HTTPException

TIMEOUT = 4.0


def address(bind: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    """Where gunicorn listens, which is `unix:path` or `host:port`."""
    if bind.startswith("unix:"):
        return socket.AF_UNIX, bind.removeprefix("unix:")
    host, _, port = bind.rpartition(":")
    return socket.AF_INET, (host, int(port))


def is_healthy(bind: str) -> bool:
    family, target = address(bind)
    client = HTTPConnection("localhost")
    with socket.socket(family) as client.sock:
        client.sock.settimeout(TIMEOUT)
        try:
            client.sock.connect(target)
            client.request("GET", "/healthz")
            return client.getresponse().status == 200
        except (OSError, HTTPException):
            return False


if __name__ == "__main__":
    sys.exit(not is_healthy(os.environ["BIND"]))

"""Free ports for the servers that tests start."""

import secrets
import socket

# Below the range from which Linux takes the ports of outgoing connections, so that
# nobody takes the port while a server that owns it is restarted.
FIRST, LAST = 20_000, 32_000


def free_port() -> int:
    while True:
        port = FIRST + secrets.randbelow(LAST - FIRST)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port

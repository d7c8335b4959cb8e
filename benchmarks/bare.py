"""The least that a collector could do: read the body, answer 201. Nothing is stored."""

from collections.abc import Iterable
from typing import Any

_BODY = b'{"status":"ok"}'
_HEADERS = [
    ("Content-Type", "application/json"),
    ("Content-Length", str(len(_BODY))),
]


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    posted = environ["REQUEST_METHOD"] == "POST"
    start_response("201 Created" if posted else "200 OK", _HEADERS)
    return [_BODY]

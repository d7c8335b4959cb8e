"""Records, requests and environs of tests: what a client sends, and what is stored."""

import io
import itertools
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from records.models import Record
from records.store import insert_records
from records.submission import Submission

TELEMETRY_ID = "6907c830-eed9-4ce9-81ae-76daf8d88f0f"
"""What clients ship with."""

VALUES = {
    "record_format_version": "4",
    "classification": "org.clearlinux/hello/world",
    "severity": "1",
    "machine_id": "fa0ed320862fbeb654b075df03d2e806",
    "creation_timestamp": "1795334732",
    "arch": "x86_64",
    "host_type": "Intel Corporation|NUC7i7BNH|J31153-309",
    "build": "32130",
    "kernel_version": "5.4.8-888.native",
    "payload_format_version": "1",
    "system_name": "clear-linux-os",
    "board_name": "NUC7i7BNB|Intel Corporation",
    "cpu_model": "Intel(R) Core(TM) i7-7567U CPU @ 3.50GHz",
    "bios_version": "BNKBL357.86A.0081.2019.1105.1121",
    "event_id": "04946838d58d2b4f0cd50e76065c5a6d",
}
"""What a format 4 client sends beside the payload, in its order."""

_SUBMISSION = Submission(
    record_format_version=4,
    severity=1,
    classification="org.clearlinux/hello/world",
    machine_id="fa0ed320862fbeb654b075df03d2e806",
    captured_at=1795334732,
    arch="x86_64",
    host_type="Intel Corporation|NUC7i7BNH|J31153-309",
    kernel_version="5.4.8-888.native",
    build="32130",
    system_name="clear-linux-os",
    board_name="NUC7i7BNB|Intel Corporation",
    cpu_model="Intel(R) Core(TM) i7-7567U CPU @ 3.50GHz",
    bios_version="BNKBL357.86A.0081.2019.1105.1121",
    payload_format_version=1,
    event_id=None,
    external=False,
    payload="hello\n",
    telemetry_id=None,
)

_counter = itertools.count(1)


def new_event_id() -> str:
    return uuid4().hex


def values(*without: str, **changes: str) -> dict[str, str]:
    """Values of a request, all valid; ``without`` these names, and with ``changes``."""
    chosen = {**VALUES, "event_id": new_event_id(), **changes}
    return {name: value for name, value in chosen.items() if name not in without}


def submission(**changes: Any) -> Submission:
    """A valid record with an event id of its own."""
    return _SUBMISSION._replace(**{"event_id": new_event_id(), **changes})


def stored(received_at: datetime | None = None, **changes: Any) -> Record:
    """A record in the database, waiting for the worker."""
    moment = received_at or datetime.now(UTC)
    ids = insert_records([(moment, submission(**changes))])
    return Record.objects.get(id=ids[0])


# --- Requests -----------------------------------------------------------------------


def environ(
    sent: Mapping[str, str] | None = None,
    body: bytes = b"hello\n",
    *,
    tid: str | None = TELEMETRY_ID,
    path: str = "/v2/collector",
    method: str = "POST",
    **more: Any,
) -> dict[str, Any]:
    """A WSGI environ as gunicorn makes it: header bytes as Latin-1 text."""
    headers = {} if sent is None else dict(sent)
    if tid is not None:
        headers["X-Telemetry-TID"] = tid
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_TYPE": "application/text",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **{f"HTTP_{name.upper().replace('-', '_')}": v for name, v in headers.items()},
        **more,
    }


def json_body(sent: Mapping[str, Any], payload: str = "hello\n") -> bytes:
    """The body of a client from 2.4.0: one flat object, nothing escaped in it."""
    text = json.dumps({**sent, "payload": payload}, ensure_ascii=False)
    return text.encode("utf-8", "surrogateescape")


def request(
    headers: list[tuple[str, str]],
    body: bytes = b"",
    *,
    target: str = "/v2/collector",
    method: str = "POST",
    length: bool = True,
) -> bytes:
    """An HTTP request byte for byte; header text stands for Latin-1 bytes."""
    lines = [f"{method} {target} HTTP/1.1"]
    if not any(name.lower() == "host" for name, _ in headers):
        headers = [("Host", "telemetry.example"), *headers]
    lines += [f"{name}: {value}" for name, value in headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def header_request(
    sent: Mapping[str, str],
    body: bytes = b"hello\n",
    *more: tuple[str, str],
    target: str = "/v2/collector",
    tid: str | None = TELEMETRY_ID,
) -> bytes:
    """The request of a client up to 2.3.5."""
    identity = [] if tid is None else [("X-Telemetry-TID", tid)]
    headers = [("Accept", "*/*"), *sent.items(), *identity]
    headers += [("Content-Type", "application/text"), *more]
    return request(headers, body, target=target)


def json_request(
    body: bytes,
    *more: tuple[str, str],
    target: str = "/v3/collector",
    tid: str | None = TELEMETRY_ID,
    content_type: str = "application/json",
) -> bytes:
    """The request of a client from 2.4.0."""
    identity = [] if tid is None else [("X-Telemetry-TID", tid)]
    headers = [("Accept", "*/*"), *identity, ("Content-Type", content_type), *more]
    return request(headers, body, target=target)

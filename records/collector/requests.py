"""From a request to submissions, for all addresses and both formats (pure)."""

from collections.abc import Callable, Mapping
from typing import Any

from records.collector import body as bodies
from records.collector import headers
from records.collector.fields import parse
from records.collector.refusal import Code, Refusal
from records.submission import Submission

MAX_LINES = 1000
"""Records in one batch."""

Parsed = Submission | Refusal


def submissions(
    environ: Mapping[str, Any],
    body: bytes,
    known_id: Callable[[str], int | None],
    max_payload: int,
) -> list[Parsed]:
    """The records of a request, in order; in a batch, a Refusal for each bad line.

    Raises Refusal when the request as a whole is refused. ``known_id`` gives the
    primary key of an accepted telemetry id.
    """
    telemetry_id = known_id(headers.text(environ.get("HTTP_X_TELEMETRY_TID", "")))
    if telemetry_id is None:
        raise Refusal(Code.TELEMETRY_ID, "Telemetry ID mismatch", "X-Telemetry-TID")
    external = environ.get("HTTP_X_CLR_EXTERNAL", "").strip().lower() == "true"
    if headers.sent_in_headers(environ) or not bodies.looks_like_json(body):
        if len(body) > max_payload:
            raise too_large(max_payload)
        values = headers.values(environ)
        return [parse(values, bodies.payload(body), telemetry_id, external)]
    objects = bodies.json_objects(body)
    if len(objects) > MAX_LINES:
        raise Refusal(Code.BATCH, f"More than {MAX_LINES} records in a batch")
    parsed = [_parsed(each, telemetry_id, external, max_payload) for each in objects]
    if len(parsed) == 1 and isinstance(parsed[0], Refusal):
        raise parsed[0]
    return parsed


def _parsed(
    fields: dict[str, Any] | Refusal,
    telemetry_id: int,
    external: bool,
    max_payload: int,
) -> Parsed:
    if isinstance(fields, Refusal):
        return fields
    try:
        values, payload = bodies.record(fields)
        if len(payload.encode()) > max_payload:
            return too_large(max_payload)
        return parse(values, payload, telemetry_id, external)
    except Refusal as refusal:
        return refusal


def too_large(max_payload: int) -> Refusal:
    message = f"Payload is longer than {max_payload} bytes"
    return Refusal(Code.TOO_LARGE, message, "payload", status=413)

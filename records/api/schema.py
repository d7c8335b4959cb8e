"""Shapes of answers, for the OpenAPI schema."""

from typing import Any

from records.objects import FIELDS

_INTEGERS = {"id", "record_format_version", "record_version", "severity"}
_TIMES = {"ts_capture", "ts_reception"}


def _property(name: str) -> dict[str, Any]:
    if name in _INTEGERS:
        return {"type": "integer"}
    if name == "external":
        return {"type": "boolean"}
    if name in _TIMES:
        return {"type": "string", "examples": ["2026-01-31 12:00:00 UTC"]}
    if name in ("payload", "payload_format_version"):
        return {"type": ["string", "integer"]}
    return {"type": "string"}


RECORD: dict[str, Any] = {
    "type": "object",
    "properties": {name: _property(name) for name in FIELDS},
}
RECORDS: dict[str, Any] = {
    "type": "object",
    "properties": {"records": {"type": "array", "items": RECORD}},
    "required": ["records"],
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "message": {"type": "string"},
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "required": ["message"],
}

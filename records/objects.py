"""The record object of the API: one spelling for collector, API and exports (pure)."""

from datetime import UTC, datetime
from typing import Any

from records.submission import NOT_CARRIED, Submission

# The Gregorian calendar repeats after 400 years: dates beyond datetime's year 9999 are
# computed in the cycle that datetime knows.
_CYCLE = 12_622_780_800  # seconds in 400 years
_LAST = 253_402_300_800  # the first second of the year 10000

FIELDS = (
    "id",
    "arch",
    "bios_version",
    "board_name",
    "build",
    "classification",
    "cpu_model",
    "event_id",
    "external",
    "kernel_version",
    "machine_id",
    "machine_type",
    "payload",
    "payload_format_version",
    "record_format_version",
    "record_version",
    "severity",
    "system_name",
    "ts_capture",
    "ts_reception",
)
"""Keys of a record object, in the order of exports."""


def timestamp(seconds: int) -> str:
    """Unix seconds as `YYYY-MM-DD HH:MM:SS UTC`, whatever a client's clock says."""
    if seconds >= _LAST:
        cycles = (seconds - _LAST) // _CYCLE + 1
        text = timestamp(seconds - cycles * _CYCLE)
        return f"{int(text[:4]) + 400 * cycles}{text[4:]}"
    # Not strftime, which takes several times as long.
    return f"{str(datetime.fromtimestamp(seconds, UTC))[:19]} UTC"


def record_object(
    record_id: int, received_at: datetime, s: Submission
) -> dict[str, Any]:
    return {
        "id": record_id,
        "arch": s.arch,
        "bios_version": s.bios_version,
        "board_name": s.board_name,
        "build": s.build,
        "classification": s.classification,
        "cpu_model": s.cpu_model,
        "event_id": s.event_id or NOT_CARRIED,
        "external": s.external,
        "kernel_version": s.kernel_version,
        "machine_id": s.machine_id,
        "machine_type": s.host_type,
        "payload": s.payload,
        "payload_format_version": NOT_CARRIED
        if s.payload_format_version is None
        else s.payload_format_version,
        "record_format_version": s.record_format_version,
        "record_version": s.record_format_version,
        "severity": s.severity,
        "system_name": s.system_name,
        "ts_capture": timestamp(s.captured_at),
        "ts_reception": timestamp(int(received_at.timestamp())),
    }

"""One record as a client sent it, parsed and validated: what the collector hands on."""

from typing import NamedTuple

NOT_CARRIED = "N/A"
"""Stored for a value that a record format does not carry or a client left blank."""


class Submission(NamedTuple):
    """A validated record, before it is stored.

    ``captured_at`` is the client's clock in Unix seconds; ``event_id`` is 32 lower-case
    hex digits, or None in formats before 4; ``payload_format_version`` is None in
    format 1; ``telemetry_id`` is the primary key of the TelemetryId it came with, or
    None for a record that was not sent by a client (an import, a demo).
    """

    record_format_version: int
    severity: int
    classification: str
    machine_id: str
    captured_at: int
    arch: str
    host_type: str
    kernel_version: str
    build: str
    system_name: str
    board_name: str
    cpu_model: str
    bios_version: str
    payload_format_version: int | None
    event_id: str | None
    external: bool
    payload: str
    telemetry_id: int | None

"""Rows of records into what pages, API and exports show."""

from collections.abc import Iterable, Sequence
from typing import Any

from records import labels
from records.objects import timestamp
from records.querysets import Row
from records.submission import NOT_CARRIED


def record_objects(
    rows: Sequence[Iterable[Any]], *, payload: bool
) -> list[dict[str, Any]]:
    """Record objects (docs/api.md) of rows as `RecordQuerySet.newest` gives them.

    Without ``payload`` the payload is replaced by its length.
    """
    records = [Row._make(row) for row in rows]
    kinds = labels.kinds.of({row.kind_id for row in records})
    builds = labels.builds.of({row.build_id for row in records})
    machines = labels.hardware.of({row.hardware_id for row in records})
    kernels = labels.kernels.of({row.kernel_id for row in records})
    return [
        _object(
            row,
            kinds[row.kind_id],
            builds[row.build_id],
            machines[row.hardware_id],
            kernels[row.kernel_id],
            row.payload if payload else len(row.payload),
        )
        for row in records
    ]


def _object(
    row: Row,
    kind: labels.KindLabel,
    build: labels.BuildLabel,
    machine: labels.HardwareLabel,
    kernel: str,
    payload: str | int,
) -> dict[str, Any]:
    payload_version = kind.payload_format_version
    return {
        "id": row.id,
        "arch": machine.arch,
        "bios_version": machine.bios_version,
        "board_name": machine.board_name,
        "build": build.version,
        "classification": kind.classification,
        "cpu_model": machine.cpu_model,
        "event_id": row.event_id.hex if row.event_id else NOT_CARRIED,
        "external": kind.external,
        "kernel_version": kernel,
        "machine_id": row.machine_id,
        "machine_type": machine.host_type,
        "payload": payload,
        "payload_format_version": NOT_CARRIED
        if payload_version is None
        else payload_version,
        "record_format_version": kind.record_format_version,
        "record_version": kind.record_format_version,
        "severity": kind.severity,
        "system_name": build.system_name,
        "ts_capture": timestamp(row.captured_at),
        "ts_reception": timestamp(int(row.received_at.timestamp())),
    }

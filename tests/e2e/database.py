"""What a server stored, read behind its back."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import psycopg2

RECORDS = """
    SELECT r.id, c.name AS classification, k.severity, k.external,
        k.record_format_version, k.payload_format_version, b.system_name,
        b.version AS build, h.host_type, h.board_name, h.cpu_model, h.bios_version,
        h.arch, v.version AS kernel_version, r.machine_id, r.captured_at, r.event_id,
        r.payload, t.value AS telemetry_id
    FROM records_record r
    JOIN records_kind k ON k.id = r.kind_id
    JOIN records_classification c ON c.id = k.classification_id
    JOIN records_telemetryid t ON t.id = k.telemetry_id_id
    JOIN records_build b ON b.id = r.build_id
    JOIN records_hardware h ON h.id = r.hardware_id
    JOIN records_kernel v ON v.id = r.kernel_id
"""


class Database:
    """A database by its DATABASE_URL; every statement has a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_postgres = not url.startswith("sqlite")

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        _, rows = self._run(statement)
        return [tuple(row) for row in rows]

    def run(self, statement: str) -> None:
        self._run(statement)

    def count(self, table: str) -> int:
        return int(self.rows(f"SELECT count(*) FROM records_{table}")[0][0])

    def record(self, record_id: int) -> dict[str, Any]:
        """The record with this id, with the values of its names."""
        names, rows = self._run(f"{RECORDS} WHERE r.id = {int(record_id)}")
        (row,) = rows
        record = dict(zip(names, row, strict=True))
        record["external"] = bool(record["external"])
        if record["event_id"]:
            record["event_id"] = str(record["event_id"]).replace("-", "")
        return record

    def ids_by_event(self) -> dict[str, list[int]]:
        """Ids of the records of each event id."""
        found: dict[str, list[int]] = {}
        for event_id, record_id in self.rows("SELECT event_id, id FROM records_record"):
            found.setdefault(str(event_id).replace("-", ""), []).append(record_id)
        return found

    def last_refused(self) -> dict[str, Any]:
        """The headers and the body of the request that was refused last."""
        names, rows = self._run(
            "SELECT code, headers, body, path FROM records_refused "
            "ORDER BY id DESC LIMIT 1"
        )
        (row,) = rows
        refused = dict(zip(names, row, strict=True))
        refused["body"] = bytes(refused["body"])
        if isinstance(refused["headers"], str):
            refused["headers"] = json.loads(refused["headers"])
        return refused

    def _run(self, statement: str) -> tuple[list[str], Sequence[tuple[Any, ...]]]:
        with closing(self._connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            names = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchall() if names else []
            connection.commit()
        return names, rows

    def _connect(self) -> Any:
        if self.is_postgres:
            return psycopg2.connect(self.url)
        return sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=20)

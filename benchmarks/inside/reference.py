"""What the site is compared with: psycopg2 alone, with a connection of its own."""

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2

_COLUMNS = (
    "r.id, h.arch, h.bios_version, h.board_name, b.version, c.name, h.cpu_model, "
    "r.event_id, k.external, e.version, r.machine_id, h.host_type, r.payload, "
    "k.payload_format_version, k.record_format_version, k.severity, b.system_name, "
    "r.captured_at, r.received_at"
)
_TABLES = (
    "records_record r JOIN records_kind k ON k.id = r.kind_id "
    "JOIN records_classification c ON c.id = k.classification_id "
    "JOIN records_build b ON b.id = r.build_id "
    "JOIN records_hardware h ON h.id = r.hardware_id "
    "JOIN records_kernel e ON e.id = r.kernel_id"
)
JOINED = f"SELECT {_COLUMNS} FROM {_TABLES} ORDER BY r.id DESC"
"""Records with everything that the API tells of them, newest first."""


@contextmanager
def cursor() -> Iterator[Any]:
    with closing(psycopg2.connect(os.environ["DATABASE_URL"])) as connection:
        connection.autocommit = True
        with connection.cursor() as opened:
            yield opened


def fetch(opened: Any, limit: int) -> tuple[float, list[tuple[Any, ...]]]:
    """Seconds, and the rows."""
    started = time.perf_counter()
    opened.execute(f"{JOINED} LIMIT %s", [limit])
    rows = opened.fetchall()
    return time.perf_counter() - started, rows


class Sink:
    """A file that only counts."""

    def __init__(self) -> None:
        self.length = 0

    def write(self, text: bytes) -> int:
        self.length += len(text)
        return len(text)


def copy(opened: Any, limit: int) -> float:
    """Seconds of one COPY of these records."""
    started = time.perf_counter()
    query = f"COPY ({JOINED} LIMIT {limit}) TO STDOUT (FORMAT csv)"
    opened.copy_expert(query, Sink())
    return time.perf_counter() - started

"""Exports: any number of records as CSV or NDJSON, in keyset batches, memory flat.

PostgreSQL writes the text itself (COPY); SQLite's rows are written here. Both give the
same records, keys and values.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice
from typing import Any

import orjson
from django.conf import settings
from django.http import StreamingHttpResponse

from records import database, standby
from records.models import Record
from records.objects import FIELDS
from records.querysets import RecordQuerySet
from records.reading import record_objects

BATCH = 10_000
TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}

# Spreadsheets take a cell that starts so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def response(
    records: RecordQuerySet,
    kind: str,
    *,
    fields: Sequence[str] | None = None,
    payload: bool,
    limit: int | None = None,
) -> StreamingHttpResponse:
    """A download of ``records`` as ``kind`` (`csv` or `ndjson`)."""
    chosen = tuple(fields or FIELDS)
    pieces = stream(records, kind, chosen, payload=payload, limit=limit)
    # What is wrong with the question shows with the first records, not halfway.
    first = list(islice(pieces, 2))
    answer = StreamingHttpResponse(chain(first, pieces), content_type=TYPES[kind])
    name = f"records-{datetime.now(UTC):%Y%m%d%H%M%S}.{kind}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def stream(
    records: RecordQuerySet,
    kind: str,
    fields: Sequence[str],
    *,
    payload: bool,
    limit: int | None = None,
) -> Iterator[bytes]:
    """The export in pieces, newest record first."""
    if kind == "csv":
        yield csv_line(fields)
    read = _copied if database.is_postgres() else _written
    how = (kind, fields, payload)
    while limit is None or limit > 0:
        size = BATCH if limit is None else min(BATCH, limit)
        ids, text = standby.steadily(partial(_batch, records, size, read, how))
        yield text
        if len(ids) < size:
            return
        records = records.between_ids(None, ids[-1] - 1)
        limit = None if limit is None else limit - size


def _batch(
    records: RecordQuerySet,
    size: int,
    read: Callable[..., bytes],
    how: tuple[str, Sequence[str], bool],
) -> tuple[list[int], bytes]:
    """The newest ``size`` records: their ids and their text."""
    with database.bounded_in_time(settings.TELEMETRY_EXPORT_TIME):
        # Records that arrive between the two queries belong to neither.
        ids = [row[0] for row in records.newest(size, "id")]
        return ids, read(ids, *how)


# --- Written here -------------------------------------------------------------------


def _written(
    ids: Sequence[int], kind: str, fields: Sequence[str], payload: bool
) -> bytes:
    rows = Record.objects.filter(id__in=ids).newest(len(ids))
    objects = record_objects(list(rows), payload=payload)
    write: Callable[[list[Any]], bytes] = (
        csv_line if kind == "csv" else lambda row: _json_line(fields, row)
    )
    return b"".join(write([each[name] for name in fields]) for each in objects)


def _json_line(fields: Sequence[str], row: list[Any]) -> bytes:
    return orjson.dumps(dict(zip(fields, row, strict=True))) + b"\n"


def csv_line(row: Sequence[Any]) -> bytes:
    text = io.StringIO()
    # What ends a line is quoted inside a cell: a lone carriage return does, too.
    csv.writer(text, lineterminator="\r\n").writerow(map(_cell, row))
    return text.getvalue().removesuffix("\r\n").encode() + b"\n"


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


# --- Written by PostgreSQL ----------------------------------------------------------

_CYCLE = 12_622_780_800  # seconds in 400 years, after which the calendar repeats
_LAST = 253_402_300_800  # the first second of the year 10000
_TIME = "to_char(to_timestamp({seconds}), '{form} HH24:MI:SS \"UTC\"')"
_CYCLES = f"(r.captured_at - {_LAST}) / {_CYCLE} + 1"
_CAPTURED = (
    f"CASE WHEN r.captured_at < {_LAST} THEN "
    + _TIME.format(seconds="r.captured_at", form="YYYY-MM-DD")
    + f" ELSE (to_char(to_timestamp(r.captured_at - ({_CYCLES}) * {_CYCLE}), 'YYYY')"
    + f"::bigint + 400 * ({_CYCLES}))::text || "
    + _TIME.format(seconds=f"r.captured_at - ({_CYCLES}) * {_CYCLE}", form="-MM-DD")
    + " END"
)
_TEXTS = {
    "arch": "h.arch",
    "bios_version": "h.bios_version",
    "board_name": "h.board_name",
    "build": "b.version",
    "classification": "c.name",
    "cpu_model": "h.cpu_model",
    "event_id": "coalesce(replace(r.event_id::text, '-', ''), 'N/A')",
    "kernel_version": "e.version",
    "machine_id": "r.machine_id",
    "machine_type": "h.host_type",
    "payload": "r.payload",
    "system_name": "b.system_name",
}
_OTHERS = {
    "id": "r.id",
    "external": "k.external",
    "payload_format_version": "k.payload_format_version",
    "record_format_version": "k.record_format_version",
    "record_version": "k.record_format_version",
    "severity": "k.severity",
    "ts_capture": _CAPTURED,
    "ts_reception": _TIME.format(
        seconds="floor(extract(epoch FROM r.received_at))", form="YYYY-MM-DD"
    ),
}
_CSV_OTHERS = {
    "external": "CASE WHEN k.external THEN 'true' ELSE 'false' END",
    "payload_format_version": "coalesce(k.payload_format_version::text, 'N/A')",
}
_JSON_OTHERS = {
    "payload_format_version": (
        "coalesce(to_json(k.payload_format_version), to_json('N/A'::text))"
    )
}
_JOINS = (
    "JOIN records_kind k ON k.id = r.kind_id "
    "JOIN records_classification c ON c.id = k.classification_id "
    "JOIN records_build b ON b.id = r.build_id "
    "JOIN records_hardware h ON h.id = r.hardware_id "
    "JOIN records_kernel e ON e.id = r.kernel_id"
)
# One JSON text per line: CSV whose quote and delimiter never occur in JSON text.
_FORMATS = {
    "csv": "(FORMAT csv)",
    "ndjson": "(FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')",
}


def _copied(
    ids: Sequence[int], kind: str, fields: Sequence[str], payload: bool
) -> bytes:
    columns = _csv_columns if kind == "csv" else _json_columns
    text = io.BytesIO()
    asked = standby.connection()
    with asked.cursor() as cursor, asked.wrap_database_errors:
        rows = cursor.mogrify("r.id = ANY(%s)", [list(ids)]).decode()
        cursor.copy_expert(
            f"COPY (SELECT {columns(fields, payload)} FROM records_record r {_JOINS} "  # noqa: S608
            f"WHERE {rows} ORDER BY r.id DESC) TO STDOUT WITH {_FORMATS[kind]}",
            text,
        )
    return text.getvalue()


def _csv_columns(fields: Sequence[str], payload: bool) -> str:
    return ", ".join(map(_csv_column, fields, [payload] * len(fields)))


def _csv_column(name: str, payload: bool) -> str:
    if name == "payload" and not payload:
        return "length(r.payload)"
    if name not in _TEXTS:
        return {**_OTHERS, **_CSV_OTHERS}[name]
    text = _TEXTS[name]
    return f"CASE WHEN {text} ~ '^[-=+@\\t\\r]' THEN '''' || {text} ELSE {text} END"


def _json_columns(fields: Sequence[str], payload: bool) -> str:
    columns = {**_TEXTS, **_OTHERS, **_JSON_OTHERS}
    if not payload:
        columns["payload"] = "length(r.payload)"
    pairs = (f"'{name}', {columns[name]}" for name in fields)
    return f"json_build_object({', '.join(pairs)})"

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
from records.exports_sql import FORMULA, query
from records.models import Record
from records.objects import FIELDS
from records.querysets import RecordQuerySet
from records.reading import record_objects

BATCH = 4_000
"""Records of a batch: their finished lines are sorted in 4 MB, PostgreSQL's default."""
TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}


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


def json_list(
    ids: Sequence[int], fields: Sequence[str] | None, *, payload: bool
) -> bytes:
    """The objects of these records in JSON, without making objects of them."""
    chosen = tuple(fields or FIELDS)
    starts = range(0, len(ids), BATCH)
    lines = [
        _copied(ids[start : start + BATCH], "ndjson", chosen, payload)
        for start in starts
    ]
    return b"[" + b"".join(lines)[:-1].replace(b"\n", b",") + b"]"


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
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


# --- Written by PostgreSQL ----------------------------------------------------------

_HEADER = 19  # bytes before the first row of a binary COPY
_BEFORE = 6  # bytes before the text of a row with one column


class _Lines:
    """A text per row of a binary COPY: PostgreSQL does not look through it again."""

    def __init__(self) -> None:
        self._rows: list[bytes] = []
        self.write = self._rows.append

    def getvalue(self) -> bytes:
        first, *others = self._rows  # the last one says that it is the last
        texts = [row[_BEFORE:] for row in [first[_HEADER:], *others]]
        return b"\n".join(texts)


_FORMATS: dict[str, tuple[str, Callable[[], Any]]] = {
    "csv": ("(FORMAT csv)", io.BytesIO),
    "ndjson": ("(FORMAT binary)", _Lines),
}


def _copied(
    ids: Sequence[int], kind: str, fields: Sequence[str], payload: bool
) -> bytes:
    texts = query(kind, fields, payload=payload)
    chosen = database.among("r.id", ids)
    form, made = _FORMATS[kind]
    text = made()
    asked = standby.connection()
    with asked.cursor() as cursor, asked.wrap_database_errors:
        rows = cursor.mogrify(chosen.sql, chosen.params).decode()
        cursor.copy_expert(
            f"COPY ({texts} WHERE {rows} ORDER BY r.id DESC) TO STDOUT WITH {form}",
            text,
        )
    return bytes(text.getvalue())

"""Exports as PostgreSQL writes them: a query of finished texts (pure).

What is the same for many records is written once: a row of a small table becomes its
cells, or its parts of a JSON object, before records are joined to it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Spreadsheets take a cell that starts so for a formula."""

_CYCLE = 12_622_780_800  # seconds in 400 years, after which the calendar repeats
_LAST = 253_402_300_800  # the first second of the year 10000
_CYCLES = f"((r.captured_at - {_LAST}) / {_CYCLE} + 1)"
_KNOWN = f"to_timestamp(r.captured_at - {_CYCLES} * {_CYCLE})"
_CAPTURED = (
    f"CASE WHEN r.captured_at < {_LAST} "
    "THEN to_timestamp(r.captured_at)::timestamp || ' UTC' "
    f"ELSE (to_char({_KNOWN}, 'YYYY')::bigint + 400 * {_CYCLES}) || "
    f"to_char({_KNOWN}, '-MM-DD HH24:MI:SS \"UTC\"') END"
)

Write = Callable[[str], str]
"""From SQL of a value to SQL of the text that an export has for it."""


def _guarded(text: str) -> str:
    starts = ", ".join(str(ord(each)) for each in FORMULA)
    # Only the beginning of a long payload is decompressed for that.
    first = f"ascii(substr({text}, 1, 1))"
    return f"CASE WHEN {first} IN ({starts}) THEN '''' || {text} ELSE {text} END"


def _as_it_is(value: str) -> str:
    return value


def _flag(value: str) -> str:
    return f"CASE WHEN {value} THEN 'true' ELSE 'false' END"


def _json(text: str) -> str:
    return f"to_json({text})"


def _quoted(text: str) -> str:
    return f"""'"' || {text} || '"'"""


class _Sort(NamedTuple):
    """How values of a sort are written."""

    csv: Write
    json: Write


_SENT = _Sort(_guarded, _json)  # whatever clients sent
_OWN = _Sort(_as_it_is, _quoted)  # made of letters and digits here
_NUMBER = _Sort(_as_it_is, _as_it_is)
_FLAG = _Sort(_flag, _flag)
_MAYBE = _Sort(
    lambda value: f"coalesce({value}::text, 'N/A')",
    lambda value: f"""coalesce({value}::text, '"N/A"')""",
)


class _Field(NamedTuple):
    table: str
    value: str
    sort: _Sort = _SENT


_FIELDS: Mapping[str, _Field] = {
    "id": _Field("r", "r.id", _NUMBER),
    "arch": _Field("h", "h.arch"),
    "bios_version": _Field("h", "h.bios_version"),
    "board_name": _Field("h", "h.board_name"),
    "build": _Field("b", "b.version"),
    "classification": _Field("k", "c.name"),
    "cpu_model": _Field("h", "h.cpu_model"),
    "event_id": _Field(
        "r", "coalesce(encode(uuid_send(r.event_id), 'hex'), 'N/A')", _OWN
    ),
    "external": _Field("k", "k.external", _FLAG),
    "kernel_version": _Field("e", "e.version"),
    "machine_id": _Field("r", "r.machine_id"),
    "machine_type": _Field("h", "h.host_type"),
    "payload": _Field("r", "r.payload"),
    "payload_format_version": _Field("k", "k.payload_format_version", _MAYBE),
    "record_format_version": _Field("k", "k.record_format_version", _NUMBER),
    "record_version": _Field("k", "k.record_format_version", _NUMBER),
    "severity": _Field("k", "k.severity", _NUMBER),
    "system_name": _Field("b", "b.system_name"),
    "ts_capture": _Field("r", f"({_CAPTURED})", _OWN),
    "ts_reception": _Field(
        "r", "(date_trunc('second', r.received_at)::timestamp || ' UTC')", _OWN
    ),
}
_LENGTH = _Field("r", "length(r.payload)", _NUMBER)


class _Small(NamedTuple):
    """A table that records point to, and how."""

    rows: str
    pointer: str


_KINDS = "records_kind k JOIN records_classification c ON c.id = k.classification_id"
_SMALL = {
    "k": _Small(_KINDS, "r.kind_id"),
    "b": _Small("records_build b", "r.build_id"),
    "h": _Small("records_hardware h", "r.hardware_id"),
    "e": _Small("records_kernel e", "r.kernel_id"),
}


def query(kind: str, names: Sequence[str], *, payload: bool) -> str:
    """The texts of records `r`; conditions are to follow.

    In CSV a column for each name; in NDJSON one, an object with these names.
    """
    fields = {name: _FIELDS[name] for name in names}
    if "payload" in fields and not payload:
        fields["payload"] = _LENGTH
    texts = _cells(fields) if kind == "csv" else _members(fields)
    used = {each.table for each in fields.values()} & _SMALL.keys()
    chosen = ", ".join(
        f"{field.table}.{name}" if field.table in used else texts[name]
        for name, field in fields.items()
    )
    columns = chosen if kind == "csv" else f"concat({chosen}, '}}')"
    joins = "".join(f" JOIN {t} ON {t}.id = {_SMALL[t].pointer}" for t in sorted(used))
    first = ", ".join(_written(t, fields, texts) for t in sorted(used))
    return (  # every name here is one of our own
        f"{'WITH ' * bool(first)}{first} "  # noqa: S608
        f"SELECT {columns} FROM records_record r{joins}"
    )


def _cells(fields: Mapping[str, _Field]) -> dict[str, str]:
    return {name: each.sort.csv(each.value) for name, each in fields.items()}


def _members(fields: Mapping[str, _Field]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, each in fields.items():
        start = "," if found else "{"
        joined = ", " if each.table == "r" else " || "
        found[name] = f"""'{start}"{name}":'{joined}{each.sort.json(each.value)}"""
    return found


def _written(table: str, fields: Mapping[str, _Field], texts: Mapping[str, str]) -> str:
    columns = [
        f"{texts[n]} AS {n}" for n, each in fields.items() if each.table == table
    ]
    return (
        f"{table} AS MATERIALIZED (SELECT {table}.id, {', '.join(columns)} "  # noqa: S608
        f"FROM {_SMALL[table].rows})"
    )

"""What a heartbeat takes on the disk."""

from benchmarks.bench import Bench
from benchmarks.project import inside
from benchmarks.results import Line, Section, Table

_DATABASE = "heartbeats"
_LIMIT = 350
_SIZES = """
SELECT c.relname, pg_relation_size(c.oid)
FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE coalesce(i.indrelid, c.oid)
    IN ('records_record'::regclass, 'records_pending'::regclass)
ORDER BY i.indrelid IS NOT NULL, 2 DESC
"""
_TOTAL = "SELECT sum(pg_total_relation_size(t::regclass)) FROM unnest({}) t"
_STORED = ["records_record", "records_pending"]
_COUNTS = [
    "records_kindday",
    "records_hardwareday",
    "records_machineday",
    "records_receivedhour",
]


def measure(bench: Bench) -> Section:
    url = bench.postgres.copy(_DATABASE)
    records = inside("heartbeats", url, records=bench.sizes.heartbeats)
    stored = _number(bench, url, _TOTAL.format(f"ARRAY{_STORED}")) / records
    counts = _number(bench, url, _TOTAL.format(f"ARRAY{_COUNTS}")) / records
    relations = bench.postgres.query(url, _SIZES)
    bench.postgres.drop(_DATABASE)
    rows = [(name, f"{length / records:.1f}") for name, length in relations if length]
    return Section(
        "Disk",
        lines=[_judged(stored)],
        notes=[_note(records, counts)],
        tables=[Table(("relation", "bytes per record"), rows)],
    )


def _number(bench: Bench, url: str, statement: str) -> float:
    ((found,),) = bench.postgres.query(url, statement)
    return float(found)


def _judged(stored: float) -> Line:
    return Line(
        what="disk per heartbeat record, with indexes and queue",
        measured=f"{stored:.0f} bytes",
        budget=f"≤ {_LIMIT} bytes",
        met=stored <= _LIMIT,
    )


def _note(records: int, counts: float) -> str:
    return (
        f"{records:,} heartbeats, a machine id for about three of them, digested as "
        "they came; then a plain VACUUM. Counts, which stay when records are deleted, "
        f"take another {counts:.0f} bytes per heartbeat."
    )

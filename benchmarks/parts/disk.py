"""What a record takes on the disk: a heartbeat with everything, and each class."""

from benchmarks.bench import Bench, Fleet, say
from benchmarks.project import inside
from benchmarks.results import Line, Section, Table

_DATABASE = "heartbeats"
_LIMIT = 350
_STORED = ("records_record", "records_pending")
_COUNTS = (
    "records_kindday",
    "records_hardwareday",
    "records_machineday",
    "records_receivedhour",
    "records_systempresence",
    "records_buildpresence",
)
_RELATIONS = """
SELECT c.relname, COALESCE(
    (SELECT sum(pg_relation_size(part.relid)) FROM pg_partition_tree(c.oid) part),
    pg_relation_size(c.oid))
FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE COALESCE(i.indrelid, c.oid)
    IN ('records_record'::regclass, 'records_pending'::regclass)
ORDER BY i.indrelid IS NOT NULL, 2 DESC
"""
_TOTAL = """
SELECT sum(COALESCE(
    (SELECT sum(pg_total_relation_size(part.relid))
        FROM pg_partition_tree(t::regclass) part),
    pg_total_relation_size(t::regclass)))
FROM unnest(ARRAY[{}]) t
"""
_INDEXES = """
SELECT sum(pg_indexes_size(part.relid)) FROM pg_partition_tree('records_record') part
"""
# 28: a row's header and its place in the page; 48: the columns of fixed length.
_CLASSES = """
SELECT CASE
        WHEN c.name LIKE '%/heartbeat/%' THEN 'heartbeat'
        WHEN c.name LIKE '%/swupd-client/update' THEN 'update'
        WHEN c.name LIKE '%kernel/%' THEN 'kernel'
        WHEN c.name LIKE '%crash/%' THEN 'crash'
        WHEN c.name LIKE '%/mce/thermal' THEN 'thermal'
        WHEN c.name LIKE '%/mce/%' THEN 'machine check'
        ELSE 'other'
    END,
    count(*),
    avg(octet_length(r.payload)),
    avg(28 + 48 + COALESCE(pg_column_size(r.event_id), 0)
        + pg_column_size(r.machine_id) + pg_column_size(r.payload))
FROM records_record r
    JOIN records_kind k ON k.id = r.kind_id
    JOIN records_classification c ON c.id = k.classification_id
WHERE r.id > (SELECT max(id) FROM records_record) - 500000
GROUP BY 1 ORDER BY 2 DESC
"""
_FACTS = {
    "crash": "crashes_crashreport",
    "kernel": "crashes_crashreport",
    "update": "updates_updateevent",
    "machine check": "mce_mceevent",
    "thermal": "thermal_thermalevent",
}


def measure(bench: Bench) -> Section:
    url = bench.postgres.copy(_DATABASE)
    records = inside("heartbeats", url, records=bench.sizes.heartbeats)
    stored = _total(bench, url, *_STORED) / records
    counts = _total(bench, url, *_COUNTS) / records
    relations = bench.postgres.query(url, _RELATIONS)
    bench.postgres.drop(_DATABASE)
    rows = [(name, f"{length / records:.1f}") for name, length in relations if length]
    say(f"disk: {stored:.0f} bytes per heartbeat")
    fleet = bench.fleet()
    return Section(
        "Disk",
        lines=[_judged(stored)],
        notes=[_note(records, counts), _note_on_classes(fleet)],
        tables=[
            Table(("relation", "bytes per heartbeat"), rows),
            _by_class(bench, fleet),
        ],
    )


def _total(bench: Bench, url: str, *tables: str) -> float:
    names = ", ".join(f"'{name}'" for name in tables)
    return _number(bench, url, _TOTAL.format(names))


def _number(bench: Bench, url: str, statement: str) -> float:
    ((found,),) = bench.postgres.query(url, statement)
    return float(found or 0)


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


def _note_on_classes(fleet: Fleet) -> str:
    return (
        f"By class: the newest of {fleet.records:,} records of the fleet. A row is "
        "what PostgreSQL keeps of it, a long payload compressed; indexes are those of "
        "the table of records, the same for every class; a fact has its own."
    )


def _by_class(bench: Bench, fleet: Fleet) -> Table:
    indexes = _number(bench, fleet.url, _INDEXES) / fleet.records
    classes = bench.postgres.query(fleet.url, _CLASSES)
    total = sum(count for _, count, _, _ in classes)
    rows = []
    for name, count, payload, row in classes:
        fact = _fact(bench, fleet.url, _FACTS.get(name))
        parts = (payload, row, indexes, fact, float(row) + indexes + fact)
        share = f"{count / total:.1%}"
        rows.append((name, share, *(f"{float(each):,.0f}" for each in parts)))
    head = ("class", "share", "payload", "row", "indexes", "fact", "bytes per record")
    return Table(head, rows)


def _fact(bench: Bench, url: str, table: str | None) -> float:
    if table is None:
        return 0.0
    facts = _number(bench, url, f"SELECT count(*) FROM {table}")
    return _total(bench, url, table) / max(1.0, facts)

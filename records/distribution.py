"""From one database to a Citus cluster: which statement is next, and why (pure).

Records are spread over the nodes by a hash of their id. Names, which queries join them
with, are copied to each node. All else stays on the coordinator: queues and counts need
`SKIP LOCKED` and upserts in one order. The plan is made anew after every statement, so
that it may end anywhere and be begun again.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import TopologicalSorter
from typing import NamedTuple

SHARDS = 32


class Place(StrEnum):
    """Where the rows of a table are."""

    DISTRIBUTED = "spread over the nodes by id"
    REFERENCE = "copied to every node"
    MANAGED = "on the coordinator, known to the nodes"
    LOCAL = "on the coordinator"


@dataclass(frozen=True)
class Table:
    """A table, and where it belongs; it has constraints to ``references``."""

    name: str
    place: Place
    references: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Cluster:
    """What was found: the state that a plan starts from."""

    citus: str = ""
    """The version of the extension, where it is installed."""
    coordinator: bool = False
    workers: int = 0
    places: Mapping[str, Place] = field(default_factory=dict)
    """Of tables that Citus knows."""
    identities: Mapping[str, str] = field(default_factory=dict)
    """Columns, by table, with which Citus refuses some conversions."""
    holding: Sequence[str] = ()
    """Partitions of records with rows on the coordinator: once they are spread, copies
    that nobody sees."""


class Step(NamedTuple):
    statement: str
    reason: str


def placed(
    references: Mapping[str, frozenset[str]], spread: str, copied: Collection[str]
) -> list[Table]:
    """Where each table belongs; what constraints connect with names is MANAGED."""
    connected = _connected(references, copied)

    def place(name: str) -> Place:
        if name == spread:
            return Place.DISTRIBUTED
        if name in copied:
            return Place.REFERENCE
        return Place.MANAGED if name in connected else Place.LOCAL

    return [Table(name, place(name), references[name]) for name in references]


def _connected(
    references: Mapping[str, frozenset[str]], start: Collection[str]
) -> set[str]:
    """What any chain of constraints leads to, in either direction."""
    found = set(start)
    links = [{one, *others} for one, others in references.items()]
    while more := set().union(*(link for link in links if link & found)) - found:
        found |= more
    return found


def problem(cluster: Cluster, coordinator: str) -> str:
    """Why nothing can be done yet; empty: it can."""
    if not cluster.citus:
        return (
            "Citus is not installed here: add it to shared_preload_libraries, restart "
            "PostgreSQL, and run CREATE EXTENSION citus."
        )
    if not cluster.coordinator and not coordinator:
        return "The nodes have to reach this one: name it with --coordinator HOST:PORT."
    if not cluster.workers:
        return "There is no node: run SELECT citus_add_node('host', 5432) for each."
    return ""


def plan(
    tables: Sequence[Table],
    cluster: Cluster,
    coordinator: str = "",
    shards: int = SHARDS,
) -> Iterator[Step]:
    """What is still to be done, in order; nothing, when all is in its place."""
    if not cluster.coordinator:
        host, _, port = coordinator.partition(":")
        yield Step(
            f"SELECT citus_set_coordinator_host({_quoted(host)}, {int(port or 5432)})",
            "nodes reach the coordinator",
        )
    ordered = _referenced_first(tables)
    known = [table for table in ordered if table.place is not Place.LOCAL]
    for table in known:
        if table.name in cluster.identities:
            column = cluster.identities[table.name]
            yield Step(
                _sequence(table.name, column), f"{table.name}: an owned sequence"
            )
    for table in known:
        if _is_misplaced(table, cluster):
            yield Step(_statement(table, shards), f"{table.name}: {table.place}")
    for name in cluster.holding:
        yield Step(
            f"SELECT truncate_local_data_after_distributing_table({_quoted(name)})",
            f"{name}: its rows were copied to the nodes",
        )


_ORDER = [*list(Place)[1:], Place.DISTRIBUTED]


def _is_misplaced(table: Table, cluster: Cluster) -> bool:
    """One that Citus made known by itself is where it belongs, unless it is a name."""
    found = cluster.places.get(table.name)
    if table.place is Place.MANAGED:
        return found is None
    return found is not table.place


def _referenced_first(tables: Sequence[Table]) -> list[Table]:
    """Names, then what refers to them, then what the most rows have to be moved for."""
    by_name = {table.name: table for table in tables}
    known = {
        table.name: sorted((table.references & by_name.keys()) - {table.name})
        for table in sorted(tables, key=lambda table: table.name)
    }
    chained = [by_name[name] for name in TopologicalSorter(known).static_order()]
    return sorted(chained, key=lambda table: _ORDER.index(table.place))


def _statement(table: Table, shards: int) -> str:
    name = _quoted(table.name)
    if table.place is Place.DISTRIBUTED:
        return f"SELECT create_distributed_table({name}, 'id', shard_count := {shards})"
    if table.place is Place.REFERENCE:
        return f"SELECT create_reference_table({name})"
    return (
        f"SELECT citus_add_local_table_to_metadata({name}, "
        "cascade_via_foreign_keys := true)"
    )


def _sequence(table: str, column: str) -> str:
    """An identity becomes what `serial` would have made of it."""
    named, of, sequence = map(_name, (table, column, f"{table}_{column}_seq"))
    drawn = _quoted(sequence)
    next_one = f"SELECT coalesce(max({of}), 0) + 1 FROM {named}"  # noqa: S608
    return (
        f"ALTER TABLE {named} ALTER COLUMN {of} DROP IDENTITY; "
        f"CREATE SEQUENCE {sequence} OWNED BY {named}.{of}; "
        f"ALTER TABLE {named} ALTER COLUMN {of} SET DEFAULT nextval({drawn}); "
        f"SELECT setval({drawn}, ({next_one}), false)"
    )


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

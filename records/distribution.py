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
    identity: bool = False
    """Ids of records come from an identity column, which cannot be distributed."""
    left_over: bool = False
    """The coordinator holds rows that were copied to the nodes, out of sight."""


class Step(NamedTuple):
    statement: str
    reason: str


def placed(
    references: Mapping[str, frozenset[str]], spread: str, copied: Collection[str]
) -> list[Table]:
    """Where each table belongs; what constraints connect with names is MANAGED."""
    connected = set(copied)
    while (
        more := {
            table
            for one, others in references.items()
            for table in ({one, *others} if connected & {one, *others} else ())
        }
        - connected
    ):
        connected |= more

    def place(name: str) -> Place:
        if name == spread:
            return Place.DISTRIBUTED
        if name in copied:
            return Place.REFERENCE
        return Place.MANAGED if name in connected else Place.LOCAL

    return [Table(name, place(name), references[name]) for name in references]


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
    if cluster.identity:
        return "Ids of records come from an identity column: run manage.py migrate."
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
    for table in _referenced_first(tables):
        if _is_misplaced(table, cluster):
            yield Step(_statement(table, shards), f"{table.name}: {table.place}")
    for table in tables:
        if table.place is Place.DISTRIBUTED and (
            cluster.left_over or table.name not in cluster.places
        ):
            name = _quoted(table.name)
            yield Step(
                f"SELECT truncate_local_data_after_distributing_table({name})",
                f"{table.name}: what was copied to the nodes is not needed here",
            )


_ORDER = [*list(Place)[1:], Place.DISTRIBUTED]


def _is_misplaced(table: Table, cluster: Cluster) -> bool:
    """One on the coordinator that Citus knows without need is left alone."""
    if table.place is Place.LOCAL:
        return False
    found = cluster.places.get(table.name)
    return found is None or found is not table.place is not Place.MANAGED


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
    return f"SELECT citus_add_local_table_to_metadata({name})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

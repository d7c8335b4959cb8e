"""Turning the database into a Citus cluster, one statement at a time."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connection, models

from records.distribution import Cluster, Place, Step, Table, placed, plan
from records.models import (
    Build,
    Classification,
    Hardware,
    Kernel,
    Kind,
    Record,
    TelemetryId,
)

NAMES = (TelemetryId, Classification, Kind, Build, Hardware, Kernel)
_RECORDS = Record._meta.db_table
_NODES = """
    SELECT citus_version(), EXISTS (SELECT FROM pg_dist_node WHERE groupid = 0),
        (SELECT count(*) FROM citus_get_active_worker_nodes())
"""
_PLACED = """
    SELECT logicalrelid::regclass::text,
        CASE WHEN partmethod = 'h' THEN 'DISTRIBUTED'
            WHEN repmodel = 't' THEN 'REFERENCE' ELSE 'MANAGED' END
    FROM pg_dist_partition
"""
_IDENTITIES = """
    SELECT relname, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE attidentity <> '' AND relnamespace = current_schema()::regnamespace
"""
_HOLDING = """
    SELECT relid::text FROM pg_partition_tree(%s::regclass)
    WHERE isleaf AND pg_relation_size(relid) > 0 ORDER BY relid
"""


class Stuck(Exception):
    """A statement ran, and changed nothing."""


def tables() -> list[Table]:
    """Every table of every app that is in the database, and where it belongs."""
    there = set(connection.introspection.table_names())
    names = {model._meta.db_table for model in NAMES}
    found = {name: known for name, known in _constraints().items() if name in there}
    return placed(found, _RECORDS, names)


def _constraints() -> dict[str, frozenset[str]]:
    """Which tables each table refers to by a constraint."""
    found: dict[str, frozenset[str]] = {"django_migrations": frozenset()}
    for model in apps.get_models(include_auto_created=True):
        found[model._meta.db_table] = frozenset(
            field.remote_field.model._meta.db_table
            for field in model._meta.local_fields
            if isinstance(field, models.ForeignKey) and field.db_constraint  # type: ignore[attr-defined]
        )
    return found


def state() -> Cluster:
    """The cluster as Citus tells it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regproc('citus_version') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return Cluster()
        cursor.execute(_NODES)
        version, coordinator, workers = cursor.fetchone()
        cursor.execute(_PLACED)
        places = {name: Place[place] for name, place in cursor.fetchall()}
        cursor.execute(_IDENTITIES)
        identities = dict(cursor.fetchall())
        cursor.execute(_HOLDING, [_RECORDS])
        holding = [name for (name,) in cursor.fetchall()]
    return Cluster(version, coordinator, workers, places, identities, holding)


def distribute(**how: Any) -> Iterator[Step]:
    """Do what is planned, each statement in a transaction of its own; yields before.

    After each one the state is read again: it may have done more than it says.
    """
    last = None
    while step := next(plan(tables(), state(), **how), None):
        if step == last:
            raise Stuck(step.statement)
        yield step
        with connection.cursor() as cursor:
            cursor.execute(step.statement)
        last = step

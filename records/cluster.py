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
_PLACES = {("h", "s"): Place.DISTRIBUTED, ("n", "t"): Place.REFERENCE}
_STATE = """
    SELECT citus_version(),
        EXISTS (SELECT FROM pg_dist_node WHERE groupid = 0),
        (SELECT count(*) FROM citus_get_active_worker_nodes()),
        (SELECT attidentity <> '' FROM pg_attribute
            WHERE attrelid = %s::regclass AND attname = 'id'),
        (SELECT coalesce(sum(pg_relation_size(relid)), 0) > 0
            FROM pg_partition_tree(%s::regclass))
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
        cursor.execute(_STATE, [_RECORDS, _RECORDS])
        version, coordinator, workers, identity, rows_here = cursor.fetchone()
        cursor.execute(
            "SELECT logicalrelid::regclass::text, partmethod, repmodel "
            "FROM pg_dist_partition"
        )
        known = {
            name: _PLACES.get((method, model), Place.MANAGED)
            for name, method, model in cursor.fetchall()
        }
    return Cluster(
        citus=version,
        coordinator=coordinator,
        workers=workers,
        places=known,
        identity=identity,
        left_over=rows_here and _RECORDS in known,
    )


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

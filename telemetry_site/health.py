"""`/healthz`: the process lives. `/readyz`: it can do its work, or says what is amiss.

Plain WSGI, so that the collector's own process has both without the site.
"""

from datetime import timedelta
from typing import Any

import orjson
from django.apps import apps
from django.conf import settings
from django.db import (
    DatabaseError,
    InterfaceError,
    connection,
    connections,
    transaction,
)
from django.db.migrations.executor import MigrationExecutor

from records import standby, stats
from records.collector.answer import Answer, Environ
from records.models import TelemetryId
from views_plugins import discovery

LAG_LIMIT = timedelta(minutes=15)
"""A worker that is further behind makes the site (not the collector) unready."""


def answer(environ: Environ, *, worker: bool) -> Answer | None:
    """The answer to a health request, or None for any other request."""
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return None
    path = environ.get("PATH_INFO")
    if path == "/healthz":
        return Answer("200 OK", b'{"status":"ok"}')
    if path == "/readyz":
        return _ready(worker=worker)
    return None


def _ready(*, worker: bool) -> Answer:
    try:
        state = _state() | (_standby() if worker else {})
    except (DatabaseError, InterfaceError) as error:
        state = {"database": type(error).__name__}
    finally:
        for each in connections.all(initialized_only=True):
            each.close()
    problems = _problems(state, worker=worker)
    body = orjson.dumps({"status": problems or "ok", **state})
    return Answer("503 Service Unavailable" if problems else "200 OK", body)


def _state() -> dict[str, Any]:
    with (
        transaction.atomic()
    ):  # a write that changes nothing: fails on a read-only copy
        TelemetryId.objects.filter(pk=0).update(active=True)
    core, plugins = _missing_migrations()
    lag = stats.worker_lag()
    return {
        "database": "ok",
        "migrations_missing": core,
        "plugin_migrations_missing": plugins,
        "plugins_left_out": sorted(discovery.failures),
        "worker_lag_seconds": round(lag.total_seconds()),
    }


def _standby() -> dict[str, str]:
    """How the standby is doing. Without it, pages read from the primary."""
    if standby.ALIAS not in settings.DATABASES:
        return {}
    near = standby.watch.near()
    return {"standby": f"{standby.watch.age():.0f} s behind" if near else "not near"}


def _missing_migrations() -> tuple[list[str], list[str]]:
    """Of the core, without which nothing works; and of plugins."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    of_plugin: dict[bool, list[str]] = {False: [], True: []}
    for migration, _ in plan:
        config = apps.get_app_config(migration.app_label)
        of_plugin[discovery.is_plugin(config)].append(str(migration))
    return of_plugin[False], of_plugin[True]


def _problems(state: dict[str, Any], *, worker: bool) -> list[str]:
    problems = []
    if state["database"] != "ok":
        return ["The database does not take writes"]
    if state["migrations_missing"]:
        problems.append("Migrations are missing: run manage.py migrate")
    if worker and state["worker_lag_seconds"] > LAG_LIMIT.total_seconds():
        problems.append("The worker is behind: is manage.py digest running?")
    return problems

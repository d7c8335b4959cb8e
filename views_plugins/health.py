"""Which plugins work: what is listed on the health page."""

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.apps import apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from records import metrics, parsers, stats
from records.models import RetentionRun
from records.pipeline import Pipeline, pipeline
from records.scope import Scope
from records.stats import Ingest
from views_plugins import discovery, registry
from views_plugins.discovery import Failure
from views_plugins.registry import Plugin

Probe = Callable[[Plugin], None]

_faults: dict[str, Failure] = {}
"""What this process saw last of each view that failed, by slug."""


def failed(plugin: Plugin, error: BaseException) -> Failure:
    """Note that a view could not be shown."""
    trace = "".join(traceback.format_exception(error))
    reason = f"{type(error).__name__}: {error}"
    failure = Failure(registry.app_of(plugin.slug), "render", reason, trace)
    _faults[plugin.slug] = failure
    return failure


def works(plugin: Plugin) -> None:
    _faults.pop(plugin.slug, None)


@dataclass(frozen=True)
class Parser:
    """A payload parser, and how many stored payloads it could not read."""

    name: str
    version: int
    failures: int


@dataclass(frozen=True)
class State:
    """A plugin that is loaded; ``missing`` migrations are not applied."""

    plugin: Plugin
    app: str
    milliseconds: float
    failure: Failure | None
    missing: tuple[str, ...]
    parsers: tuple[str, ...]

    @property
    def works(self) -> bool:
        return not (self.failure or self.missing)


@dataclass(frozen=True)
class Health:
    ingest: Ingest
    today: Pipeline
    since_start: Mapping[str, int]
    purge: RetentionRun | None
    plugins: list[State]
    broken: list[Failure]
    parsers: list[Parser]

    @property
    def refused(self) -> int:
        return sum(self.ingest.refused.values())

    @property
    def unreadable(self) -> int:
        return sum(self.ingest.failures.values())

    @property
    def works(self) -> bool:
        return not self.broken and all(each.works for each in self.plugins)


def report(probe: Probe) -> Health:
    """The state of everything; every view is tried once with ``probe``."""
    ingest = stats.ingest(Scope.last_days(7))
    missing = missing_migrations()
    return Health(
        ingest=ingest,
        today=pipeline(datetime.now(UTC).date()),
        since_start=metrics.since_start(),
        purge=RetentionRun.objects.order_by("-id").first(),
        plugins=[_state(plugin, probe, missing) for plugin in registry.plugins()],
        broken=sorted(discovery.failures.values(), key=lambda each: each.app),
        parsers=[
            Parser(each.name, each.version, ingest.failures.get(each.name, 0))
            for each in parsers.registered()
        ],
    )


def missing_migrations() -> dict[str, tuple[str, ...]]:
    """Migrations that are not applied, by the label of their app."""
    executor = MigrationExecutor(connection)
    found: dict[str, tuple[str, ...]] = {}
    for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes()):
        label = migration.app_label
        found[label] = (*found.get(label, ()), migration.name)
    return found


def _state(plugin: Plugin, probe: Probe, missing: dict[str, tuple[str, ...]]) -> State:
    started = time.monotonic()
    try:
        probe(plugin)
    except Exception as error:  # noqa: BLE001
        failed(plugin, error.__cause__ or error)
    app = registry.app_of(plugin.slug)
    return State(
        plugin=plugin,
        app=app,
        milliseconds=(time.monotonic() - started) * 1000,
        failure=_faults.get(plugin.slug),
        missing=missing.get(_label(app), ()),
        parsers=tuple(each.name for each in plugin.parsers),
    )


def _label(app: str) -> str:
    return next((each.label for each in apps.get_app_configs() if each.name == app), "")

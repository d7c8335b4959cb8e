"""`manage.py migrate`: as Django's, but a plugin cannot stop the others.

A plugin whose migration fails is reported and left out; everything else is migrated.
Named on the command line it fails as usual.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.apps import apps
from django.core.management.commands.migrate import Command as DjangoCommand
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from records import database
from views_plugins import discovery


class Tolerant(MigrationExecutor):
    """Goes on without a plugin whose migration raises.

    ``failed`` says which, by label, and what it raised.
    """

    def __init__(self, failed: dict[str, str], *args: Any) -> None:
        super().__init__(*args)
        self.failed = failed

    def apply_migration(
        self,
        state: ProjectState,
        migration: Migration,
        fake: bool = False,
        fake_initial: bool = False,
    ) -> ProjectState:
        if self._needs_failed(migration):
            return state
        depth = len(self.connection.atomic_blocks)
        try:
            return super().apply_migration(state, migration, fake, fake_initial)
        except (Exception, SystemExit) as error:
            if not _of_plugin(migration) or database.waited_for_lock(error):
                raise
            self._roll_back(depth, error)
            reason = f"{migration}: {type(error).__name__}: {error}"
            self.failed[migration.app_label] = reason
        return self._applied()

    def _roll_back(self, depth: int, error: BaseException) -> None:
        """End what SQLite's schema editor leaves open when a statement fails."""
        for block in reversed(self.connection.atomic_blocks[depth:]):
            block.__exit__(type(error), error, error.__traceback__)
        self.connection.enable_constraint_checking()

    def _applied(self) -> ProjectState:
        """The state again: the one at hand may hold half of a migration."""
        self.loader.build_graph()
        known = self.loader.graph.nodes.keys() & self.loader.applied_migrations
        return self.loader.project_state(sorted(known))

    def _needs_failed(self, migration: Migration) -> bool:
        needed = {migration.app_label, *(label for label, _ in migration.dependencies)}
        if not needed & self.failed.keys():
            return False
        reason = f"{migration} needs a migration that failed"
        self.failed.setdefault(migration.app_label, reason)
        return True


def _of_plugin(migration: Migration) -> bool:
    return discovery.is_plugin(apps.get_app_config(migration.app_label))


class Command(DjangoCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        if options["app_label"]:
            super().handle(*args, **options)
            return
        failed: dict[str, str] = {}
        with _executor(partial(Tolerant, failed)):
            super().handle(*args, **options)
        for label, reason in failed.items():
            self.stderr.write(f"\nThe plugin {label} is not migrated: {reason}")
        if failed:
            self.stderr.write("Everything else is. /health shows plugins that fail.")


@contextmanager
def _executor(make: Callable[..., MigrationExecutor]) -> Iterator[None]:
    """Django's command has no other place that says which executor it uses."""
    module: Any = sys.modules[DjangoCommand.__module__]
    before = module.MigrationExecutor
    module.MigrationExecutor = make
    try:
        yield
    finally:
        module.MigrationExecutor = before

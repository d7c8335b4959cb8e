import time
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from django.db import OperationalError

from records import database
from views_plugins.management.commands import migrate

PAUSE = timedelta(seconds=3)
PATIENCE = timedelta(minutes=10)


class Command(migrate.Command):
    """Several machines may start at once: one of them migrates, the others wait.

    And collectors go on: a migration whose lock is not to be had gives up before it
    keeps them waiting, and is tried again.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check_unapplied"] or options["plan"]:
            super().handle(*args, **options)
            return
        end = time.monotonic() + PATIENCE.total_seconds()
        with database.migrating():
            while not self._applied(*args, **options):
                if time.monotonic() > end:
                    raise CommandError("Given up: a table was in use all the time.")
                time.sleep(PAUSE.total_seconds())

    def _applied(self, *args: Any, **options: Any) -> bool:
        """Apply what is to be applied; False: a lock was not to be had."""
        try:
            with database.brief_locks():
                super().handle(*args, **options)
        except OperationalError as error:
            if not database.waited_for_lock(error):
                raise
            self.stderr.write("\nA table is in use for long; trying again. In the way:")
            for line in database.longest_transactions():
                self.stderr.write(f"  {line}")
            return False
        return True

from typing import Any

from records import database
from views_plugins.management.commands import migrate


class Command(migrate.Command):
    """Several machines may start at once: one of them migrates, the others wait."""

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check_unapplied"] or options["plan"]:
            super().handle(*args, **options)
            return
        with database.migrating():
            super().handle(*args, **options)

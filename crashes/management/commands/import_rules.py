from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from crashes import curation
from crashes.management import rules_file

LONGEST_NOTE = 300


class Command(BaseCommand):
    help = (
        "Take in never-guilty rules from a file, all of them or none. The worker then "
        "judges crashes again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        rules_file.add_arguments(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help="Only print what would change."
        )
        parser.add_argument("--note", help="Kept with the version; default: the file.")
        parser.add_argument("--author", help="The user name that the change is of.")

    def handle(self, *args: Any, **options: Any) -> None:
        author = _author(options["author"])
        given = rules_file.read(options)
        wanted = rules_file.after(options, given)
        if options["dry_run"]:
            for line in rules_file.described(wanted):
                self.stdout.write(line)
            return
        if not any(rules_file.differences(wanted)):
            self.stdout.write("Nothing to change: these are the rules of today.")
            return
        note = options["note"] or f"Import of {options['file']}"
        version = curation.change(
            lambda: rules_file.after(options, given),
            note=note[:LONGEST_NOTE],
            author=author,
        )
        self.stdout.write(
            f"{len(given):,} rules are in version {version.pk}; the worker judges "
            f"{version.affected:,} traces again."
        )


def _author(name: str | None) -> User | None:
    if name is None:
        return None
    try:
        return User.objects.get_by_natural_key(name)
    except User.DoesNotExist as error:
        raise CommandError(f"There is no user {name!r}.") from error

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from crashes.management import rules_file


class Command(BaseCommand):
    help = "Print what import_rules would change with a file; changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        rules_file.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = rules_file.after(options, rules_file.read(options))
        for line in rules_file.described(wanted):
            self.stdout.write(line)

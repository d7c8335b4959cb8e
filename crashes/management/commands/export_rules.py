from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crashes import curation, exchange


class Command(BaseCommand):
    help = "Write all never-guilty rules as JSON, as import_rules reads it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", help="Without: standard output.")

    def handle(self, *args: Any, **options: Any) -> None:
        rules = curation.rules()
        text = exchange.export(rules)
        if not options["file"]:
            self.stdout.write(text, ending="")
            return
        try:
            Path(options["file"]).write_text(text, "utf-8")
        except OSError as error:
            raise CommandError(f"{options['file']}: {error}") from error
        self.stdout.write(f"Wrote {len(rules):,} rules to {options['file']}.")

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from records.models import RetentionRule
from records.retention import BadSettings, Rule, from_predecessor

REASON = "Imported from {}"


class Command(BaseCommand):
    help = (
        "Take in the predecessor's retention settings from its Python file, which is "
        "read and never run. Other rules stay as they are."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--dry-run", action="store_true", help="Only print the rules."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        rules = _read(options["file"])
        for rule in rules:
            self.stdout.write(f"{rule}: {rule.days or 'for ever'}")
        if not options["dry_run"]:
            _save(rules, REASON.format(options["file"].name))
            self.stdout.write(f"{len(rules)} rules are in force.")


def _read(file: Path) -> list[Rule]:
    try:
        return from_predecessor(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    except BadSettings as error:
        raise CommandError(f"{file} was not read: {error}") from error


@transaction.atomic
def _save(rules: list[Rule], reason: str) -> None:
    for rule in rules:
        RetentionRule.objects.update_or_create(
            criterion=rule.criterion.value,
            value=rule.value,
            defaults={"days": rule.days, "reason": reason, "active": True},
        )

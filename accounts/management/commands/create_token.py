from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import tokens
from accounts.models import ApiToken
from accounts.scopes import MEANINGS, Scope

SCOPES = "; ".join(f"{scope}: {meaning}" for scope, meaning in MEANINGS.items())


class Command(BaseCommand):
    help = "Make an API token and print its secret, which cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what it is for")
        parser.add_argument(
            "--scope",
            action="append",
            choices=list(map(str, Scope)),
            help=f"may be repeated; read when there is none. {SCOPES}",
        )
        parser.add_argument(
            "--days", type=int, default=90, help="how long it is accepted"
        )
        parser.add_argument(
            "--user", help="its owner; needed unless there is one superuser"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 < options["days"] <= 36_500:
            raise CommandError("--days must be between 1 and 36500.")
        token = ApiToken(
            name=options["name"],
            owner=_owner(options["user"]),
            scopes=options["scope"] or [Scope.READ],
            expires_at=datetime.now(UTC) + timedelta(days=options["days"]),
        )
        self.stdout.write(tokens.issue(token))


def _owner(name: str | None) -> User:
    if name is not None:
        user = User.objects.filter(username=name, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {name}.")
        return user
    users = list(User.objects.filter(is_superuser=True, is_active=True)[:2])
    if len(users) != 1:
        raise CommandError("Name its owner with --user.")
    return users[0]

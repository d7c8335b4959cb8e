"""Goes round a site in a process of its own, and prints what it met as JSON.

The environment says which database and plugins; the arguments name pages.
"""

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telemetry_site.settings")

from telemetry_site.wsgi import application  # isort: skip - sets Django up

from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import execute_from_command_line
from django.test import Client

from records.digest import digest_batch
from records.models import ParserFailure, Pending
from records.parsers import registered
from tests.factories import environ, values
from tests.plugins.broken import SECRET
from views_plugins import discovery, registry

COMMANDS = (
    ("check",),
    ("makemigrations", "--check", "--dry-run"),
    ("digest", "--once"),
    ("rebuild",),
    ("showmigrations",),
    ("findstatic", "css/site.css"),
    ("migrate", "--no-color"),
    ("migrate", "bad_table"),
)


def ask(path: str) -> tuple[str, str]:
    """Status and body of a request to the WSGI application."""
    answered: list[str] = []
    asked = environ(path=path, method="GET", tid=None)
    parts = application(asked, lambda status, headers: answered.append(status))
    return answered[0], b"".join(parts).decode()


def collect() -> str:
    sent = environ(values(), f"{SECRET}\n".encode())
    answered: list[str] = []
    list(application(sent, lambda status, headers: answered.append(status)))
    return answered[0]


def visit(client: Client, paths: list[str]) -> dict[str, tuple[int, str]]:
    found = {}
    for path in paths:
        response = client.get(path)
        found[path] = (response.status_code, response.getvalue().decode())
    return found


def command(*arguments: str) -> str:
    """Run a command as `manage.py` does; its errors."""
    errors = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(errors):
        try:
            execute_from_command_line(["manage.py", *arguments])
        except (Exception, SystemExit) as error:  # noqa: BLE001
            return f"{type(error).__name__}: {error}"
    return f"done {errors.getvalue()}"


def main() -> None:
    collected = collect()
    digested = digest_batch(10)
    Client(SERVER_NAME="localhost").get("/")  # makes the addresses
    paths = ["/health", "/admin/", "/api/schema", "/api/views", *sys.argv[1:]]
    paths += [f"/{each.slug}" for each in [*registry.plugins(), *registry.broken()]]
    paths += [f"/api/views/{p.slug}" for p in registry.plugins() if p.content]
    paths += [f"/{p.slug}/numbers.csv" for p in registry.plugins() if p.content]
    reader, staff = Client(SERVER_NAME="localhost"), Client(SERVER_NAME="localhost")
    staff.force_login(User.objects.create_superuser("staff"))
    json.dump(
        {
            "collected": collected,
            "digested": [digested, Pending.objects.count()],
            "ready": ask("/readyz"),
            "failures": {
                failure.app: [failure.stage, failure.reason]
                for failure in discovery.failures.values()
            },
            "parsers": {
                each.name: ParserFailure.objects.filter(parser=each.name).count()
                for each in registered()
            },
            "apps": [each.name for each in apps.get_app_configs()],
            "reader": visit(reader, paths),
            "staff": visit(staff, paths),
            "tabs": [
                (each.slug, each.title)
                for each in [*registry.plugins(), *registry.broken()]
            ],
            # Last: each sets Django up again, with what is the standard error then.
            "commands": {" ".join(each): command(*each) for each in COMMANDS},
        },
        sys.stdout,
    )


main()

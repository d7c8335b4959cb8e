"""Processes of the project, with a known environment instead of the shell's."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_OF_THE_SHELL = ("TELEMETRY_", "GUNICORN_", "WEB_CONCURRENCY", "PG")
_SECRET = "only-for-benchmarks-" + "0123456789abcdef" * 3


def environment(database_url: str) -> dict[str, str]:
    """What a process of the project is given; nothing of its kind from the shell."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_OF_THE_SHELL)}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "telemetry_site.settings",
        "DATABASE_URL": database_url,
        "DEBUG": "false",
        "SECRET_KEY": _SECRET,
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "TELEMETRY_SECURE": "false",
        "TELEMETRY_ANONYMOUS_READ": "true",
    }


def migrate(database_url: str) -> None:
    """Apply all migrations to a database."""
    _run(database_url, "manage.py", "migrate", "--verbosity", "0")


def inside(module: str, database_url: str, **arguments: Any) -> Any:
    """What a module of `benchmarks.inside` answers, in a process with this database."""
    name = f"benchmarks.inside.{module}"
    return json.loads(_run(database_url, "-m", name, json.dumps(arguments)))


def _run(database_url: str, *arguments: str) -> bytes:
    done = subprocess.run(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        env=environment(database_url),
        cwd=ROOT,
        check=True,
    )
    return done.stdout

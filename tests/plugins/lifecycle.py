"""What the test of an installed plugin does in processes of its own.

`store TIME` stores and digests records, `state` prints all tables and some pages,
`pages PATH…` prints these pages; after `store TIME`, one of the others may follow.
"""

import json
import os
import re
import sys
from datetime import datetime, timedelta
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telemetry_site.settings")

from telemetry_site.wsgi import application  # isort: skip - sets Django up

from django.apps import apps
from django.test import Client

from records.digest import digest_batch
from records.store import insert_records
from tests.factories import submission

assert application

FAILED = "MESSAGE=foo.service: Main process exited, code=exited, status=1/FAILURE\n\n"
PAYLOADS = {
    "org.clearlinux/hello/world": "hello\n",
    "org.clearlinux/heartbeat/clr": "hello\n",
    "org.clearlinux/journal/error": FAILED,
    "org.example/journal/error": "this is no message <b>",
}
PAGES = (
    "/records",
    "/records/record_details/1",
    "/api/records",
    "/records/export/records-1.csv",
    "/crashes",
    "/builds?days=7",
    "/stats?days=7",
    "/api/views/builds",
    "/api/schema",
    "/api/views",
    "/services",
)
PLUGIN = "telemetry_journal"
_NOW = re.compile(r'data-now="\d+"|records-\d{14}')
"""What an answer says of its own time."""


def store(moment: datetime) -> None:
    insert_records(
        [
            (
                moment + timedelta(seconds=n),
                submission(classification=name, payload=payload, event_id=f"{n:032x}"),
            )
            for n, (name, payload) in enumerate(PAYLOADS.items())
        ]
    )
    assert digest_batch(100) == len(PAYLOADS)


def tables() -> dict[str, list[str]]:
    """Every table but the plugin's own, and permissions, which do not name theirs."""
    left_out = (PLUGIN, "auth")
    models = [m for m in apps.get_models() if m._meta.app_label not in left_out]
    return {model._meta.label: rows(model) for model in models}


def rows(model: Any) -> list[str]:
    """Of a table; what other apps keep under the plugin's name is left out."""
    found = map(str, model._default_manager.values_list())
    return sorted(row for row in found if PLUGIN not in row)


def pages(*paths: str) -> dict[str, tuple[int, str]]:
    client = Client(SERVER_NAME="localhost")
    found = {}
    for path in paths:
        response = client.get(path)
        body = response.getvalue().decode()
        found[path] = (response.status_code, _NOW.sub("", body))
    return found


def main(arguments: list[str]) -> None:
    match arguments:
        case ["store", moment, *more]:
            store(datetime.fromisoformat(moment))
            main(more)
        case ["state"]:
            json.dump({"tables": tables(), "pages": pages(*PAGES)}, sys.stdout)
        case ["pages", *paths]:
            json.dump(pages(*paths), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])

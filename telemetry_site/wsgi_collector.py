"""WSGI entry of a collector in a process of its own; needs no site and no worker."""

import os
from collections.abc import Iterable

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telemetry_site.settings")
django.setup()

from records.collector.views import (  # noqa: E402
    Collector,
    Environ,
    StartResponse,
)
from telemetry_site import health  # noqa: E402

collector = Collector()


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    answer = health.answer(environ, worker=False) or collector.answer(environ)
    return answer.send(start_response)

"""WSGI entry of the site, with the collector mounted in front of it."""

import os
from collections.abc import Iterable

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telemetry_site.settings")
site = get_wsgi_application()

from records.collector.views import (  # noqa: E402
    Collector,
    Environ,
    StartResponse,
    accepts,
)
from telemetry_site import health  # noqa: E402

collector = Collector()


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    if accepts(environ):
        return collector(environ, start_response)
    answer = health.answer(environ, worker=True)
    if answer:
        return answer.send(start_response)
    return site(environ, start_response)

"""WSGI entry of the site, with the collector mounted in front of it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telemetry_site.settings")
site = get_wsgi_application()

from telemetry_site.serving import Application  # noqa: E402

application = Application(site)

"""WSGI entry of a collector in a process of its own; needs no site and no worker."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telemetry_site.settings")
django.setup()

from telemetry_site.serving import Application  # noqa: E402

application = Application()

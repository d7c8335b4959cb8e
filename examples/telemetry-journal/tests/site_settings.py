"""The settings of the server, with this plugin and a database of its own."""

import os

os.environ["DEBUG"] = "true"
os.environ["TELEMETRY_ANONYMOUS_READ"] = "true"
os.environ["TELEMETRY_PLUGINS"] = "telemetry_journal"
os.environ.setdefault("DATABASE_URL", "sqlite:///:memory:")

from telemetry_site.settings import *  # noqa: F403

"""The project with the migrations of its next release."""

from telemetry_site.settings import *  # noqa: F403

MIGRATION_MODULES = {"records": "tests.e2e.next_release.migrations"}

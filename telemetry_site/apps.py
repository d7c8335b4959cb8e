from django.apps import AppConfig
from django.core.checks import register

from telemetry_site import checks


class SiteConfig(AppConfig):
    name = "telemetry_site"
    verbose_name = "Site"

    def ready(self) -> None:
        register(checks.telemetry_id)

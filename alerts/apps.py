from django.apps import AppConfig
from django.utils.module_loading import import_string

from alerts import conditions
from records import steps


class AlertsConfig(AppConfig):
    name = "alerts"
    verbose_name = "Alerts"

    def ready(self) -> None:
        # By name: they need models, which exist only now.
        for condition in import_string("alerts.builtin.CONDITIONS"):
            conditions.register(condition)
        for step in import_string("alerts.worker.STEPS"):
            steps.register(step)

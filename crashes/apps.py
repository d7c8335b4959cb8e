from django.apps import AppConfig
from django.utils.module_loading import import_string

from records import parsers, readings, steps


class CrashesConfig(AppConfig):
    name = "crashes"
    verbose_name = "Crashes"

    def ready(self) -> None:
        # By name: it needs models, which exist only now.
        parsers.register(import_string("crashes.processing.PARSER"))
        readings.register(import_string("crashes.reading.READING"))
        steps.register(import_string("crashes.curation.judge_again"))
        steps.register(import_string("crashes.presence.count_again"))
        import_string("crashes.filters.register")()

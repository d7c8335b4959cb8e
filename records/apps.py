from typing import Any

from django.apps import AppConfig
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.utils.module_loading import import_string

from records import database, partitions, steps


def _on_connection(sender: Any, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    database.prepare(connection)


class RecordsConfig(AppConfig):
    name = "records"
    verbose_name = "Records"

    def ready(self) -> None:
        connection_created.connect(_on_connection, dispatch_uid="records.database")
        steps.register(partitions.step)
        # By name: they need models, which exist only now.
        steps.register(import_string("records.purge.daily"))
        steps.register(import_string("records.spans.step"))

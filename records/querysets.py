"""Questions to the table of records, by name; they chain."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from records.models import Record



class RecordQuerySet(models.QuerySet["Record"]):
    """Records, newest first unless ordered otherwise."""

    def named(self) -> Self:
        """With everything from the small tables, in the same query."""
        return self.select_related(
            "kind__classification", "build", "hardware", "kernel"
        )

    def received_between(self, start: datetime | None, end: datetime | None) -> Self:
        """Received at or after ``start`` and before ``end``."""
        records = self
        if start:
            records = records.filter(received_at__gte=start)
        if end:
            records = records.filter(received_at__lt=end)
        return records

    def below(self, record_id: int | None) -> Self:
        return self if record_id is None else self.filter(id__lt=record_id)

    def above(self, record_id: int | None) -> Self:
        return self if record_id is None else self.filter(id__gt=record_id)

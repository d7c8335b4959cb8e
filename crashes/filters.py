"""What crashes add to the filters of records: the guilty of a record's crash."""

from django.db.models import Q

from crashes.models import CrashReport, Trace
from records.filters import INT64, IntegerFilter, register_filter
from records.querysets import Listed, RecordQuerySet

GUILTY = IntegerFilter(
    min_value=0,
    max_value=INT64,
    label="Guilty id",
    help_text="Only crashes that this guilty, by its id, is guilty of.",
)


def register() -> None:
    register_filter("guilty", GUILTY, of_guilty)


def of_guilty(records: RecordQuerySet, guilty_id: int) -> RecordQuerySet:
    """Records of crashes of a guilty, or of one that is merged into it."""
    guilty = Q(guilty=guilty_id) | Q(guilty__merged_into=guilty_id)
    traces = Trace.objects.filter(guilty)
    return records.listed(Listed(CrashReport.objects.all(), "trace_id", traces))

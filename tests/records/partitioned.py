"""The empty table of records in small partitions."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from django.db import connection

from records import database, partitions
from records.models import Record


@contextmanager
def partitions_of(ids: int) -> Iterator[None]:
    """Inside, new partitions have so many ids; afterwards the table is as it was.

    On SQLite there are none.
    """
    if not database.is_postgres():
        yield
        return
    was = partitions.spans()
    with patch.object(partitions, "SMALLEST", ids):
        remake([])
        partitions.ahead()
        try:
            yield
        finally:
            remake(was)


def remake(spans: list[range]) -> None:
    """The empty table in these partitions."""
    Record.objects.all()._raw_delete("default")
    with connection.cursor() as cursor:
        for span in partitions.spans():
            cursor.execute(f"DROP TABLE {partitions._name(span)}")
        for span in spans:
            cursor.execute(partitions._create(span))

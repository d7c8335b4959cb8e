"""A payload parser for tests."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import Group

from records.parsers import PayloadParser, StoredRecord


class Facts:
    """A parser whose facts are groups: their name is the payload. What it makes of a
    payload depends on its first word."""

    def __init__(self, name: str = "facts", store_fails: tuple[str, ...] = ()) -> None:
        self.seen: list[StoredRecord] = []
        self.store_fails = store_fails
        self.reads_everything = False
        self.parser = PayloadParser(
            name=name,
            version=3,
            classifications=("org.clearlinux/crash/*", "*/mce/corrected"),
            parse=self.parse,
            store=self.store,
            forget=self.forget,
        )

    def parse(self, record: StoredRecord) -> str | None:
        self.seen.append(record)
        if record.payload.startswith("raise") and not self.reads_everything:
            raise ValueError(f"cannot read \x00 {record.payload}")
        return None if record.payload.startswith("none") else record.payload

    def store(self, facts: Sequence[tuple[StoredRecord, Any]]) -> None:
        Group.objects.bulk_create(
            Group(name=f"{self.parser.name} {record.id} {fact}")
            for record, fact in facts
        )
        for _, fact in facts:
            if fact in self.store_fails:
                Group.objects.create(name="x" * 151)  # longer than the column
                raise ValueError(f"cannot store {fact}")

    def forget(self, record_ids: Sequence[int]) -> None:
        for record_id in record_ids:
            start = f"{self.parser.name} {record_id} "
            Group.objects.filter(name__startswith=start).delete()

    @property
    def stored(self) -> list[str]:
        names = Group.objects.order_by("id").values_list("name", flat=True)
        return [n.split(" ", 2)[2] for n in names if n.startswith(self.parser.name)]

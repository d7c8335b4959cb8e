"""Facts that are counted: what most parsers do with what they read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from operator import add
from typing import Any

from django.db import models

from records import rollups
from records.parsers import StoredRecord, delete_facts, save_facts
from records.rollups import Key, Table

Values = tuple[int, ...]


def once(_fact: object) -> Values:
    """For a rollup whose only column is the number of facts."""
    return (1,)


def day(fact: Any) -> date:
    """The UTC day on which the record of a fact was received."""
    received: date = fact.received_at.astimezone(UTC).date()
    return received


@dataclass(frozen=True)
class Count:
    """Under which key of a rollup a fact counts, and what it adds to the columns.

    The first of these columns is the number of facts: without any, the row goes.
    """

    table: Table
    key: Callable[[Any], Key]
    values: Callable[[Any], Values] = once

    def add(self, facts: Iterable[Any], sign: int) -> None:
        sums: dict[Key, Values] = {}
        for fact in facts:
            key, new = self.key(fact), self.values(fact)
            sums[key] = tuple(map(add, sums[key], new)) if key in sums else new
        rows = [(*key, *(sign * n for n in values)) for key, values in sums.items()]
        rollups.upsert(self.table, rows)

    def drop_empty(self) -> None:
        number = next(iter(self.table.merges))
        self.table.model._default_manager.filter(**{number: 0}).delete()


@dataclass(frozen=True)
class CountedFacts:
    """`store`, `forget` and `expire` of a `PayloadParser` whose facts are rows of one
    model, with the key `record_id`; ``row`` makes one of what was parsed.
    """

    model: type[models.Model]
    row: Callable[[StoredRecord, Any], models.Model]
    counts: tuple[Count, ...] = ()

    def store(self, facts: Sequence[tuple[StoredRecord, Any]]) -> None:
        """Save facts and count them."""
        rows = [self.row(record, fact) for record, fact in facts]
        save_facts(rows)
        self._count(rows, 1)

    def forget(self, record_ids: Sequence[int]) -> None:
        """Take facts back, and their counts with them."""
        found = self.model._default_manager.filter(record_id__in=record_ids)
        self._count(list(found), -1)
        for each in self.counts:
            each.drop_empty()
        found.delete()

    def expire(self, record_ids: Sequence[int]) -> None:
        """Delete facts whose records are deleted; their counts stay."""
        delete_facts(self.model, record_ids)

    def _count(self, rows: Sequence[models.Model], sign: int) -> None:
        for each in self.counts:
            each.add(rows, sign)


def common(record: StoredRecord) -> Mapping[str, Any]:
    """The columns of a fact that pages ask by."""
    return {
        "record_id": record.id,
        "received_at": record.received_at,
        "machine_id": record.machine_id,
        "build_id": record.build_id,
        "external": record.external,
    }

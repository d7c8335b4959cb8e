"""Payload parsers: how apps learn from payloads what they need for their pages.

A parser runs in the worker, once per record, after the record is stored and answered.
What it makes of a payload is a *fact*; facts can be thrown away and made again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import models

from records import copying, database
from records.patterns import matches


class StoredRecord(NamedTuple):
    """What a parser is given: a record with its names."""

    id: int
    received_at: datetime
    captured_at: int
    machine_id: str
    classification: str
    severity: int
    external: bool
    build_id: int
    system_name: str
    build: str
    payload: str


def nothing_to_expire(record_ids: Sequence[int]) -> None:
    """For a parser that keeps nothing of single records."""


def save_facts(facts: Sequence[models.Model]) -> None:
    """For `store`: insert new rows of one model, whose key the parser has set.

    Columns hold texts, numbers, times or nothing; use `bulk_create` for others.
    """
    if not facts:
        return
    if database.is_postgres():
        copying.copy_objects(facts)
    else:
        type(facts[0])._default_manager.bulk_create(facts)


def delete_facts(model: type[models.Model], record_ids: Sequence[int]) -> None:
    """For `expire`: delete what has one of these in its column `record_id`."""
    database.delete_ids(model, "record_id", record_ids)


@dataclass(frozen=True)
class PayloadParser:
    """A parser of payloads.

    ``parse`` is pure: a record's fact, or None when there is nothing to keep; what it
    raises is noted as a failure of that record. ``store`` saves facts with bulk inserts
    inside the worker's transaction. ``forget`` deletes the facts of these record ids,
    and takes their counts back. ``expire`` deletes facts too, but keeps the counts: it
    is told every record that is too old or erased, read by the parser or not. Raise
    ``version`` when ``parse`` changes, and run `manage.py rebuild`.
    """

    name: str
    version: int
    classifications: tuple[str, ...]
    parse: Callable[[StoredRecord], Any | None]
    store: Callable[[Sequence[tuple[StoredRecord, Any]]], None]
    forget: Callable[[Sequence[int]], None]
    expire: Callable[[Sequence[int]], object] = nothing_to_expire

    def reads(self, classification: str) -> bool:
        return any(matches(pattern, classification) for pattern in self.classifications)


_registry: dict[str, PayloadParser] = {}


def register(parser: PayloadParser) -> None:
    """Add a parser; call it from ``AppConfig.ready``."""
    if _registry.get(parser.name, parser) != parser:
        raise ValueError(f"Another payload parser is named {parser.name!r}")
    _registry[parser.name] = parser


def unregister(name: str) -> None:
    _registry.pop(name, None)


def registered() -> tuple[PayloadParser, ...]:
    return tuple(_registry.values())

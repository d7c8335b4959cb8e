"""Readings: what a payload says, shown above its raw text on the record page.

An app registers one for its classifications in ``AppConfig.ready``. One that fails is
named on the page and in the log, without the payload, and breaks nothing else.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from records.parsers import StoredRecord
from records.patterns import matches

log = logging.getLogger(__name__)

FACTS = "records/_reading.html"
"""Shows a ``title``, ``facts``: pairs of label and value, and perhaps a ``note``."""


@dataclass(frozen=True)
class PayloadReading:
    """How payloads of some classifications are shown.

    ``read`` gives the context of ``template``, or None when there is nothing to show.
    It is asked only for readers who may see payloads.
    """

    name: str
    classifications: tuple[str, ...]
    read: Callable[[StoredRecord], Mapping[str, Any] | None]
    template: str = FACTS

    def reads(self, classification: str) -> bool:
        return any(matches(pattern, classification) for pattern in self.classifications)


@dataclass(frozen=True)
class Shown:
    """A reading of one record; without ``html`` it could not be shown."""

    name: str
    html: SafeString | None


_registry: dict[str, PayloadReading] = {}


def register(reading: PayloadReading) -> None:
    """Add a reading; call it from ``AppConfig.ready``."""
    if _registry.get(reading.name, reading) != reading:
        raise ValueError(f"Another reading is named {reading.name!r}")
    _registry[reading.name] = reading


def unregister(name: str) -> None:
    _registry.pop(name, None)


def registered() -> tuple[PayloadReading, ...]:
    return tuple(_registry.values())


def shown(record: StoredRecord, request: HttpRequest) -> list[Shown]:
    """What the registered readings say of a record."""
    return [
        each for reading in registered() for each in _shown(reading, record, request)
    ]


def _shown(
    reading: PayloadReading, record: StoredRecord, request: HttpRequest
) -> Iterator[Shown]:
    try:
        if not reading.reads(record.classification):
            return
        context = reading.read(record)
        if context is None:
            return
        html = render_to_string(reading.template, dict(context), request)
    except (Exception, SystemExit) as error:  # noqa: BLE001
        # Its text may repeat the payload.
        kind = type(error).__name__
        log.warning("Reading %s failed on record %d: %s", reading.name, record.id, kind)
        yield Shown(reading.name, None)
    else:
        yield Shown(reading.name, html)

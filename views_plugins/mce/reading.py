"""A machine check in words, on the page of its record (pure)."""

from collections.abc import Mapping
from typing import Any

from records.parsers import StoredRecord
from records.readings import PayloadReading
from views_plugins import mcelog
from views_plugins.mce.processing import CLASSIFICATIONS, parse


def read(record: StoredRecord) -> Mapping[str, Any] | None:
    check = parse(record)
    if check is None:
        return None
    return {"title": f"Machine check: {check.kind}", "facts": mcelog.describe(check)}


READING = PayloadReading(name="mce", classifications=CLASSIFICATIONS, read=read)

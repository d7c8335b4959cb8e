"""What plugins may use of the project, and its signatures as text.

`python -m tests.views_plugins.public_surface` writes them anew into
`public_surface.txt` beside this file. A change there is a change for every plugin.
"""

import inspect
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import EnumType
from importlib import import_module
from pathlib import Path
from typing import Any

import django
from django.db.models import Model

NAMES = {
    "views_plugins.registry": ("Plugin", "Option"),
    "views_plugins.apps": ("PluginConfig",),
    "views_plugins.filters": ("Filters", "parse"),
    "views_plugins.charts": (
        *("Content", "Figure", "Chart", "Kind", "Label", "Series"),
        *("Table", "Column", "Cell"),
    ),
    "views_plugins.weeks": ("Week", "monday", "between", "by_week"),
    "records.scope": ("Scope",),
    "records.spans": ("Span",),
    "records.stats": (
        *("records", "records_by", "hardware", "first_day"),
        *("machine_days", "active_by_day", "distinct_ids", "distinct_by_build"),
        *("machines", "build_labels", "in_version_order", "builds_of"),
        *("system_names", "classifications", "classification_levels"),
    ),
    "records.machine": ("days", "sent", "Day", "Sent", "Platform"),
    "records.estimate": ("Active", "Estimate"),
    "records.labels": ("BuildLabel",),
    "records.versions": ("version_key",),
    "records.parsers": ("PayloadParser", "StoredRecord", "nothing_to_expire"),
    "records.facts": ("CountedFacts", "Count", "common", "day", "once"),
    "records.readings": ("PayloadReading", "FACTS"),
    "records.rollups": ("Table", "add", "upsert"),
    "records.addresses": ("machine", "machine_records"),
    "records.access": ("may_see_payload",),
    "records.visible": ("visible",),
    "crashes.stats": (
        *("top", "new", "by_classification", "by_build", "by_day", "by_time"),
        *("of_records", "TopCrash", "RecordsCount"),
    ),
    "alerts.conditions": ("Condition", "Watch", "Reading"),
}
"""By module, what is documented in `docs/plugins.md` and stays as it is."""

SNAPSHOT = Path(__file__).with_suffix(".txt")

_PATH = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Z])")


def described() -> str:
    """Every name with its signature, a line each."""
    lines = []
    for module, names in NAMES.items():
        lines += [
            module,
            *(f"  {line}" for name in names for line in _of(module, name)),
        ]
    return "\n".join(lines) + "\n"


def _of(module: str, name: str) -> Iterator[str]:
    found = getattr(import_module(module), name)
    if isinstance(found, EnumType):
        members: list[Any] = list(found)
        values = ", ".join(f"{each.name} = {each.value!r}" for each in members)
        yield f"{name}: {values}"
    elif isinstance(found, type):
        yield name + (_signature(found) if _is_value(found) else "")
        if not issubclass(found, Model):
            yield from _members(found)
    elif callable(found):
        yield name + _signature(found)
    else:
        yield f"{name} = {found!r}"


def _is_value(kind: type) -> bool:
    return is_dataclass(kind) or issubclass(kind, tuple)


def _members(kind: type) -> Iterator[str]:
    values = {*getattr(kind, "_fields", ()), *getattr(kind, "__dataclass_fields__", ())}
    for name, member in sorted(vars(kind).items()):
        if name.startswith("_") or name in values:
            continue
        if isinstance(member, property) and member.fget:
            returned = inspect.signature(member.fget).return_annotation
            yield f"  .{name} -> {_short(inspect.formatannotation(returned))}"
        elif inspect.isroutine(member):
            yield f"  .{name}{_signature(getattr(kind, name))}"


def _signature(found: Any) -> str:
    text = str(inspect.signature(found)).removesuffix(" -> None")
    return re.sub(r"<function (\w+) at 0x\w+>", r"\1", _short(text))


def _short(text: str) -> str:
    return _PATH.sub("", text)


if __name__ == "__main__":
    django.setup()
    SNAPSHOT.write_text(described())

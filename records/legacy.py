"""Addresses of the predecessor, as they may be bookmarked, in today's words (pure)."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

Translated = tuple[str, str] | None

_DROPPED = ("page", "page_size", "format_type", "timestamp", "csrf_token")


def _renamed(name: str) -> Callable[[str], Translated]:
    return lambda value: (name, value)


def _source(value: str) -> Translated:
    return "external", str(value == "external").lower()


def _through(value: str) -> Translated:
    """The last day was included."""
    try:
        return "received_before", str(date.fromisoformat(value) + timedelta(days=1))
    except (ValueError, OverflowError):
        return "received_before", value


def _pattern(value: str) -> Translated:
    return "classification", value.replace("%", "*")


_TODAY: Mapping[str, Callable[[str], Translated]] = {
    "os_name": _renamed("system_name"),
    "data_source": _source,
    "from_date": _renamed("received_after"),
    "to_date": _through,
    **dict.fromkeys(_DROPPED, lambda _value: None),
}


def is_old(parameters: Mapping[str, str]) -> bool:
    """Whether only the predecessor made such a query."""
    return not parameters.keys().isdisjoint(_TODAY)


def translated(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters as they are called now."""
    readers = {**_TODAY, "classification": _pattern}
    pairs = [
        readers.get(name, _renamed(name))(value)
        for name, value in parameters.items()
        if value not in ("", "All")
    ]
    return dict(filter(None, pairs))

"""Header format: metadata in HTTP headers, as a WSGI environ carries them (pure)."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from records.collector.fields import NAMES

# Underscored and hyphened header names arrive under the same environ key.
_ENVIRON = {name: f"HTTP_{name.upper()}" for name in NAMES}


def sent_in_headers(environ: Mapping[str, Any]) -> bool:
    """Whether the metadata of a record is in the headers of this request."""
    return "HTTP_RECORD_FORMAT_VERSION" in environ or "HTTP_CLASSIFICATION" in environ


def values(environ: Mapping[str, Any]) -> dict[str, str]:
    """Trimmed values by name; names that were not sent are absent."""
    return {
        name: text(environ[key]) for name, key in _ENVIRON.items() if key in environ
    }


def text(value: str) -> str:
    """A header value as text: UTF-8 where it is, else Latin-1; trimmed."""
    value = value.replace("\x00", "?")
    if not value.isascii():
        with suppress(UnicodeError):
            value = value.encode("latin-1").decode()
    # Trimmed at last: what is a space in Latin-1 may be half a letter in UTF-8.
    return value.strip()

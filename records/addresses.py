"""Addresses of pages that several rooms link to (pure)."""

from urllib.parse import quote, urlencode

RECORDS = "/records"
MACHINES = "/machines/"

_SEPARATORS = frozenset("/\\")


def machine(machine_id: str) -> str:
    """The page of a machine id, whatever text that is.

    What a browser or proxy might change in a path (slashes, dots, blanks at an end,
    characters that are not seen) travels as a parameter.
    """
    if _fits_a_path(machine_id):
        return MACHINES + quote(machine_id, safe="")
    return f"{MACHINES}?{urlencode({'machine_id': machine_id}, errors='replace')}"


def machine_records(machine_id: str) -> str:
    """The list of the records of a machine id."""
    return f"{RECORDS}?{urlencode({'machine_id': machine_id}, errors='replace')}"


def _fits_a_path(text: str) -> bool:
    return (
        text.isprintable()
        and text == text.strip()
        and text.strip(".") != ""
        and _SEPARATORS.isdisjoint(text)
    )

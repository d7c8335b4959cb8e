"""What a message of the journal says of a service that failed (pure)."""

import re
from typing import NamedTuple

LONGEST = 256
_FAILED = re.compile(
    r"(?P<service>\S+\.service): (?P<process>[A-Z][a-z]+) process exited, "
    r"code=(?P<code>[a-z]+), status=(?P<status>\S+)"
)


class Failure(NamedTuple):
    """How a process of a service ended: ``exited`` with ``1/FAILURE``, say."""

    service: str
    process: str
    code: str
    status: str


def failure(payload: str) -> Failure | None:
    """The failure that a payload reports; None for another message.

    Raises ValueError when the payload is no message of the journal.
    """
    start, equals, message = payload.partition("=")
    if start != "MESSAGE" or not equals:
        raise ValueError("The payload does not begin with MESSAGE=")
    found = _FAILED.match(message)
    return Failure(*(each[:LONGEST] for each in found.groups())) if found else None

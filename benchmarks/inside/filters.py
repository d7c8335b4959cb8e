"""`/api/records` and the page of records with one filter each: server time."""

from statistics import median
from typing import Any, NamedTuple

from django.db import connection

from benchmarks.inside import main, plans, site
from benchmarks.inside.cases import Case, cases

_API = "/api/records?limit=100"
_PAGE = "/records"
_REPEATS = 15
_WARM_UPS = 2
_PATIENCE = 4.0  # seconds for one case, after which a median of fewer must do
_EXPLAINED = 5


class Measured(NamedTuple):
    address: str
    what: str
    seconds: list[float]
    status: str


def measure() -> dict[str, Any]:
    """Every case, then what retention can make of one, and the slowest explained."""
    found = [_measured(_API, each) for each in cases()]
    _delete_external()
    found.append(_measured(_API, Case("none any more", {"external": "true"})))
    explained = [plans.explained(each.address) for each in _slowest(found)]
    pages = [_measured(_PAGE, each) for each in cases()] if site.has(_PAGE) else []
    explained += [plans.explained(each.address) for each in _slowest(pages)]
    return {
        "api": [each._asdict() for each in found],
        "pages": [each._asdict() for each in pages],
        "plans": explained,
    }


def _measured(start: str, case: Case) -> Measured:
    joint = "&" if "?" in start else "?"
    address = f"{start}{joint}{case.query}" if case.parameters else start
    for _ in range(_WARM_UPS):
        status = site.get(address).status
    seconds: list[float] = []
    while len(seconds) < _REPEATS and (len(seconds) < 3 or sum(seconds) < _PATIENCE):
        seconds.append(site.get(address).seconds)
    return Measured(address, case.what, seconds, status)


def _slowest(found: list[Measured]) -> list[Measured]:
    ordered = sorted(found, key=lambda each: -median(each.seconds))
    return ordered[:_EXPLAINED]


def _delete_external() -> None:
    """As retention does: the kinds stay known, their records are gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM records_record WHERE kind_id IN "
            "(SELECT id FROM records_kind WHERE external)"
        )
        cursor.execute("VACUUM records_record")


if __name__ == "__main__":
    main(measure)

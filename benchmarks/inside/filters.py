"""`/api/records` and the page of records with one filter each."""

from typing import Any

from django.db import connection

from benchmarks.inside import main, site
from benchmarks.inside.cases import Case, cases
from benchmarks.inside.timing import Timed, explained, timed, told

_API = "/api/records?limit=100"
_PAGE = "/records"


def measure(repeats: int, delete: bool) -> dict[str, Any]:
    """Every case; ``delete``: in the end also what retention can make of one."""
    site.get("/login")  # what a process does once is no part of a request
    given = cases()
    pages = [_timed(_PAGE, each, repeats) for each in given]
    api = [_timed(_API, each, repeats) for each in given]
    plans = [*explained(api), *explained(pages)]
    if delete:
        _delete_external()
        gone = Case("none any more", {"external": "true"})
        api.append(_timed(_API, gone, repeats))
    return {"api": told(api), "pages": told(pages), "plans": plans}


def _timed(start: str, case: Case, repeats: int) -> Timed:
    joint = "&" if "?" in start else "?"
    address = f"{start}{joint}{case.query}" if case.parameters else start
    return timed(address, repeats, case.what)


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

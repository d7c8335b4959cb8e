"""What PostgreSQL does for a request: how many queries, and how the longest runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection

from benchmarks.inside import site

_LINES = 40
_STATEMENT = 1000
_PLANNED = ("SELECT", "WITH", "(SELECT")


class Query(NamedTuple):
    seconds: float
    statement: str
    parameters: Any


def explained(address: str) -> dict[str, str]:
    """The plan of the longest query of a request."""
    with queries() as made:
        site.get(address)
    asked = [each for each in made if each.statement.startswith(_PLANNED)]
    longest = max(asked, key=lambda each: each.seconds)
    with connection.cursor() as cursor:
        statement = f"EXPLAIN (ANALYZE, BUFFERS) {longest.statement}"
        cursor.execute(statement, longest.parameters)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    query = longest.statement.replace('"', "")[:_STATEMENT]
    return {"address": address, "plan": f"{query}\n\n{_begin(plan, _LINES)}"}


@contextmanager
def queries() -> Iterator[list[Query]]:
    """What is asked of the database inside."""
    made: list[Query] = []

    def record(
        execute: Callable[..., Any], statement: str, parameters: Any, *context: Any
    ) -> Any:
        started = time.perf_counter()
        try:
            return execute(statement, parameters, *context)
        finally:
            made.append(Query(time.perf_counter() - started, statement, parameters))

    with connection.execute_wrapper(record):
        yield made


def _begin(text: str, most: int) -> str:
    """A merge of a hundred scans is told by its first ones."""
    lines = text.splitlines()
    left = [f"… {len(lines) - most} more lines"] if len(lines) > most else []
    return "\n".join([*lines[:most], *left])

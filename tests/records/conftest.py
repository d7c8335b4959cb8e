"""What tests of the store and the worker share: several connections at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import psycopg2
import pytest
from django.db import connection, connections

from records import parsers
from tests.records.facts import Facts


@pytest.fixture
def facts() -> Iterator[Facts]:
    """A registered parser."""
    facts = Facts()
    parsers.register(facts.parser)
    yield facts
    parsers.unregister("facts")


class InThreads(Protocol):
    def __call__(self, *steps: Callable[[], Any]) -> list[Any]: ...


@pytest.fixture
def in_threads(transactional_db: None) -> InThreads:
    """Runs each step in a thread with a connection of its own, all at once."""

    def run(step: Callable[[], Any]) -> Any:
        try:
            return step()
        finally:
            connections.close_all()

    def in_threads(*steps: Callable[[], Any]) -> list[Any]:
        with ThreadPoolExecutor(len(steps)) as pool:
            running = [pool.submit(run, step) for step in steps]
            return [each.result(30) for each in running]

    return in_threads


@pytest.fixture
def end_connection(
    on_postgres: bool, transactional_db: None
) -> Iterator[Callable[[], None]]:
    """Ends the connection that the test works with, as a crash of its server would."""
    if not on_postgres:
        pytest.skip("runs in the PostgreSQL half")
    parameters = connection.get_connection_params()
    parameters.pop("cursor_factory", None)
    parameters.pop("context", None)
    other = psycopg2.connect(**parameters)
    other.autocommit = True

    def end() -> None:
        connection.ensure_connection()
        pid = connection.connection.info.backend_pid
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            assert cursor.fetchone() == (True,)

    yield end
    other.close()

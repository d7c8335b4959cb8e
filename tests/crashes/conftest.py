"""Several connections at once, as in the tests of the store."""

from tests.records.conftest import end_connection, in_threads

__all__ = ["end_connection", "in_threads"]

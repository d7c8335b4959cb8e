"""Random records, and a database that forgets them after each example."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from records import labels, names
from records.submission import Submission
from tests.factories import submission

START = datetime(2026, 1, 30, 22, 0, tzinfo=UTC)
"""Some hours of two days and two months follow."""

_BORDERS = [timedelta(hours=n) for n in range(1, 6)]
_NEAR = [timedelta(microseconds=n) for n in (-1, 0, 1)]

moments = st.builds(
    START.__add__,
    st.builds(timedelta.__add__, st.sampled_from(_BORDERS), st.sampled_from(_NEAR))
    | st.timedeltas(timedelta(0), timedelta(hours=30)),
)
submissions = st.builds(
    submission,
    classification=st.sampled_from(
        ["org.clearlinux/heartbeat/ping", "org.clearlinux/hello/world", "a/b/c"]
    ),
    severity=st.sampled_from([1, 4]),
    machine_id=st.sampled_from(["a", "b", "c"]),
    build=st.sampled_from(["32130", "32131"]),
    system_name=st.sampled_from(["clear-linux-os", "fedora"]),
    arch=st.sampled_from(["x86_64", "riscv64"]),
    external=st.booleans(),
    event_id=st.none(),
)
received: st.SearchStrategy[list[tuple[datetime, Submission]]] = st.lists(
    st.tuples(moments, submissions), max_size=30
)

in_one_database = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
"""For a test whose database serves all examples, each inside `rolled_back`."""


@contextmanager
def rolled_back() -> Iterator[None]:
    """Everything that is written inside disappears at the end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    names.forget()
    labels.forget()

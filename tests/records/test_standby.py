"""When pages read from a standby, and what happens when it cannot answer."""

from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, ProgrammingError, connection
from hypothesis import given
from hypothesis import strategies as st

from alerts.models import Rule
from records import listing, standby
from records.models import Record
from tests.factories import stored

router = standby.Router()


# --- How far it is behind -----------------------------------------------------------


@pytest.mark.parametrize(
    ("looks", "complete"),
    [
        ([], -inf),
        ([(10, 100, 100)], 10),
        ([(10, 100, 120)], 10),  # replayed more, meanwhile
        ([(10, 100, 90)], -inf),  # nothing is known yet
        ([(10, 100, 90), (15, 200, 100)], 10),
        ([(10, 100, 90), (15, 200, 99)], -inf),
        ([(10, 100, 90), (15, 200, 99), (20, 300, 150)], 10),
        ([(10, 100, 90), (15, 200, 110), (20, 300, 200)], 15),
        ([(10, 100, 100), (15, 100, 100)], 15),  # nothing happens: it has everything
        ([(10, 100, 100), (15, 200, 100), (20, 300, 100)], 10),  # stopped replaying
    ],
)
def test_a_standby_has_everything_up_to_a_moment(looks, complete):
    behind = standby.Behind()
    for look in looks:
        behind.note(*look)
    assert behind.complete == complete


@given(
    st.lists(
        st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=30
    )
)
def test_it_never_claims_to_have_what_it_has_not(steps):
    """``written`` grows by the first number a second; at most that is replayed."""
    behind = standby.Behind()
    written, replayed = 0, 0
    history: list[int] = []
    for second, (more, lag) in enumerate(steps):
        written += more
        replayed = max(replayed, written - lag)
        history.append(written)
        behind.note(second, written, replayed)
        if behind.complete > -inf:
            assert history[int(behind.complete)] <= replayed


# --- Which database a question goes to ----------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "model", "database"),
    [
        (True, Record, "standby"),
        (True, Rule, "standby"),
        (True, User, "default"),
        (False, Record, "default"),
    ],
)
def test_records_are_read_where_it_was_chosen_and_accounts_never(
    chosen, model, database
):
    with standby._choosing(chosen):
        assert router.db_for_read(model) == database
        assert router.db_for_write(model, instance=Record()) == "default"


def test_a_standby_is_not_migrated():
    assert router.allow_migrate("default", "records")
    assert not router.allow_migrate("standby", "records")


def test_without_a_standby_everything_is_read_as_ever():
    with standby.reading():
        assert standby.connection() is connection._connections["default"]
        assert standby.age() == 0


@pytest.fixture
def with_standby(settings, monkeypatch: pytest.MonkeyPatch) -> standby.Watch:
    """A standby that is near; asking it anything is up to the test."""
    monkeypatch.setitem(settings.DATABASES, "standby", settings.DATABASES["default"])
    monkeypatch.setitem(
        standby.connections.settings, "standby", settings.DATABASES["default"]
    )
    monkeypatch.setattr(standby, "watch", standby.Watch())
    monkeypatch.setattr(standby, "_number", lambda alias, question: 100)
    return standby.watch


def test_what_is_read_from_a_standby_has_an_age(with_standby):
    with standby.reading():
        assert standby.connection().alias == "standby"
        with_standby._behind.complete -= 20
        assert 20 <= standby.age() < 21
        late = datetime.now(UTC) - standby.complete_until()
        assert timedelta(seconds=20) <= late < timedelta(seconds=21)


@pytest.mark.parametrize(("late", "near"), [(29, True), (31, False)])
def test_a_standby_that_is_too_far_behind_is_not_read(with_standby, late, near):
    assert with_standby.near()
    with_standby._behind.complete -= late
    assert with_standby.near() == near


@pytest.mark.parametrize("number", [None, OperationalError("away"), InterfaceError()])
def test_a_standby_that_is_away_or_none_is_left_alone_for_a_while(
    with_standby, monkeypatch, number
):
    asked = []

    def answer(alias, question):
        asked.append(alias)
        if isinstance(number, Exception):
            raise number
        return number

    assert with_standby.near()
    monkeypatch.setattr(standby, "_number", answer)
    with_standby.doubt()
    assert [with_standby.near() for _ in range(3)] == [False] * 3
    assert asked.count("default") == 1


def test_one_request_looks_and_others_do_not_wait(with_standby):
    with with_standby._looking:
        assert not with_standby.near()
    assert with_standby.near()


@pytest.mark.django_db
@pytest.mark.parametrize(("age", "settled"), [(0.0, True), (8.0, True), (20.0, False)])
def test_what_may_lack_an_older_record_is_not_settled(monkeypatch, age, settled):
    """A lower id may commit later: on a standby that is behind, much later."""
    record = stored(datetime.now(UTC) - timedelta(seconds=15))
    monkeypatch.setattr(standby, "age", lambda: age)
    assert (listing.settled_id() == record.pk) == settled


# --- What it cannot answer ----------------------------------------------------------


def aliases(asked: list[str], error: Exception) -> str:
    """Fails on the standby, and is answered by the primary."""
    asked.append(standby.connection().alias)
    if asked[-1] == "standby":
        raise error
    return "answer"


@pytest.mark.parametrize(
    "error", [OperationalError(), InterfaceError(), ProgrammingError()]
)
def test_a_question_that_the_standby_fails_on_is_asked_of_the_primary(
    with_standby, error
):
    asked: list[str] = []
    with standby.reading():
        assert standby.steadily(lambda: aliases(asked, error)) == "answer"
    assert asked == ["standby", "default"]
    assert with_standby._next == -inf


def test_other_errors_are_errors(with_standby):
    with standby.reading(), pytest.raises(ZeroDivisionError):
        standby.steadily(lambda: aliases([], ZeroDivisionError()))


def test_an_error_of_the_primary_is_not_asked_again():
    asked: list[str] = []

    def ask():
        asked.append(standby.connection().alias)
        raise OperationalError

    with pytest.raises(OperationalError):
        standby.steadily(ask)
    assert asked == ["default"]


@pytest.mark.parametrize(
    ("status", "broken", "times"), [(500, True, 2), (500, False, 1), (400, True, 1)]
)
def test_an_answer_that_hides_a_failure_of_the_standby_is_made_again(
    with_standby, status, broken, times
):
    asked = []

    def ask():
        asked.append(standby.connection().alias)
        standby.connection().errors_occurred = broken
        return status

    with standby.reading():
        assert standby.steadily(ask, lambda each: each >= 500) == status
    assert asked == ["standby", "default"][:times]
    connection.errors_occurred = False


def test_pieces_are_made_where_the_first_was(with_standby):
    def pieces():
        for _ in range(3):
            yield standby.connection().alias

    assert list(standby.within(pieces())) == ["standby"] * 3
    assert standby.connection().alias == "default"

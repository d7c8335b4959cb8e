"""Logins that fail too often: who is stopped, for how long, and who is not."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts import throttle
from accounts.models import LoginAttempt
from accounts.throttle import MOST, PERIOD, Failures, too_many

PASSWORD = "correct horse"
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def ada(db) -> User:
    return User.objects.create_user("ada", password=PASSWORD)


def login(
    name="ada", password="wrong", address=HERE, path="/login", client=None, **headers
):
    form = {"username": name, "password": password}
    return (client or Client()).post(path, form, REMOTE_ADDR=address, headers=headers)


def fail(times=MOST.of_both, **how) -> None:
    for _ in range(times):
        assert login(**how).status_code == 200


def later(period: timedelta) -> None:
    for attempt in LoginAttempt.objects.all():
        attempt.made_at -= period
        attempt.save()


# --- Decisions ----------------------------------------------------------------------


@pytest.mark.parametrize("name", Failures._fields)
def test_each_limit_stops_by_itself(name):
    none = Failures(0, 0, 0)
    most = getattr(MOST, name)
    assert not too_many(none._replace(**{name: most - 1}))
    assert too_many(none._replace(**{name: most}))


@given(st.tuples(*[st.integers(0, 200)] * 3), st.tuples(*[st.integers(0, 9)] * 3))
def test_more_failures_never_let_in(failures, more):
    worse = Failures(*map(sum, zip(failures, more, strict=True)))
    assert too_many(worse) or not too_many(Failures(*failures))


# --- Logging in ---------------------------------------------------------------------


def test_a_password_logs_in(ada):
    answer = login(password=PASSWORD)
    assert (answer.status_code, answer["Location"]) == (302, "/records")


def test_guessing_is_answered_429_with_a_page_that_says_how_long(ada):
    fail()
    locked = login(password=PASSWORD)
    assert (locked.status_code, locked["Retry-After"]) == (429, "900")
    assert b"Wait 15 minutes" in locked.content
    assert "sessionid" not in locked.cookies


def test_small_and_capital_letters_make_no_difference(ada):
    fail(name="ada")
    assert login(name="ADA").status_code == 429


def test_a_user_that_does_not_exist_is_counted_all_the_same(ada):
    fail(name="nobody")
    assert login(name="nobody").status_code == 429


def test_it_ends_by_itself_and_what_was_noted_is_deleted(ada):
    fail()
    later(PERIOD - timedelta(seconds=20))
    assert login(password=PASSWORD).status_code == 429
    later(timedelta(seconds=30))
    assert login(password=PASSWORD).status_code == 302
    assert not LoginAttempt.objects.exists()


def test_what_is_refused_does_not_make_it_longer(ada):
    fail()
    noted = LoginAttempt.objects.count()
    assert login().status_code == 429
    assert LoginAttempt.objects.count() == noted


def test_a_stranger_does_not_lock_a_user_out_elsewhere(ada):
    fail()
    assert login(password=PASSWORD, address=ELSEWHERE).status_code == 302
    assert login().status_code == 429  # and the success there does not help here


def test_success_forgets_mistakes_before(ada):
    for _ in range(2):
        fail(MOST.of_both - 1)
        assert login(password=PASSWORD).status_code == 302


def test_who_is_logged_in_already_may_guess_no_more_than_others(ada):
    client = Client()
    client.force_login(User.objects.create_user("mallory"))
    fail(client=client)
    assert login(client=client).status_code == 429


def test_many_users_from_one_address_are_stopped(ada, monkeypatch):
    monkeypatch.setattr(throttle, "MOST", Failures(5, 3, 100))
    for number in range(3):
        assert login(name=f"user{number}").status_code == 200
    assert login(password=PASSWORD).status_code == 429
    assert login(password=PASSWORD, address=ELSEWHERE).status_code == 302


def test_one_user_from_many_addresses_is_stopped(ada, monkeypatch):
    monkeypatch.setattr(throttle, "MOST", Failures(5, 30, 3))
    for number in range(3):
        assert login(address=f"198.51.100.{number}").status_code == 200
    assert login(password=PASSWORD).status_code == 429


def test_a_login_of_the_admin_is_the_same_one(ada, client):
    moved = client.get("/admin/login/?next=/admin/records/")
    assert (moved.status_code, moved["Location"]) == (
        302,
        "/login?next=/admin/records/",
    )
    fail()
    assert login(path="/admin/login/", password=PASSWORD)["Location"] == "/login"
    assert login(password=PASSWORD).status_code == 429


# --- Addresses ----------------------------------------------------------------------


def forwarded(*addresses: str) -> dict[str, str]:
    return {"X-Forwarded-For": ", ".join(addresses)}


def test_a_header_of_the_client_does_not_hide_its_address(ada):
    for number in range(MOST.of_both):
        fail(1, **forwarded(f"203.0.113.{number}"))
    assert login(**forwarded("203.0.113.99")).status_code == 429


def test_behind_a_trusted_proxy_its_last_entry_counts(ada, settings):
    settings.TELEMETRY_TRUSTED_PROXY = True
    for number in range(MOST.of_both):
        fail(1, **forwarded(f"203.0.113.{number}", "198.51.100.7"))
    blocked = login(**forwarded("203.0.113.99", "198.51.100.7"))
    other = login(password=PASSWORD, **forwarded("203.0.113.0", "198.51.100.8"))
    assert (blocked.status_code, other.status_code) == (429, 302)


# --- What is kept -------------------------------------------------------------------


def test_what_was_typed_is_not_readable_from_what_is_kept(ada):
    fail(1, name="my password by mistake")
    kept = LoginAttempt.objects.values().get()
    assert "mistake" not in str(kept)
    assert kept["address"] == HERE


@pytest.mark.parametrize("name", ["", "x" * 5000, "\x00", "<script>"])
def test_any_text_is_a_name_that_fails(ada, name):
    attempt = throttle.begin(name, HERE)
    assert attempt is not None
    assert LoginAttempt.objects.get() == attempt


@pytest.mark.django_db
def test_attempts_made_all_at_once_do_not_pass_together():
    passed = [throttle.begin("ada", HERE) for _ in range(20)]
    assert sum(each is not None for each in passed) == MOST.of_both

"""Pages of accounts: login, account, password, and how long a session lasts."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from tests.accounts.people import member, token_of

pytestmark = pytest.mark.django_db

OLD, NEW = "until now 1", "from now on 2"


@pytest.fixture
def ada(client: Client) -> User:
    user = member("curator", password=OLD)
    client.force_login(user)
    return user


def change(client: Client, old=OLD, new=NEW, again=NEW):
    form = {"old_password": old, "new_password1": new, "new_password2": again}
    return client.post("/account/password", form, follow=True)


def text(response) -> str:
    return " ".join(response.content.decode().split())


def test_an_account_tells_what_it_may_and_which_tokens_it_has(ada, client):
    token, secret = token_of(ada, "read", "curate")
    token_of(ada, "read", revoked=True)
    token_of(member("viewer"), "export")
    page = text(client.get("/account"))
    assert "curator" in page
    assert "read records, see payloads, comment on guilties" in page
    assert "export without limit" not in page
    assert token.prefix in page
    assert secret not in page
    assert page.count("API token") == 2
    assert "read, curate; until" in page
    assert "read; revoked" in page


def test_an_account_without_groups_says_who_helps(client):
    client.force_login(member())
    assert "an administrator can add you" in text(client.get("/account"))


def test_a_name_is_escaped(client):
    client.force_login(User.objects.create_user("<b>ada</b>"))
    assert "<b>ada" not in text(client.get("/account"))


def test_a_changed_password_is_the_one_to_log_in_with(ada, client):
    assert "Your password was changed." in text(change(client))
    ada.refresh_from_db()
    assert ada.check_password(NEW)


def test_a_changed_password_ends_other_sessions_and_not_this_one(ada, client):
    elsewhere = Client()
    elsewhere.force_login(ada)
    change(client)
    assert client.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"old": "wrong"}, "old password was entered incorrectly"),
        ({"again": "else"}, "password fields didn"),
        ({"new": "12345678", "again": "12345678"}, "too common"),
        ({"new": "curator1", "again": "curator1"}, "too similar"),
        ({"new": "", "again": ""}, "This field is required"),
    ],
)
def test_a_password_that_will_not_do_is_refused_with_the_reason(
    ada, client, form, said
):
    assert said in text(change(client, **form))
    ada.refresh_from_db()
    assert ada.check_password(OLD)


def test_who_has_no_password_is_offered_no_change(client):
    user = member("viewer")
    user.set_unusable_password()
    user.save()
    client.force_login(user)
    assert "Change password" not in text(client.get("/account"))


def test_forms_need_a_csrf_token(ada):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    for path in ("/login", "/logout", "/account/password"):
        assert client.post(path).status_code == 403


def test_logging_out_is_a_post(ada, client):
    assert client.get("/logout").status_code == 405
    assert client.post("/logout")["Location"] == "/login"
    assert client.get("/account").status_code == 302


def test_a_session_ends_after_its_hours(ada, client):
    assert configured.SESSION_COOKIE_AGE == 12 * 3600
    Session.objects.update(expire_date=datetime.now(UTC))
    assert client.get("/account").status_code == 302


def test_a_login_deletes_sessions_that_ended(ada, client):
    Session.objects.update(expire_date=datetime.now(UTC) - timedelta(seconds=1))
    Client().force_login(ada)
    assert Session.objects.count() == 1


def test_a_user_that_is_made_inactive_is_out_at_once(ada, client):
    User.objects.update(is_active=False)
    assert client.get("/account").status_code == 302


@pytest.mark.parametrize("path", ["/login", "/account", "/account/password"])
def test_pages_hold_no_script_or_style_and_are_not_kept(ada, client, path):
    answer = client.get(path)
    page = text(answer)
    assert "no-store" in answer["Cache-Control"]
    assert "style=" not in page
    assert "<style" not in page
    assert all(
        part.startswith((" src=", " defer", " type"))
        for part in page.split("<script")[1:]
    )


def test_the_login_offers_no_single_sign_on_that_is_not_there(client):
    assert "Single sign-on" not in text(client.get("/login"))
    for path in ("/login/sso", "/login/sso/return"):
        assert client.get(path).status_code == 404


def test_a_login_leads_on_within_the_site_only(ada):
    for asked, target in {
        "/crashes?days=7": "/crashes?days=7",
        "https://elsewhere.example/": "/records",
        "//elsewhere.example/": "/records",
    }.items():
        form = {"username": "curator", "password": OLD, "next": asked}
        assert Client().post("/login", form)["Location"] == target

"""Tokens and identities in the admin."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from accounts import tokens
from accounts.models import ApiToken, ExternalIdentity
from tests.accounts.people import member, token_of

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/apitoken/"


@pytest.fixture
def boss(client: Client) -> User:
    user = member("admin")
    client.force_login(user)
    return user


def add(client: Client, **changes):
    later = datetime.now(UTC) + timedelta(days=30)
    form = {
        "name": "nightly export",
        "scopes": ["read", "export"],
        "expires_at_0": later.strftime("%Y-%m-%d"),
        "expires_at_1": "12:00:00",
        **changes,
    }
    return client.post(f"{LIST}add/", form)


def test_a_token_is_shown_once_after_it_was_saved(boss, client):
    reader = member("viewer")
    answer = add(client, owner=reader.pk)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    secret = answer.context["secret"]
    assert f"Bearer {secret}" in answer.content.decode()
    token = ApiToken.objects.get()
    assert (token.owner, token.scopes) == (reader, ["read", "export"])
    assert tokens.holder(secret) == reader
    for path in (LIST, f"{LIST}{token.pk}/change/", f"{LIST}{token.pk}/history/"):
        page = client.get(path).content.decode()
        assert secret not in page
    assert secret not in str(LogEntry.objects.values())
    assert secret not in str(answer.cookies)


def test_a_changed_token_keeps_its_secret_and_owner(boss, client):
    token, secret = token_of(boss, "read")
    other = member("viewer")
    form = {
        "name": "renamed",
        "owner": other.pk,
        "scopes": ["curate"],
        "expires_at_0": "2099-01-01",
        "expires_at_1": "00:00:00",
    }
    answer = client.post(f"{LIST}{token.pk}/change/", form)
    assert answer.status_code == 302, answer.context["errors"]
    token.refresh_from_db()
    assert (token.name, token.owner, token.scopes) == ("renamed", boss, ["curate"])
    assert tokens.holder(secret) == boss


@pytest.mark.parametrize(
    "changes", [{"scopes": []}, {"scopes": ["root"]}, {"name": ""}, {"owner": 999}]
)
def test_a_token_without_name_owner_or_known_scope_is_refused(boss, client, changes):
    answer = add(client, **{"owner": boss.pk, **changes})
    assert answer.status_code == 200
    assert "secret" not in answer.context
    assert not ApiToken.objects.exists()


def test_the_form_begins_with_reading_oneself_and_ninety_days(boss, client):
    form = client.get(f"{LIST}add/").context["adminform"].form
    assert form["scopes"].value() == ["read"]
    assert form["owner"].value() == str(boss.pk)
    left = form.initial["expires_at"] - datetime.now(UTC)
    assert timedelta(days=89) < left <= timedelta(days=90)


def test_tokens_are_revoked_in_the_list(boss, client):
    token, secret = token_of(boss, "read")
    chosen = {"action": "revoke", "_selected_action": [token.pk]}
    client.post(LIST, chosen)
    assert tokens.holder(secret) is None


def test_who_may_not_change_users_has_tokens_of_their_own_only(client):
    script_writer = member("viewer", "curator")
    script_writer.is_staff = True
    script_writer.save()
    rights = Permission.objects.filter(codename__endswith="_apitoken")
    script_writer.user_permissions.set(rights)
    boss = member("admin")
    foreign = token_of(boss, "read")[0]
    client.force_login(script_writer)
    secret = add(client, owner=boss.pk).context["secret"]
    assert tokens.holder(secret) == script_writer
    listed = client.get(LIST).context["cl"].queryset
    assert {token.owner for token in listed} == {script_writer}
    assert client.get(f"{LIST}{foreign.pk}/change/").status_code == 302


def test_an_identity_is_connected_to_an_account(boss, client):
    form = {"user": boss.pk, "issuer": "https://id.example", "subject": "42"}
    client.post("/admin/accounts/externalidentity/add/", form)
    assert str(ExternalIdentity.objects.get()) == "42 of https://id.example"
    assert client.get("/admin/accounts/externalidentity/").status_code == 200


def test_a_name_is_escaped(boss, client):
    page = add(client, owner=boss.pk, name="<script>alert(1)</script>")
    assert b"<script>alert" not in page.content

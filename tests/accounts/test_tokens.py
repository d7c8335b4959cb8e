"""API tokens: what they open, and when they do not."""

import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts import tokens
from accounts.models import ApiToken, TokenUser
from accounts.scopes import Scope
from crashes.models import RulesVersion
from tests.accounts.people import bearer, member, token_of, with_token
from tests.factories import stored

pytestmark = pytest.mark.django_db

PERMISSIONS = (
    "records.view_record",
    "records.view_payload",
    "records.export_record",
    "crashes.change_rule",
    "auth.change_user",
)
RULE = {"function": "abort", "module": "libc.so.6", "reason": "Always on top."}


@pytest.fixture
def owner() -> User:
    return member("admin")


# --- The secret ---------------------------------------------------------------------


def test_a_secret_is_random_and_not_stored(owner):
    token, secret = token_of(owner, "read")
    other = token_of(owner, "read")[1]
    assert re.fullmatch(r"tlm_[\w-]{43}", secret)
    assert secret != other
    row = ApiToken.objects.filter(pk=token.pk).values().get()
    assert row["digest"] == sha256(secret.encode()).hexdigest()
    assert row["prefix"] == secret[:10]
    assert not any(secret in str(value) for value in row.values())


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Bearer", ""),
        ("Basic YTpi", None),
        ("Bearerabc", None),
        ("", None),
    ],
)
def test_only_a_bearer_is_one(header, secret):
    assert tokens.bearer(header) == secret


# --- Good and bad ones --------------------------------------------------------------


def test_a_token_opens_the_api_without_a_session(owner, client):
    stored()
    answer = client.get("/api/records", headers=bearer(token_of(owner, "read")[1]))
    assert len(answer.json()["records"]) == 1
    assert not answer.cookies
    assert client.get("/api/records").status_code == 401


def test_without_any_login_the_answer_says_what_is_needed(client):
    refused = client.get("/api/records")
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")
    assert refused.json().keys() == {"message"}


@pytest.mark.parametrize("open_to_all", [True, False])
@pytest.mark.parametrize("path", ["/api/records", "/api/rules", "/api/schema"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token.__dict__.update(digest="0" * 64),
        lambda token: token.__dict__.update(revoked=True),
        lambda token: token.__dict__.update(expires_at=datetime.now(UTC)),
        lambda token: User.objects.update(is_active=False),
        lambda token: token.owner.delete(),
    ],
    ids=["wrong", "revoked", "expired", "inactive owner", "no owner"],
)
def test_a_bad_token_is_refused_also_where_none_is_needed(
    owner, settings, open_to_all, path, spoil
):
    settings.TELEMETRY_ANONYMOUS_READ = open_to_all
    token, secret = token_of(owner, "read")
    good = Client(headers=bearer(secret))
    assert good.get(path).status_code == 200
    spoil(token)
    if ApiToken.objects.filter(pk=token.pk).exists():
        token.save()
    refused = good.get(path)
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")
    assert secret not in refused.content.decode()


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer x", "bearer tlm_é"])
def test_what_is_no_token_is_refused(client, settings, header):
    settings.TELEMETRY_ANONYMOUS_READ = True
    headers = {"Authorization": header}
    assert client.get("/api/records", headers=headers).status_code == 401


def test_a_bad_token_is_not_saved_by_a_good_session(owner, client):
    client.force_login(owner)
    assert client.get("/api/records", headers=bearer("x")).status_code == 401


@pytest.mark.parametrize("name", ["token", "access_token", "bearer", "authorization"])
def test_a_token_in_an_address_is_never_accepted(owner, client, settings, name):
    secret = token_of(owner, "read")[1]
    assert client.get("/api/records", {name: secret}).status_code == 401
    assert client.post("/api/rules/preview", {name: secret}).status_code == 401


def test_a_token_is_no_way_into_pages(owner):
    script = with_token(owner, *Scope)
    assert script.get("/records").status_code == 302
    assert script.get("/admin/").status_code == 302


# --- What it may --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "payload"),
    [(["read"], 6), (["export"], 6), (["read-payload"], "secret")],
)
def test_payloads_need_a_scope(owner, scopes, payload):
    stored(payload="secret")
    script = with_token(owner, *scopes)
    assert script.get("/api/records").json()["records"][0]["payload"] == payload
    searched = script.get("/api/records", {"payload": "^s"}).status_code
    assert searched == (200 if payload == "secret" else 403)


@pytest.mark.parametrize(("scope", "limit"), [("read", 2), ("export", 3)])
def test_streams_without_an_end_need_a_scope(owner, monkeypatch, scope, limit):
    monkeypatch.setattr("records.api.parameters.MAX_LIMIT", 2)
    for _ in range(3):
        stored()
    answer = with_token(owner, scope).get("/api/records", {"format": "ndjson"})
    assert len(answer.getvalue().splitlines()) == limit


def test_curating_needs_a_scope_and_names_the_owner(owner):
    def change(*scopes: str):
        script = Client(
            headers=bearer(token_of(owner, *scopes)[1]), enforce_csrf_checks=True
        )
        return script.post("/api/rules", {"add": [RULE]}, "application/json")

    assert change("read", "read-payload", "export").status_code == 403
    before = RulesVersion.objects.count()
    answer = change("curate")
    assert (answer.status_code, answer.json()["author"]) == (202, owner.username)
    newest = RulesVersion.objects.order_by("-pk")[0]
    assert RulesVersion.objects.count() == before + 1
    assert newest.author_id == owner.pk


@pytest.mark.parametrize("groups", [(), ("viewer",), ("curator",), ("admin",)])
@pytest.mark.parametrize("scopes", [(), *((scope,) for scope in Scope), tuple(Scope)])
def test_a_token_does_never_more_than_its_owner(groups, scopes):
    person = member(*groups)
    user = tokens.holder(token_of(person, *scopes)[1])
    assert user is not None
    may = {name for name in PERMISSIONS if user.has_perm(name)}
    assert may <= {name for name in PERMISSIONS if person.has_perm(name)}
    assert may or not groups or not scopes


@given(
    st.sets(st.sampled_from([*Scope, "all", ""])),
    st.sampled_from(PERMISSIONS),
    st.booleans(),
)
def test_that_an_owner_is_a_superuser_does_not_widen_a_scope(scopes, name, active):
    owner = TokenUser(is_superuser=True, is_active=active)
    owner.scopes = scopes
    assert not owner.has_perm("auth.change_user")
    assert not owner.has_perm(name) or (active and scopes)


def test_rights_that_the_owner_loses_are_lost_to_the_token(owner):
    stored()
    script = with_token(owner, "read")
    assert script.get("/api/records").status_code == 200
    owner.groups.clear()
    assert script.get("/api/records").status_code == 403
    owner.user_permissions.add(Permission.objects.get(codename="view_record"))
    assert script.get("/api/records").status_code == 200


# --- Its use is noted ---------------------------------------------------------------


def test_its_last_use_is_written_once_a_minute_at_most(
    owner, django_assert_num_queries
):
    token, secret = token_of(owner, "read")

    def used(ago: timedelta) -> datetime:
        then = datetime.now(UTC) - ago
        ApiToken.objects.update(last_used_at=then)
        tokens.holder(secret)
        token.refresh_from_db()
        return token.last_used_at - then

    assert token.last_used_at is None
    with django_assert_num_queries(3):  # token, its use, owner
        tokens.holder(secret)
    with django_assert_num_queries(2):
        tokens.holder(secret)
    assert used(timedelta(seconds=50)) == timedelta(0)
    assert used(timedelta(seconds=61)) > timedelta(seconds=60)


# --- How the schema describes it ----------------------------------------------------


def test_the_schema_names_session_and_token(owner):
    script, headers = with_token(owner, "read"), {"Accept": "application/json"}
    answer = script.get("/api/schema", headers=headers)
    schema = json.loads(answer.content)
    schemes = schema["components"]["securitySchemes"]
    assert schemes["token"]["scheme"] == "bearer"
    assert schemes["cookieAuth"]["in"] == "cookie"
    reading = schema["paths"]["/api/records"]["get"]["security"]
    assert reading == [{"token": []}, {"cookieAuth": []}]

"""OpenID Connect, against a provider that speaks it over HTTP."""

import time
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from accounts.identities import groups_of
from accounts.models import ExternalIdentity
from accounts.provider import Provider
from accounts.views import FLOW_SECONDS
from tests.accounts import fake_provider
from tests.accounts.fake_provider import CLIENT, SECRET, STRANGERS_KEY, FakeProvider

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with fake_provider.running() as running:
        yield running


@pytest.fixture(autouse=True)
def _set_up(settings, provider: FakeProvider) -> None:
    settings.TELEMETRY_OIDC = Provider(provider.issuer, CLIENT, SECRET)


def with_groups(settings, **groups: str) -> None:
    found = settings.TELEMETRY_OIDC
    settings.TELEMETRY_OIDC = Provider(
        found.issuer, CLIENT, SECRET, groups_claim="roles", groups=groups
    )


def to_provider(client: Client, path: str = "/login/sso") -> str:
    """Begin a login; where the provider then sends the browser."""
    begun = client.get(path)
    assert begun.status_code == 302, begun.content
    address = urlsplit(begun["Location"])
    connection = HTTPConnection(address.netloc)
    connection.request("GET", f"{address.path}?{address.query}")
    back = connection.getresponse().headers["Location"]
    connection.close()
    assert back.startswith("http://testserver/login/sso/return?")
    return back.removeprefix("http://testserver")


def log_in(client: Client, path: str = "/login/sso"):
    return client.get(to_provider(client, path))


def who(client: Client) -> str | None:
    user = client.get("/account").wsgi_request.user
    return user.username if user.is_authenticated else None


def refused(response, status: int = 403) -> str:
    assert response.status_code == status
    assert "_auth_user_id" not in response.wsgi_request.session
    return response.content.decode()


# --- Logging in ---------------------------------------------------------------------


def test_who_the_provider_vouches_for_is_logged_in(client, provider):
    answer = log_in(client)
    assert (answer.status_code, answer["Location"]) == (302, "/records")
    assert who(client) == "ada"
    user = User.objects.get()
    assert not user.has_usable_password()
    assert not user.is_staff
    assert not user.groups.exists()
    identity = ExternalIdentity.objects.get()
    assert (identity.issuer, identity.subject) == (provider.issuer, "42")


def test_the_same_person_has_the_same_account_under_a_new_name(client, provider):
    log_in(client)
    provider.person["preferred_username"] = "ada.l"
    log_in(Client())
    assert User.objects.get().username == "ada"


def test_another_person_has_another_account(client, provider):
    log_in(client)
    provider.person = {"sub": "43"}
    other = Client()
    log_in(other)
    assert who(other) == "43"


def test_a_client_secret_goes_where_the_provider_wants_it(client, provider):
    provider.by_form = True
    assert log_in(client).status_code == 302


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("/crashes%3Fdays%3D7", "/crashes?days=7"),
        ("https%3A%2F%2Felsewhere.example%2F", "/records"),
        ("%2F%2Felsewhere.example%2F", "/records"),
        ("javascript%3Aalert(1)", "/records"),
    ],
)
def test_it_leads_on_within_the_site_only(client, asked, target):
    assert log_in(client, f"/login/sso?next={asked}")["Location"] == target


def test_the_login_page_offers_it_and_keeps_the_way(client):
    page = client.get("/login?next=/crashes%3Fa%3D1%26b%3D2").content.decode()
    assert 'href="/login/sso?next=%2Fcrashes%3Fa%3D1%26b%3D2"' in page


def test_the_cookie_of_a_login_is_for_that_and_gone_afterwards(client):
    cookie = client.get("/login/sso").cookies["sso"]
    assert cookie["httponly"]
    assert (cookie["path"], cookie["samesite"]) == ("/login/sso", "Lax")
    log_in(client)
    assert client.cookies["sso"].value == ""


# --- Groups -------------------------------------------------------------------------


def test_groups_of_the_provider_become_ours_and_end_there(client, provider, settings):
    with_groups(settings, ops="admin", staff="viewer")
    provider.person["roles"] = ["ops", "others"]
    log_in(client)
    user = User.objects.get()
    assert [group.name for group in user.groups.all()] == ["admin"]
    assert user.is_staff
    user.groups.add(Group.objects.get(name="curator"))  # not the provider's to decide
    provider.person["roles"] = "staff"
    log_in(Client())
    user.refresh_from_db()
    assert {group.name for group in user.groups.all()} == {"curator", "viewer"}
    assert not user.is_staff


def test_groups_may_come_from_the_second_source(client, provider, settings):
    with_groups(settings, staff="viewer")
    provider.userinfo = {"sub": "42", "roles": ["staff"], "preferred_username": "eve"}
    log_in(client)
    assert User.objects.get(groups__name="viewer").username == "ada"


def test_without_a_list_of_groups_the_admin_decides(client, provider):
    provider.person["groups"] = ["admin"]
    log_in(client)
    user = User.objects.get()
    assert not user.groups.exists()
    user.groups.add(Group.objects.get(name="curator"))
    log_in(Client())
    assert user.groups.get().name == "curator"


@pytest.mark.parametrize(
    ("claimed", "ours"),
    [
        (None, set()),
        ([], set()),
        (["a"], {"viewer"}),
        ("b", {"viewer"}),
        (["b", "cn=x,dc=y", 7, None], {"viewer", "admin"}),
        ({"a": 1}, set()),
        ("ab", set()),
    ],
)
def test_a_claim_of_groups_is_a_list_or_a_word(claimed, ours):
    names = {"a": "viewer", "b": "viewer", "cn=x,dc=y": "admin"}
    found = groups_of(claimed, names)
    assert found.keys() == {"viewer", "admin"}
    assert {name for name, member in found.items() if member} == ours


# --- Refused ------------------------------------------------------------------------


def test_an_account_of_that_name_is_not_taken_over(client):
    User.objects.create_user("ada", password="hers")
    assert "account of your name already" in refused(log_in(client))
    assert not ExternalIdentity.objects.exists()


def test_a_closed_account_stays_closed(client):
    log_in(client)
    User.objects.update(is_active=False)
    assert "closed" in refused(log_in(Client()))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another client"},
        {"aud": None},
        {"iss": "https://elsewhere.example"},
        {"nonce": "of another login"},
        {"nonce": None},
        {"exp": int(time.time()) - 120},
        {"exp": None},
        {"iat": int(time.time()) + 3600},
        {"sub": None},
        {"aud": [CLIENT, "another"], "azp": "another"},
    ],
    ids=" ".join,
)
def test_a_token_that_is_not_for_this_login_is_refused(client, provider, claims):
    provider.token = claims
    refused(log_in(client))
    assert not User.objects.exists()


def test_a_token_that_somebody_else_signed_is_refused(client, provider):
    provider.key = STRANGERS_KEY
    refused(log_in(client))


@pytest.mark.parametrize(
    ("algorithm", "key"), [("none", None), ("HS256", "x" * 32)], ids=str
)
def test_a_token_that_anybody_can_sign_is_refused(client, provider, algorithm, key):
    provider.algorithm, provider.key = algorithm, key
    refused(log_in(client))


def test_the_second_source_must_speak_of_the_same_person(client, provider, settings):
    with_groups(settings, staff="viewer")
    provider.userinfo = {"sub": "43", "roles": ["staff"]}
    refused(log_in(client))


def test_an_answer_to_another_browser_is_refused(client):
    back = to_provider(client)
    assert "not begun here" in refused(Client().get(back))
    assert client.get(back).status_code == 302


@pytest.mark.parametrize("query", ["code=code-1&state=forged", "code=code-1", ""])
def test_an_answer_to_another_login_is_refused(client, query):
    to_provider(client)
    refused(client.get(f"/login/sso/return?{query}"))


def test_an_answer_is_good_once(client):
    back = to_provider(client)
    client.get(back)
    client.post("/logout")
    refused(client.get(back))


def test_an_answer_that_comes_too_late_is_refused(client, monkeypatch):
    back = to_provider(client)
    later = time.time() + FLOW_SECONDS + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert "too long ago" in refused(client.get(back))


def test_a_code_that_the_provider_does_not_know_is_refused(client):
    back = to_provider(client).replace("code-1", "code-2")
    assert "did not accept" in refused(client.get(back))


def test_who_gave_up_at_the_provider_is_told_so(client):
    back = to_provider(client).replace("code=code-1", "error=%3Cscript%3E")
    page = refused(client.get(back))
    assert "did not log you in" in page
    assert "<script>" not in page.replace("<script ", "")


# --- A provider that is broken ------------------------------------------------------


def test_a_provider_that_is_not_there_is_said_to_be_so(client, settings):
    settings.TELEMETRY_OIDC = Provider("http://127.0.0.1:1", CLIENT, SECRET)
    page = refused(client.get("/login/sso"), 502)
    assert "does not answer" in page
    assert 'href="/login"' in page


@pytest.mark.parametrize("part", ["well-known", "keys", "token"])
def test_a_provider_that_fails_is_said_to_fail(client, provider, part):
    if part == "well-known":
        provider.fails = part
        refused(client.get("/login/sso"), 502)
        provider.fails = ""  # and works again as soon as it does
        assert log_in(client).status_code == 302
    else:
        back = to_provider(client)
        provider.fails = part
        refused(client.get(back), 502)


def test_a_provider_of_another_name_is_refused(client, settings, provider):
    other = provider.issuer.replace("127.0.0.1", "localhost")
    settings.TELEMETRY_OIDC = Provider(other, CLIENT, SECRET)
    refused(client.get("/login/sso"), 502)


@pytest.mark.parametrize(
    "description", [[], "x", None, {}, {"issuer": "of the provider"}], ids=str
)
def test_a_provider_that_describes_itself_oddly_is_refused(
    client, provider, description
):
    if description and "issuer" in description:
        description = {"issuer": provider.issuer}
    provider.odd["/.well-known/openid-configuration"] = description
    refused(client.get("/login/sso"), 502)


def test_no_secret_is_shown(provider, settings):
    assert SECRET not in repr(settings.TELEMETRY_OIDC)

"""Login by a header of the trusted proxy, and everybody else who sends it."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from telemetry_site.env import InvalidEnvironment, read
from tests.accounts.people import member
from tests.factories import stored

pytestmark = pytest.mark.django_db

HEADER = "X-Remote-User"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


@pytest.fixture
def _switched_on(settings) -> None:
    """As settings.py does when the environment names a header."""
    settings.TELEMETRY_TRUSTED_PROXY = True
    settings.TELEMETRY_REMOTE_USER_HEADER = HEADER
    settings.AUTHENTICATION_BACKENDS = [
        *settings.AUTHENTICATION_BACKENDS,
        "django.contrib.auth.backends.RemoteUserBackend",
    ]
    place = 1 + settings.MIDDLEWARE.index(AUTHENTICATION)
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[:place],
        "accounts.remote.HeaderLogin",
        *settings.MIDDLEWARE[place:],
    ]


def named(name: str, client: Client | None = None, path: str = "/account"):
    return (client or Client()).get(path, headers={HEADER: name})


def who(response) -> str | None:
    user = response.wsgi_request.user
    return user.username if user.is_authenticated else None


@pytest.mark.usefixtures("_switched_on")
def test_who_the_proxy_names_is_logged_in():
    stored()
    member("viewer")
    assert who(named("viewer")) == "viewer"
    assert named("viewer", path="/records").status_code == 200
    assert len(named("viewer", path="/api/records").json()["records"]) == 1


@pytest.mark.usefixtures("_switched_on")
def test_a_new_name_is_an_account_that_may_nothing():
    assert named("newcomer", path="/records").status_code == 403
    user = User.objects.get(username="newcomer")
    assert not user.is_staff
    assert not user.is_superuser
    assert not user.check_password("")


@pytest.mark.usefixtures("_switched_on")
def test_a_login_ends_with_the_header():
    member("viewer")
    client = Client()
    assert who(named("viewer", client)) == "viewer"
    assert who(client.get("/account")) is None


@pytest.mark.usefixtures("_switched_on")
def test_another_name_is_another_person():
    client = Client()
    named("viewer", client)
    assert who(named("curator", client)) == "curator"


@pytest.mark.usefixtures("_switched_on")
@pytest.mark.parametrize("value", ["mallory,admin", "admin, mallory", "", ","])
def test_a_header_that_came_twice_logs_nobody_in(value):
    member("admin")
    assert who(named(value)) is None
    assert User.objects.count() == 1


@pytest.mark.usefixtures("_switched_on")
def test_a_closed_account_stays_closed():
    member("admin", is_active=False)
    assert who(named("admin")) is None


def test_nobody_is_believed_where_it_is_not_switched_on(settings):
    member("admin")
    for proxy in (False, True):
        settings.TELEMETRY_TRUSTED_PROXY = proxy
        for header in (HEADER, "Remote-User", "X-Forwarded-User"):
            client = Client(headers={header: "admin"})
            assert who(client.get("/account")) is None
            assert client.get("/api/records").status_code == 401


# --- The environment ----------------------------------------------------------------

KEY = {"SECRET_KEY": "6d86a1b7" * 8}
PROXY = {"TELEMETRY_TRUSTED_PROXY": "true"}


def test_it_is_off_unless_it_is_named():
    assert read(KEY).remote_user_header == ""
    named = read({**KEY, **PROXY, "TELEMETRY_REMOTE_USER_HEADER": f" {HEADER} "})
    assert named.remote_user_header == HEADER


def test_without_a_trusted_proxy_nothing_starts():
    with pytest.raises(InvalidEnvironment, match="needs TELEMETRY_TRUSTED_PROXY"):
        read({**KEY, "TELEMETRY_REMOTE_USER_HEADER": HEADER})


@pytest.mark.parametrize("name", ["X_Remote_User", "X Remote", "x:y", "é", "-x"])
def test_what_is_no_header_is_refused(name):
    with pytest.raises(InvalidEnvironment, match="name of a header"):
        read({**KEY, **PROXY, "TELEMETRY_REMOTE_USER_HEADER": name})

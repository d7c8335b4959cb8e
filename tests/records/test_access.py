"""Who may read what."""

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.exceptions import PermissionDenied
from django.http import QueryDict
from django.test import Client

from records.access import check_search, may_export, may_read, may_see_payload
from tests.factories import stored

RIGHTS = {
    "view_record": may_read,
    "view_payload": may_see_payload,
    "export_record": may_export,
}


def user_with(*codenames: str) -> User:
    user = User.objects.create_user("reader")
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


@pytest.mark.django_db
@pytest.mark.parametrize("codename", RIGHTS)
def test_every_right_is_a_permission_of_its_own(codename):
    user = user_with(codename)
    assert {name: may(user) for name, may in RIGHTS.items()} == {
        name: name == codename for name in RIGHTS
    }


@pytest.mark.django_db
@pytest.mark.parametrize("codename", RIGHTS)
def test_a_user_that_is_not_active_has_no_rights(codename):
    user = user_with(*RIGHTS)
    user.is_active = False
    assert not RIGHTS[codename](user)


@pytest.mark.parametrize("codename", RIGHTS)
@pytest.mark.parametrize("open_to_all", [True, False])
def test_without_login_everything_or_nothing_is_allowed(
    codename, settings, open_to_all
):
    settings.TELEMETRY_ANONYMOUS_READ = open_to_all
    assert RIGHTS[codename](AnonymousUser()) is open_to_all


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query", ["payload=x", "not_payload=x", "severity=1&payload=^a"]
)
def test_searching_payloads_needs_the_right_to_see_them(query):
    with pytest.raises(PermissionDenied):
        check_search(user_with("view_record"), QueryDict(query))


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["", "severity=1", "payload=&not_payload="])
def test_other_searches_do_not(query):
    check_search(user_with("view_record"), QueryDict(query))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        "/records",
        "/records/more",
        "/records/live",
        "/records/facets",
        "/records/export/records-1.csv",
        "/api/records",
    ],
)
def test_no_page_tells_what_a_hidden_payload_holds(client: Client, address):
    stored(payload="secret")
    client.force_login(user_with("view_record", "export_record"))
    assert client.get(address, {"payload": "^s"}).status_code == 403
    assert client.get(address, {"payload": "^x"}).status_code == 403
    assert b"secret" not in client.get(address).getvalue()

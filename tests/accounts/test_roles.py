"""Every address of the site, every role, every method: against the table."""

import logging
import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponseBase
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from records.models import RetentionRule
from tests.accounts.people import everybody
from tests.accounts.roles import ADMIN, COLUMNS, IN, LOGIN, SITE, Row

pytestmark = [pytest.mark.django_db, pytest.mark.once]

REFUSED = {LOGIN, "401", "403", "405"}
# What hardly anything answers is tried by those who may most, and by strangers.
ALL_METHODS = {"anonymous", "admin", "curate"}
AT_THE_ADMIN = ("anonymous", "curator", "admin")
LEAVING = {"logout", "admin/logout/"}


TWINS = {
    f"{route}/": (f"{path}/", row)
    for route, (path, row) in SITE.items()
    if route.startswith(("api/records", "api/crashes", "api/guilties", "api/rules"))
}
"""The same addresses with a slash at their end."""


def routes(
    patterns: Iterable[URLPattern | URLResolver], before: str = ""
) -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield named(route)


def named(route: str) -> str:
    """The admin's list of apps is an expression that names them all."""
    return re.sub(r"\^?\(\?P<app_label>[^)]*\)/\$", "<app_label>/", route)


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.ERROR)  # thousands of refusals
    yield
    logging.disable(logging.NOTSET)


def test_every_address_has_a_row_and_every_row_an_address():
    there = set(routes(get_resolver().url_patterns))
    assert there == {*SITE, *TWINS, *ADMIN}


@pytest.mark.parametrize("table", [SITE, TWINS, ADMIN], ids=["site", "twins", "admin"])
def test_every_row_names_a_path_that_its_address_matches(table):
    wrong = {
        path: found
        for route, (path, _) in table.items()
        if (found := named(resolve(f"/{path}").route)) != route
    }
    assert wrong == {}


def test_twins_are_answered_by_the_same_views():
    """So that they are open to the same people."""
    for path, _ in TWINS.values():
        view, twin = (resolve(f"/{each}").func for each in (path[:-1], path))
        assert view.view_class is twin.view_class
        assert {**view.view_initkwargs, "schema": None} == twin.view_initkwargs


def outcome(response: HttpResponseBase) -> str:
    """What an answer means for the one who asked."""
    target = urlsplit(response.headers.get("Location", "")).path
    if target in {"/login", "/admin/login/"}:
        return LOGIN
    if response.status_code in {401, 403, 405}:
        return str(response.status_code)
    return IN if response.status_code < 500 else f"broken: {response.status_code}"


def differences(
    table: dict[str, tuple[str, Row]], roles: Iterable[str], settings
) -> Iterator[str]:
    """Where an address does not do what its row says."""
    for role, client in everybody(roles).items():
        settings.TELEMETRY_ANONYMOUS_READ = role == "open"
        for route, (path, row) in table.items():
            for method in methods(route, role):
                got = outcome(client.generic(method, f"/{path}"))
                allowed = row.get("GET" if method == "HEAD" else method)
                if got not in ({allowed[role]} if allowed else REFUSED):
                    yield f"{method} {route} as {role}: {got}"


def methods(route: str, role: str) -> tuple[str, ...]:
    if route.startswith("admin/"):
        return ("GET", "POST")  # which is all that Django's admin tells apart
    rare = ("HEAD", "PUT", "DELETE") if role in ALL_METHODS else ()
    return ("GET", "POST", *rare)


def staying(table: dict[str, tuple[str, Row]]) -> dict[str, tuple[str, Row]]:
    return {route: row for route, row in table.items() if route not in LEAVING}


def test_every_address_is_open_to_whom_the_table_says(settings):
    assert list(differences(staying(SITE), COLUMNS, settings)) == []


def test_twins_are_shut_for_whom_the_table_says(settings):
    assert list(differences(TWINS, ("anonymous", "nobody"), settings)) == []


def test_every_address_of_the_admin_is_open_to_whom_the_table_says(settings):
    # The table asks for rule 1, which is the default of a new database.
    RetentionRule.objects.filter(criterion="default").delete()
    RetentionRule.objects.create(pk=1, criterion="default", days=35)
    assert list(differences(staying(ADMIN), AT_THE_ADMIN, settings)) == []


@pytest.mark.parametrize("route", sorted(LEAVING))
def test_leaving_is_open_to_whom_the_table_says(route, settings):
    table = {route: (SITE | ADMIN)[route]}
    assert list(differences(table, COLUMNS, settings)) == []

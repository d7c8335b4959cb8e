"""What the health page says of plugins."""

import pytest
from django.contrib.auth.models import User
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from records import parsers
from records.digest import digest_batch
from tests.crashes.users import logged_in, user_with
from tests.factories import stored
from tests.records.facts import Facts
from tests.views_plugins.plugins import plugin, registered
from views_plugins import discovery, health
from views_plugins.discovery import Failure

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_faults", {})


def state(slug: str, probe=lambda plugin: None) -> health.State:
    found = health.report(probe).plugins
    return next(each for each in found if each.plugin.slug == slug)


def fails(plugin):
    if plugin.slug == "probe":
        raise ValueError("reason") from KeyError("what was behind it")


def test_everything_works_in_a_fresh_database():
    found = health.report(lambda plugin: None)
    assert found.works
    assert found.broken == []
    assert {"builds", "stats"} <= {each.plugin.slug for each in found.plugins}


def test_every_view_is_tried_and_one_that_fails_is_named():
    with registered(plugin()):
        failed = state("probe", fails)
        assert not failed.works
        assert failed.failure is not None
        assert failed.failure.app == "probes"
        assert failed.failure.reason == "KeyError: 'what was behind it'"
        assert state("builds", fails).works
        assert not health.report(fails).works


def test_a_view_that_works_again_is_no_longer_broken():
    with registered(plugin()) as view:
        health.failed(view, ValueError("reason"))
        assert not state("probe").works
        health.works(view)
        assert state("probe").works


def test_missing_migrations_make_a_view_broken():
    MigrationRecorder.Migration.objects.filter(app="updates").delete()
    assert state("updates").missing == ("0001_initial",)
    assert not state("updates").works
    assert state("builds").works


def test_plugins_that_were_not_loaded_are_listed(monkeypatch):
    failure = Failure("bad", "load", "reason")
    monkeypatch.setattr(discovery, "failures", {"bad": failure})
    found = health.report(lambda plugin: None)
    assert found.broken == [failure]
    assert not found.works


def test_payloads_that_a_parser_could_not_read_are_counted():
    facts = Facts()
    parsers.register(facts.parser)
    try:
        for payload in ("raise 1", "raise 2", "fine"):
            stored(classification="org.clearlinux/crash/a", payload=payload)
        digest_batch(10)
        found = health.report(lambda plugin: None)
    finally:
        parsers.unregister("facts")
    assert found.unreadable >= 2
    assert health.Parser("facts", 3, 2) in found.parsers


# --- The page -------------------------------------------------------------------------


def test_the_page_is_for_readers(client: Client):
    assert client.get("/health").status_code == 302
    assert logged_in(user_with()).get("/health").status_code == 403
    assert logged_in(user_with("records.view_record")).get("/health").status_code == 200


def test_reasons_are_for_the_staff(monkeypatch):
    failure = Failure("bad<b>", "load", "ValueError: what a payload says")
    monkeypatch.setattr(discovery, "failures", {"bad<b>": failure})
    reader = logged_in(user_with("records.view_record"))
    page = reader.get("/health").content.decode()
    assert "bad&lt;b&gt;" in page
    assert "what a payload says" not in page
    staff = logged_in(User.objects.create_superuser("staff"))
    assert "what a payload says" in staff.get("/health").content.decode()


def test_the_page_tries_every_view(mount, caplog):
    def raises(asked):
        raise ValueError("what a payload says")

    mount(plugin(shown=raises), plugin("fine"))
    reader = logged_in(user_with("records.view_record"))
    page = reader.get("/health").content.decode().partition("<main")[2]
    row = page.partition('<a href="/probe">')[2].partition("</tr>")[0]
    assert "broken" in row
    row = page.partition('<a href="/fine">')[2].partition("</tr>")[0]
    assert "works" in row
    assert "what a payload says" not in caplog.text

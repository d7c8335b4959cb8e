"""The groups of a new database, and what becomes of changes to them."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db.models.signals import post_migrate

from accounts import roles
from accounts.models import Grant
from accounts.roles import CURATOR, VIEWER

pytestmark = pytest.mark.django_db


def permissions_of(role: str) -> set[str]:
    rows = Group.objects.get(name=role).permissions.values_list(
        "content_type__app_label", "codename"
    )
    return {f"{app}.{codename}" for app, codename in rows}


def everything() -> set[str]:
    rows = Permission.objects.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in rows}


def test_a_migrated_database_has_the_groups():
    assert permissions_of("viewer") == VIEWER == {"records.view_record"}
    assert permissions_of("curator") == CURATOR
    assert permissions_of("admin") == everything()


def test_a_curator_sees_payloads_and_exports_no_more_than_others():
    assert "records.view_payload" in CURATOR
    assert "records.export_record" not in CURATOR
    assert everything() >= CURATOR


def test_it_happens_when_migrations_end():
    Grant.objects.all().delete()
    Group.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert permissions_of("viewer") == VIEWER


def test_what_an_operator_changed_stays():
    viewer, curator = (Group.objects.get(name=n) for n in ("viewer", "curator"))
    viewer.permissions.add(Permission.objects.get(codename="view_payload"))
    curator.permissions.clear()
    Group.objects.filter(name="admin").update(name="root")
    before = {group.name: permissions_of(group.name) for group in Group.objects.all()}
    roles.give()
    after = {group.name: permissions_of(group.name) for group in Group.objects.all()}
    assert after == before


def new_permission() -> None:
    kind = Permission.objects.get(codename="view_record").content_type
    Permission.objects.create(content_type=kind, codename="shred", name="Can shred")


def test_a_group_that_was_deleted_stays_away():
    Group.objects.filter(name__in=["admin", "curator"]).delete()
    new_permission()
    roles.give()
    assert [group.name for group in Group.objects.all()] == ["viewer"]


def test_a_new_permission_is_given_once():
    new_permission()
    roles.give()
    assert "records.shred" in permissions_of("admin")
    assert "records.shred" not in permissions_of("curator")
    Group.objects.get(name="admin").permissions.clear()
    roles.give()
    assert permissions_of("admin") == set()


def test_a_group_that_was_there_before_is_taken_as_it_is():
    Grant.objects.all().delete()
    Group.objects.all().delete()
    mine = Group.objects.create(name="viewer")
    mine.permissions.add(Permission.objects.get(codename="view_payload"))
    roles.give()
    assert permissions_of("viewer") == {*VIEWER, "records.view_payload"}


def test_a_database_of_before_there_were_groups_is_left_alone():
    class Before:
        def get_model(self, app: str, name: str):
            raise LookupError

    roles.give(Before())


def test_permissions_of_every_app_are_there_by_then():
    *_, last = (app for app in apps.get_app_configs() if app.models_module)
    receivers = [
        key for key, *_ in post_migrate.receivers if key[0] == "accounts.roles"
    ]
    assert receivers == [("accounts.roles", id(last))]

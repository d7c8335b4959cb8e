"""What tests commit is gone after them, and what they took away is back."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Group

from crashes.models import Rule
from records.models import Record, RetentionRule
from tests.cleaning import NewDatabase
from tests.factories import stored

pytestmark = pytest.mark.django_db


def configured() -> list[object]:
    models = (Rule, RetentionRule, Group, Group.permissions.through)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_a_database_is_as_it_was_when_it_was_new():
    new, before = NewDatabase(), configured()
    stored()
    Rule.objects.filter(pk__lt=100).delete()
    RetentionRule.objects.update(days=1)
    Group.objects.all().delete()
    new.restore()
    assert not Record.objects.exists()
    assert configured() == before
    assert all(before)


def test_what_is_new_after_it_gets_no_id_that_was_there_before():
    new = NewDatabase()
    last = Rule.objects.latest("pk").pk
    Rule.objects.all().delete()
    new.restore()
    assert Rule.objects.create(key=uuid4(), function="f()").pk > last

"""The admin of retention: rules, what they delete, and erasing from the list."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry

from records.digest import digest_batch
from records.models import Erasure, Record, RetentionRule, RetentionRun
from tests.crashes.users import logged_in, user_with
from tests.factories import stored

pytestmark = pytest.mark.django_db

RULES = "/admin/records/retentionrule/"
RECORDS = "/admin/records/record/"
MANAGE = tuple(
    f"records.{do}_retentionrule" for do in ("view", "add", "change", "delete")
)
ERASE = ("records.view_record", "records.delete_record")


def operator(*permissions: str):
    return logged_in(user_with(*permissions, staff=True))


def filled(**changes: object) -> dict[str, object]:
    values = {"criterion": "classification", "value": "a/*", "days": 3, "active": "on"}
    return {**values, "reason": "of a test", **changes}


@pytest.fixture
def default() -> RetentionRule:
    rule, _ = RetentionRule.objects.get_or_create(
        criterion="default", value="", defaults={"days": 35}
    )
    return rule


def test_a_rule_is_added_and_the_log_says_by_whom():
    answer = operator(*MANAGE).post(f"{RULES}add/", filled())
    assert answer.status_code == 302
    rule = RetentionRule.objects.get(value="a/*")
    assert (rule.days, rule.reason, rule.active) == (3, "of a test", True)
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user.username) == (str(rule.pk), "+".join(MANAGE))


@pytest.mark.parametrize(
    "changes",
    [
        {"criterion": "severity", "value": "high"},
        {"criterion": "machine_id", "value": "m" * 33},
        {"value": ""},
        {"value": "there/is/one"},
        {"days": -1},
        {"days": 36_501},
        {"days": ""},
        {"criterion": "default", "value": ""},
        {"criterion": "build", "value": "1"},
    ],
    ids=str,
)
def test_what_is_no_rule_is_refused(default, changes):
    RetentionRule.objects.create(
        criterion="classification", value="there/is/one", days=1
    )
    answer = operator(*MANAGE).post(f"{RULES}add/", filled(**changes))
    assert answer.status_code == 200
    assert answer.context["errors"]
    assert RetentionRule.objects.count() == 2


def test_of_the_default_only_days_and_reason_change(default):
    address = f"{RULES}{default.pk}/change/"
    sent = filled(criterion="severity", value="4", days=0)
    del sent["active"]
    assert operator(*MANAGE).post(address, sent).status_code == 302
    default.refresh_from_db()
    assert (default.criterion, default.value, default.active) == ("default", "", True)
    assert default.days == 0


def test_the_default_cannot_be_deleted(default):
    other = RetentionRule.objects.create(criterion="severity", value="4", days=1)
    client = operator(*MANAGE)
    client.post(f"{RULES}{default.pk}/delete/", {"post": "yes"})
    both = {
        "action": "delete_selected",
        "_selected_action": [default.pk, other.pk],
        "post": "yes",
    }
    client.post(RULES, both)
    assert RetentionRule.objects.count() == 2
    client.post(RULES, {**both, "_selected_action": [other.pk]})
    assert list(RetentionRule.objects.all()) == [default]


def test_a_page_shows_what_the_rules_delete(default):
    RetentionRule.objects.create(criterion="classification", value="<b>*", days=1)
    for days in (36, 40, 1):
        stored(datetime.now(UTC) - timedelta(days=days))
    digest_batch(10)
    client = operator("records.view_retentionrule")
    assert "preview/" in client.get(RULES).text
    page = client.get(f"{RULES}preview/")
    shares = page.context["shares"]
    assert [(each.stored, each.due) for each in shares] == [(0, 0), (3, 2)]
    assert "&lt;b&gt;*" in page.text
    assert Record.objects.count() == 3


def test_the_page_needs_permission():
    assert operator("records.view_record").get(f"{RULES}preview/").status_code == 403


def test_purges_are_listed_with_what_they_deleted(default):
    gone = {str(default.pk + 1): 2, str(default.pk + 2): 3}
    run = RetentionRun.objects.create(
        started=datetime.now(UTC),
        deleted=3000,
        by_rule={str(default.pk): 2995, **gone},
    )
    client = operator("records.view_retentionrun")
    assert "3000" in client.get("/admin/records/retentionrun/").text
    page = client.get(f"/admin/records/retentionrun/{run.pk}/change/").text
    assert "default: 2,995, rules that are gone: 5" in page


# --- Erasing ------------------------------------------------------------------------


def chosen(*records: Record, **more: str) -> dict[str, object]:
    ids = [record.pk for record in records]
    return {"action": "erase_machines", "_selected_action": ids, **more}


def test_machines_are_erased_when_that_is_confirmed():
    records = [stored(machine_id=name) for name in ("<i>a", "<i>a", "b", "c")]
    client = operator(*ERASE, "records.view_erasure")
    page = client.post(RECORDS, chosen(records[0], records[2]))
    assert "<li>&lt;i&gt;a</li><li>b</li>" in page.text
    assert Record.objects.count() == 4
    client.post(RECORDS, chosen(records[0], records[2], confirmed="yes"))
    assert list(Record.objects.all()) == [records[3]]
    assert Erasure.objects.count() == 2
    listed = client.get("/admin/records/erasure/").text
    assert "records.delete_record" in listed
    assert "&lt;i&gt;a" not in listed


def test_erasing_needs_permission():
    record = stored()
    client = operator("records.view_record")
    client.post(RECORDS, chosen(record, confirmed="yes"))
    assert Record.objects.exists()
    assert "erase_machines" not in client.get(RECORDS).text

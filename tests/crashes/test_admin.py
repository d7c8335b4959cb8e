"""The admin of crashes: a change of rules is a version, what is said is noted."""

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crashes import audit, classes, curation, exchange
from crashes.models import (
    CrashClassification,
    CrashReport,
    Guilty,
    Rule,
    RulesVersion,
    TakenOver,
    Trace,
)
from tests.crashes.factories import (
    crashed,
    digest,
    groups,
    guilty_row,
    in_force,
    judge_everything,
    rule,
)
from tests.crashes.users import logged_in, user_with

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_starter_rules")]

LOOK = tuple(
    f"crashes.view_{name}"
    for name in (
        "guilty",
        "rule",
        "rulesversion",
        "crashreport",
        "trace",
        "crashclassification",
        "takenover",
    )
)
CURATE = (
    "crashes.change_rule",
    "crashes.change_guilty",
    "crashes.add_crashclassification",
    "crashes.change_crashclassification",
)
RULES = "/admin/crashes/rule/"
PAGES = [
    *(
        f"/admin/crashes/{name}/"
        for name in (
            "guilty",
            "rule",
            "rulesversion",
            "crashreport",
            "trace",
            "crashclassification",
            "takenover",
        )
    ),
    f"{RULES}export/",
]


@pytest.fixture
def viewer(db: None) -> Client:
    return logged_in(user_with(*LOOK, staff=True))


@pytest.fixture
def curator(db: None) -> Client:
    return logged_in(user_with(*LOOK, *CURATE, staff=True))


def sent(client: Client, path: str, **values: Any) -> Any:
    """The page after a form was sent, with what it says at its top."""
    response = client.post(path, values, follow=True)
    assert response.status_code == 200, response.status_code
    return response


def text(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def newest() -> RulesVersion:
    return RulesVersion.objects.latest("id")


def filled(**changes: Any) -> dict[str, Any]:
    """The form of a rule, as a browser sends it."""
    values = {
        "kind": "ignore",
        "function": "f()",
        "module": "m.so",
        "classification": "",
        "program": "",
        "reason": "A wrapper.",
        "active": "on",
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def two_crashes() -> None:
    """Of `f()` with `g()` below; no rules."""
    in_force()
    crashed(("f()", "m.so"), ("g()", "m.so"), machine_id="a")
    crashed(("f()", "m.so"), ("g()", "m.so"), machine_id="b")
    digest()


# --- Every page ---------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_whoever_may_look_sees_the_lists(viewer, page):
    in_force(rule("x()"))
    crashed(("f()", "m.so"), ("g()", "m.so"))
    digest()
    assert viewer.get(page).status_code == 200
    assert logged_in(user_with(staff=True)).get(page).status_code == 403
    assert Client().get(page).status_code == 302


@pytest.mark.parametrize("kind", [Guilty, Rule, RulesVersion, CrashReport, Trace])
def test_one_of_each_is_shown(curator, kind):
    in_force(rule("x()"))
    crashed(("f()", "m.so"), ("g()", "m.so"))
    digest()
    row = kind.objects.order_by("-pk")[0]
    page = curator.get(f"/admin/crashes/{kind.__name__.lower()}/{row.pk}/change/")
    assert page.status_code == 200


@pytest.mark.parametrize("page", [*PAGES, f"{RULES}add/", f"{RULES}import/"])
def test_pages_bring_no_scripts_or_styles_inside(curator, page):
    in_force(rule("x()"))
    crashed(("f()", "m.so"))
    digest()
    html = curator.get(page).content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", html)
    assert not re.search(r"<style|\sstyle=|\son\w+=", html)


@pytest.mark.parametrize("name", ["crashreport", "trace", "rulesversion"])
def test_what_was_reported_and_applied_cannot_be_changed(curator, name):
    crashed(("f()", "m.so"))
    digest()
    assert curator.get(f"/admin/crashes/{name}/add/").status_code == 403
    kinds = {"crashreport": CrashReport, "trace": Trace, "rulesversion": RulesVersion}
    row = kinds[name].objects.all()[0]
    address = f"/admin/crashes/{name}/{row.pk}"
    assert curator.post(f"{address}/change/", {}).status_code == 403
    assert curator.post(f"{address}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("name", ["crashreport", "trace"])
def test_tables_that_grow_are_not_counted(viewer, name):
    crashed(("f()", "m.so"))
    digest()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        viewer.get(f"/admin/crashes/{name}/")
    counts = [q["sql"] for q in queries if "COUNT(" in q["sql"].upper()]
    assert all("LIMIT" in sql for sql in counts)


# --- Rules --------------------------------------------------------------------------


def test_a_rule_that_is_added_is_a_version_and_crashes_are_judged(curator):
    two_crashes()
    versions = RulesVersion.objects.count()
    page = sent(curator, f"{RULES}add/", **filled())
    assert "1 traces are judged again" in text(page)
    version = newest()
    assert RulesVersion.objects.count() == versions + 1
    assert version.state == "judging"
    assert version.author is not None
    assert [each["function"] for each in version.rules] == ["f()"]
    row = Rule.objects.get()
    assert (row.author, row.reason) == (version.author, "A wrapper.")
    judge_everything()
    assert groups() == {("g()", "m.so"): 2}
    entry = LogEntry.objects.latest("id")
    assert (entry.object_id, entry.user) == (str(row.pk), version.author)


def test_a_rule_is_changed_to_another_frame(curator):
    in_force(rule("f()"), rule("kept()"))
    row = Rule.objects.get(function="f()")
    sent(curator, f"{RULES}{row.pk}/change/", **filled(function="g()", glob="on"))
    assert set(Rule.objects.values_list("function", "glob")) == {
        ("g()", True),
        ("kept()", False),
    }
    assert len(newest().rules) == 2


def test_a_rule_is_switched_off_in_its_form(curator):
    two_crashes()
    in_force(rule("f()"))
    row = Rule.objects.get()
    sent(curator, f"{RULES}{row.pk}/change/", **filled(active=None))
    assert Rule.objects.get().pk == row.pk
    assert not Rule.objects.get().active
    judge_everything()
    assert groups() == {("f()", "m.so"): 2}


def test_a_form_that_is_saved_as_it_was_is_no_version(curator):
    in_force(rule("f()", reason="A wrapper."))
    versions = RulesVersion.objects.count()
    sent(curator, f"{RULES}{Rule.objects.get().pk}/change/", **filled())
    assert RulesVersion.objects.count() == versions


def test_a_rule_may_have_no_module(curator):
    in_force()
    sent(curator, f"{RULES}add/", **filled(module=""))
    assert Rule.objects.get().module == ""


def test_a_rule_is_deleted(curator):
    in_force(rule("f()"), rule("kept()"))
    row = Rule.objects.get(function="f()")
    sent(curator, f"{RULES}{row.pk}/delete/", post="yes")
    assert [each["function"] for each in newest().rules] == ["kept()"]
    assert Rule.objects.get().function == "kept()"


@pytest.mark.parametrize(
    ("action", "left"),
    [
        ("delete_selected", {"kept()": True}),
        ("deactivate", {"f()": False, "g()": False, "kept()": True}),
    ],
)
def test_an_action_on_several_rules_is_one_version(curator, action, left):
    in_force(rule("f()"), rule("g()"), rule("kept()"))
    versions = RulesVersion.objects.count()
    chosen = list(Rule.objects.exclude(function="kept()").values_list("id", flat=True))
    sent(curator, RULES, action=action, _selected_action=chosen, post="yes")
    assert dict(Rule.objects.values_list("function", "active")) == left
    assert RulesVersion.objects.count() == versions + 1
    assert newest().author is not None


def test_rules_are_activated_and_where_nothing_changes_there_is_no_version(curator):
    in_force(rule("f()", active=False), rule("g()"))
    every = list(Rule.objects.values_list("id", flat=True))
    sent(curator, RULES, action="activate", _selected_action=every)
    assert set(Rule.objects.values_list("active", flat=True)) == {True}
    versions = RulesVersion.objects.count()
    page = sent(curator, RULES, action="activate", _selected_action=every)
    assert "Nothing to change." in text(page)
    assert RulesVersion.objects.count() == versions


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"function": ""}, "This field is required."),
        ({"reason": ""}, "This field is required."),
        ({"kind": "other"}, "Select a valid choice."),
        ({"module": "a\x07b"}, "Has characters that cannot be printed."),
        ({"function": "taken()"}, "There is such a rule already."),
        ({"module": "x" * 2001}, "At most 2000 characters."),
    ],
)
def test_what_is_no_rule_is_not_saved(curator, changes, problem):
    in_force(rule("taken()"))
    versions = RulesVersion.objects.count()
    page = sent(curator, f"{RULES}add/", **filled(**changes))
    assert problem in page.content.decode()
    assert Rule.objects.count() == 1
    assert RulesVersion.objects.count() == versions


@pytest.mark.parametrize("change", [False, True])
def test_a_preview_of_a_rule_is_shown_and_nothing_is_saved(curator, change):
    two_crashes()
    path = f"{RULES}add/"
    if change:
        in_force(rule("other()"))
        path = f"{RULES}{Rule.objects.get().pk}/change/"
    before, versions = curation.rules(), RulesVersion.objects.count()
    page = sent(curator, path, **filled(), _preview="Preview")
    html = page.content.decode()
    assert "2 crashes of 2 machines get another guilty" in html
    assert 'value="f()"' in html
    assert "errornote" not in html
    assert (curation.rules(), RulesVersion.objects.count()) == (before, versions)


def test_a_preview_of_what_is_no_rule_says_why(curator):
    page = sent(curator, f"{RULES}add/", **filled(reason=""), _preview="Preview")
    assert "This field is required." in page.content.decode()
    assert "preview" not in page.context


def test_whoever_may_only_look_changes_no_rule(viewer):
    in_force(rule("f()"))
    row = Rule.objects.get()
    assert viewer.post(f"{RULES}add/", filled()).status_code == 403
    assert viewer.post(f"{RULES}{row.pk}/change/", filled()).status_code == 403
    assert viewer.post(f"{RULES}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert viewer.get(f"{RULES}import/").status_code == 403
    assert viewer.post(f"{RULES}import/", {"text": "x"}).status_code == 403
    sent(viewer, RULES, action="deactivate", _selected_action=[row.pk])
    sent(viewer, RULES, action="delete_selected", _selected_action=[row.pk])
    assert Rule.objects.get().active
    assert "Import" not in viewer.get(RULES).content.decode()


# --- Import and export --------------------------------------------------------------


def test_rules_are_exported(viewer):
    in_force(rule("f()"), rule("g()", glob=True))
    answer = viewer.get(f"{RULES}export/")
    assert answer["Content-Type"] == "application/json"
    assert "attachment" in answer["Content-Disposition"]
    found = exchange.read(answer.content.decode())
    assert exchange.export(found) == exchange.export(curation.rules())


def test_an_import_is_previewed_and_then_applied(curator):
    two_crashes()
    in_force(rule("gone()"))
    versions = RulesVersion.objects.count()
    file = SimpleUploadedFile("rules.json", b'[["f()", "m.so"]]')
    page = sent(curator, f"{RULES}import/", file=file, replace="on", note="A list.")
    html = page.content.decode()
    assert "2 crashes of 2 machines get another guilty" in html
    assert 'name="_apply"' in html
    assert RulesVersion.objects.count() == versions
    again = page.context["form"].initial
    sent(curator, f"{RULES}import/", **again, _apply="Apply")
    assert (newest().note, newest().author is not None) == ("A list.", True)
    assert [each["function"] for each in newest().rules] == ["f()"]
    judge_everything()
    assert groups() == {("g()", "m.so"): 2}


def test_an_import_beside_other_rules_keeps_them(curator):
    in_force(rule("kept()"))
    sent(curator, f"{RULES}import/", text="f(),m.so", _apply="Apply")
    assert set(Rule.objects.values_list("function", flat=True)) == {"kept()", "f()"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'[["f()", "m.so"], ["", "m.so"]]', "Entry 2: function: Empty."),
        (b"\xff", "The file is not UTF-8 text."),
        (b"{}", "Not an export"),
        (b"x" * 2_000_001, "Too large for a page"),
        (
            json.dumps([[f"f{n}()", "m.so"] for n in range(15_000)]).encode(),
            "Too large",
        ),
    ],
)
def test_of_a_bad_file_nothing_is_imported(curator, content, problem):
    versions = RulesVersion.objects.count()
    file = SimpleUploadedFile("rules.json", content)
    page = sent(curator, f"{RULES}import/", file=file, _apply="Apply")
    assert problem in page.content.decode()
    assert RulesVersion.objects.count() == versions


# --- Versions -----------------------------------------------------------------------


def test_versions_show_how_far_they_are_and_the_newest_is_undone(curator):
    two_crashes()
    curation.apply((rule("f()"),), note="of a test")
    page = curator.get("/admin/crashes/rulesversion/").content.decode()
    assert "0 of 1 traces" in page
    judge_everything()
    undone = newest().pk
    older = RulesVersion.objects.exclude(pk=undone)[0]
    path = "/admin/crashes/rulesversion/"
    refused = sent(curator, path, action="undo", _selected_action=[older.pk])
    assert "Choose the newest version" in text(refused)
    page = sent(curator, path, action="undo", _selected_action=[undone])
    assert f"Undo of version {undone}" in text(page)
    judge_everything()
    assert groups() == {("f()", "m.so"): 2}


def test_the_first_version_is_not_undone(curator):
    Rule.objects.create(key=uuid4(), function="f()")
    path = "/admin/crashes/rulesversion/"
    page = sent(curator, path, action="undo", _selected_action=[newest().pk])
    assert "There is no change to undo." in text(page)
    assert Rule.objects.exists()


def test_whoever_may_only_look_undoes_nothing(viewer):
    in_force(rule("f()"))
    path = "/admin/crashes/rulesversion/"
    sent(viewer, path, action="undo", _selected_action=[newest().pk])
    assert Rule.objects.get().function == "f()"


# --- Guilties -----------------------------------------------------------------------


def test_guilties_are_listed_with_their_crashes(viewer):
    two_crashes()
    crashed(("rare()", "m.so"))
    digest()
    page = viewer.get("/admin/crashes/guilty/?q=f()").content.decode()
    assert re.search(r'field-crashes">\s*2\s*<', page)
    assert "rare()" not in page
    filtered = viewer.get("/admin/crashes/guilty/?has_comment=1").content.decode()
    assert "f()" not in filtered
    assert "f()" in viewer.get("/admin/crashes/guilty/?has_comment=0").content.decode()


def test_what_is_said_of_a_guilty_is_kept_and_noted(curator):
    two_crashes()
    row = guilty_row("f()")
    path = f"/admin/crashes/guilty/{row.pk}/change/"
    sent(curator, path, comment="Known.", hidden="on")
    row.refresh_from_db()
    assert (row.comment, row.hidden) == ("Known.", True)
    entry = LogEntry.objects.latest("id")
    assert entry.object_id == str(row.pk)
    assert entry.get_change_message() == "Changed Comment and Hidden."


def test_a_guilty_is_merged_into_another_but_never_in_chains(curator):
    in_force()
    for function in ("a()", "b()", "c()"):
        crashed((function, "m.so"))
    digest()
    a, b, c = (guilty_row(name) for name in ("a()", "b()", "c()"))

    def merge(row: Guilty, target: Guilty) -> str:
        path = f"/admin/crashes/guilty/{row.pk}/change/"
        return sent(curator, path, merged_into=target.pk).content.decode()

    assert "That is this guilty itself." in merge(a, a)
    merge(a, b)
    a.refresh_from_db()
    assert a.merged_into == b
    assert "is merged into another one" in merge(c, a)
    assert "Others are merged into this one" in merge(b, c)
    assert "Select a valid choice" in merge(c, Guilty(pk=9999))
    sent(curator, f"/admin/crashes/guilty/{a.pk}/change/", merged_into="")
    a.refresh_from_db()
    assert a.merged_into is None


def test_guilties_are_neither_added_nor_deleted(curator):
    two_crashes()
    row = guilty_row("f()")
    assert curator.get("/admin/crashes/guilty/add/").status_code == 403
    path = f"/admin/crashes/guilty/{row.pk}/delete/"
    assert curator.post(path, {"post": "yes"}).status_code == 403


def test_pages_note_changes_as_the_admin_does(curator):
    two_crashes()
    user, row = user_with("crashes.view_frame"), guilty_row("f()")
    audit.record(user, row, "Comment: Known.")
    history = curator.get(f"/admin/crashes/guilty/{row.pk}/history/").content.decode()
    assert "Comment: Known." in history
    assert user.username in history


# --- Classifications ----------------------------------------------------------------


def test_a_classification_is_added_and_known_at_once(curator):
    assert not classes.is_crash("org.example/broken/app")
    path = "/admin/crashes/crashclassification/add/"
    sent(curator, path, pattern="*/broken/app", backtrace="on", active="on")
    assert classes.has_backtrace("org.example/broken/app")
    classes.forget()


@pytest.mark.parametrize(
    "pattern", ["a*b/c", "*a/b", "**", "a//b", "/a", "a/b/", "a\x07"]
)
def test_what_is_no_pattern_is_refused(curator, pattern):
    path = "/admin/crashes/crashclassification/add/"
    count = CrashClassification.objects.count()
    sent(curator, path, pattern=pattern, active="on")
    assert CrashClassification.objects.count() == count


# --- What was imported --------------------------------------------------------------


def test_how_far_an_import_came_is_shown_and_cannot_be_changed(curator):
    ranges = [[1, 2000], [5001, 5500]]
    taken = TakenOver.objects.create(source="7/old", records=2500, ranges=ranges)
    address = f"/admin/crashes/takenover/{taken.pk}"
    assert b"7/old" in curator.get("/admin/crashes/takenover/").content
    shown = curator.get(f"{address}/change/").content.decode()
    assert "1 to 2,000" in shown
    assert "5,001 to 5,500" in shown
    assert curator.post(f"{address}/change/", {}).status_code == 403
    assert curator.post(f"{address}/delete/", {"post": "yes"}).status_code == 403
    assert curator.get("/admin/crashes/takenover/add/").status_code == 403

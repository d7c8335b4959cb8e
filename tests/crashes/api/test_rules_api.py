"""`/api/rules`: what is in force, previews, changes and undo."""

from typing import Any

import pytest
from django.test import Client

from crashes import curation
from crashes.models import Rejudge, Rule, RulesVersion
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

pytestmark = pytest.mark.django_db

CURATOR = ("records.view_record", "crashes.change_rule")
STATES = {"judging", "current", "past"}


def post(
    client: Client, path: str, body: Any, status: int = 202, **headers: Any
) -> Any:
    response = client.post(
        f"/api/{path}", body, content_type="application/json", **headers
    )
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    return response.json()


def versions() -> int:
    return RulesVersion.objects.count()


def two_crashes() -> None:
    """Of `f()` with `g()` below; no rules."""
    in_force()
    crashed(("f()", "m.so"), ("g()", "m.so"), machine_id="a")
    crashed(("f()", "m.so"), ("g()", "m.so"), machine_id="b")
    digest()


# --- Reading ------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_rules_are_as_documented(curator, slash):
    in_force()
    post(
        curator,
        "rules",
        {
            "add": [
                {
                    "kind": "sentinel",
                    "function": "f*",
                    "module": "m.so",
                    "glob": True,
                    "classification": "org.example/crash",
                    "program": "app",
                    "active": False,
                    "reason": "Why.",
                }
            ],
            "note": "A note.",
        },
    )
    answer = curator.get(f"/api/rules{slash}").json()
    (only,) = answer.pop("rules")
    row = Rule.objects.get()
    assert only.pop("created_at") == f"{row.created_at:%Y-%m-%d %H:%M:%S} UTC"
    assert only == {
        "id": row.pk,
        "kind": "sentinel",
        "function": "f*",
        "module": "m.so",
        "glob": True,
        "classification": "org.example/crash",
        "program": "app",
        "active": False,
        "reason": "Why.",
        "author": "+".join(CURATOR),
    }
    version = RulesVersion.objects.get(state="current")
    assert answer == {
        "in_force": {
            "id": version.pk,
            "state": "current",
            "note": "A note.",
            "author": "+".join(CURATOR),
            "created_at": f"{version.created_at:%Y-%m-%d %H:%M:%S} UTC",
            "affected": 0,
            "left": 0,
        },
        "being_applied": None,
    }


def test_a_version_being_applied_is_shown_with_what_is_left(curator):
    in_force()
    for n in range(3):
        crashed(("f()", "m.so"), (f"g{n}()", "m.so"))
    digest()
    before = RulesVersion.objects.get(state="current").pk
    post(curator, "rules", {"add": [["f()", "m.so"]], "reason": "A wrapper."})
    curation.judge_again(2)
    answer = curator.get("/api/rules").json()
    assert answer["in_force"]["id"] == before
    applied = answer["being_applied"]
    assert (applied["state"], applied["affected"], applied["left"]) == ("judging", 3, 1)
    judge_everything()
    answer = curator.get("/api/rules").json()
    assert answer["in_force"]["id"] == applied["id"]
    assert answer["being_applied"] is None


# --- Preview ------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_preview_is_as_documented_and_changes_nothing(curator, slash):
    two_crashes()
    before = versions()
    found = post(curator, f"rules/preview{slash}", {"add": [["f()", "m.so"]]}, 200)
    assert found == {
        "affected_traces": 1,
        "moved_traces": 1,
        "moved_crashes": 2,
        "machines": 2,
        "groups": [
            {
                "guilty": guilty_row("f()").pk,
                "function": "f()",
                "module": "m.so",
                "comment": "",
                "hidden": False,
                "before": 2,
                "after": 0,
            },
            {
                "guilty": None,
                "function": "g()",
                "module": "m.so",
                "comment": "",
                "hidden": False,
                "before": 0,
                "after": 2,
            },
        ],
    }
    assert versions() == before
    assert not Rule.objects.exists()


def test_removing_a_rule_is_previewed(curator):
    in_force(rule("f()"))
    crashed(("f()", "m.so"), ("g()", "m.so"))
    digest()
    found = post(curator, "rules/preview", {"remove": [Rule.objects.get().pk]}, 200)
    after = {each["function"]: each["after"] for each in found["groups"]}
    assert after == {"f()": 1, "g()": 0}


# --- Changing -----------------------------------------------------------------------


def test_a_change_is_a_version_of_its_author_and_what_was_previewed_happens(curator):
    two_crashes()
    body = {"add": [{"function": "f()", "module": "m.so"}]}
    preview = post(curator, "rules/preview", body, 200)
    answer = post(curator, "rules", {**body, "reason": "A wrapper.", "note": "So."})
    assert answer.keys() == {
        "id",
        "state",
        "note",
        "author",
        "created_at",
        "affected",
        "left",
    }
    assert (answer["state"], answer["affected"], answer["left"]) == ("judging", 1, 1)
    version = RulesVersion.objects.get(pk=answer["id"])
    assert version.note == "So."
    assert version.author is not None
    assert Rule.objects.get().reason == "A wrapper."
    judge_everything()
    then = {(each["function"], "m.so"): each["after"] for each in preview["groups"]}
    assert groups() == {key: n for key, n in then.items() if n}


def test_rules_are_added_and_removed_at_once(curator):
    in_force(rule("f()"), rule("kept()"))
    old = Rule.objects.get(function="f()").pk
    given = {"function": "g()", "module": "", "reason": "Its own."}
    post(curator, "rules", {"add": [given], "remove": [old], "reason": "Common."})
    assert set(Rule.objects.values_list("function", "module", "reason")) == {
        ("g()", "", "Its own."),
        ("kept()", "m.so", "of a test"),
    }


def test_undo_returns_to_the_rules_before(curator):
    two_crashes()
    post(curator, "rules", {"add": [["f()", "m.so"]], "reason": "A wrapper."})
    judge_everything()
    answer = post(curator, "rules/undo", {})
    assert answer["note"].startswith("Undo of version ")
    assert answer["author"] == "+".join(CURATOR)
    judge_everything()
    assert groups() == {("f()", "m.so"): 2}
    assert not Rule.objects.exists()


def test_the_set_that_the_project_starts_with_is_not_undone(curator):
    rules = Rule.objects.count()
    assert rules > 100
    assert post(curator, "rules/undo/", {}, 409).keys() == {"message"}
    assert Rule.objects.count() == rules


# --- Refusals -----------------------------------------------------------------------

GOOD = {"function": "f()", "module": "m.so", "reason": "Why."}
BAD_RULES = [
    ({**GOOD, "colour": "red"}, "colour: There is no such key."),
    ({"module": "m.so", "reason": "Why."}, "function: Missing."),
    ({"function": "f()", "reason": "Why."}, "module: Missing."),
    ({**GOOD, "function": ""}, "function: Empty."),
    ({**GOOD, "function": "  "}, "function: Empty."),
    ({**GOOD, "function": 5}, "function: Give a text."),
    ({**GOOD, "module": None}, "module: Give a text."),
    (
        {**GOOD, "function": "a\x00b"},
        "function: Has characters that cannot be printed.",
    ),
    ({**GOOD, "module": "x" * 2001}, "module: At most 2000 characters."),
    ({**GOOD, "classification": "x" * 141}, "classification: At most 140 characters."),
    ({**GOOD, "kind": "skip"}, "kind: One of ignore, ignore_with_above, sentinel."),
    ({**GOOD, "kind": ["ignore"]}, "kind: One of ignore, ignore_with_above, sentinel."),
    ({**GOOD, "glob": 1}, "glob: Say true or false."),
    ({**GOOD, "active": "yes"}, "active: Say true or false."),
    ({**GOOD, "id": 3}, "id: There is no such key."),
    (["f()"], "rule: Give an object, or a pair of function and module."),
    ("f()", "rule: Give an object, or a pair of function and module."),
    (["f()", 3], "module: Give a text."),
]


@pytest.mark.parametrize("path", ["rules", "rules/preview"])
@pytest.mark.parametrize(("bad", "why"), BAD_RULES)
def test_what_is_no_rule_is_refused_by_its_place(curator, path, bad, why):
    before = Rule.objects.count(), versions()
    refused = post(curator, path, {"add": [GOOD, bad]}, 400)
    assert refused["errors"] == {"add": [f"Entry 2: {why}"]}
    assert refused["message"] == "Invalid parameters: add"
    assert (Rule.objects.count(), versions()) == before


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"add": ["Name rules to add or to remove."]}),
        ([], {"body": ["Give a JSON object."]}),
        (3, {"body": ["Give a JSON object."]}),
        ({"ad": []}, {"ad": ["There is no such key."]}),
        ({"add": {}}, {"add": ["Give a list of rules."]}),
        ({"remove": ["x"]}, {"remove": ["Give ids of rules."]}),
        ({"remove": [True]}, {"remove": ["Give ids of rules."]}),
        ({"remove": [2**40]}, {"remove": ["Give ids of rules."]}),
        ({"remove": [2**31 - 1, 2**31 - 2]}, None),
        ({"add": [GOOD], "note": 3}, {"note": ["Give a text."]}),
        ({"add": [GOOD], "note": "x" * 301}, {"note": ["At most 300 characters."]}),
        (
            {"add": [GOOD], "note": "\x00"},
            {"note": ["Has characters that cannot be printed."]},
        ),
        (
            {"add": [["f()", "m.so"]]},
            {"reason": ["Say why these frames are never guilty."]},
        ),
    ],
)
def test_a_body_that_cannot_be_understood_is_refused(curator, body, errors):
    before = versions()
    refused = post(curator, "rules", body, 400)
    absent = {"remove": ["There is no rule 2147483646, 2147483647."]}
    assert refused["errors"] == (errors or absent)
    assert versions() == before


@pytest.mark.parametrize("path", ["rules", "rules/preview", "rules/undo"])
@pytest.mark.parametrize("body", ["{", "[1,]", "NaN", '"x"'])
def test_what_is_not_json_is_refused(curator, path, body):
    assert "message" in post(curator, path, body, 400)


def test_a_preview_has_neither_note_nor_reason(curator):
    body = {"add": [GOOD], "note": "x", "reason": "y"}
    refused = post(curator, "rules/preview", body, 400)["errors"]
    assert refused.keys() == {"note", "reason"}


def test_undo_takes_nothing(curator):
    assert post(curator, "rules/undo", {"x": 1}, 400)["errors"].keys() == {"x"}


@pytest.mark.parametrize("path", ["rules", "rules/preview", "rules/undo"])
def test_parameters_in_the_address_are_refused(curator, path):
    refused = post(curator, f"{path}?dry_run=1", {"add": [GOOD]}, 400)
    assert refused["errors"] == {"dry_run": ["There is no such parameter."]}


# --- Access -------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["rules", "rules/preview", "rules/undo"])
def test_only_curators_change_rules(anyone, client, viewer, path):
    before = versions()
    editor = logged_in(user_with("records.view_record", "crashes.change_guilty"))
    statuses = {client: 401, viewer: 403, editor: 403}
    for caller, status in statuses.items():
        refused = post(caller, path, {"add": [GOOD]}, status)
        assert refused.keys() == {"message"}
    assert versions() == before


def test_a_curator_who_may_not_read_does_nothing(db):
    blind = logged_in(user_with("crashes.change_rule"))
    assert blind.get("/api/rules").status_code == 403
    post(blind, "rules", {"add": [GOOD]}, 403)


def test_a_change_needs_a_csrf_token(db):
    in_force()
    curator = logged_in(user_with(*CURATOR), csrf=True)
    post(curator, "rules", {"add": [GOOD]}, 403)
    assert not Rule.objects.exists()
    token = curator.get("/login").cookies["csrftoken"]
    post(curator, "rules", {"add": [GOOD]}, 202, headers={"X-CSRFToken": token.value})
    assert Rule.objects.count() == 1


def test_the_queue_is_empty_when_nothing_can_change(curator):
    in_force()
    answer = post(curator, "rules", {"add": [GOOD]})
    assert (answer["state"], answer["affected"]) == ("current", 0)
    assert not Rejudge.objects.exists()

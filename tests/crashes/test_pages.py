"""The Crashes pages: what they show, who may see and change, what they refuse."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crashes import curation, exchange, stats
from crashes.models import Frame, Guilty, Rejudge, Rule, RulesVersion
from records.models import Record
from tests.crashes.factories import (
    NOON,
    crashed,
    digest,
    frame_row,
    guilty_of,
    guilty_row,
    in_force,
    judge_everything,
    rule,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_starter_rules")]

HELPER = ("helper()", "libhelp.so.1.2")
MAIN = ("run()", "app")
HOSTILE = "ns::T<int, a|b>::f(\"<script>alert('x')</script>\", \u202e)"
HELD = ("view_record", "view_payload")
PREVIEW = "/crashes/guilty_edit/preview"
APPLY = "/crashes/guilty_edit/apply"
UNDO = "/crashes/guilty_edit/undo"


@pytest.fixture(autouse=True)
def _nothing_remembered():
    cache.clear()


def account(name: str, *permissions: str) -> User:
    user = User.objects.create_user(name, password="secret")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def signed_in(name: str, *permissions: str, strict: bool = False) -> Client:
    client = Client(enforce_csrf_checks=strict)
    client.force_login(account(name, *permissions))
    return client


@pytest.fixture
def viewer() -> Client:
    return signed_in("viewer", *HELD)


@pytest.fixture
def curator() -> Client:
    return signed_in("curator", *HELD, "change_rule", "change_guilty")


@pytest.fixture
def crash() -> Record:
    """One crash of today, whose guilty is the helper."""
    found = crashed(HELPER, MAIN, at=datetime.now(UTC))
    digest()
    return found


def text(response) -> str:
    """What a page says, without its tags."""
    body = response.content.decode()
    main = body.partition('id="content"')[2] or body
    plain = re.sub(r"<wbr>", "", main)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", plain)).split())


def addresses() -> dict[str, str]:
    guilty = guilty_row(*HELPER).pk
    return {
        "top": "/crashes",
        "overall": "/crashes/overall",
        "build": "/crashes/32130",
        "guilty": f"/crashes/guilty_details/{guilty}",
        "backtraces": f"/crashes/guilty_details/{guilty}/backtraces",
        "rules": "/crashes/rules",
        "suggestions": "/crashes/rules/suggestions",
        "export": "/crashes/rules/export",
        "versions": "/crashes/rules/versions",
        "version": f"/crashes/rules/versions/{RulesVersion.objects.first().pk}",
    }


# --- Who may see --------------------------------------------------------------------


def test_a_viewer_sees_every_page_and_no_form_that_changes(viewer, crash):
    in_force(rule("x()"))
    for name, path in addresses().items():
        response = viewer.get(path)
        assert response.status_code == 200, name
        main = response.content.decode().partition("<main")[2].partition("</main>")[0]
        assert 'method="post"' not in main, name
        assert 'name="frame"' not in main, name
        assert "guilty_edit" not in main, name


def test_anybody_else_is_led_to_the_login(client, crash):
    for name, path in addresses().items():
        response = client.get(path)
        assert response.status_code == 302, name
        assert response["Location"].startswith("/login?next=/crashes"), name


def test_an_account_without_the_right_to_read_is_refused(crash):
    nobody = signed_in("nobody")
    for name, path in addresses().items():
        assert nobody.get(path).status_code == 403, name


def test_pages_are_read_not_posted_to(viewer, crash):
    for name, path in addresses().items():
        assert viewer.post(path).status_code == 405, name


def test_reading_may_be_open_to_all_but_curating_is_not(client, crash, settings):
    settings.TELEMETRY_ANONYMOUS_READ = True
    response = client.get(addresses()["backtraces"])
    assert response.status_code == 200
    assert b'name="frame"' not in response.content
    for path in changes():
        assert client.post(path)["Location"].startswith("/login"), path
    assert client.get(PREVIEW)["Location"].startswith("/login")


def changes() -> list[str]:
    guilty = guilty_row(*HELPER).pk
    return [PREVIEW, APPLY, UNDO, f"/crashes/guilty_edit/{guilty}"]


def test_a_viewer_may_change_nothing(viewer, crash):
    for path in changes():
        assert viewer.post(path, {"action": "everything"}).status_code == 403, path
    assert viewer.get(PREVIEW).status_code == 403


def test_each_permission_gives_only_its_own_right(crash):
    commenter = signed_in("commenter", *HELD, "change_guilty")
    judge = signed_in("judge", *HELD, "change_rule")
    guilty = f"/crashes/guilty_edit/{guilty_row(*HELPER).pk}"
    assert commenter.post(guilty, {"comment": "known"}).status_code == 302
    assert commenter.post(PREVIEW, {"action": "everything"}).status_code == 403
    assert judge.post(guilty, {"comment": "mine"}).status_code == 403
    assert judge.post(PREVIEW, {"action": "everything"}).status_code == 200


def test_every_change_needs_a_token_of_the_page(crash):
    client = signed_in("c", *HELD, "change_rule", "change_guilty", strict=True)
    for path in changes():
        assert client.post(path, {"action": "everything"}).status_code == 403, path


def test_what_changes_is_posted_not_read(curator, crash):
    for path in (APPLY, UNDO, changes()[-1]):
        assert curator.get(path).status_code == 405, path


# --- Top crashes --------------------------------------------------------------------


def test_the_top_counts_crashes_machines_and_builds(viewer):
    now = datetime.now(UTC)
    for machine in ("a" * 32, "a" * 32, "b" * 32):
        crashed(HELPER, MAIN, at=now, machine_id=machine, build="32130")
    crashed(MAIN, at=now, build="32140")
    crashed(MAIN, at=now - timedelta(days=20), build="32150")
    digest()
    Guilty.objects.filter(pk=guilty_row(*HELPER).pk).update(comment="See bug 12")
    board = (response := viewer.get("/crashes")).context["board"]
    assert [line.crash.function for line in board.lines] == ["helper()", "run()"]
    assert (board.lines[0].crash.crashes, board.lines[0].crash.machines) == (3, 2)
    assert [each.version for each in board.columns] == ["32140", "32130"]
    assert [line.cells for line in board.lines] == [(0, 3), (1, 0)]
    assert "See bug 12" in text(response)
    assert [bar.crashes for bar in board.by_build] == [1, 3]
    assert board.by_classification[0].crashes == 4


def test_the_window_the_system_and_hidden_ones_can_be_chosen(viewer):
    now = datetime.now(UTC)
    crashed(HELPER, at=now)
    crashed(MAIN, at=now - timedelta(days=20), system_name="other", build="9")
    digest()
    Guilty.objects.filter(pk=guilty_row(*HELPER).pk).update(hidden=True)

    def shown(query: str) -> list[str]:
        found = viewer.get(f"/crashes?{query}").context["board"]
        return [line.crash.function for line in found.lines]

    assert shown("") == []
    assert shown("hidden=on") == ["helper()"]
    assert shown("days=30") == ["run()"]
    assert shown("days=all&hidden=on&system_name=other") == ["run()"]


def test_more_than_ten_crashes_are_a_link_away(viewer):
    for number in range(12):
        crashed((f"f{number}()", "m.so"), at=datetime.now(UTC))
    digest()
    response = viewer.get("/crashes")
    assert len(response.context["board"].lines) == 10
    assert b'href="?days=7&amp;shown=50"' in response.content
    assert len(viewer.get("/crashes?shown=50").context["board"].lines) == 12


@pytest.mark.parametrize(
    "version",
    ["2.10.0-rc1", "24.04~beta+1", "a/b", "..", "rules", "overall", "<b>", "x y\nz"],
)
def test_a_build_has_a_page_whatever_it_is_called(viewer, version):
    crashed(HELPER, at=datetime.now(UTC), build=version)
    crashed(MAIN, at=datetime.now(UTC), build="1")
    digest()
    page = viewer.get("/crashes").content.decode()
    links = map(
        unescape, re.findall(r'<th scope="col" class="cell"><a href="(.*?)"', page)
    )
    boards = [viewer.get(link).context["board"] for link in links]
    found = {board.lines[0].crash.function for board in boards}
    assert found == {"helper()", "run()"}
    assert all(len(board.lines) == 1 for board in boards)


@pytest.mark.parametrize("number", [9, 10**30])
def test_an_unknown_build_guilty_or_version_is_not_found(viewer, number):
    for path in (
        f"/crashes/0.{number}",
        f"/crashes/guilty_details/{number}",
        f"/crashes/guilty_details/{number}/backtraces",
        f"/crashes/rules/versions/{number}",
    ):
        assert viewer.get(path).status_code == 404, path


@pytest.mark.parametrize(
    "query", ["days=3", "shown=11", "below=x", "below=-1", "system_name=%00"]
)
def test_a_question_that_makes_no_sense_is_refused(viewer, crash, query):
    for name in ("top", "guilty", "backtraces"):
        response = viewer.get(f"{addresses()[name]}?{query}")
        assert response.status_code == 400
        assert "could not be answered" in text(response)


def test_an_empty_server_says_what_to_do(viewer):
    assert "manage.py digest" in text(viewer.get("/crashes"))
    assert "No crashes yet" in text(viewer.get("/crashes/overall"))


def test_crashes_of_another_time_are_offered(viewer):
    crashed(HELPER, at=NOON)
    digest()
    assert "Show all crashes" in text(viewer.get("/crashes"))


# --- One guilty ---------------------------------------------------------------------


def test_a_guilty_tells_where_and_when(viewer):
    for machine in ("a" * 32, "b" * 32):
        last = crashed(HELPER, MAIN, machine_id=machine, build="2.9")
    crashed(HELPER, MAIN, machine_id="b" * 32, build="2.10")
    digest()
    guilty = guilty_row(*HELPER)
    response = viewer.get(f"/crashes/guilty_details/{guilty.pk}")
    said = text(response)
    assert "helper() in libhelp.so.1.2 first seen 2026-03-10 12:00:00 UTC" in said
    assert [each.version for each in response.context["builds"]] == ["2.10", "2.9"]
    assert [each.machines for each in response.context["builds"]] == [1, 2]
    page = response.content.decode()
    assert f'href="/records?machine_id={"a" * 32}"' in page
    backtraces = f"/crashes/guilty_details/{guilty.pk}/backtraces"
    assert f'{backtraces}?machine_id={"b" * 32}&amp;build=2.9"' in page
    assert f"/records/record_details/{last.pk}" in page


def test_only_the_last_days_are_looked_through_for_machines(viewer, monkeypatch):
    now = datetime.now(UTC)
    for at, machine_id in ((now - timedelta(days=2), "old"), (now, "new")):
        crashed(MAIN, at=at, machine_id=machine_id)
    digest()
    address = f"/crashes/guilty_details/{guilty_row(*MAIN).pk}?days=all"

    def machines(response) -> list[str]:
        return [each.machine_id for each in response.context["machines"]]

    whole = viewer.get(address)
    assert machines(whole) == ["new", "old"]
    assert "since" not in text(whole)
    monkeypatch.setattr(stats, "NEWEST", 1)
    cut = viewer.get(address)
    assert machines(cut) == ["new"]
    assert f", since {now:%Y-%m-%d}" in text(cut)


def test_a_merged_guilty_says_where_it_is_counted(viewer, crash):
    crashed(MAIN, at=datetime.now(UTC))
    digest()
    target, merged = guilty_row(*MAIN), guilty_row(*HELPER)
    Guilty.objects.filter(pk=merged.pk).update(merged_into=target)
    said = text(viewer.get(f"/crashes/guilty_details/{merged.pk}"))
    assert "Merged into run() [app]" in said
    said = text(viewer.get(f"/crashes/guilty_details/{target.pk}"))
    assert "Counts with it: helper() [libhelp.so.1.2]" in said


def test_a_comment_is_kept_shown_and_in_the_audit_trail(curator, viewer, crash):
    guilty = guilty_row(*HELPER)
    path = f"/crashes/guilty_edit/{guilty.pk}"
    response = curator.post(path, {"comment": "<b>bug</b> 12"}, follow=True)
    assert response.redirect_chain == [(f"/crashes/guilty_details/{guilty.pk}", 302)]
    page = viewer.get(f"/crashes/guilty_details/{guilty.pk}").content.decode()
    assert "&lt;b&gt;bug&lt;/b&gt; 12" in page
    (entry,) = LogEntry.objects.all()
    assert (entry.user.username, entry.object_id) == ("curator", str(guilty.pk))


def test_a_guilty_is_hidden_and_shown_again_with_its_comment_kept(curator, crash):
    guilty = guilty_row(*HELPER)
    Guilty.objects.filter(pk=guilty.pk).update(comment="kept")
    for hidden in (True, False):
        value = "true" if hidden else "false"
        curator.post(f"/crashes/guilty_edit/{guilty.pk}", {"hidden": value})
        guilty.refresh_from_db()
        assert (guilty.hidden, guilty.comment) == (hidden, "kept")


def test_a_comment_that_is_too_long_is_refused(curator, crash):
    path = f"/crashes/guilty_edit/{guilty_row(*HELPER).pk}"
    assert curator.post(path, {"comment": "x" * 10_001}).status_code == 400
    assert curator.post(path, {"hidden": "maybe"}).status_code == 400


# --- Backtraces ---------------------------------------------------------------------


def test_backtraces_are_folded_and_every_verdict_is_worded(viewer):
    in_force(rule("abort()", "libc.so.6", reason="It only ends programs."))
    frames = (("abort()", "libc.so.6"), ("???", "x.so"), HELPER, MAIN)
    crashed(*frames, signal=6)
    last = crashed(*frames, signal=11)
    digest()
    response = viewer.get(
        f"/crashes/guilty_details/{guilty_row(*HELPER).pk}/backtraces"
    )
    said = text(response)
    assert "/usr/bin/app SIGABRT SIGSEGV 2 times 1 machine" in said
    number = Rule.objects.get().pk
    assert f"#0 abort() libc.so.6 never guilty rule {number} It only ends" in said
    assert "#1 ??? x.so unknown #2 helper() libhelp.so.1.2 guilty" in said
    assert "#3 run() app not looked at" in said
    assert f"record {last.pk}" in said


def test_backtraces_can_be_of_a_machine_or_a_build_and_go_on_below(viewer):
    for number in range(12):
        crashed(HELPER, (f"caller{number}()", "app"), machine_id=f"{number:032}")
    crashed(HELPER, MAIN, build="2.10.0-rc1")
    digest()
    path = f"/crashes/guilty_details/{guilty_row(*HELPER).pk}/backtraces"
    first = viewer.get(path)
    assert len(first.context["backtraces"]) == 10
    older = re.search(r'rel="next" href="(.*?)"', first.content.decode())[1]
    second = viewer.get(path + unescape(older)).context["backtraces"]
    every = [each.trace for each in (*first.context["backtraces"], *second)]
    assert len(every) == len(set(every)) == 13
    assert len(viewer.get(f"{path}?machine_id={3:032}").context["backtraces"]) == 1
    assert len(viewer.get(f"{path}?build=2.10.0-rc1").context["backtraces"]) == 1
    assert "No backtraces" in text(viewer.get(f"{path}?machine_id=none"))


def test_hostile_names_are_shown_not_obeyed(curator):
    crashed((HOSTILE, "<i>.so"), MAIN, program="/bin/<u>", at=datetime.now(UTC))
    digest()
    guilty = Guilty.objects.get()
    pages = [
        "/crashes",
        f"/crashes/guilty_details/{guilty.pk}",
        f"/crashes/guilty_details/{guilty.pk}/backtraces",
        f"{PREVIEW}?action=mark&frame={guilty.frame_id}&reason=<script>",
    ]
    for path in pages:
        page = curator.get(path).content.decode()
        for wrong in ("<script>", "<i>", "<u>", "\u202e"):
            # Values of inputs keep what they are given.
            assert wrong not in page, (path, wrong)
        assert "&lt;script&gt;" in page.replace("<wbr>", "")
    response = curator.post(APPLY, marking(guilty.frame_id))
    assert response.status_code == 302
    assert Rule.objects.get(author__isnull=False).function == guilty.frame.function


# --- Changing the rules -------------------------------------------------------------


def newest() -> int:
    return RulesVersion.objects.first().pk


def marking(*frames: int, **values: str) -> dict[str, object]:
    return {
        "action": "mark",
        "frame": list(frames),
        "kind": "ignore",
        "where": "module",
        "reason": "It only helps.",
        "based_on": str(newest()),
        **values,
    }


def test_what_is_previewed_is_what_applying_does_and_undo_takes_back(curator, crash):
    helper = frame_row(*HELPER).pk
    before = list(Rule.objects.order_by("id").values_list("function", "module"))
    Guilty.objects.update(comment="Known since May")
    response = curator.post(PREVIEW, marking(helper))
    found = response.context["preview"]
    assert (found.moved_crashes, found.moved_traces, found.machines) == (1, 1, 1)
    said = text(response)
    assert "Appear 1 Guilty Before After run() app 0 1" in said
    assert "Vanish 1 Guilty Before After helper() libhelp.so.1.2 1 0" in said
    assert "comments and hidden states do not move along" in said
    assert "The top of the week would be" in said
    assert [each.function for each in response.context["top"]] == ["run()"]
    assert guilty_of(crash) == HELPER

    hidden = re.findall(
        r'<input type="hidden" name="(\w+)" value="(.*?)">',
        response.content.decode()
        .partition(f'action="{APPLY}"')[2]
        .partition("</form>")[0],
    )
    sent = {name: unescape(value) for name, value in hidden}
    response = curator.post(APPLY, sent)
    version = RulesVersion.objects.first()
    assert response["Location"] == f"/crashes/rules/versions/{version.pk}"
    assert (version.author.username, version.affected) == ("curator", 1)
    assert "helper()" in version.note
    assert "It only helps." in version.note
    assert guilty_of(crash) == HELPER  # until it is judged
    judge_everything()
    assert guilty_of(crash) == MAIN

    curator.post(UNDO, {"version": version.pk})
    judge_everything()
    assert guilty_of(crash) == HELPER
    assert sorted(Rule.objects.values_list("function", "module")) == sorted(before)


@pytest.mark.parametrize(
    ("where", "module", "glob"),
    [
        ("module", "libhelp.so.1.2", False),
        ("library", "libhelp.so*", True),
        ("anywhere", "*", True),
    ],
)
def test_a_mark_says_where_and_how_it_holds(curator, crash, where, module, glob):
    sent = marking(frame_row(*HELPER).pk, where=where, kind="ignore_with_above")
    curator.post(APPLY, sent)
    made = Rule.objects.get(author__isnull=False)
    assert (made.function, made.module, made.glob) == ("helper()", module, glob)
    assert (made.kind, made.reason) == ("ignore_with_above", "It only helps.")


def test_a_mark_on_a_library_without_a_version_stays_exact(curator):
    crashed(MAIN, at=NOON)
    digest()
    curator.post(APPLY, marking(frame_row(*MAIN).pk, where="library"))
    made = Rule.objects.get(author__isnull=False)
    assert (made.module, made.glob) == ("app", False)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"frame": []}, "Check at least one frame"),
        ({"frame": ["999999"]}, "Check at least one frame"),
        ({"frame": ["1|2"]}, "no ids"),
        ({"reason": " "}, "Say why"),
        ({"kind": "forget"}, "forget"),
        ({"where": "here"}, "here"),
        ({"action": "drop"}, "drop"),
        ({"action": "remove"}, "Choose at least one rule"),
        ({"action": "remove", "rule": ["999999"]}, "Choose at least one rule"),
        ({"action": "restore", "version": "99"}, "no such version"),
        ({"action": "add", "function": "f()"}, "module: A rule needs it"),
        ({"action": "import", "rules": "[1"}, "Not JSON"),
        ({"action": "import", "rules": '[{"kind": "x"}]'}, "Entry 1"),
        ({"action": "import", "rules": ""}, "no rules in it"),
    ],
)
def test_what_is_no_change_is_refused_and_explained(curator, crash, wrong, why):
    sent = {**marking(frame_row(*HELPER).pk), **wrong}
    for path in (PREVIEW, APPLY):
        response = curator.post(path, sent)
        assert response.status_code == 400
        assert why in text(response)
    assert RulesVersion.objects.count() == 1


def test_a_frame_that_every_program_has_cannot_be_marked(curator):
    crashed(HELPER, ("_start()", "app"), at=NOON)
    digest()
    path = f"/crashes/guilty_details/{guilty_row(*HELPER).pk}/backtraces"
    frames = re.findall(
        r'name="frame" value="(\d+)"', curator.get(path).content.decode()
    )
    start = Frame.objects.get(function="_start()").pk
    assert frames == [str(frame_row(*HELPER).pk)]
    assert curator.post(PREVIEW, marking(start)).status_code == 400


def test_nothing_is_applied_when_the_rules_changed_after_the_preview(curator, crash):
    sent = marking(frame_row(*HELPER).pk)
    curation.apply(curation.rules(), note="somebody else's")
    response = curator.post(APPLY, sent)
    assert response.status_code == 409
    assert "The rules were changed by somebody" in text(response)
    assert RulesVersion.objects.first().note == "somebody else's"
    response = curator.post(APPLY, marking(frame_row(*HELPER).pk))
    assert response.status_code == 302


def test_undo_takes_back_only_what_was_meant_and_never_the_first(curator, crash):
    first = newest()
    curator.post(UNDO, {"version": first})
    curator.post(APPLY, marking(frame_row(*HELPER).pk))
    second = newest()
    response = curator.post(UNDO, {"version": first}, follow=True)
    assert "Nothing was undone" in text(response)
    assert newest() == second


def test_an_earlier_version_can_be_restored(curator, crash):
    first = newest()
    curator.post(APPLY, marking(frame_row(*HELPER).pk))
    judge_everything()
    page = curator.get("/crashes/rules/versions").content.decode()
    assert f"{PREVIEW}?action=restore&amp;version={first}" in page
    sent = {"action": "restore", "version": str(first)}
    assert "removed helper()" in text(curator.get(PREVIEW, sent))
    curator.post(APPLY, {**sent, "based_on": str(newest())})
    judge_everything()
    assert guilty_of(crash) == HELPER


# --- Progress -----------------------------------------------------------------------


def test_progress_tells_what_is_done_and_when_nothing_moves(curator, viewer, crash):
    curator.post(APPLY, marking(frame_row(*HELPER).pk))
    path = f"/crashes/rules/versions/{newest()}"
    said = text(viewer.get(path))
    assert "0 of 1 backtraces are judged" in said
    assert "Nothing moves" not in said
    assert "New rules are being applied" in text(viewer.get("/crashes"))
    part = viewer.get(f"{path}?left=1&stuck=7", headers={"HX-Request": "true"})
    assert "is the worker running?" in text(part)
    assert b"<html" not in part.content
    judge_everything()
    assert not Rejudge.objects.exists()
    part = viewer.get(f"{path}?left=1&stuck=8", headers={"HX-Request": "true"})
    assert "Pages answer by these rules" in text(part)
    assert b"hx-get" not in part.content  # it asks no more
    assert viewer.get(f"{path}?left=%D9%A3&stuck=x").status_code == 200


# --- Rules --------------------------------------------------------------------------


@pytest.fixture
def few_rules(crash) -> dict[str, int]:
    in_force(
        rule("helper()", "lib*", glob=True, reason="It helps."),
        rule("unused()", "m.so"),
        rule("off()", "m.so", active=False),
    )
    return dict(Rule.objects.values_list("function", "id"))


def listed(client: Client, query: str = "") -> list[str]:
    found = client.get(f"/crashes/rules?{query}").context["rules"]
    return [each.function for each in found]


def test_rules_are_listed_with_their_hits_and_filtered(viewer, few_rules):
    assert listed(viewer) == ["helper()", "off()", "unused()"]
    assert listed(viewer, "q=HELPS") == ["helper()"]
    assert listed(viewer, "state=off") == ["off()"]
    assert listed(viewer, "state=idle") == ["unused()"]
    assert listed(viewer, "state=broad") == []
    assert listed(viewer, "kind=sentinel") == []
    assert listed(viewer, f"rule={few_rules['off()']}") == ["off()"]
    assert "No rule fits" in text(viewer.get("/crashes/rules?q=nowhere"))
    assert viewer.get("/crashes/rules?state=odd").status_code == 400
    hits = viewer.get("/crashes/rules").context["hits"]
    assert hits.crashes == {few_rules["helper()"]: 1}


def test_a_rule_that_skips_a_tenth_of_all_frames_is_called_broad(viewer):
    in_force(rule("wide*", "*", glob=True), rule("narrow()"))
    frames = [(f"wide{n}()", "m.so") for n in range(6)]
    frames += [(f"f{n}()", "m.so") for n in range(50)]
    crashed(*frames, ("narrow()", "m.so"), at=datetime.now(UTC))
    digest()
    assert listed(viewer, "state=broad") == ["wide*"]


def test_many_rules_are_paged(viewer, crash):
    in_force(*(rule(f"f{n}()") for n in range(150)))
    first, last = listed(viewer), listed(viewer, "page=999")
    assert (len(first), len(last)) == (100, 50)
    assert {*first} != {*last}


@pytest.mark.parametrize(
    ("action", "left"),
    [
        ("remove", {"off()": False, "unused()": True}),
        ("switch_off", {"helper()": False, "off()": False, "unused()": True}),
    ],
)
def test_rules_are_removed_or_switched_through_a_preview(
    curator, crash, few_rules, action, left
):
    assert guilty_of(crash) == MAIN
    sent = {"action": action, "rule": [few_rules["helper()"]]}
    said = text(curator.post(PREVIEW, sent))
    assert ("removed" if action == "remove" else "switched off") in said
    assert "1 crash move" in said.replace("moves", "move")
    curator.post(APPLY, {**sent, "based_on": str(newest())})
    judge_everything()
    assert guilty_of(crash) == HELPER
    assert dict(Rule.objects.values_list("function", "active")) == left


def test_a_rule_can_be_typed(curator, crash):
    sent = {
        "action": "add",
        "function": "help*",
        "module": "*",
        "glob": "on",
        "kind": "sentinel",
        "program": "app",
        "classification": "org.clearlinux/*",
        "reason": "Typed.",
    }
    assert "added help* *" in text(curator.post(PREVIEW, sent))
    curator.post(APPLY, {**sent, "based_on": str(newest())})
    made = Rule.objects.get(author__isnull=False)
    assert (made.function, made.module, made.kind) == ("help*", "*", "sentinel")
    assert (made.glob, made.program, made.reason) == (True, "app", "Typed.")
    judge_everything()
    assert guilty_of(crash) == MAIN


def test_an_export_comes_back_by_import(curator, crash, few_rules):
    response = curator.get("/crashes/rules/export")
    assert response["Content-Disposition"].startswith("attachment")
    exported = response.content.decode()
    assert len(json.loads(exported)["rules"]) == 3
    in_force(rule("other()"))
    file = SimpleUploadedFile("rules.json", exported.encode())
    sent = {"action": "import", "mode": "replace", "file": file}
    response = curator.post(PREVIEW, sent)
    assert "added helper() lib*" in text(response)
    assert "removed other() m.so" in text(response)
    pairs = dict(response.context["form"].pairs)
    curator.post(APPLY, {**pairs, "based_on": str(newest())})
    assert exchange.export(curation.rules()) == exported


def test_an_import_can_leave_the_other_rules(curator, crash, few_rules):
    sent = {"action": "import", "mode": "add", "rules": '[["new()", "m.so"]]'}
    curator.post(APPLY, {**sent, "based_on": str(newest())})
    assert Rule.objects.count() == 4


def test_everything_is_judged_again_on_demand(curator, crash):
    sent = {"action": "everything"}
    assert "judged again" in text(curator.post(PREVIEW, sent))
    curator.post(APPLY, {**sent, "based_on": str(newest())})
    assert RulesVersion.objects.first().affected == 1
    judge_everything()
    assert guilty_of(crash) == HELPER


def test_a_suggestion_leads_to_its_preview(curator, viewer):
    for number in range(3):
        caller = (f"caller{number}()", "app")
        program = f"/usr/bin/app{number}"
        crashed(HELPER, caller, program=program, at=datetime.now(UTC))
    digest()
    path = "/crashes/rules/suggestions"
    assert "helper() libhelp.so.1.2 3 3 3 0" in text(viewer.get(path))
    link = re.search(rf'href="({PREVIEW}.*?)"', curator.get(path).content.decode())
    response = curator.get(unescape(link[1]))
    assert response.context["preview"].moved_crashes == 3


def test_the_history_names_every_change_its_author_and_its_time(curator, crash):
    curator.post(APPLY, marking(frame_row(*HELPER).pk))
    said = text(curator.get(reverse("rules-versions")))
    assert "Never guilty: helper() [libhelp.so.1.2]. It only helps." in said
    assert "curator" in said


def test_the_tab_leads_here(viewer, crash):
    page = viewer.get("/crashes/rules").content.decode()
    assert '<a href="/crashes" aria-current="page">Crashes</a>' in page


@pytest.mark.parametrize("name", ["top", "guilty", "rules"])
def test_more_crashes_are_no_more_questions_to_the_database(viewer, name):
    now = datetime.now(UTC)
    asked = []
    for round_ in range(2):
        for number in range(2 + 3 * round_):
            caller = (f"caller{round_}{number}()", "app")
            crashed(HELPER, caller, at=now, build=f"{round_}.{number}")
            crashed(caller, at=now)
        digest()
        path = addresses()[name]
        viewer.get(path)  # names are remembered after this
        with CaptureQueriesContext(connection) as captured:
            assert viewer.get(path).status_code == 200
        asked.append([query["sql"] for query in captured])
    assert len(asked[0]) == len(asked[1]), "\n".join(asked[1])

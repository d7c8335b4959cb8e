"""Commands: rules in and out, what they would change, and judging again."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crashes import curation, exchange
from crashes.management.commands import judge_crashes
from crashes.models import CrashReport, Rule, RulesVersion, Trace
from tests.crashes.factories import (
    NOON,
    by_rules_in_force,
    crashed,
    digest,
    groups,
    guilty_row,
    in_force,
    judge_everything,
    rule,
    verdicts,
)
from tests.crashes.test_exchange import rules as any_rule

pytestmark = pytest.mark.django_db


def run(name: str, *arguments: Any) -> str:
    out = io.StringIO()
    call_command(name, *map(str, arguments), stdout=out)
    return out.getvalue()


def said() -> set[tuple[Any, ...]]:
    """Today's rules by what they say."""
    return {tuple(exchange.values(each).values()) for each in curation.rules()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rules.json"


# --- Out and in ---------------------------------------------------------------------


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(any_rule, min_size=1, max_size=5), st.lists(any_rule, max_size=3))
def test_an_export_that_is_imported_gives_the_same_rules(file, exported, others):
    in_force(*exchange.merged((), exported))
    before = said()
    run("export_rules", file)
    in_force(*exchange.merged((), others))
    run("import_rules", file, "--replace")
    assert said() == before


def test_the_starter_set_is_exported_and_nothing_of_it_is_new(file):
    versions = RulesVersion.objects.count()
    assert f"Wrote {Rule.objects.count()} rules" in run("export_rules", file)
    assert run("export_rules") == file.read_text()
    assert "Nothing to change" in run("import_rules", file)
    assert "Nothing to change" in run("import_rules", file, "--replace")
    assert RulesVersion.objects.count() == versions


def test_an_import_is_a_version_with_its_note_and_author(file):
    in_force(rule("kept()"))
    User.objects.create_user("ann")
    file.write_text('[["f()", "m.so"], ["g()", "m.so"]]')
    assert "2 rules are in version" in run("import_rules", file, "--author", "ann")
    version = RulesVersion.objects.first()
    assert version is not None
    assert version.note == f"Import of {file}"[:300]
    assert version.author is not None
    assert version.author.username == "ann"
    names = Rule.objects.values_list("function", flat=True)
    assert set(names) == {"kept()", "f()", "g()"}
    run("import_rules", file, "--replace", "--note", "Only these.")
    assert set(names.all()) == {"f()", "g()"}
    assert RulesVersion.objects.latest("id").note == "Only these."


def test_the_predecessor_s_list_is_read_as_csv(file):
    in_force()
    file.write_text('function,module\nraise(),libc.so.6\n"f(int, int)",m.so\n')
    run("import_rules", file)
    assert set(Rule.objects.values_list("function", "module")) == {
        ("raise()", "libc.so.6"),
        ("f(int, int)", "m.so"),
    }


def test_an_import_from_standard_input(monkeypatch):
    in_force()
    monkeypatch.setattr("sys.stdin", io.StringIO('[["f()", "m.so"]]'))
    run("import_rules", "-")
    assert Rule.objects.get().function == "f()"


@pytest.mark.parametrize("command", [["preview_rules"], ["import_rules", "--dry-run"]])
def test_a_preview_says_what_would_happen_and_changes_nothing(file, command):
    in_force(rule("gone()"))
    crashed(("f()", "m.so"), ("g()", "m.so"))
    digest()
    before, versions = said(), RulesVersion.objects.count()
    file.write_text('[["f()", "m.so"]]')
    name, *options = command
    text = run(name, file, *options, "--replace")
    assert "Rules: 1 new, 0 changed, 1 gone." in text
    assert "Crashes that move: 1, of 1 machines." in text
    assert "1 → 0  f() [m.so]" in text
    assert "0 → 1  g() [m.so]" in text
    assert (said(), RulesVersion.objects.count()) == (before, versions)
    assert "1 new, 0 changed, 0 gone" in run(name, file, *options)


def test_a_rule_that_is_switched_off_is_a_change(file):
    in_force(rule("f()"))
    values = {**exchange.values(curation.rules()[0]), "active": False}
    file.write_text(json.dumps([values]))
    assert "Rules: 0 new, 1 changed, 0 gone." in run("preview_rules", file)
    run("import_rules", file)
    assert not Rule.objects.get().active


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'[["f()", "m.so"], ["", "m.so"]]', "Entry 2: function: Empty."),
        (b"", "There are no rules in it."),
        (b'{"format": "x"}', "Not an export"),
        (b"\xff\xfe", "cannot be read"),
        (None, "cannot be read"),
    ],
)
@pytest.mark.parametrize("command", ["import_rules", "preview_rules"])
def test_of_a_bad_file_nothing_is_taken(file, content, problem, command):
    before = said()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=problem):
        run(command, file, "--replace")
    assert said() == before


def test_an_unknown_author_is_refused(file):
    file.write_text('[["f()", "m.so"]]')
    with pytest.raises(CommandError, match="There is no user 'nobody'"):
        run("import_rules", file, "--author", "nobody")


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(CommandError, match="missing"):
        run("export_rules", tmp_path / "missing" / "rules.json")


# --- Judging again ------------------------------------------------------------------


def spoiled() -> None:
    """Three crashes whose verdicts were lost."""
    in_force(rule("f()"))
    crashed(("f()", "m.so"), ("g()", "m.so"), at=NOON)
    crashed(("f()", "m.so"), ("h()", "m.so"), at=NOON.replace(day=11))
    crashed(("f()", "m.so"), ("i()", "m.so"), at=NOON.replace(day=12))
    digest()
    Trace.objects.update(guilty=guilty_row("g()"), family="spoiled")


def test_everything_is_judged_again_as_a_version_of_the_same_rules(monkeypatch):
    monkeypatch.setattr(judge_crashes, "BATCH", 2)
    spoiled()
    before, versions = said(), RulesVersion.objects.count()
    assert "Judged 3 traces again, as version" in run("judge_crashes")
    assert verdicts() == by_rules_in_force()
    assert said() == before
    assert RulesVersion.objects.count() == versions + 1
    assert RulesVersion.objects.latest("id").state == "current"


def test_without_crashes_there_is_nothing_to_judge():
    assert "Judged 0 traces again" in run("judge_crashes")


def test_a_change_under_way_is_finished_with_it():
    spoiled()
    curation.apply((rule("g()"),), note="of a test")
    run("judge_crashes")
    assert verdicts() == by_rules_in_force()
    assert groups() == {("f()", "m.so"): 3}


@pytest.mark.parametrize(
    ("arguments", "judged"),
    [
        (["--from", "2026-03-12"], 1),
        (["--to", "2026-03-11"], 2),
        (["--from", "2026-03-11", "--to", "2026-03-11"], 1),
        (["--from", "2027-01-01"], 0),
    ],
)
def test_only_what_was_reported_in_a_period_is_judged(arguments, judged):
    spoiled()
    versions = RulesVersion.objects.count()
    assert f"Judged {judged} traces again" in run("judge_crashes", *arguments)
    assert Trace.objects.exclude(family="spoiled").count() == judged
    assert RulesVersion.objects.count() == versions


def test_only_one_guilty_is_judged():
    spoiled()
    other = guilty_row("h()")
    first = CrashReport.objects.order_by("record_id")[0]
    Trace.objects.filter(pk=first.trace_id).update(guilty=other)
    text = run("judge_crashes", "--guilty", other.pk, "--from", "2026-01-01")
    assert "Judged 1 traces again; 1 have another guilty." in text
    text = run("judge_crashes", "--guilty", guilty_row("g()").pk)
    assert "Judged 3 traces again; 2 have another guilty." in text
    assert verdicts() == by_rules_in_force()


def test_judging_some_leaves_a_change_under_way_alone():
    spoiled()
    curation.apply((rule("g()"),), note="of a test")
    curation.judge_again(1)
    run("judge_crashes", "--from", "2026-01-01")
    assert groups() == dict.fromkeys([(f, "m.so") for f in ("g()", "h()", "i()")], 1)
    judge_everything()
    assert verdicts() == by_rules_in_force()
    assert groups() == {("f()", "m.so"): 3}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--guilty", "999"], "There is no guilty 999."),
        (["--from", "2026-03-12", "--to", "2026-03-11"], "--to is before --from."),
        (["--from", "yesterday"], "invalid"),
    ],
)
def test_a_wrong_question_is_refused(arguments, problem):
    with pytest.raises(CommandError, match=problem):
        run("judge_crashes", *arguments)


def test_a_change_meanwhile_is_said(monkeypatch):
    spoiled()
    judge_again = curation.judge_again

    def interrupted(limit: int) -> int:
        monkeypatch.setattr(curation, "judge_again", judge_again)
        curation.apply((rule("g()"),), note="of somebody else")
        return 0

    monkeypatch.setattr(curation, "judge_again", interrupted)
    with pytest.raises(CommandError, match="The rules were changed meanwhile"):
        run("judge_crashes")

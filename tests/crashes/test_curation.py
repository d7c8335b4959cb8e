"""Changing the rules: predicted, applied in the background, taken back."""

import json
import threading
import time

import pytest

from crashes import curation, guilty, judging, stats
from crashes.guilty import RuleKind
from crashes.models import (
    CrashDay,
    CrashReport,
    Guilty,
    Rejudge,
    Rule,
    RulesVersion,
    Trace,
)
from records import names
from records.digest import digest_batch
from records.scope import Scope
from tests.crashes.factories import (
    ELSEWHERE,
    by_rules_in_force,
    crashed,
    crashing,
    digest,
    empty_first_version,
    frame_row,
    groups,
    guilty_of,
    guilty_row,
    in_force,
    judge_everything,
    judged_from_payloads,
    rule,
    sent,
    verdicts,
)

A, B, C = ("a()", "m.so"), ("b()", "m.so"), ("c()", "m.so")


transactional = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_starter_rules(db):
    empty_first_version()


def states() -> list[str]:
    """States of versions, from the newest, without the starter set's."""
    return list(RulesVersion.objects.values_list("state", flat=True))[:-1]


def identities(rules) -> set[tuple[object, ...]]:
    return {tuple(judging.as_json(each).values())[1:] for each in rules}


# --- Preview ------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_preview_tells_crashes_machines_and_groups_and_changes_nothing():
    for machine in ("x", "x", "y"):
        crashed(A, B, machine_id=machine)
    crashed(B, machine_id="z")
    crashed(A, machine_id="z")
    digest()
    Guilty.objects.filter(frame=frame_row("b()")).update(comment="known", hidden=True)
    before = (verdicts(), list(Rule.objects.values()), RulesVersion.objects.count())
    found = curation.preview(curation.ignoring([frame_row("a()").pk], "noise"))
    assert (found.affected_traces, found.moved_traces) == (2, 1)
    assert (found.moved_crashes, found.machines) == (3, 2)
    a, b = guilty_row("a()"), guilty_row("b()")
    assert set(found.groups) == {
        curation.Group(a.frame_id, a.pk, 4, 1),
        curation.Group(b.frame_id, b.pk, 1, 4, comment="known", hidden=True),
    }
    assert found.appearing == found.vanishing == ()
    after = (verdicts(), list(Rule.objects.values()), RulesVersion.objects.count())
    assert after == before


@pytest.mark.django_db
def test_a_preview_tells_which_groups_appear_and_vanish():
    crashed(A, B)
    digest()
    found = curation.preview((*curation.rules(), rule(*A)))
    (gone,) = found.vanishing
    (new,) = found.appearing
    assert (gone.guilty, gone.before, gone.after) == (guilty_row("a()").pk, 1, 0)
    assert (new.guilty, new.before, new.after) == (None, 0, 1)
    assert new.frame_id == frame_row("b()").pk


@pytest.mark.django_db
def test_a_trace_that_nothing_is_counted_of_makes_no_group_appear_or_vanish():
    crashed(A, B)
    digest()
    CrashDay.objects.all().delete()
    CrashReport.objects.all().delete()
    found = curation.preview((*curation.rules(), rule(*A)))
    assert (found.moved_traces, found.moved_crashes) == (1, 0)
    assert found.groups == found.appearing == found.vanishing == ()


@pytest.mark.django_db
def test_the_greatest_changes_come_first():
    for n in range(4):
        sent(*[crashing(A, (f"f{n}()", "m.so"))] * (n + 1))
    digest()
    found = curation.preview((*curation.rules(), rule(*A)))
    assert [abs(each.after - each.before) for each in found.groups] == [10, 4, 3, 2, 1]


@pytest.mark.django_db
def test_a_preview_in_chunks_is_that_of_all(monkeypatch):
    for n in range(7):
        crashed(A, (f"f{n % 5}()", "m.so"), B, machine_id=str(n % 3))
    digest()
    after = (*curation.rules(), rule(*A))
    whole = curation.preview(after)
    monkeypatch.setattr(curation, "_BATCH", 2)
    assert curation.preview(after) == whole


# --- What can change ----------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ([], [rule("a()")], {"a", "ab"}),
        ([rule("a")], [], {"a", "ab"}),
        ([rule("a()")], [rule("a()", reason="another")], set()),
        ([rule("a()")], [rule("a()", active=False)], {"a", "ab"}),
        ([], [rule("a()", active=False)], set()),
        ([rule("a()")], [rule("a()", kind=RuleKind.SENTINEL)], {"a", "ab"}),
        ([rule("a()")], [rule("a()", classification="org.x")], {"a", "ab"}),
        ([], [rule("a()", "n.so")], set()),
        ([], [rule("?*", "m.so", glob=True)], set()),
        ([], [rule("*", "m*", glob=True)], {"a", "b", "ab"}),
        ([], [rule("b*", "*", glob=True), rule("nowhere()")], {"b", "ab"}),
        ([], [rule("*")], set()),
        ([], [rule("g", "kernel")], {"kernel"}),
        ([rule("? g()", "kernel")], [], {"kernel"}),
    ],
)
def test_only_traces_with_a_frame_of_a_changed_rule_can_change(before, after, names):
    crashed(A, program="a")
    crashed(B, program="b")
    crashed(C, A, B, program="ab")
    crashed(("c()", "n.so"), program="c")
    crashed(("? g", "kernel"))
    digest()
    found = curation.affected(tuple(before), tuple(after))
    traces = Trace.objects.filter(id__in=found)
    assert set(traces.values_list("program__name", flat=True)) == names


# --- Apply --------------------------------------------------------------------------


@pytest.mark.django_db
def test_pages_answer_from_the_old_version_until_all_is_judged(django_user_model):
    someone = django_user_model.objects.create_user("someone")
    records = [crashed(A, (f"f{n}()", "m.so")) for n in range(5)]
    digest()
    old = judging.in_force().version
    version = curation.apply(
        curation.ignoring([frame_row("a()").pk], "noise"), note="why", author=someone
    )
    assert (version.state, version.affected, version.author) == ("judging", 5, someone)
    new_rule = Rule.objects.get(function="a()")
    assert (new_rule.reason, new_rule.author) == ("noise", someone)
    for left in (3, 1):
        assert curation.judge_again(2) == 2
        assert Rejudge.objects.count() == left
        assert {guilty_of(each) for each in records} == {A}
        assert judging.in_force().version == old
        assert stats.top(Scope())[0].crashes == 5
    assert curation.judge_again(2) == 1
    assert judging.in_force().version == version.pk
    assert judging.being_applied() is None
    assert groups() == {(f"f{n}()", "m.so"): 1 for n in range(5)}
    assert set(Trace.objects.values_list("version", flat=True)) == {version.pk}
    assert states() == ["current"]
    assert curation.judge_again() == 0


@pytest.mark.django_db
def test_nothing_is_finished_while_a_trace_waits():
    record = crashed(A, B)
    digest()
    curation.apply((*curation.rules(), rule(*A)), note="noise")
    curation.finish()
    assert states() == ["judging"]
    assert guilty_of(record) == A


@pytest.mark.django_db
def test_a_trace_that_cannot_change_keeps_the_version_that_judged_it():
    other = crashed(B)
    crashed(A)
    digest()
    old = judging.in_force().version
    in_force(*curation.rules(), rule(*A))
    trace = CrashReport.objects.get(record_id=other.pk).trace_id
    assert Trace.objects.get(pk=trace).version == old
    assert Trace.objects.exclude(pk=trace).get().version == judging.in_force().version


@pytest.mark.django_db
def test_a_change_of_nothing_is_in_force_at_once():
    crashed(A)
    digest()
    before = verdicts()
    version = curation.apply(curation.rules(), note="nothing")
    assert version.state == RulesVersion.objects.get(pk=version.pk).state == "current"
    assert version.affected == 0
    assert states() == ["current"]
    assert verdicts() == before
    assert judging.in_force().version == version.pk


@pytest.mark.django_db
def test_taking_back_a_change_that_is_still_being_applied_is_in_force_at_once():
    crashed(A, B)
    crashed(A, C)
    digest()
    before = verdicts()
    curation.apply((*curation.rules(), rule(*A)), note="a mistake")
    curation.judge_again(1)
    assert curation.undo().state == "current"
    assert verdicts() == before
    assert not Rejudge.objects.exists()
    assert states() == ["current", "past"]


@pytest.mark.django_db
def test_of_two_changes_one_after_the_other_the_last_one_counts():
    records = [crashed(A, B, C), crashed(B, C), crashed(A, C)]
    digest()
    curation.apply((*curation.rules(), rule(*A)), note="first")
    curation.judge_again(1)
    curation.apply((*curation.rules(), rule(*B)), note="second, with the first")
    assert {each.function for each in curation.rules()} >= {"a()", "b()"}
    judge_everything(1)
    assert [guilty_of(each) for each in records] == [C, C, C]
    assert states() == ["current", "past"]
    assert verdicts() == by_rules_in_force()


@pytest.mark.django_db
def test_a_crash_that_arrives_during_a_change_is_judged_by_both_versions():
    known = crashed(A, B)
    digest()
    curation.apply((*curation.rules(), rule(*A)), note="noise")
    again, new = crashed(A, B), crashed(A, C)
    digest()
    assert [guilty_of(each) for each in (known, again, new)] == [A, A, A]
    judge_everything()
    assert [guilty_of(each) for each in (known, again, new)] == [B, B, C]
    last = crashed(A, C, B)
    digest()
    assert guilty_of(last) == C
    assert verdicts() == judged_from_payloads(curation.rules())


@pytest.mark.django_db
def test_a_rule_of_a_scope_changes_only_crashes_there():
    here, there = crashed(A, B), crashed(A, B, classification=ELSEWHERE)
    other = crashed(A, B, program="/usr/bin/other")
    digest()
    in_force(rule(*A, classification="org.example"), rule(*A, program="other"))
    assert [guilty_of(each) for each in (here, there, other)] == [A, B, B]


@pytest.mark.django_db
def test_judging_everything_corrects_what_is_wrong():
    records = [crashed(A, B), crashed(B)]
    digest()
    right = verdicts()
    wrong = guilty_row("b()")
    Trace.objects.update(guilty=wrong, family="x")
    version = curation.apply(curation.rules(), note="reset", everything=True)
    assert version.affected == 2
    judge_everything()
    assert verdicts() == right
    assert guilty_of(records[0]) == A


@pytest.mark.django_db
def test_comments_and_hiding_stay_with_the_guilty():
    crashed(A, B)
    digest()
    Guilty.objects.update(comment="a bug of ours", hidden=True)
    in_force(*curation.rules(), rule(*A))
    curation.undo()
    judge_everything()
    row = guilty_row("a()")
    assert (row.comment, row.hidden) == ("a bug of ours", True)


# --- Undo ---------------------------------------------------------------------------


@pytest.mark.django_db
def test_undo_restores_the_rules_with_their_reasons():
    crashed(A, B)
    digest()
    in_force(rule(*A, reason="first", active=False), rule(*B), rule("x*", glob=True))
    before, rules = verdicts(), identities(curation.rules())
    in_force(rule(*A, reason="second"), rule(*C))
    assert verdicts() != before
    curation.undo()
    judge_everything()
    assert verdicts() == before
    assert identities(curation.rules()) == rules


@pytest.mark.django_db
def test_without_any_version_there_is_nothing_to_undo():
    RulesVersion.objects.all().delete()
    assert curation.undo() is None


# --- Sets of rules ------------------------------------------------------------------


@pytest.mark.django_db
def test_rules_are_exported_and_read_again():
    in_force(
        rule("a|b: c, d<T>", "m, n.so", kind=RuleKind.IGNORE_WITH_ABOVE),
        rule("*\U0001f4a5*", "*", glob=True, classification="org.x/*", program="p"),
        rule("off()", active=False, kind=RuleKind.SENTINEL),
    )
    exported = json.dumps([judging.as_json(each) for each in curation.rules()])
    before = identities(curation.rules())
    in_force()
    assert curation.rules() == ()
    in_force(*map(judging.from_json, json.loads(exported)))
    assert identities(curation.rules()) == before


@pytest.mark.parametrize("values", [{}, {"function": "f"}, {"kind": "no such kind"}])
def test_what_is_no_rule_is_refused(values):
    with pytest.raises((TypeError, ValueError)):
        judging.from_json(values)


@pytest.mark.django_db
def test_rules_are_taken_away_by_id():
    in_force(rule(*A), rule(*B))
    a, b = curation.rules()
    assert curation.without([a.id]) == (b,)
    assert curation.without([]) == (a, b)


@pytest.mark.django_db
def test_merging_replaces_rules_for_the_same_frames():
    in_force(rule(*A, reason="old"), rule(*B))
    merged = curation.merged(curation.rules(), [rule(*A, reason="new"), rule(*C)])
    assert {(each.function, each.reason) for each in merged} == {
        ("a()", "new"),
        ("b()", "of a test"),
        ("c()", "of a test"),
    }
    old_id = Rule.objects.get(function="a()").pk
    in_force(*merged)
    assert Rule.objects.get(reason="new").pk == old_id


@pytest.mark.django_db
@pytest.mark.parametrize(
    "frame",
    [
        ("a|b:c, d<T>::e(int)", "m.so"),
        ("operator*()", "lib*.so"),
        ("\U0001f4a5()", "m.so"),
        ("? do_exit", "kernel"),
        ("???", "m.so"),
        ("(no symbols)", ""),
        ("x" * 3000 + "()", "y" * 3000),
    ],
)
def test_a_frame_that_a_person_marks_is_never_guilty_again(frame):
    record = crashed(frame)
    digest()
    (pk,) = Trace.objects.get().frames
    new = curation.ignoring([pk], "noise")
    assert curation.preview(new).affected_traces == 1
    in_force(*new)
    (noted,) = stats.noted_frames(Trace.objects.get())
    assert noted.note.kind is guilty.NoteKind.CHOSEN  # nobody else is there
    assert noted.note.rule == Rule.objects.get(reason="noise").pk
    assert guilty_of(record) is not None


# --- A worker that dies -------------------------------------------------------------


@transactional
@pytest.mark.parametrize(
    ("where", "name", "after"),
    [
        (judging, "guilty_ids", False),
        (curation, "_stage", True),
        (curation, "finish", False),
        (curation, "finish", True),
        (curation, "_switch", True),
    ],
)
def test_a_worker_that_is_stopped_in_the_middle_goes_on_where_it_was(
    monkeypatch, where, name, after
):
    sent(*(crashing(A, (f"f{n}()", "m.so")) for n in range(6)))
    digest()
    before = verdicts()
    curation.apply((*curation.rules(), rule(*A)), note="noise")
    original = getattr(where, name)
    seen = []

    def stopped(*args):
        seen.append(args)
        if len(seen) != 1:
            return original(*args)
        if after:
            original(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(where, name, stopped)
    with pytest.raises(KeyboardInterrupt):
        judge_everything(2)
    if not (after and name == "finish"):
        assert {k: v[:2] for k, v in verdicts().items()} == {
            k: v[:2] for k, v in before.items()
        }
    judge_everything(2)
    assert states() == ["current"]
    assert verdicts() == judged_from_payloads(curation.rules()) != before


# --- Several at once ----------------------------------------------------------------


@transactional
def test_workers_judge_beside_each_other_while_crashes_arrive(in_threads):
    def judge() -> int:
        return sum(curation.judge_again(5) for _ in range(15))

    def arrive() -> None:
        for n in range(10):
            sent(crashing(A, (f"new{n}()", "m.so")), crashing(A, (f"f{n}()", "m.so")))
            names.forget()
            digest_batch(10)

    sent(*(crashing(A, (f"f{n}()", "m.so"), B) for n in range(60)))
    digest()
    curation.apply((*curation.rules(), rule(*A)), note="noise")
    judged = in_threads(judge, arrive, judge)
    assert judged[0] + judged[2] == 60
    digest()
    judge_everything()
    assert states() == ["current"]
    assert verdicts() == judged_from_payloads(curation.rules())


@transactional
def test_changes_while_workers_judge_end_in_the_last_one(in_threads):
    done = threading.Event()

    def judge() -> None:
        while not done.is_set():
            if not curation.judge_again(4):
                time.sleep(0.01)

    def change() -> None:
        try:
            for n in range(4):
                curation.apply((*curation.rules(), rule(f"f{n}()")), note=str(n))
        finally:
            done.set()

    sent(*(crashing((f"f{n % 10}()", "m.so"), (f"g{n}()", "m.so")) for n in range(40)))
    digest()
    in_threads(judge, change, judge)
    judge_everything()
    assert states()[0] == "current"
    assert set(states()[1:]) == {"past"}
    assert verdicts() == judged_from_payloads(curation.rules())


@transactional
def test_while_a_version_is_applied_no_crash_is_judged_by_half_of_it(
    in_threads, on_postgres
):
    """A batch that began under the old rules is finished before they change."""
    if not on_postgres:
        pytest.skip("on SQLite, one writer works at a time")

    def arrive() -> None:
        for n in range(30):
            sent(crashing(A, (f"f{n}()", "m.so")))
            digest_batch(1)

    def change() -> None:
        for n in range(10):
            rules = curation.rules()
            odd = [each for each in rules if each.function != "a()"]
            curation.apply(tuple(odd) if n % 2 else (*odd, rule(*A)), note=str(n))

    in_threads(arrive, change, arrive)
    digest()
    judge_everything()
    assert verdicts() == judged_from_payloads(curation.rules())

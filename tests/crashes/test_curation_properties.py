"""Random rules for random crashes: what is predicted is what happens, and no more."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashes import curation, judging, stats
from crashes.guilty import Rule, RuleKind
from crashes.models import CrashReport, Frame, Rejudge, RulesVersion, Trace
from tests.crashes.factories import (
    CLR,
    ELSEWHERE,
    Named,
    crashing,
    digest,
    groups,
    in_force,
    judge_everything,
    judged_from_payloads,
    sent,
    verdicts,
)
from tests.records.strategies import in_one_database, rolled_back

FUNCTIONS = ("a()", "ab()", "b()", "? a", "? k", "k", "???", "_start()")
MODULES = ("m.so", "n.so", "kernel")

frames = st.tuples(st.sampled_from(FUNCTIONS), st.sampled_from(MODULES)) | st.just(
    ("(no symbols)", "")
)
crashes = st.lists(
    st.builds(
        lambda frames, **changes: crashing(*frames, **changes),
        st.lists(frames, max_size=6),
        classification=st.sampled_from([CLR, ELSEWHERE, "org.clearlinux/crash/error"]),
        program=st.sampled_from(["/usr/bin/p", "p", "q"]),
        machine_id=st.sampled_from(["x", "y", "z"]),
    ),
    min_size=1,
    max_size=12,
)
rules = st.builds(
    Rule,
    id=st.just(0),
    function=st.sampled_from(
        [*FUNCTIONS, "a", "a*", "*", "? *", "*b*()", "nowhere()", "(no symbols)"]
    ),
    module=st.sampled_from([*MODULES, "*", "m*", "*.so", ""]),
    kind=st.sampled_from(RuleKind),
    glob=st.booleans(),
    classification=st.sampled_from(
        ["", "", "org.example", "*/crash/clr", "org.clearlinux/cr*", "a/b"]
    ),
    program=st.sampled_from(["", "", "p", "/usr/bin/p", "q"]),
    active=st.sampled_from([True, True, True, False]),
    reason=st.just("random"),
)
rule_sets = st.lists(rules, max_size=5).map(lambda found: curation.merged((), found))

random_rules = settings(in_one_database, max_examples=15)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_rules")]


@pytest.fixture
def _no_rules(db: None) -> None:
    """The starter set would be taken away in every example."""
    in_force()


def names() -> dict[int, Named]:
    return {row.pk: (row.function, row.module) for row in Frame.objects.all()}


def guilty_of_reports() -> dict[int, Named | None]:
    found = verdicts()
    rows = CrashReport.objects.values_list("record_id", "trace_id")
    return {record: found[trace].guilty for record, trace in rows}


@random_rules
@given(crashes, rule_sets, rule_sets, st.integers(1, 4))
def test_what_a_preview_says_is_what_applying_does(found, old, new, step):
    with rolled_back():
        sent(*found)
        digest()
        in_force(*old)
        was, guilty_before = groups(), guilty_of_reports()
        expected = curation.preview(new)
        assert (groups(), guilty_of_reports()) == (was, guilty_before)
        version = curation.apply(new, note="random")
        judge_everything(step)
        now, guilty_now = groups(), guilty_of_reports()

        moved = {pk for pk in guilty_now if guilty_now[pk] != guilty_before[pk]}
        reports = CrashReport.objects.filter(record_id__in=moved)
        traces = set(reports.values_list("trace_id", flat=True))
        machines = set(reports.values_list("machine_id", flat=True))
        assert expected.moved_crashes == len(moved)
        assert expected.moved_traces == len(traces)
        assert expected.machines == len(machines)
        assert expected.affected_traces == version.affected
        name = names()
        predicted = {
            name[group.frame_id]: (group.before, group.after)
            for group in expected.groups
        }
        touched = {
            each
            for pk in moved
            for each in (guilty_before[pk], guilty_now[pk])
            if each is not None
        }
        assert predicted == {each: (was[each], now[each]) for each in touched}
        appearing = {name[group.frame_id] for group in expected.appearing}
        vanishing = {name[group.frame_id] for group in expected.vanishing}
        assert appearing == {each for each in touched if not was[each]}
        assert vanishing == {each for each in touched if not now[each]}


@random_rules
@given(crashes, rule_sets, rule_sets)
def test_judging_what_can_change_is_judging_everything(found, old, new):
    with rolled_back():
        sent(*found)
        digest()
        in_force(*old)
        assert verdicts() == judged_from_payloads(old)
        in_force(*new)
        incremental = verdicts()
        assert incremental == judged_from_payloads(new)
        curation.apply(new, note="everything", everything=True)
        judge_everything()
        assert verdicts() == incremental
        assert set(Trace.objects.values_list("version", flat=True)) == {
            judging.in_force().version
        }


@random_rules
@given(crashes, rule_sets, rule_sets)
def test_undo_restores_rules_and_verdicts_exactly(found, old, new):
    with rolled_back():
        sent(*found)
        digest()
        in_force(*old)
        before, rules_before = verdicts(), identities()
        in_force(*new)
        after, rules_after = verdicts(), identities()
        undone = curation.undo()
        assert verdicts().keys() == after.keys()
        judge_everything()
        assert (verdicts(), identities()) == (before, rules_before)
        assert undone.note.startswith("Undo")
        curation.undo()
        judge_everything()
        assert (verdicts(), identities()) == (after, rules_after)


def identities():
    found = [judging.as_json(rule) for rule in curation.rules()]
    return Counter(
        tuple(sorted((k, v) for k, v in each.items() if k != "id")) for each in found
    )


@random_rules
@given(crashes, crashes, rule_sets, rule_sets, rule_sets, st.integers(0, 3))
def test_crashes_that_arrive_meanwhile_and_a_second_change_end_in_the_last_rules(
    found, more, old, given_up, last, steps
):
    with rolled_back():
        sent(*found)
        digest()
        in_force(*old)
        curation.apply(given_up, note="to be given up")
        for _ in range(steps):
            curation.judge_again(2)
        sent(*more[::2])
        digest()
        curation.apply(last, note="the last")
        curation.judge_again(1)
        sent(*more[1::2])
        digest()
        judge_everything(2)
        assert verdicts() == judged_from_payloads(last)
        assert not Rejudge.objects.exists()
        states = RulesVersion.objects.values_list("state", flat=True)
        assert Counter(states)["current"] == 1
        assert "judging" not in states


@random_rules
@given(crashes, rule_sets)
def test_the_frame_that_pages_show_as_chosen_is_the_guilty_one(found, new):
    with rolled_back():
        sent(*found)
        digest()
        in_force(*new)
        for trace in Trace.objects.select_related("guilty__frame"):
            chosen = [
                (each.frame.function, each.frame.module)
                for each in stats.noted_frames(trace)
                if each.note.kind == "chosen"
            ]
            row = trace.guilty
            expected = [(row.frame.function, row.frame.module)] if row else []
            assert chosen == expected

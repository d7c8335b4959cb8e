"""What a preview says of the top, the groups and the rules."""

import pytest

from crashes import curation, forecast
from crashes.models import Guilty
from records.scope import Scope
from tests.crashes.factories import (
    crashed,
    digest,
    frame_row,
    guilty_row,
    in_force,
    judge_everything,
    rule,
)

pytestmark = pytest.mark.django_db

HELPER = ("helper()", "m.so")
CALLER = ("caller()", "m.so")
OTHER = ("other()", "m.so")


@pytest.fixture(autouse=True)
def _crashes():
    in_force()
    for _ in range(3):
        crashed(HELPER, CALLER)
    for _ in range(2):
        crashed(OTHER)
    digest()


def ranks(after: curation.RuleSet) -> list[tuple[str, int, int | None]]:
    moves = curation.preview(after).moves
    top = forecast.top_after(moves, Scope())
    return [(each.function, each.crashes, each.before) for each in top]


def test_the_top_is_as_it_will_be_after_applying():
    after = curation.ignoring([frame_row(*HELPER).pk], "It helps.")
    assert ranks(()) == [("helper()", 3, 1), ("other()", 2, 2)]
    assert ranks(after) == [("caller()", 3, None), ("other()", 2, 2)]
    curation.apply(after, note="of a test")
    judge_everything()
    assert ranks(after) == [("caller()", 3, 1), ("other()", 2, 2)]


def test_hidden_ones_are_left_out_and_merged_ones_count_for_their_target():
    Guilty.objects.filter(pk=guilty_row(*HELPER).pk).update(
        merged_into=guilty_row(*OTHER)
    )
    assert ranks(()) == [("other()", 5, 1)]
    Guilty.objects.filter(pk=guilty_row(*OTHER).pk).update(hidden=True)
    assert ranks(()) == []


def test_groups_are_sorted_by_what_happens_to_them():
    crashed(CALLER)
    crashed(HELPER, OTHER)
    crashed(HELPER, ("third()", "m.so"))
    digest()
    Guilty.objects.filter(pk=guilty_row(*HELPER).pk).update(comment="Known")
    after = (rule("helper()"),)
    found = forecast.groups(curation.preview(after))
    assert [(each.function, each.by) for each in found.appear] == [("third()", 1)]
    assert {(each.function, each.by) for each in found.grow} == {
        ("caller()", 3),
        ("other()", 1),
    }
    assert [each.function for each in found.vanish] == ["helper()"]
    assert [each.function for each in found.told] == ["helper()"]
    assert found.shrink == []


def test_rules_differ_by_what_they_say_whether_they_are_on_and_why():
    kept, off = rule("kept()"), rule("off()", active=False)
    before = (kept, off, rule("gone()"), rule("why()", reason="old"))
    after = (kept, rule("off()"), rule("new()"), rule("why()", reason="new"))
    found = {
        each.rule.function: each.word for each in forecast.differences(before, after)
    }
    assert found == {
        "new()": "added",
        "gone()": "removed",
        "off()": "switched on",
        "why()": "given another reason",
    }

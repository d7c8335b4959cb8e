"""Frames that look never guilty: which are suggested, with which numbers."""

from datetime import UTC, datetime

import pytest
from django.core.cache import cache

from crashes import suggestions
from crashes.guilty import RuleKind
from tests.crashes.factories import crashed, digest, in_force, rule

pytestmark = pytest.mark.django_db

HELPER = ("check_failed()", "libhelp.so.1")


@pytest.fixture(autouse=True)
def _nothing_remembered():
    cache.clear()


def crash(caller: str, program: str, *above: tuple[str, str]) -> None:
    crashed(*above, HELPER, (caller, "m.so"), program=program, at=datetime.now(UTC))
    digest()


def test_a_frame_of_many_programs_and_callers_is_suggested_with_its_numbers():
    for number in range(3):
        crash(f"caller{number}()", f"/usr/bin/program{number % 2}")
    crash("caller0()", "/usr/bin/program0")
    (found,) = suggestions.suggestions()
    assert (found.function, found.module) == HELPER
    assert (found.crashes, found.programs, found.callers) == (4, 2, 3)
    assert (found.ending, found.kind) == (0, RuleKind.IGNORE)
    assert "2 programs" in found.reason
    assert found.guilty is not None


@pytest.mark.parametrize(
    ("callers", "programs"), [(2, 2), (3, 1)], ids=["few callers", "one program"]
)
def test_a_frame_with_little_against_it_is_not_suggested(callers, programs):
    for number in range(max(callers, programs)):
        crash(f"caller{number % callers}()", f"/usr/bin/program{number % programs}")
    assert suggestions.suggestions() == []


def test_a_frame_that_ends_programs_is_to_be_ignored_with_what_is_above_it():
    in_force(rule("abort()", "libc.so.6", kind=RuleKind.IGNORE_WITH_ABOVE))
    for number in range(2):
        crash(
            f"caller{number}()", f"/usr/bin/program{number}", ("abort()", "libc.so.6")
        )
    (found,) = suggestions.suggestions()
    assert (found.ending, found.kind) == (2, RuleKind.IGNORE_WITH_ABOVE)


def test_frames_without_a_name_are_not_suggested():
    for number in range(3):
        crashed(
            ("???", "libx.so"),
            program=f"/usr/bin/program{number}",
            at=datetime.now(UTC),
        )
    digest()
    assert suggestions.suggestions() == []


def test_the_likeliest_comes_first_and_their_number_is_bounded():
    for number in range(3):
        crash(f"caller{number}()", f"/usr/bin/program{number}")
        for n in range(2):
            crashed(
                ("worse()", "w.so"),
                (f"other{number}{n}()", "m.so"),
                program=f"/usr/bin/program{number}",
                at=datetime.now(UTC),
            )
    digest()
    found = suggestions.suggestions()
    assert [each.function for each in found] == ["worse()", "check_failed()"]
    assert suggestions.suggestions(limit=1) == found[:1]


def test_the_answer_is_remembered_until_the_rules_change():
    for number in range(3):
        crash(f"caller{number}()", f"/usr/bin/program{number}")
    assert len(suggestions.suggestions()) == 1
    in_force(rule(*HELPER))
    assert suggestions.suggestions() == []

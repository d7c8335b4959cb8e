"""Spans of time in words."""

import pytest

from records.durations import ago, offset, span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "now"),  # a clock that is a little ahead
        (0.9, "now"),
        (1, "1 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (86_399, "23 h ago"),
        (86_400, "1 d ago"),
        (40 * 86_400, "40 d ago"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds, words):
    assert ago(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (40, "40 s"),
        (123, "2 min 3 s"),
        (7380, "2 h 3 min"),
        (86_400, "1 d"),
        (90_001, "1 d 1 h"),
        (-40, "40 s"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(seconds, words):
    assert span(seconds) == words


def test_an_offset_says_before_or_after():
    assert offset(7380) == "+2 h 3 min"
    assert offset(-40) == "\u221240 s"

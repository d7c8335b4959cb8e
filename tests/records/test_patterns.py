"""Classification patterns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.patterns import is_pattern, matches

MATCHING = [
    ("org.clearlinux/crash/clr", "org.clearlinux/crash/clr"),
    ("org.clearlinux/crash/*", "org.clearlinux/crash/clr"),
    ("org.clearlinux/crash/*", "org.clearlinux/crash/"),
    ("org.clearlinux/crash/c*", "org.clearlinux/crash/clr"),
    ("org.clearlinux/*", "org.clearlinux/crash/clr"),
    ("org.clearlinux/cr*", "org.clearlinux/crash/clr"),
    ("*", "org.clearlinux/crash/clr"),
    ("*/mce/corrected", "org.clearlinux/mce/corrected"),
    ("*/mce/*", "com.example/mce/AR"),
    ("org.*/mce/AR", "org.clearlinux/mce/AR"),
    ("//", "//"),
    ("*", "a/b/line\nbreak"),
    ("a.b/c/d*", "a.b/c/d*"),
]
NOT_MATCHING = [
    ("org.clearlinux/crash/clr", "org.clearlinux/crash/clr-build"),
    ("org.clearlinux/crash/clr", "xorg.clearlinux/crash/clr"),
    ("org.clearlinux/crash/*", "org.clearlinux/crashes/clr"),
    ("org.clearlinux/crash/*", "crash/kernel/bug"),
    ("*/mce/corrected", "org.clearlinux/crash/mce/corrected"),
    ("*/mce/corrected", "org.clearlinux/mce/corrected/x"),
    ("org.clearlinux/mce/AR", "orgxclearlinux/mce/AR"),
    ("org.clearlinux/mce/ar", "org.clearlinux/mce/AR"),
    ("a*b/c/d", "axb/c/d"),
    ("", "a/b/c"),
]


@pytest.mark.parametrize(("pattern", "classification"), MATCHING)
def test_a_pattern_means_a_classification(pattern, classification):
    assert matches(pattern, classification)


@pytest.mark.parametrize(("pattern", "classification"), NOT_MATCHING)
def test_a_pattern_does_not_mean_another_classification(pattern, classification):
    assert not matches(pattern, classification)


@pytest.mark.parametrize("text", ["*", "a/*", "a*/b/c", "a/b/c*"])
def test_a_star_at_the_end_of_a_component_makes_a_pattern(text):
    assert is_pattern(text)


@pytest.mark.parametrize("text", ["", "a/b/c", "a*b/c/d", "*a/b/c"])
def test_a_star_elsewhere_makes_none(text):
    assert not is_pattern(text)


@given(st.text("ab.*+?[](/\\\n", max_size=10), st.text("ab.*+?[](/\\\n", max_size=10))
def test_a_text_that_is_no_pattern_means_only_itself(text, other):
    if not is_pattern(text):
        assert matches(text, other) == (text == other)

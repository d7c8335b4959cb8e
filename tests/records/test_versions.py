"""Keys that sort as versions do."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.versions import version_key

IN_ORDER = [
    ("0", "1", "9", "10", "32130", "32131", "100000"),
    ("1.2", "1.2.1", "1.3", "1.10", "2", "10.0"),
    ("1.0~rc1", "1.0-alpha", "1.0-beta", "1.0-rc1", "1.0-rc2", "1.0", "1.0.1"),
    ("15.0", "15.1-Alpha", "15.1b2", "15.1", "15.1c", "15.1.0"),
    ("1.b", "1", "1.c", "1.cd", "1.d", "1.0"),
    ("20180101.snapshot", "20180101", "20180102"),
    ("", "0"),
]


@pytest.mark.parametrize("versions", IN_ORDER, ids=" < ".join)
def test_keys_sort_as_versions_do(versions):
    shuffled = random.Random(1).sample(versions, len(versions))
    assert tuple(sorted(shuffled, key=version_key)) == versions
    assert len(set(map(version_key, versions))) == len(versions)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.0", "1-0"), ("007", "7"), ("1.0-RC1", "1.0-rc1"), ("a_b", "a.b")],
)
def test_what_only_separators_case_and_zeros_tell_apart_sorts_together(one, other):
    assert version_key(one) == version_key(other)


@given(st.text(max_size=256))
def test_any_text_has_a_key_that_every_collation_sorts_alike(text):
    assert re.fullmatch(r"[0-9a-z]{1,400}", version_key(text))


@given(
    st.lists(st.integers(0, 10**40), min_size=1, max_size=6),
    st.lists(st.integers(0, 10**40), min_size=1, max_size=6),
)
def test_dotted_numbers_compare_number_by_number(one, other):
    keys = [version_key(".".join(map(str, numbers))) for numbers in (one, other)]
    assert (keys[0] < keys[1]) == (one < other)
    assert (keys[0] == keys[1]) == (one == other)

"""Queries of the predecessor's pages in today's words."""

import pytest

from records.legacy import is_old, translated


def test_names_and_values_are_translated():
    old = {
        "os_name": "clear-linux-os",
        "build": "All",
        "classification": "org.clearlinux/crash/%",
        "severity": "3",
        "machine_id": "",
        "payload": "a=b&c",
        "data_source": "external",
        "from_date": "2020-01-30",
        "to_date": "2020-01-31",
        "page": "2",
        "page_size": "50",
        "format_type": "attach",
        "timestamp": "1580000000.5",
    }
    assert translated(old) == {
        "system_name": "clear-linux-os",
        "classification": "org.clearlinux/crash/*",
        "severity": "3",
        "payload": "a=b&c",
        "external": "true",
        "received_after": "2020-01-30",
        "received_before": "2020-02-01",  # the last day was included
    }


@pytest.mark.parametrize("value", ["yesterday", "9999-12-31"])
def test_a_last_day_that_has_no_next_one_is_passed_on_as_it_is(value):
    assert translated({"to_date": value}) == {"received_before": value}


def test_only_old_names_make_a_query_old():
    assert is_old({"data_source": "All", "severity": "1"})
    assert not is_old({"severity": "1", "classification": "a/b/100 %"})

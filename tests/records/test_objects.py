"""The record object."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.objects import FIELDS, record_object, timestamp
from tests.factories import submission

TIMES = [
    (0, "1970-01-01 00:00:00 UTC"),
    (1795334732, "2026-11-22 08:05:32 UTC"),
    (951_782_400, "2000-02-29 00:00:00 UTC"),
    (253_402_300_799, "9999-12-31 23:59:59 UTC"),
    (253_402_300_800, "10000-01-01 00:00:00 UTC"),
    (266_025_081_600, "10400-01-01 00:00:00 UTC"),
    (2**63 - 1, "292277026596-12-04 15:30:07 UTC"),
]


@pytest.mark.parametrize(("seconds", "text"), TIMES)
def test_a_time_is_written_out_whatever_the_clients_clock_says(seconds, text):
    assert timestamp(seconds) == text


@given(st.integers(0, 253_402_300_799))
def test_a_time_of_the_known_calendar_reads_back(seconds):
    moment = datetime.fromisoformat(timestamp(seconds).replace(" UTC", "Z"))
    assert moment.timestamp() == seconds


@given(st.integers(253_402_300_800 - 12_622_780_800, 253_402_300_799))
def test_the_calendar_repeats_beyond_the_year_9999(seconds):
    year, rest = timestamp(seconds).split("-", 1)
    assert timestamp(seconds + 12_622_780_800) == f"{int(year) + 400}-{rest}"


def test_a_record_object_has_the_documented_keys_in_order():
    made = record_object(7, datetime(2026, 1, 31, tzinfo=UTC), submission())
    assert tuple(made) == FIELDS


def test_a_record_object_says_what_was_stored():
    sent = submission(external=True, payload="text", severity=3)
    received = datetime(2026, 1, 31, 12, 0, 59, 999_999, tzinfo=UTC)
    assert record_object(7, received, sent) == {
        "id": 7,
        "arch": "x86_64",
        "bios_version": "BNKBL357.86A.0081.2019.1105.1121",
        "board_name": "NUC7i7BNB|Intel Corporation",
        "build": "32130",
        "classification": "org.clearlinux/hello/world",
        "cpu_model": "Intel(R) Core(TM) i7-7567U CPU @ 3.50GHz",
        "event_id": sent.event_id,
        "external": True,
        "kernel_version": "5.4.8-888.native",
        "machine_id": "fa0ed320862fbeb654b075df03d2e806",
        "machine_type": "Intel Corporation|NUC7i7BNH|J31153-309",
        "payload": "text",
        "payload_format_version": 1,
        "record_format_version": 4,
        "record_version": 4,
        "severity": 3,
        "system_name": "clear-linux-os",
        "ts_capture": "2026-11-22 08:05:32 UTC",
        "ts_reception": "2026-01-31 12:00:59 UTC",
    }


def test_what_a_format_does_not_carry_is_not_available():
    sent = submission(event_id=None, payload_format_version=None)
    made = record_object(7, datetime(2026, 1, 31, tzinfo=UTC), sent)
    assert made["event_id"] == made["payload_format_version"] == "N/A"

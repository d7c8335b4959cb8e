"""What rows of the predecessor's database mean here."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from crashes.predecessor import OldRecord, frame, received_at, submission, text
from records.submission import Submission
from tests.crashes.predecessors import RECORD
from tests.factories import submission as sent

RECEIVED = datetime(2020, 1, 26, 0, 54, 20, 250_000, tzinfo=UTC)
LONG = "x" * 300


def row(**changes: Any) -> OldRecord:
    values: dict[str, Any] = {**RECORD, "id": 1} | changes
    for name in ("timestamp_client", "timestamp_server"):
        values[name] = None if values[name] is None else Decimal(values[name])
    return OldRecord(**{name: values[name] for name in OldRecord._fields})


def taken(**changes: Any) -> Submission:
    return submission(row(**changes))[1]


def test_a_record_keeps_what_it_was_sent_with():
    assert taken() == sent(
        captured_at=1_580_000_000,
        event_id="04946838d58d2b4f0cd50e76065c5a6d",
        bios_version="BNKBL357.86A",
    )


@pytest.mark.parametrize(
    ("column", "value", "name", "expected"),
    [
        ("build", '"32130"', "build", "32130"),
        ("build", " '32130' ", "build", "32130"),
        ("build", '""', "build", "N/A"),
        ("build", "", "build", "N/A"),
        ("build", "N/A", "build", "N/A"),
        ("build", LONG, "build", "x" * 256),
        ("system_name", None, "system_name", "N/A"),
        ("system_name", '"fedora"', "system_name", "fedora"),
        ("machine_id", None, "machine_id", "N/A"),
        ("machine_id", LONG, "machine_id", "x" * 32),
        ("architecture", None, "arch", "N/A"),
        ("architecture", LONG, "arch", "x" * 32),
        ("cpu_model", "", "cpu_model", "N/A"),
        ("cpu_model", "  ", "cpu_model", "N/A"),
        ("bios_version", None, "bios_version", "N/A"),
        ("board_name", "größe", "board_name", "größe"),
        ("host_type", LONG, "host_type", "x" * 256),
        ("kernel_version", None, "kernel_version", "N/A"),
        ("classification", LONG, "classification", "x" * 140),
        ("classification", "no slash", "classification", "no slash"),
        ("payload_version", None, "payload_format_version", None),
        ("record_version", None, "record_format_version", 1),
        ("record_version", 10**6, "record_format_version", 32_767),
        ("severity", None, "severity", 1),
        ("severity", 0, "severity", 0),
        ("severity", -(2**31), "severity", -32_767),
        ("external", None, "external", False),
        ("external", True, "external", True),
        ("event_id", None, "event_id", None),
        ("event_id", "", "event_id", None),
        ("event_id", "N/A", "event_id", None),
        ("event_id", "AB" * 16, "event_id", "ab" * 16),
        ("event_id", "x" * 32, "event_id", None),
        ("timestamp_client", "1580000000.9", "captured_at", 1_580_000_000),
        ("timestamp_client", None, "captured_at", 1_580_000_060),
        ("timestamp_client", "NaN", "captured_at", 1_580_000_060),
        ("timestamp_client", 10**30, "captured_at", 1_580_000_060),
        ("timestamp_client", -5, "captured_at", -5),
        ("payload", "", "payload", ""),
        ("payload", " a\x01\n", "payload", " a\x01\n"),
    ],
)
def test_a_value_becomes_what_can_be_stored(column, value, name, expected):
    assert getattr(taken(**{column: value}), name) == expected


@pytest.mark.parametrize(
    ("server", "client", "moment"),
    [
        ("1580000060.25", None, RECEIVED),
        ("1580000060.2500009", "5", RECEIVED),
        ("NaN", "1580000060.25", RECEIVED),
        ("1580000060000", "1580000060.25", RECEIVED),
        ("-9", "NaN", datetime(1970, 1, 1, tzinfo=UTC)),
        ("Infinity", None, datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_seconds_become_a_moment(server, client, moment):
    given = None if client is None else Decimal(client)
    assert received_at(Decimal(server), given) == moment


@pytest.mark.parametrize(
    ("function", "module", "expected"),
    [
        ("raise()", "libc.so.6", ("raise()", "libc.so.6")),
        ("_ZN3foo3barEv()", "m.so", ("foo::bar()", "m.so")),
        ("main.cold()", "m", ("main()", "m")),
        ("???", "m", ("???", "m")),
        ("(no symbols)", "", ("(no symbols)", "")),
        ("f()", "a\x01b", ("f()", "a\ufffdb")),
    ],
)
def test_a_guilty_is_named_as_frames_here_are(function, module, expected):
    assert frame(function, module) == expected


def test_blank_text_is_not_carried():
    assert text(None) == text(" ") == text("N/A") == "N/A"

"""Every rule on a single value: the tables of docs/protocol.md, row by row."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.collector.fields import NAMES, header_case, parse
from records.collector.refusal import Code, Refusal
from tests.factories import VALUES, values

ALWAYS = ("arch", "build", "creation_timestamp", "classification", "kernel_version")
ALWAYS += ("machine_id", "severity")
FROM_2 = ("payload_format_version", "system_name")
LEFT_OUT_WHEN_BLANK = ("host_type", "board_name", "cpu_model", "bios_version")

MESSAGES = {
    "record_format_version": "Record-Format-Version is invalid",
    "severity": "severity value is out of range",
    "classification": "Classification value is invalid",
    "machine_id": "Machine id value is invalid",
    "creation_timestamp": "timestamp is invalid",
    "arch": "architecture is invalid",
    "host_type": "host type is invalid",
    "kernel_version": "kernel version is invalid",
    "board_name": "board name is invalid",
    "cpu_model": "cpu model is invalid",
    "bios_version": "BIOS version is invalid",
    "event_id": "Event id is invalid",
    "system_name": "System name is invalid",
    "build": "Clear Linux OS build version has invalid characters",
    "payload_format_version": "Payload format version outside of range supported",
}

# What is sent, and what is stored when that is something else.
ACCEPTED: dict[str, list[str | tuple[str, object]]] = {
    "record_format_version": [("1", 1), ("2", 2), ("3", 3), ("4", 4), ("04", 4)],
    "severity": [("1", 1), ("2", 2), ("3", 3), ("4", 4)],
    "classification": [
        "org.clearlinux/hello/world",
        "//",
        'a b"c//d%20e',
        "clearlinux/uptime/0012:34:56",
        f"{'a' * 40}/{'b' * 40}/{'c' * 58}",
        "größe/ü/ß",
    ],
    "machine_id": [
        "0" * 32,
        "my-machine-name",
        "unique machine ID: build lab rac",
        "x",
    ],
    "creation_timestamp": [
        ("0", 0),
        ("1795334732", 1795334732),
        ("4294967296", 4294967296),
        ("99999999999999", 99999999999999),
        ("9223372036854775807", 9223372036854775807),
    ],
    "arch": [
        *("armv7l", "armv6l", "aarch64", "amd64", "sparc64", "ppc64", "i686", "i386"),
        *("x86_64", "ppc", "riscv64", "loongarch64", "s390x", "ppc64le", "x" * 32),
    ],
    "host_type": [
        ("", "N/A"),
        "Intel Corporation|NUC7i7BNH|J31153-309",
        "x" * 249,
        "Société|Model® Xÿ|1.0",
    ],
    "kernel_version": ["5.4.8-888.native", "4.4.0", "10.20.x", "6.1." + "x" * 252],
    "board_name": [("", "N/A"), "x" * 199, "NUC7i7BNB|Intel Corporation"],
    "cpu_model": [("", "N/A"), "x" * 199, "Intel(R)"],
    "bios_version": [("", "N/A"), "x" * 199, "N23ET59W (1.34 )"],
    "event_id": ["04946838d58d2b4f0cd50e76065c5a6d"],
    "system_name": [
        "clear-linux-os",
        ('"clear-linux-os"', "clear-linux-os"),
        ("'clear-linux-os' ", "clear-linux-os"),
    ],
    "build": ["0", "32130", ('"32130"', "32130"), ("'32130'", "32130"), "1" * 256],
    "payload_format_version": [("0", 0), ("1", 1), ("4294967295", 4294967295)],
}
REFUSED = {
    "record_format_version": ["0", "5", "-1", "4.0", "four", "٤", "1" * 5000],
    "severity": ["0", "5", "-1", "1.0", "high", "²", "1,1", "9" * 5000],
    "classification": ["org.clearlinux", "a/b", "a/b/c/d", "a" * 139 + "//"],
    "machine_id": ["x" * 33],
    "creation_timestamp": [
        *("-1", "now", "1795334732.5", "0x10", "1 2", "٣"),
        *("9223372036854775808", "1" * 21),
    ],
    "arch": ["x" * 33, "x86\n64", "x86\x7f64", "x86\u202e64"],
    "host_type": ["x" * 250],
    "kernel_version": [
        "5",
        "5.4",
        "5.4.",
        "x.4.8",
        "5.x.8",
        "5.4-8",
        "5.4." + "x" * 253,
    ],
    "board_name": ["x" * 200],
    "cpu_model": ["x" * 200],
    "bios_version": ["x" * 200],
    "event_id": [
        "04946838d58d2b4f0cd50e76065c5a6",
        "04946838d58d2b4f0cd50e76065c5a6d0",
        "04946838D58D2B4F0CD50E76065C5A6D",
        "04946838-d58d-2b4f-0cd5-0e76065c5a6d",
        "g" * 32,
    ],
    "system_name": ["x" * 257],
    "build": ["32130a", "15.1", "-1", "", "1" * 257, "32130\n1", "٣"],
    "payload_format_version": ["-1", "4294967296", "1.0", "one"],
}

# The names of a record are those of its client, with two exceptions.
_STORED_AS = {"creation_timestamp": "captured_at"}


def accepted_rows():
    for name, each in ACCEPTED.items():
        for row in each:
            sent, stored = (row, row) if isinstance(row, str) else row
            yield pytest.param(name, sent, stored, id=f"{name}={sent[:40]}")


def refused_rows():
    for name, each in REFUSED.items():
        for sent in each:
            yield pytest.param(name, sent, id=f"{name}={sent[:40]}")


def parsed(sent: dict[str, str]):
    return parse(sent, "payload", 1, external=False)


def refusal(sent: dict[str, str]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        parsed(sent)
    return caught.value


def test_the_tables_here_have_every_name():
    assert set(ACCEPTED) == set(REFUSED) == set(MESSAGES) == set(NAMES) == set(VALUES)


@pytest.mark.parametrize(("name", "sent", "stored"), list(accepted_rows()))
def test_a_valid_value_is_stored(name, sent, stored):
    submission = parsed(values(**{name: sent}))
    assert getattr(submission, _STORED_AS.get(name, name)) == stored


@pytest.mark.parametrize(("name", "sent"), list(refused_rows()))
def test_an_invalid_value_is_refused_in_the_predecessors_words(name, sent):
    error = refusal(values(**{name: sent}))
    if sent:
        assert (error.code, error.message) == (Code(name), MESSAGES[name])
    assert error.field == name
    assert error.status == 400


@pytest.mark.parametrize(
    "build", ["15.1", "2026.02.01-rolling_3", "Trixie", "N-1", "x" * 256]
)
def test_builds_of_other_systems_are_words(build):
    submission = parsed(values(system_name='"opensuse"', build=f'"{build}"'))
    assert (submission.system_name, submission.build) == ("opensuse", build)


@pytest.mark.parametrize("build", ["15 1", "15/1", "ü", "x" * 257, "<b>", '"'])
def test_a_build_of_another_system_with_other_characters_is_refused(build):
    error = refusal(values(system_name="opensuse", build=build))
    assert error.message == "Build version has invalid characters"
    assert error.code is Code.BUILD


@pytest.mark.parametrize(
    ("version", "name"),
    [
        *((version, name) for version in "1234" for name in ALWAYS),
        *((version, name) for version in "234" for name in FROM_2),
        ("4", "event_id"),
    ],
)
@pytest.mark.parametrize("blank", [True, False])
def test_a_name_that_a_format_requires_cannot_be_missing_or_blank(version, name, blank):
    sent = values(record_format_version=version)
    if blank:
        sent[name] = ""
    else:
        del sent[name]
    error = refusal(sent)
    assert error.code is Code.MISSING
    assert error.field == name
    assert error.message == (
        f"Record-Format-Version headers are invalid, {header_case(name)} missing"
    )


@pytest.mark.parametrize("blank", ["", None])
def test_a_record_without_a_format_is_refused(blank):
    sent = values("record_format_version")
    if blank is not None:
        sent["record_format_version"] = blank
    error = refusal(sent)
    assert error.code is Code.RECORD_FORMAT_VERSION
    assert error.field == "record_format_version"


@pytest.mark.parametrize("version", "1234")
@pytest.mark.parametrize("name", LEFT_OUT_WHEN_BLANK)
def test_what_genuine_clients_leave_out_is_stored_as_not_available(version, name):
    submission = parsed(values(name, record_format_version=version))
    assert getattr(submission, name) == "N/A"


def test_a_format_1_record_may_carry_nothing_more():
    sent = {name: VALUES[name] for name in ALWAYS} | {"record_format_version": "1"}
    submission = parsed(sent)
    assert submission.system_name == "N/A"
    assert submission.payload_format_version is None
    assert submission.event_id is None


@pytest.mark.parametrize("version", "123")
def test_an_event_id_before_format_4_is_kept_when_it_is_one(version):
    assert parsed(values(record_format_version=version)).event_id
    odd = values(record_format_version=version, event_id="not an id")
    assert parsed(odd).event_id is None


def test_format_2_may_send_the_names_of_format_3():
    submission = parsed(values("event_id", record_format_version="2"))
    assert submission.board_name == VALUES["board_name"]
    assert submission.cpu_model == VALUES["cpu_model"]
    assert submission.bios_version == VALUES["bios_version"]


def test_a_system_name_of_quotes_only_is_missing():
    error = refusal(values(system_name="''"))
    assert (error.code, error.field) == (Code.MISSING, "system_name")


def test_the_first_invalid_value_is_named_not_all_of_them():
    assert refusal(values(severity="9", classification="x")).field == "severity"


def test_payload_source_and_telemetry_id_are_handed_on():
    submission = parse(values(), "text", 42, external=True)
    assert submission.payload == "text"
    assert submission.telemetry_id == 42
    assert submission.external is True


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, st.text(max_size=300))))
def test_arbitrary_values_are_accepted_or_refused_and_nothing_else(sent):
    with suppress(Refusal):
        assert parsed(sent).record_format_version in {1, 2, 3, 4}


@given(
    st.sampled_from(NAMES),
    st.text() | st.integers().map(str) | st.text("0123456789.-\"' ", max_size=40),
)
def test_one_arbitrary_value_among_valid_ones_is_stored_or_refused_by_name(name, sent):
    named = name
    try:
        parsed(values(**{name: sent}))
    except Refusal as error:
        named = error.field
    assert named == name or (name, named) == ("system_name", "build")

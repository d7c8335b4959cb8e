"""From named texts to a Submission: every rule on a single value (pure).

The messages are those of the predecessor, where it had one.
"""

import re
from collections.abc import Mapping

from records.collector.refusal import Code, Refusal
from records.submission import NOT_CARRIED, Submission

NAMES = (
    "record_format_version",
    "classification",
    "severity",
    "machine_id",
    "creation_timestamp",
    "arch",
    "host_type",
    "build",
    "kernel_version",
    "payload_format_version",
    "system_name",
    "board_name",
    "cpu_model",
    "bios_version",
    "event_id",
)
"""What clients send beside the payload: header names, or keys of a JSON object."""

_REQUIRED_1 = (
    "arch",
    "build",
    "creation_timestamp",
    "classification",
    "kernel_version",
    "machine_id",
    "severity",
)
_REQUIRED_2 = (*_REQUIRED_1, "payload_format_version", "system_name")
# Genuine clients omit a name whose value is blank: host_type, board_name, bios_version
# and cpu_model are therefore never required.
REQUIRED = {
    1: _REQUIRED_1,
    2: _REQUIRED_2,
    3: _REQUIRED_2,
    4: (*_REQUIRED_2, "event_id"),
}

_UINT32 = 4_294_967_295
_INT64 = 9_223_372_036_854_775_807
_KERNEL = re.compile(r"[0-9]+\.[0-9]+\..+", re.DOTALL)
_EVENT_ID = re.compile(r"[0-9a-f]{32}")
_CLEAR_BUILD = re.compile(r"[0-9]+")
_BUILD = re.compile(r"[-_a-zA-Z0-9.]+")
_MAX_NAME = 256


def parse(
    values: Mapping[str, str], payload: str, telemetry_id: int, external: bool
) -> Submission:
    """The record that ``values`` (trimmed, by NAMES) and ``payload`` describe.

    Raises Refusal for the first value that breaks a rule.
    """
    version = _format_version(values.get("record_format_version", ""))
    for name in REQUIRED[version]:
        if not values.get(name):
            raise missing(name)
    system_name = _system_name(values.get("system_name", ""), version)
    return Submission(
        record_format_version=version,
        severity=_severity(values["severity"]),
        classification=_classification(values["classification"]),
        machine_id=_short(values["machine_id"], 32, "machine_id"),
        captured_at=_timestamp(values["creation_timestamp"]),
        arch=_arch(values["arch"]),
        host_type=_described(values, "host_type", 249),
        kernel_version=_kernel_version(values["kernel_version"]),
        build=_build(values["build"], system_name),
        system_name=system_name,
        board_name=_described(values, "board_name", 199),
        cpu_model=_described(values, "cpu_model", 199),
        bios_version=_described(values, "bios_version", 199),
        payload_format_version=_payload_version(values, version),
        event_id=_event_id(values.get("event_id", ""), version),
        external=external,
        payload=payload,
        telemetry_id=telemetry_id,
    )


def header_case(name: str) -> str:
    """`cpu_model` as the predecessor names it: `Cpu-Model`."""
    return "-".join(part.capitalize() for part in name.split("_"))


def missing(name: str) -> Refusal:
    message = f"Record-Format-Version headers are invalid, {header_case(name)} missing"
    return Refusal(Code.MISSING, message, name)


_MESSAGES = {
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
    "build": "Build version has invalid characters",
    "payload_format_version": "Payload format version outside of range supported",
}


def _invalid(name: str, message: str = "") -> Refusal:
    return Refusal(Code(name), message or _MESSAGES[name], name)


def _integer(text: str, low: int, high: int, name: str) -> int:
    # The length is checked first: int() refuses thousands of digits by an exception.
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise _invalid(name)
    number = int(text)
    if not low <= number <= high:
        raise _invalid(name)
    return number


def _format_version(text: str) -> int:
    return _integer(text, 1, 4, "record_format_version")


def _severity(text: str) -> int:
    return _integer(text, 1, 4, "severity")


def _timestamp(text: str) -> int:
    return _integer(text, 0, _INT64, "creation_timestamp")


def _payload_version(values: Mapping[str, str], version: int) -> int | None:
    text = values.get("payload_format_version", "")
    if version == 1 and not text:
        return None
    return _integer(text, 0, _UINT32, "payload_format_version")


def _classification(text: str) -> str:
    if text.count("/") != 2 or len(text) > 140:
        raise _invalid("classification")
    return text


def _short(text: str, longest: int, name: str) -> str:
    if len(text) > longest:
        raise _invalid(name)
    return text


def _arch(text: str) -> str:
    if not text.isprintable():
        raise _invalid("arch")
    return _short(text, 32, "arch")


def _described(values: Mapping[str, str], name: str, longest: int) -> str:
    return _short(values.get(name, ""), longest, name) or NOT_CARRIED


def _kernel_version(text: str) -> str:
    if len(text) > _MAX_NAME or not _KERNEL.fullmatch(text):
        raise _invalid("kernel_version")
    return text


def _unquoted(text: str) -> str:
    return text.replace('"', "").replace("'", "").strip()


def _system_name(text: str, version: int) -> str:
    name = _short(_unquoted(text), _MAX_NAME, "system_name")
    if not name and version > 1:
        raise missing("system_name")
    return name or NOT_CARRIED


def _build(text: str, system_name: str) -> str:
    build = _unquoted(text)
    clear = system_name == "clear-linux-os"
    pattern = _CLEAR_BUILD if clear else _BUILD
    if len(build) > _MAX_NAME or not pattern.fullmatch(build):
        message = "Clear Linux OS build version has invalid characters"
        raise _invalid("build", message if clear else "")
    return build


def _event_id(text: str, version: int) -> str | None:
    if _EVENT_ID.fullmatch(text):
        return text
    if version >= 4:
        raise _invalid("event_id")
    return None

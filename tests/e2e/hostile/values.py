"""Values of the protocol's names: sent in headers, and in JSON."""

from tests.e2e.hostile.case import Case
from tests.factories import header_request, json_body, json_request, values

VALUES = [
    ("record_format_version", "", "400"),
    ("record_format_version", "0", "400"),
    ("record_format_version", "5", "400"),
    ("record_format_version", "-1", "400"),
    ("record_format_version", "4.0", "400"),
    ("record_format_version", "0x4", "400"),
    ("record_format_version", "4 4", "400"),
    ("record_format_version", "\u0664", "400"),  # a 4, in Arabic
    ("record_format_version", "\uff14", "400"),  # a wide 4
    ("record_format_version", "9" * 5000, "400"),
    ("severity", "", "400"),
    ("severity", "0", "400"),
    ("severity", "+1", "400"),
    ("severity", "1_0", "400"),
    ("severity", "1.", "400"),
    ("severity", "\u00b2", "400"),  # a digit, says str.isdigit()
    ("severity", "0000000000000000000000001", "400"),
    ("severity", "true", "400"),
    ("classification", "a/b", "400"),
    ("classification", "a/b/c/d", "400"),
    ("classification", "x" * 139 + "//", "400"),
    ("classification", "x" * 138 + "//", "201"),
    ("classification", "//", "201"),
    ("classification", "../../etc", "201"),
    ("classification", "<img src=x onerror=alert(1)>/a/b", "201"),
    ("classification", "=cmd|' C calc'!A0/a/b", "201"),
    ("classification", "%s%n%00/{0}/${jndi:ldap:x}", "201"),
    ("classification", "\u202egpj/a/b", "201"),
    ("machine_id", "", "400"),
    ("machine_id", "x" * 33, "400"),
    ("machine_id", "' OR 1=1; --", "201"),
    ("creation_timestamp", "", "400"),
    ("creation_timestamp", "-1", "400"),
    ("creation_timestamp", "1e9", "400"),
    ("creation_timestamp", "NaN", "400"),
    ("creation_timestamp", "1795334732.5", "400"),
    ("creation_timestamp", "9223372036854775808", "400"),
    ("creation_timestamp", "9223372036854775807", "201"),
    ("creation_timestamp", "0", "201"),
    ("arch", "x" * 33, "400"),
    ("arch", "x86\u200b64", "400"),
    ("host_type", "x" * 250, "400"),
    ("host_type", "x" * 249, "201"),
    ("host_type", "\ufdfa" * 249, "201"),
    ("kernel_version", "5", "400"),
    ("kernel_version", "5.4.", "400"),
    ("kernel_version", "\u0665.\u0664.x", "400"),
    ("kernel_version", "5.4." + "x" * 253, "400"),
    ("kernel_version", "1.1." + "1." * 120, "201"),
    ("build", "''", "400"),
    ("build", "32130; DROP TABLE records_record", "400"),
    ("build", "\u06f3\u06f2", "400"),
    ("build", "3" * 257, "400"),
    ("build", "3" * 256, "201"),
    ("payload_format_version", "-1", "400"),
    ("payload_format_version", "4294967296", "400"),
    ("payload_format_version", "4294967295", "201"),
    ("system_name", "'\"'", "400"),
    ("system_name", "x" * 257, "400"),
    ("board_name", "x" * 200, "400"),
    ("cpu_model", "\U0001f4a3" * 199, "201"),
    ("bios_version", "\u0130\u0131\u017f\u212a", "201"),
    ("event_id", "", "400"),
    ("event_id", "A" * 32, "400"),
    ("event_id", "a" * 31, "400"),
    ("event_id", "a" * 33, "400"),
    ("event_id", "01234567-89ab-cdef-0123-456789abcdef", "400"),
]


def _in_headers(name: str, value: str) -> bytes:
    as_bytes = value.encode().decode("latin-1")
    return header_request(values(**{name: as_bytes}), b"x")


def _in_json(name: str, value: str) -> bytes:
    return json_request(json_body(values(**{name: value}), "x"))


def _named(name: str, value: str) -> str:
    return f"{name}={value[:24]!a}" + (f"*{len(value)}" if len(value) > 24 else "")


CASES = [
    *(Case(f"header {_named(n, v)}", _in_headers(n, v), a) for n, v, a in VALUES),
    *(Case(f"JSON {_named(n, v)}", _in_json(n, v), a) for n, v, a in VALUES),
]

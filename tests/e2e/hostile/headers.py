"""Headers: odd names, odd bytes, too many, too long, twice."""

from tests.e2e.hostile.case import TID, Case
from tests.factories import TELEMETRY_ID, header_request, request, values

BAD, GOOD, LARGE = "400", "201", "431"
MORE = [
    # Twice, in every mixture of spellings
    ("severity twice", ("severity", "1"), BAD),
    ("severity twice, with a hyphen", ("Severity", "1"), BAD),
    ("machine_id and machine-id", ("machine-id", "x"), BAD),
    ("machine_id and MACHINE_ID", ("MACHINE_ID", "x"), BAD),
    ("Event-Id beside event_id", ("Event-Id", "x"), BAD),
    ("telemetry id twice", TID, BAD),
    ("telemetry id twice, one wrong", ("X-Telemetry-TID", "x"), BAD),
    ("Content-Type twice", ("Content-Type", "application/json"), BAD),
    # Names that look like others
    ("X_Telemetry_TID beside the right one", ("X_Telemetry_TID", "x"), GOOD),
    ("X_Forwarded_For", ("X_Forwarded_For", "6.6.6.6"), GOOD),
    ("X-CLR_External", ("X-CLR_External", "true"), GOOD),
    ("REQUEST_METHOD as a header", ("REQUEST_METHOD", "GET"), GOOD),
    ("wsgi.input as a header", ("wsgi.input", "x"), GOOD),
    ("SCRIPT_NAME", ("SCRIPT_NAME", "/evil"), GOOD),
    ("Script-Name", ("Script-Name", "/evil"), GOOD),
    ("Proxy (httpoxy)", ("Proxy", "http://evil.example"), GOOD),
    ("X-HTTP-Method-Override", ("X-HTTP-Method-Override", "DELETE"), GOOD),
    ("X-Original-URL", ("X-Original-URL", "/admin/"), GOOD),
    ("X-Forwarded-Host", ("X-Forwarded-Host", "evil.example"), GOOD),
    ("X-Forwarded-Proto", ("X-Forwarded-Proto", "https"), GOOD),
    ("Connection: upgrade", ("Connection", "Upgrade"), GOOD),
    ("Upgrade: h2c", ("Upgrade", "h2c"), GOOD),
    ("Range", ("Range", "bytes=0-0,0-0,0-0"), GOOD),
    ("Expect something else", ("Expect", "200-ok"), "417"),
    # Names that HTTP forbids
    ("a name with a space", ("bad name", "x"), BAD),
    ("a name that ends with a space", ("severity ", "1"), BAD),
    ("a name that ends with a tab", ("x-a\t", "1"), BAD),
    ("a name with NUL", ("x\x00y", "x"), BAD),
    ("a name with DEL", ("x\x7fy", "x"), BAD),
    ("a name with brackets", ("x(y)", "x"), BAD),
    ("a name with quotes", ('"x"', "x"), BAD),
    ("a name in Latin-1", ("s\xe9verit\xe9", "x"), BAD),
    ("a name in UTF-8", ("\xc3\xa9", "x"), BAD),
    ("no name", ("", "x"), BAD),
    ("a colon for a name", (":", "x"), BAD),
    (":authority", (":authority", "evil.example"), BAD),
    # Values
    ("NUL in a value", ("cpu-model-x", "a\x00b"), BAD),
    ("a lone CR in a value", ("x-a", "a\rb"), BAD),
    ("a lone LF in a value", ("x-a", "a\nb"), BAD),
    ("a CR LF that begins another header", ("x-a", "a\r\nX-CLR-External: true"), GOOD),
    ("a folded line", ("x-a", "a\r\n b"), GOOD),
    ("a folded line with a tab", ("x-a", "a\r\n\tb"), GOOD),
    ("an escape character", ("x-a", "\x1b[2J"), BAD),
    ("a very long value", ("x-a", "x" * 9000), LARGE),
    ("a very long name", ("x" * 9000, "x"), LARGE),
    ("a very long cookie", ("Cookie", "a=b; " * 1700), LARGE),
]
MODELS = [
    # What may stand for a text: anything that can be shown
    ("Latin-1", "caf\xe9", GOOD),
    ("UTF-8", "caf\xc3\xa9", GOOD),
    ("overlong UTF-8", "\xc0\xafetc", GOOD),
    ("an overlong NUL", "\xc0\x80", GOOD),
    ("a surrogate in UTF-8", "\xed\xa0\x80", GOOD),
    ("beyond Unicode", "\xf4\x90\x80\x80", GOOD),
    ("half a letter", "\xe2\x82", GOOD),
    ("UTF-16", "\xff\xfea", GOOD),
    ("only spaces", "     ", GOOD),
    ("a formula", "=1+1", GOOD),
    ("200 letters of two bytes", "\xc3\xa9" * 200, BAD),
    ("199 letters of two bytes", "\xc3\xa9" * 199, GOOD),
]


def _lines(count: int, length: int = 1) -> bytes:
    more = [(f"X-{n}", "x" * length) for n in range(count)]
    return header_request(values(), b"x", *more)


def _raw(*more: tuple[str, str]) -> bytes:
    return request([*values().items(), TID, *more], b"x")


def _identity(tid: str) -> bytes:
    return header_request(values(), b"x", tid=tid)


CASES = [
    *(Case(name, header_request(values(), b"x", more), a) for name, more, a in MORE),
    *(
        Case(f"cpu_model in {name}", header_request(values(cpu_model=value), b"x"), a)
        for name, value, a in MODELS
    ),
    Case("no header at all", b"POST /v2/collector HTTP/1.1\r\n\r\n", BAD),
    Case("Host twice", _raw(("Host", "a.example"), ("Host", "b.example")), BAD),
    Case("only a Host", request([], b"x"), BAD),
    Case("no Host", header_request(values(), b"x").replace(b"Host: ", b"No-: "), GOOD),
    Case("70 more headers", _lines(70), GOOD),
    Case("200 more headers", _lines(200), LARGE),
    Case("60 headers of 8 kB", _lines(60, 8000), GOOD),
    Case("no telemetry id", header_request(values(), b"x", tid=None), BAD),
    Case("an empty telemetry id", _identity(""), BAD),
    Case("a telemetry id in capitals", _identity(TELEMETRY_ID.upper()), BAD),
    Case("a telemetry id with a comma", _identity(f"{TELEMETRY_ID},x"), BAD),
    Case("a telemetry id of 8 kB", _identity("6" * 8000), BAD),
    Case("a telemetry id that is SQL", _identity("' OR '1'='1"), BAD),
]

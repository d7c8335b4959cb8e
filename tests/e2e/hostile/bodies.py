"""Bodies: JSON that is none, sizes at the limits, compression."""

import gzip
import json
import zlib

from tests.e2e.hostile.case import Case
from tests.factories import header_request, json_body, json_request, values

LIMIT = 307_200
BAD, GOOD, LARGE = "400", "201", "413"


def _with(**raw: str) -> bytes:
    """A JSON record in which these keys have values as they are written here."""
    body = json_body(values(*raw), "x")
    more = ",".join(f"{json.dumps(name)}:{text}" for name, text in raw.items())
    return body.replace(b"{", b"{" + more.encode() + b",", 1)


def _payload(text: str) -> bytes:
    body = json.dumps({**values(), "payload": "@"})
    return body.replace('"@"', text).encode("utf-8", "surrogateescape")


def _whole() -> bytes:
    return json_body(values(), "x")


JSON = [
    ("nothing", b"", BAD),
    ("an array", b"[" + _whole() + b"]", BAD),
    ("null", b"null", BAD),
    ("a number", b"1", BAD),
    ("half an object", _whole()[:-5], BAD),
    ("an empty object", b"{}", BAD),
    ("100,000 braces", b"{" * 100_000, BAD),
    ("50,000 levels of objects", b'{"a":' * 50_000, BAD),
    ("100,000 levels of arrays", b'{"a":' + b"[" * 100_000, BAD),
    ("100,000 levels, closed", b'{"a":' + b"[" * 99_999 + b"]" * 99_999 + b"}", BAD),
    ("a key of 300 kB", b'{"' + b"k" * 300_000 + b'":1}', BAD),
    ("20,000 keys", _whole()[:-1] + b',"k":1' * 20_000 + b"}", GOOD),
    ("a key twice", _with(severity='"9","severity":"1"'), GOOD),
    ("a key twice, the last one wrong", _with(severity='"1","severity":"9"'), BAD),
    ("__proto__", _whole()[:-1] + b',"__proto__":{"severity":9}}', GOOD),
    ("garbage behind it", _whole() + b"garbage", BAD),
    ("another object behind it", _whole() + _whole(), BAD),
    ("a bracket behind it", _whole() + b"]", BAD),
    ("NUL behind it", _whole() + b"\x00", BAD),
    ("a comment", b"/* */" + _whole(), BAD),
    ("single quotes", _whole().replace(b'"', b"'"), BAD),
    ("a comma too much", _whole()[:-1] + b",}", BAD),
    ("a BOM", b"\xef\xbb\xbf" + _whole(), BAD),
    ("UTF-16", _whole().decode().encode("utf-16"), BAD),
    ("UTF-16 without a BOM", _whole().decode().encode("utf-16-le"), BAD),
    ("UTF-32", _whole().decode().encode("utf-32"), BAD),
    ("severity a number", _with(severity="1"), GOOD),
    ("severity a float", _with(severity="1.0"), BAD),
    ("severity true", _with(severity="true"), BAD),
    ("severity NaN", _with(severity="NaN"), BAD),
    ("severity Infinity", _with(severity="-Infinity"), BAD),
    ("severity 1e999", _with(severity="1e999"), BAD),
    ("severity of 5,000 digits", _with(severity="9" * 5000), BAD),
    ("severity an array", _with(severity="[1]"), BAD),
    ("severity an object", _with(severity='{"$gt":0}'), BAD),
    ("severity null", _with(severity="null"), BAD),
    ("machine_id an array", _with(machine_id='["x"]'), BAD),
    ("machine_id false", _with(machine_id="false"), BAD),
    ("classification null", _with(classification="null"), BAD),
    ("board_name null", _with(board_name="null"), GOOD),
    ("a lone high surrogate", _with(machine_id=r'"\ud800"'), GOOD),
    ("surrogates the wrong way round", _with(cpu_model=r'"\udc00\ud800"'), GOOD),
    ("an escaped NUL", _with(cpu_model=r'"a\u0000b"'), GOOD),
    ("only NUL", _with(machine_id=r'"\u0000"'), GOOD),
    ("a wrong escape", _with(cpu_model=r'"\x41"'), BAD),
    ("a cut escape", _with(cpu_model=r'"\u12"'), BAD),
    ("payload null", _payload("null"), BAD),
    ("payload an object", _payload("{}"), BAD),
    ("payload a number", _payload("5"), GOOD),
    ("payload empty", _payload('""'), GOOD),
    ("payload a lone surrogate", _payload(r'"\udfff"'), GOOD),
    ("payload with raw control characters", _payload('"\x01\x1f\t\n"'), GOOD),
    ("payload with raw NUL", _payload('"a\x00b"'), GOOD),
    ("payload not UTF-8", _payload('"\udcff\udcfe"'), GOOD),
    (
        "payload of escapes up to the limit",
        _payload('"' + r"\u0041" * 40_000 + '"'),
        GOOD,
    ),
    ("payload not closed", _payload('"x'), BAD),
]
PAYLOADS = [
    ("empty", b"", GOOD),
    ("as long as may be", b"x" * LIMIT, GOOD),
    ("a byte longer than may be", b"x" * (LIMIT + 1), LARGE),
    ("ten times longer than may be", b"x" * (10 * LIMIT), LARGE),
    ("only NUL", b"\x00" * 1000, GOOD),
    ("every byte", bytes(range(256)), GOOD),
    ("overlong UTF-8", b"\xc0\xaf\xe0\x80\xaf", GOOD),
    ("a surrogate in UTF-8", b"\xed\xa0\x80\xed\xbf\xbf", GOOD),
    ("letters that are three times as long as text", "\ufdfa".encode() * 10_000, GOOD),
    ("script", b"</script><script>alert(1)</script>", GOOD),
    ("a log line", b'x\r\n{"level": "CRITICAL"}\r\n', GOOD),
    ("terminal escapes", b"\x1b]0;owned\x07\x1b[2J", GOOD),
    ("JSON that is not a record, beside headers", b'{"severity": 9}', GOOD),
    ("a request", header_request(values(), b"x"), GOOD),
]
ENCODINGS = [
    ("gzip", gzip.compress(b"x" * 10_000_000)),
    ("x-gzip", gzip.compress(b"x")),
    ("deflate", zlib.compress(b"x" * 10_000_000)),
    ("br", b"\x0b\x02\x80x\x03"),
    ("zstd", b"(\xb5/\xfd"),
    ("gzip, gzip", gzip.compress(gzip.compress(b"x"))),
    ("GZIP", gzip.compress(b"x")),
    ("nonsense", b"x"),
]

NDJSON = "application/x-ndjson"
BATCHES = [
    ("of nothing", b"", BAD),
    ("of empty lines", b"\n" * 100_000, BAD),
    ("of empty objects", b"{}\n" * 10, "200"),
    ("of 1,001 lines", b"{}\n" * 1001, BAD),
    ("of 100,000 lines", b"{}\n" * 100_000, BAD),
    ("of broken lines", b"{\n" * 500, "200"),
    ("with lines that are too deep", b'{"a":' * 9000 + b"\n" + b"{}", "200"),
    ("with a line that is too long", b'{"payload":"' + b"x" * LIMIT + b'"}\n{}', "200"),
    ("that is longer than may be", b"{}\n" + b"{" + b"x" * (16 * LIMIT), LARGE),
    ("of arrays", b"[]\n[]", BAD),
    ("with carriage returns alone", b"{}\r{}", BAD),
    ("with line separators of Unicode", b"{}\xe2\x80\xa8{}", BAD),
]

CASES = [
    *(Case(f"JSON: {name}", json_request(body), a) for name, body, a in JSON),
    *(Case(f"payload: {n}", header_request(values(), b), a) for n, b, a in PAYLOADS),
    *(
        Case(
            f"compressed: {name}",
            header_request(values(), body, ("Content-Encoding", name)),
            BAD,
        )
        for name, body in ENCODINGS
    ),
    *(
        Case(f"a batch {name}", json_request(body, content_type=NDJSON), a)
        for name, body, a in BATCHES
    ),
]

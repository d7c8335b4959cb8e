"""Where a request ends: lengths, chunks, smuggling, targets, versions, methods."""

from tests.e2e.hostile.case import CLOSED, Case, framed, smuggled
from tests.factories import header_request, json_body, json_request, request, values

BAD, GOOD = "400", "201"
LOST = f"{BAD} or {CLOSED}"  # what is refused while much of it is still to come
TARGET = b"POST /v2/collector HTTP/1.1"


def _length(text: str) -> tuple[str, str]:
    return ("Content-Length", text)


def _coded(text: str) -> tuple[str, str]:
    return ("Transfer-Encoding", text)


CHUNKED = _coded("chunked")
ONE_CHUNK = b"1\r\nx\r\n0\r\n\r\n"

LENGTHS = [
    ("0", [_length("0")], b"", GOOD),
    ("a minus", [_length("-1")], b"x", BAD),
    ("a plus", [_length("+1")], b"x", BAD),
    ("hexadecimal", [_length("0x1")], b"x", BAD),
    ("a fraction", [_length("1.0")], b"x", BAD),
    ("an underscore", [_length("1_0")], b"x" * 10, BAD),
    ("an exponent", [_length("1e1")], b"x" * 10, BAD),
    ("Arabic digits", [_length("\xd9\xa1")], b"x", BAD),
    ("a superscript digit", [_length("\xb2")], b"xx", BAD),
    ("nothing", [_length("")], b"x", BAD),
    ("a list of the same", [_length("1, 1")], b"x", BAD),
    ("a list", [_length("1, 2")], b"xx", BAD),
    ("twice the same", [_length("1"), _length("1")], b"x", BAD),
    ("twice", [_length("1"), _length("2")], b"xx", BAD),
    ("twice, once underscored", [_length("1"), ("Content_Length", "900")], b"x", GOOD),
    ("more than there is", [_length("10")], b"x", LOST),
    ("a terabyte", [_length("1" + "0" * 12)], b"x", "413"),
    ("5,000 digits", [_length("9" * 5000)], b"x", "413 or " + BAD),
    ("leading zeros", [_length("0" * 30 + "1")], b"x", "413"),
    ("less than there is", [_length("1")], b"x" + b"y" * 50, "201, 400 or 201"),
    ("none, and a body", [], b"x", "201, 400 or 201"),
]

CHUNKS = [
    ("one", ONE_CHUNK, GOOD),
    ("none", b"0\r\n\r\n", GOOD),
    ("with an extension", b'1;a="b";c\r\nx\r\n0\r\n\r\n', GOOD),
    (
        "with a very long extension",
        b"1;" + b"a" * 100_000 + b"\r\nx\r\n0\r\n\r\n",
        LOST,
    ),
    ("with a trailer", b"1\r\nx\r\n0\r\nX-A: b\r\n\r\n", GOOD),
    ("with a trailer of ours", b"1\r\nx\r\n0\r\nseverity: 4\r\n\r\n", GOOD),
    ("with an endless trailer", b"0\r\n" + b"X: y\r\n" * 50_000 + b"\r\n", LOST),
    ("with leading zeros", b"0001\r\nx\r\n000\r\n\r\n", GOOD),
    ("of size zz", b"zz\r\nx\r\n0\r\n\r\n", BAD),
    ("of size -1", b"-1\r\nx\r\n0\r\n\r\n", BAD),
    ("of size +1", b"+1\r\nx\r\n0\r\n\r\n", BAD),
    ("of size 0x1", b"0x1\r\nx\r\n0\r\n\r\n", BAD),
    ("of size 1_0", b"1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n", BAD),
    ("of no size", b"\r\nx\r\n0\r\n\r\n", BAD),
    ("of size ' 1'", b" 1\r\nx\r\n0\r\n\r\n", BAD),
    ("of 2**64 bytes", b"10000000000000000\r\nx\r\n0\r\n\r\n", BAD + " or 413"),
    ("of 1,000 digits", b"f" * 1000 + b"\r\nx\r\n0\r\n\r\n", BAD + " or 413"),
    ("longer than said", b"1\r\nxy\r\n0\r\n\r\n", BAD),
    ("shorter than said", b"5\r\nx\r\n0\r\n\r\n", BAD),
    ("ended by LF", b"1\nx\n0\n\n", BAD),
    ("whose size ends with a lone CR", b"1\rx\r\n0\r\n\r\n", BAD),
    ("without an end", b"1\r\nx\r\n", BAD),
    ("cut in the size", b"1", BAD),
    ("of one byte, 20,000 of them", b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n", GOOD),
    ("too many bytes together", b"ffff\r\n" + b"x" * 65_535 + b"\r\n", BAD),
    ("5 * 64 kB", (b"10000\r\n" + b"x" * 65_536 + b"\r\n") * 5 + b"0\r\n\r\n", "413"),
]

LONE_LF = ("X", "y\nTransfer-Encoding: chunked")
# Two readers of the same bytes must not see different requests in them.
SMUGGLING = [
    ("CL and TE", [_length("6"), CHUNKED], b"0\r\n\r\n" + smuggled(), BAD),
    ("TE and CL", [CHUNKED, _length("4")], b"5c\r\n" + smuggled(), BAD),
    ("CL 0 and TE", [_length("0"), CHUNKED], b"0\r\n\r\n" + smuggled(), BAD),
    ("TE twice", [CHUNKED, CHUNKED], ONE_CHUNK, BAD),
    ("TE chunked and identity", [CHUNKED, _coded("identity")], ONE_CHUNK, BAD),
    ("TE identity and chunked", [_coded("identity"), CHUNKED], ONE_CHUNK, BAD),
    ("TE xchunked", [_coded("xchunked")], ONE_CHUNK, BAD),
    ("TE chunked, identity", [_coded("chunked, identity")], ONE_CHUNK, BAD),
    ("TE gzip, chunked", [_coded("gzip, chunked")], ONE_CHUNK, BAD),
    ("TE with a quote", [_coded('"chunked"')], ONE_CHUNK, BAD),
    ("TE with a vertical tab", [_coded("\x0bchunked")], ONE_CHUNK, BAD),
    ("TE with a semicolon", [_coded("chunked;q=1")], ONE_CHUNK, BAD),
    ("TE empty", [_coded("")], ONE_CHUNK, "501"),
    ("TE behind NUL", [("X", "a\x00\r\nTransfer-Encoding: chunked")], ONE_CHUNK, BAD),
    ("TE folded", [("Transfer-Encoding", "\r\n chunked")], ONE_CHUNK, "501"),
    ("TE before a colon with a space", [("Transfer-Encoding ", "chunked")], b"", BAD),
    ("TE with a lone LF", [LONE_LF], ONE_CHUNK, GOOD),
    ("CL, and TE with a lone LF", [_length("11"), LONE_LF], ONE_CHUNK, BAD),
    ("TE with a lone LF, and CL", [LONE_LF, _length("11")], ONE_CHUNK, BAD),
    (
        "TE underscored, and CL",
        [("Transfer_Encoding", "chunked"), _length("1")],
        b"x",
        GOOD,
    ),
    ("CL with a space", [("Content-Length ", "1")], b"x", BAD),
    ("CL folded", [("Content-Length", "\r\n 1")], b"x", BAD),
    ("CL behind a lone CR", [("X", "y\rContent-Length: 1")], b"x", BAD),
]

POST = header_request(values(), b"x")

ENDED_EARLY = framed(("Content-Length", "1"), ("X", "y\n\nx")).removesuffix(
    b"\r\n\r\n"
) + header_request(values())


def _line(line: bytes) -> bytes:
    return header_request(values(), b"x").replace(TARGET, line)


def _to(target: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    return _line(b"POST " + target + b" " + version)


LINES = [
    ("a bare LF everywhere", POST.replace(b"\r\n", b"\n"), CLOSED),
    ("a bare CR everywhere", POST.replace(b"\r\n", b"\r"), CLOSED),
    ("a leading space", b" " + POST, BAD),
    ("two spaces", _line(b"POST  /v2/collector HTTP/1.1"), GOOD),
    ("a tab", _line(b"POST\t/v2/collector\tHTTP/1.1"), BAD),
    ("a space behind it", _line(b"POST /v2/collector HTTP/1.1 "), BAD),
    ("no version", _line(b"POST /v2/collector"), BAD),
    ("HTTP/0.9", _line(b"POST /v2/collector HTTP/0.9"), BAD),
    ("HTTP/1.2", _line(b"POST /v2/collector HTTP/1.2"), BAD),
    ("HTTP/2.0", _line(b"POST /v2/collector HTTP/2.0"), BAD),
    ("HTTP/1.1.1", _line(b"POST /v2/collector HTTP/1.1.1"), BAD),
    ("HTTP/11", _line(b"POST /v2/collector HTTP/11"), BAD),
    ("http/1.1", _line(b"POST /v2/collector http/1.1"), BAD),
    ("HTP/1.1", _line(b"POST /v2/collector HTP/1.1"), BAD),
    ("a 0.9 request", b"GET /\r\n", CLOSED),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD),
    (
        "a TLS hello",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
        BAD,
    ),
    ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", BAD),
    ("a PROXY line", b"PROXY TCP4 6.6.6.6 1.1.1.1 1 80\r\n" + POST, BAD),
    # RFC 9112 lets a lone LF end a line: what follows is then a request of its own.
    ("a head ended by LFs", ENDED_EARLY, "201, 201 or 201"),
    ("empty lines", b"\r\n" * 50, LOST),
    ("nothing", b"", CLOSED),
    ("one byte", b"P", LOST),
    ("half a head", POST[:100], LOST),
    ("half a body", header_request(values(), b"xyz")[:-2], LOST),
    ("100 kB of A", b"A" * 100_000, LOST),
    ("100 kB of NUL", b"\x00" * 100_000, LOST),
    (
        "two records",
        header_request(values()) + header_request(values()),
        "201, 201 or 201",
    ),
    (
        "a record and garbage",
        header_request(values(), b"x") + b"\x00garbage\r\n\r\n",
        "201, 400 or 201",
    ),
    (
        "a refused record, then a good one",
        header_request(values(severity="9")) + header_request(values()),
        "400, 201 or 400",
    ),
]

TARGETS = [
    ("an address of somebody else", b"http://evil.example/v2/collector", GOOD),
    ("another scheme", b"ftp://evil.example/v2/collector", "400 or 201"),
    ("a user in the address", b"http://a:b@evil.example/v2/collector", "201"),
    ("an asterisk", b"*", "404 or 400"),
    ("an authority", b"evil.example:443", "404 or 400"),
    ("no slash", b"v2/collector", "404 or 400"),
    ("nothing but a query", b"?x=y", "404 or 400"),
    ("slashes that are encoded", b"/v2%2fcollector", GOOD),
    ("a dot", b"/./v2/collector", "404"),
    ("two dots", b"/x/../v2/collector", "404"),
    ("two dots that are encoded", b"/%2e%2e/%2e%2e/etc/passwd", "404"),
    ("two dots below static", b"/static/../../manage.py", "404"),
    ("two dots below static, encoded", b"/static/%2e%2e/%2e%2e/manage.py", "404"),
    ("a backslash", b"/v2\\collector", "404"),
    ("two slashes and a host", b"//evil.example/v2/collector", "404"),
    ("three slashes", b"///v2/collector", "404"),
    ("NUL", b"/v2/collector%00", "404"),
    ("a raw NUL", b"/v2/collector\x00", BAD),
    ("a raw byte", b"/v2/collector\xff", "404 or 400"),
    ("not UTF-8", b"/v2/collector%ff", "404"),
    ("a wrong escape", b"/v2/collector%zz", "404"),
    ("a fragment", b"/v2/collector#x", GOOD),
    ("a path parameter", b"/v2/collector;x=y", "404"),
    ("capitals", b"/V2/Collector", "404"),
    ("CR LF in it", b"/v2/collector%0d%0aX-A:%20b", "404"),
    ("3 kB of path", b"/" + b"a" * 3000, "404"),
    ("10 kB of path", b"/" + b"a" * 10_000, "414"),
    ("3 kB of query", b"/v2/collector?" + b"a" * 3000, GOOD),
    ("a query of escapes", b"/v2/collector?%00%ff%zz=%0d%0a", GOOD),
]

METHODS = [
    ("PUT", "405", "403 or 404 or 405"),
    ("DELETE", "405", "403 or 404 or 405"),
    ("PATCH", "405", "403 or 404 or 405"),
    ("OPTIONS", "405", "403 or 404 or 405"),
    ("TRACE", "405", "403 or 404 or 405"),
    ("CONNECT", "405 or 400", "403 or 404 or 405 or 400"),
    ("PROPFIND", "405", "403 or 404 or 405"),
    ("post", BAD, ""),
    ("PoSt", BAD, ""),
    ("P0ST", "405", "403 or 404 or 405"),
    ("POST\x00", BAD, ""),
    ("A" * 5000, "414", ""),
]


def _method(name: str) -> bytes:
    sent = [*values().items(), ("Host", "localhost")]
    return request(sent, b"x", method=name)


HOSTS = [
    "",
    " ",
    "evil.example",
    "localhost:99999",
    "localhost@evil.example",
    "localhost/evil",
    "[::1",
    "\xff",
    "a" * 5000,
    "localhost, evil.example",
    "127.0.0.1\tevil",
]


def _host(name: str) -> bytes:
    return header_request(values(), b"x", ("Host", name))


CASES = [
    *(Case(f"length: {n}", framed(*h, body=b), a) for n, h, b, a in LENGTHS),
    *(Case(f"chunks {n}", framed(CHUNKED, body=b), a) for n, b, a in CHUNKS),
    *(Case(f"smuggling: {n}", framed(*h, body=b), a) for n, h, b, a in SMUGGLING),
    *(Case(f"request: {name}", data, a) for name, data, a in LINES),
    *(
        Case(f"target: {n}", _to(t).replace(b"telemetry.example", b"localhost"), a)
        for n, t, a in TARGETS
    ),
    *(Case(f"method {n[:9]!a}", _method(n), a, site) for n, a, site in METHODS),
    # Collectors take records under any name, as clients call them by many.
    *(Case(f"host {name[:20]!a}", _host(name), "201 or 400") for name in HOSTS),
    Case("JSON in chunks", json_request(json_body(values(), "x")), GOOD),
]

# What gunicorn's parser in Python says otherwise than the one in C, which it replaces
# where that was not compiled. Mostly it refuses what the other understands.
IN_PYTHON = {
    "a folded line": "400",
    "a folded line with a tab": "400",
    "smuggling: TE xchunked": "501",
    "smuggling: TE with a quote": "501",
    "smuggling: TE with a semicolon": "501",
    "smuggling: TE folded": "400",
    "smuggling: TE with a lone LF": "400",
    "request: two spaces": "400",
    "request: HTTP/1.2": "201",
    "request: a TLS hello": CLOSED,
    "request: a head ended by LFs": "400",
    "request: 100 kB of A": "414",
    "request: 100 kB of NUL": "414",
}

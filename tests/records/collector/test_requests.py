"""From a request to submissions."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.collector.refusal import Code, Refusal
from records.collector.requests import MAX_LINES, submissions
from records.submission import Submission
from tests.factories import TELEMETRY_ID, environ, json_body, values

LIMIT = 1000


def known_id(value: str) -> int | None:
    return {TELEMETRY_ID: 7, "other fleet": 8}.get(value)


def parsed(request_environ, body=b"hello\n", limit=LIMIT):
    return submissions(request_environ, body, known_id, limit)


def refusal(request_environ, body=b"hello\n", limit=LIMIT) -> Refusal:
    with pytest.raises(Refusal) as caught:
        parsed(request_environ, body, limit)
    return caught.value


@pytest.mark.parametrize("path", ["/", "/v2/collector", "/v3/collector"])
def test_every_address_takes_both_formats(path):
    sent = values()
    (in_headers,) = parsed(environ(sent, path=path))
    (in_json,) = parsed(environ(path=path), json_body(sent))
    assert in_headers == in_json
    assert isinstance(in_headers, Submission)
    assert in_headers.event_id == sent["event_id"]
    assert in_headers.payload == "hello\n"


def test_a_payload_in_braces_stays_a_payload_when_the_headers_hold_a_record():
    (submission,) = parsed(environ(values()), b'{"severity": "9"}')
    assert isinstance(submission, Submission)
    assert submission.payload == '{"severity": "9"}'


def test_headers_beside_a_json_record_are_not_its_values():
    (submission,) = parsed(environ({"severity": "4"}), json_body(values()))
    assert isinstance(submission, Submission)
    assert submission.severity == 1


def test_a_request_without_metadata_is_refused_as_a_header_record():
    assert refusal(environ()).code is Code.RECORD_FORMAT_VERSION


@pytest.mark.parametrize("tid", [None, "", "11111111-2222-3333-4444-555555555555"])
@pytest.mark.parametrize("body", [b"hello\n", json_body(values())])
def test_a_telemetry_id_that_is_not_known_is_refused_first(tid, body):
    error = refusal(environ({"severity": "99"}, tid=tid), body)
    assert error.code is Code.TELEMETRY_ID
    assert error.message == "Telemetry ID mismatch"
    assert error.field == "X-Telemetry-TID"
    assert error.status == 400


def test_the_record_belongs_to_its_telemetry_id():
    (one,) = parsed(environ(values()))
    (other,) = parsed(environ(values(), tid="  other fleet "))
    assert isinstance(one, Submission)
    assert isinstance(other, Submission)
    assert (one.telemetry_id, other.telemetry_id) == (7, 8)


@pytest.mark.parametrize(
    ("sent", "external"),
    [
        *((text, True) for text in ("true", "True", "TRUE", " true ")),
        *((text, False) for text in ("false", "", "1", "yes", "true,true")),
        (None, False),
    ],
)
def test_only_true_makes_a_record_external(sent, external):
    more = {} if sent is None else {"HTTP_X_CLR_EXTERNAL": sent}
    for format_environ, body in (
        (environ(values(), **more), b"x"),
        (environ(**more), json_body(values())),
    ):
        (submission,) = parsed(format_environ, body)
        assert isinstance(submission, Submission)
        assert submission.external is external


# --- Batches ------------------------------------------------------------------------


def test_a_batch_gives_a_record_or_a_refusal_per_line_in_order():
    good, other, bad = values(), values(severity="2"), values(severity="9")
    body = b"\n".join([json_body(good), json_body(bad), b"{oops", json_body(other)])
    first, second, third, fourth = parsed(environ(), body)
    assert isinstance(first, Submission)
    assert isinstance(fourth, Submission)
    assert (first.event_id, fourth.event_id) == (good["event_id"], other["event_id"])
    assert isinstance(second, Refusal)
    assert isinstance(third, Refusal)
    assert (second.code, third.code) == (Code.SEVERITY, Code.JSON)


def test_one_bad_object_is_refused_as_a_request():
    assert refusal(environ(), json_body(values(severity="9"))).code is Code.SEVERITY


def test_a_batch_has_a_longest_length():
    body = b"\n".join([json_body(values())] * MAX_LINES)
    assert len(parsed(environ(), body)) == MAX_LINES
    assert refusal(environ(), body + b"\n{}").code is Code.BATCH


# --- Sizes --------------------------------------------------------------------------


@pytest.mark.parametrize("letter", ["x", "é", "\n"])
def test_a_payload_may_be_as_long_as_the_limit_and_no_longer(letter):
    fits = letter * (LIMIT // len(letter.encode()))
    for format_environ, body in (
        (environ(values()), str.encode),
        (environ(), lambda text: json_body(values(), text)),
    ):
        assert len(parsed(format_environ, body(fits))) == 1
        error = refusal(format_environ, body(fits + letter))
        assert (error.code, error.field, error.status) == (
            Code.TOO_LARGE,
            "payload",
            413,
        )


def test_a_line_of_a_batch_that_is_too_long_does_not_spoil_the_others():
    body = json_body(values(), "x" * (LIMIT + 1)) + b"\n" + json_body(values())
    first, second = parsed(environ(), body)
    assert isinstance(first, Refusal)
    assert first.code is Code.TOO_LARGE
    assert isinstance(second, Submission)


# --- Anything -----------------------------------------------------------------------

HEADER_TEXT = st.text(st.characters(max_codepoint=255))
ENVIRONS = st.fixed_dictionaries(
    {"HTTP_X_TELEMETRY_TID": st.just(TELEMETRY_ID) | HEADER_TEXT},
    optional={
        f"HTTP_{name.upper()}": HEADER_TEXT | st.just(value)
        for name, value in {**values(), "x_clr_external": "true"}.items()
    },
)


def line(fields: dict[str, object]) -> bytes:
    return json.dumps(fields).encode()


FIELDS = st.dictionaries(
    st.sampled_from([*values(), "payload"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([]),
)
LINES = st.binary() | FIELDS.map(line) | st.just(json_body(values()))


@given(ENVIRONS, st.binary() | st.lists(LINES, max_size=5).map(b"\n".join))
def test_any_request_is_parsed_or_refused_and_nothing_else(request_environ, body):
    with suppress(Refusal):
        results = parsed(request_environ, body)
        assert results
        assert all(isinstance(each, Submission | Refusal) for each in results)

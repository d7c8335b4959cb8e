"""Bodies: payload bytes, a JSON object, or one object per line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.collector.body import (
    json_objects,
    json_text,
    looks_like_json,
    payload,
    record,
)
from records.collector.refusal import Code, Refusal
from tests.factories import VALUES

PAYLOADS = [
    (b"", ""),
    (b"hello\n", "hello\n"),
    (b"  spaces and lines stay \r\n\t\n", "  spaces and lines stay \r\n\t\n"),
    ("größe 🦀".encode(), "größe 🦀"),
    (b"caf\xe9 \xff\xfe\n", "café ÿþ\n"),
    (b"gr\xc3\xb6\xdfe", "grÃ¶ße"),
    (b"a\x00b", "a\N{REPLACEMENT CHARACTER}b"),
    (b"\xff\x00", "ÿ\N{REPLACEMENT CHARACTER}"),
    (b"\xed\xa0\x80", "í\xa0\x80"),
    (b'{"not": "an object of ours"', '{"not": "an object of ours"'),
]
JSON_TEXTS = [
    ("plain", "plain"),
    ("größe 🦀", "größe 🦀"),
    (4, "4"),
    (1.5, "1.5"),
    (10**30, "1" + "0" * 30),
    ("a\x00b", "a\N{REPLACEMENT CHARACTER}b"),
    # Raw bytes that are not UTF-8 wait as surrogates; the value alone is Latin-1.
    ("Soci\udce9t\udce9", "Société"),
    ("B\udcb2|V", "B²|V"),
    ("é \udce9", "Ã© é"),
    # A backslash-u escape of half a surrogate pair stands for nothing.
    ("x\ud800y", "x?y"),
    ("\ud83e\udce9", "??"),
]


@pytest.mark.parametrize(("sent", "stored"), PAYLOADS)
def test_a_payload_is_utf8_or_else_latin1_with_nul_made_visible(sent, stored):
    assert payload(sent) == stored


@given(st.binary())
def test_any_payload_becomes_text_that_a_database_stores(sent):
    text = payload(sent)
    assert "\x00" not in text
    assert text.encode() is not None


@pytest.mark.parametrize(("value", "text"), JSON_TEXTS)
def test_a_json_value_becomes_text(value, text):
    assert json_text(value, "cpu_model") == text


@pytest.mark.parametrize("value", [None, True, False, [], ["x"], {}, {"a": "b"}])
def test_a_json_value_of_another_type_is_refused_by_name(value):
    with pytest.raises(Refusal) as caught:
        json_text(value, "cpu_model")
    assert (caught.value.code, caught.value.field) == (Code.JSON, "cpu_model")
    assert caught.value.message == "cpu_model is not a text"


@pytest.mark.parametrize("body", [b"{", b" \r\n\t{}", b'{"a": 1}'])
def test_what_begins_with_a_brace_looks_like_json(body):
    assert looks_like_json(body)


@pytest.mark.parametrize("body", [b"", b"x{", b"[{}]", b'"{"', b"\x00{"])
def test_what_does_not_begin_so_does_not(body):
    assert not looks_like_json(body)


def test_values_are_trimmed_and_the_payload_is_not():
    sent = {"cpu_model": " Intel(R)\n", "severity": 3, "payload": " text \n"}
    assert record(sent) == ({"cpu_model": "Intel(R)", "severity": "3"}, " text \n")


def test_names_that_are_not_of_a_record_are_passed_over():
    sent = {"payload": "x", "X-Telemetry-TID": "x", "more": {"a": []}, "arch": None}
    assert record(sent) == ({}, "x")


@pytest.mark.parametrize("sent", [{}, {"payload": None}])
def test_a_payload_is_required(sent):
    with pytest.raises(Refusal) as caught:
        record(sent)
    assert (caught.value.code, caught.value.field) == (Code.MISSING, "payload")


# --- Objects ------------------------------------------------------------------------


def test_one_object_may_be_spread_over_lines():
    body = json.dumps({**VALUES, "payload": "x"}, indent=2).encode()
    assert json_objects(body) == [{**VALUES, "payload": "x"}]


def test_raw_control_characters_inside_strings_are_what_clients_send():
    assert json_objects(b'{"payload": "line\nline\ttab\x01"}') == [
        {"payload": "line\nline\ttab\x01"}
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"a": 1}}',
        b'{"a": 1} tail',
        b'{"a": 1}\nno object',
        b'{"a": 1}\n[]',
        b'{"a": tru}',
        b"{'a': 1}",
        b'{"a": ' + b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b"\xff{",
        b'{"a": "\\ud80"}',
    ],
)
def test_what_is_not_json_is_refused_as_a_whole(body):
    with pytest.raises(Refusal) as caught:
        json_objects(body)
    assert caught.value.code is Code.JSON
    assert caught.value.message.startswith("Body is not a JSON object")
    assert len(caught.value.message) < 200


def test_a_batch_has_an_object_per_line_and_a_refusal_for_a_bad_one():
    body = b'{"a": "1"}\r\n\n  {"b": "2"}  \n{"c": \n{"d": "4"}\n \t\n'
    first, second, third, fourth = json_objects(body)
    assert (first, second, fourth) == ({"a": "1"}, {"b": "2"}, {"d": "4"})
    assert isinstance(third, Refusal)
    assert third.code is Code.JSON


def test_only_a_line_feed_ends_a_line():
    # Every one of these is a space or a line's end to Python's text.
    odd = b'{"a": "\x85 \xe2\x80\xa8 \x0b \x1c"}'
    assert len(json_objects(odd + b"\n" + odd)) == 2


@given(st.binary() | st.binary().map(b'{"payload":"%b"}'.__mod__))
def test_any_body_is_read_or_refused_and_nothing_else(body):
    try:
        objects = json_objects(body)
    except Refusal:
        return
    for each in objects:
        assert isinstance(each, dict | Refusal)


@given(
    st.dictionaries(
        st.sampled_from([*VALUES, "payload"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    )
)
def test_any_object_gives_values_that_a_database_stores_or_is_refused(sent):
    body = json.dumps(sent).encode()
    (fields,) = json_objects(body)
    assert isinstance(fields, dict)
    try:
        values, text = record(fields)
    except Refusal:
        return
    for value in [*values.values(), text]:
        assert "\x00" not in value
        assert value.encode() is not None


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
def test_a_payload_arrives_whether_its_letters_are_escaped_or_not(text):
    for ascii_only in (True, False):
        body = json.dumps({"payload": text}, ensure_ascii=ascii_only).encode()
        (fields,) = json_objects(body)
        assert isinstance(fields, dict)
        assert record(fields) == ({}, text)

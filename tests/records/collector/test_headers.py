"""Header format: from a WSGI environ to values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.collector.headers import sent_in_headers, text, values
from tests.factories import VALUES, environ

TEXTS = [
    ("plain", "plain"),
    ("  trimmed \t", "trimmed"),
    ("", ""),
    ("   ", ""),
    ("Soci\xe9t\xe9|Model\xae X\xff|1.0", "Société|Model® Xÿ|1.0"),
    ("Ma\xc3\xafs", "Maïs"),
    ("Ma\xc3\xafs \xe9", "MaÃ¯s é"),
    # Bytes that are spaces in Latin-1 and half a letter in UTF-8.
    ("Citro\xc3\xab \xc3\xa0", "Citroë à"),
    ("\xd0\x9d\xd0\xa0", "\u041d\u0420"),
    ("\xe2\x80\xa6", "…"),
    # A no-break space, in either encoding, is trimmed as a space is.
    ("name\xa0", "name"),
    ("name\xc2\xa0", "name"),
    ("a\x00b", "a?b"),
]


@pytest.mark.parametrize(("sent", "stored"), TEXTS)
def test_a_header_value_is_utf8_or_else_latin1_and_trimmed(sent, stored):
    assert text(sent) == stored


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
def test_any_utf8_text_arrives_as_it_was_sent_but_for_spaces_around_it(sent):
    assert text(sent.encode().decode("latin-1")) == sent.strip()


@given(st.text())
def test_any_value_becomes_trimmed_text_without_nul(sent):
    arrived = text(sent)
    assert arrived == arrived.strip()
    assert "\x00" not in arrived


def test_every_name_is_read_and_nothing_else():
    assert values(environ(VALUES, HTTP_ACCEPT="*/*", HTTP_PAYLOAD="x")) == VALUES


def test_a_name_that_was_not_sent_is_absent():
    assert values({"HTTP_SEVERITY": "1"}) == {"severity": "1"}


@pytest.mark.parametrize("name", ["record_format_version", "classification"])
def test_either_of_two_headers_tells_the_header_format(name):
    assert sent_in_headers(environ({name: "x"}))


def test_without_them_the_record_is_not_in_the_headers():
    assert not sent_in_headers(environ({"severity": "1", "machine_id": "x"}))

"""Addresses that carry any text."""

import posixpath
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import addresses

STORED = st.text(st.characters(exclude_categories=("Cs",)), max_size=32)


@pytest.mark.parametrize(
    ("machine_id", "address"),
    [
        ("fa0ed320862fbeb6", "/machines/fa0ed320862fbeb6"),
        ("a machine", "/machines/a%20machine"),
        ("50%", "/machines/50%25"),
        ("a?b#c&d;e", "/machines/a%3Fb%23c%26d%3Be"),
        ("\"'<b>", "/machines/%22%27%3Cb%3E"),
        ("größe", "/machines/gr%C3%B6%C3%9Fe"),
        (".hidden", "/machines/.hidden"),
        ("", "/machines/?machine_id="),
        (".", "/machines/?machine_id=."),
        ("..", "/machines/?machine_id=.."),
        ("a/b", "/machines/?machine_id=a%2Fb"),
        ("/", "/machines/?machine_id=%2F"),
        ("a\\b", "/machines/?machine_id=a%5Cb"),
        (" a", "/machines/?machine_id=+a"),
        ("a ", "/machines/?machine_id=a+"),
        ("a\nb", "/machines/?machine_id=a%0Ab"),
        ("\x00", "/machines/?machine_id=%00"),
        ("a\u202eb", "/machines/?machine_id=a%E2%80%AEb"),
        ("\ud800", "/machines/?machine_id=%3F"),
    ],
)
def test_a_machine_has_an_address_whatever_it_is_called(machine_id, address):
    assert addresses.machine(machine_id) == address


@given(STORED)
def test_an_address_leads_to_its_machine_however_it_is_normalised(machine_id):
    address = addresses.machine(machine_id)
    assert address.isascii()
    assert address.isprintable()
    parts = urlsplit(address)
    if parts.query:
        given_ids = parse_qs(parts.query, keep_blank_values=True)["machine_id"]
        assert (parts.path, given_ids) == ("/machines/", [machine_id])
    else:
        path = unquote(parts.path)
        assert posixpath.normpath(path) == path == f"/machines/{machine_id}"


@given(STORED)
def test_the_list_of_its_records_is_an_address_away(machine_id):
    parts = urlsplit(addresses.machine_records(machine_id))
    given_ids = parse_qs(parts.query, keep_blank_values=True)["machine_id"]
    assert (parts.path, given_ids) == ("/records", [machine_id])

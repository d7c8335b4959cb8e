"""Where a request comes from, and what no client can say about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.addresses import client_address, household

PEER = "192.0.2.1"


@pytest.mark.parametrize(
    ("forwarded", "trusted_proxy", "address"),
    [
        (None, False, PEER),
        (None, True, PEER),
        ("", True, PEER),
        ("203.0.113.9", False, PEER),
        ("203.0.113.9", True, "203.0.113.9"),
        ("10.0.0.1, 203.0.113.9", True, "203.0.113.9"),
        ("10.0.0.1,203.0.113.9 ", True, "203.0.113.9"),
        ("10.0.0.1,", True, PEER),
    ],
)
def test_the_last_address_counts_that_a_trusted_proxy_added(
    forwarded, trusted_proxy, address
):
    meta = {"REMOTE_ADDR": PEER}
    if forwarded is not None:
        meta["HTTP_X_FORWARDED_FOR"] = forwarded
    assert client_address(meta, trusted_proxy=trusted_proxy) == address


@given(st.text())
def test_nothing_a_client_sends_changes_its_address(sent):
    meta = {"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": f"{sent}, 203.0.113.9"}
    assert client_address(meta, trusted_proxy=True) == "203.0.113.9"
    meta = {"REMOTE_ADDR": PEER, "HTTP_X_FORWARDED_FOR": sent}
    assert client_address(meta, trusted_proxy=False) == PEER


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("", ""),
        ("unix:", "unix:"),
        ("x" * 100, "x" * 64),
    ],
)
def test_a_network_of_ipv6_is_one_client(address, counted):
    assert household(address) == counted

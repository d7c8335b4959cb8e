"""Where a request comes from."""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address, ip_network


def client_address(meta: Mapping[str, str], *, trusted_proxy: bool) -> str:
    """The address of the peer; behind a trusted proxy, of the proxy's peer.

    That is the last entry of X-Forwarded-For: a client may have written all others.
    """
    forwarded = meta.get("HTTP_X_FORWARDED_FOR", "") if trusted_proxy else ""
    last = forwarded.rpartition(",")[2].strip()
    return last or meta.get("REMOTE_ADDR", "")


def household(address: str) -> str:
    """An address as limits count it: of IPv6 the network, which one client owns."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), 64), strict=False))

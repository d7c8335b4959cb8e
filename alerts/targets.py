"""Where a message may be sent: never to addresses inside, unless allowed (pure)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import NamedTuple
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = (80, 443)
LONGEST_URL = 1000

_URL = re.compile(r"https?://[^\s\\@#]+", re.IGNORECASE)
_PRINTED = re.compile(r"[!-~]+")
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?\.?")
_ENTRY = re.compile(r"(?:\[([^\]]+)\]|([^:\[\]]+))(?::([0-9]{1,5}))?")

_UNICAST = ip_network("2000::/3")
"""All of IPv6 that is routed: neither mapped, translated, local nor multicast."""
_INSIDE = [
    ip_network(each)
    for each in (
        "168.63.129.16/32",  # a cloud's own services, at an address like any other
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",  # Teredo and the like: an IPv4 address is in it
        "2001:db8::/32",
        "2002::/16",  # 6to4: likewise
        "3fff::/20",
    )
]


class Target(NamedTuple):
    """A URL, taken apart."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.secure else 80
        return host if self.port == usual else f"{host}:{self.port}"


def parse(url: str) -> Target:
    """The parts of a URL; ValueError says what is wrong with it."""
    if not _URL.fullmatch(url) or len(url) > LONGEST_URL:
        raise ValueError("It must be an address such as https://chat.example/hooks/1")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _host(parts.hostname or "")
    except ValueError as error:
        raise ValueError("It names no valid host and port") from error
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _PRINTED.fullmatch(path) or port == 0:
        raise ValueError("Its path must be percent-encoded, and its port not 0")
    secure = parts.scheme.lower() == "https"
    return Target(secure, host, port or (443 if secure else 80), path)


def _host(name: str) -> str:
    """As DNS and certificates know it."""
    if ":" in name:
        return str(IPv6Address(name))
    host = name.encode("idna").decode().lower()
    if not _HOST.fullmatch(host):
        raise ValueError("A host name is needed")
    return host


@dataclass(frozen=True)
class Allowed:
    """What may be reached although it is inside, each with its port or the usual ones.

    A name is trusted wherever it leads.
    """

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: frozenset[tuple[Network, int | None]] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "Allowed":
        """From texts like `chat.internal`, `10.1.0.0/16`, `[::1]:8080`."""
        hosts, networks = set(), set()
        for entry in entries:
            what, port = _entry(entry)
            if isinstance(what, str):
                hosts.add((what, port))
            else:
                networks.add((what, port))
        return cls(frozenset(hosts), frozenset(networks))

    def host(self, target: Target) -> bool:
        return any(
            name == target.host and _fits(port, target) for name, port in self.hosts
        )

    def address(self, address: Address, target: Target) -> bool:
        return any(
            address in network and _fits(port, target)
            for network, port in self.networks
        )


def _entry(text: str) -> tuple[Network | str, int | None]:
    """A network or host name, and its port."""
    found = _ENTRY.fullmatch(text)
    what = (found[1] or found[2]) if found else text  # IPv6 without brackets
    port = int(found[3]) if found and found[3] else None
    try:
        return ip_network(what), port
    except ValueError:
        pass
    try:
        return _host(what), port
    except ValueError as error:
        raise ValueError(f"{text!r} is no host or network") from error


def _fits(port: int | None, target: Target) -> bool:
    return target.port in (PORTS if port is None else (port,))


def problem(target: Target, address: str, allowed: Allowed) -> str:
    """Why this address must not be connected to; empty: it may."""
    found = ip_address(address)
    if allowed.host(target) or allowed.address(found, target):
        return ""
    if is_inside(found):
        return "Its address is inside, and TELEMETRY_ALERT_ALLOW does not name it"
    if target.port not in PORTS:
        return "Its port is not 80 or 443, and TELEMETRY_ALERT_ALLOW does not name it"
    return ""


def is_inside(address: Address) -> bool:
    """Whether an address is other than one of the public internet."""
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return True
    special = address.is_multicast or address.is_reserved or not address.is_global
    return special or any(address in network for network in _INSIDE)

"""Where messages may go."""

from ipaddress import ip_address

import pytest

from alerts.targets import Allowed, Target, is_inside, parse, problem

PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::200e"]
INSIDE = [
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1"),
    *("224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
    *("168.63.129.16", "::", "::1", "::7f00:1", "fe80::1", "fe80::1%eth0", "fc00::1"),
    *("fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8"),
    *("64:ff9b::7f00:1", "64:ff9b:1::a00:1", "64:ff9b::808:808", "2002:7f00:1::"),
    *("2001::1", "2001:db8::1", "3fff::1", "fec0::1", "100::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_not_inside(address):
    assert not is_inside(ip_address(address))


@pytest.mark.parametrize("address", INSIDE)
def test_all_others_are_inside(address):
    assert is_inside(ip_address(address))


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("https://h.example", Target(True, "h.example", 443, "/"), "h.example"),
        (
            "http://H.Example:8080/a?b=c",
            Target(False, "h.example", 8080, "/a?b=c"),
            "h.example:8080",
        ),
        (
            "https://bücher.example/",
            Target(True, "xn--bcher-kva.example", 443, "/"),
            "xn--bcher-kva.example",
        ),
        (
            "https://[2001:DB8::1]/x",
            Target(True, "2001:db8::1", 443, "/x"),
            "[2001:db8::1]",
        ),
        ("HTTP://127.1:80/", Target(False, "127.1", 80, "/"), "127.1"),
    ],
)
def test_an_address_is_taken_apart(url, target, authority):
    assert parse(url) == target
    assert parse(url).authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h.example",
        "ftp://h.example/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user@h.example/",
        "https://h.example@evil.example/",
        "https://h.example/#part",
        "https://h.example\\@evil.example/",
        "https://h.example/a b",
        "https://h.example/\r\nX-Evil: 1",
        "https://h.example/ü",
        "https://h.example:0/",
        "https://h.example:99999/",
        "https://h.example:x/",
        "https://-h.example/",
        "https://h..example/",
        "https://[::1/",
        "https://[not-an-address]/",
        f"https://h.example/{'x' * 1000}",
    ],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ValueError, match=r"^It"):
        parse(url)


HTTPS = parse("https://chat.internal/")
OTHER_PORT = parse("http://chat.internal:8065/")


@pytest.mark.parametrize(
    ("allowed", "target", "address", "refused"),
    [
        ("", HTTPS, "8.8.8.8", ""),
        ("", HTTPS, "10.1.2.3", "inside"),
        ("", OTHER_PORT, "8.8.8.8", "port"),
        ("", OTHER_PORT, "10.1.2.3", "inside"),
        ("chat.internal", HTTPS, "10.1.2.3", ""),
        ("CHAT.internal", HTTPS, "10.1.2.3", ""),
        ("chat.internal", OTHER_PORT, "10.1.2.3", "inside"),
        ("chat.internal:8065", OTHER_PORT, "10.1.2.3", ""),
        ("chat.internal:8065", OTHER_PORT, "8.8.8.8", ""),
        ("chat.internal:8065", HTTPS, "10.1.2.3", "inside"),
        ("other.internal", HTTPS, "10.1.2.3", "inside"),
        ("internal", HTTPS, "10.1.2.3", "inside"),
        ("10.1.0.0/16", HTTPS, "10.1.2.3", ""),
        ("10.1.0.0/16", HTTPS, "10.2.2.3", "inside"),
        ("10.1.0.0/16", OTHER_PORT, "10.1.2.3", "inside"),
        ("10.1.0.0/16:8065", OTHER_PORT, "10.1.2.3", ""),
        ("10.1.2.3", HTTPS, "10.1.2.3", ""),
        ("::1", HTTPS, "::1", ""),
        ("fd00::/8", HTTPS, "fd00::9", ""),
        ("[fd00::/8]:8065", OTHER_PORT, "fd00::9", ""),
        ("[::1]:8065", OTHER_PORT, "::1", ""),
        ("[::1]:8065", HTTPS, "::1", "inside"),
        ("10.1.2.3", HTTPS, "::ffff:10.1.2.3", "inside"),
        ("8.8.8.8", OTHER_PORT, "8.8.8.8", "port"),
    ],
)
def test_what_may_be_reached(allowed, target, address, refused):
    entries = Allowed.of([allowed] if allowed else [])
    assert refused in problem(target, address, entries)
    assert bool(problem(target, address, entries)) is bool(refused)


@pytest.mark.parametrize(
    "entry", ["a b", "10.0.0.1/8", "h:port", "[::1", "x/24", ":80"]
)
def test_entries_that_say_nothing_are_refused(entry):
    with pytest.raises(ValueError, match="is no host or network"):
        Allowed.of([entry])

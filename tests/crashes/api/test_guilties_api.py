"""`/api/crashes/top` and `/api/guilties`: their contract, key by key."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from crashes.models import Guilty
from tests.crashes.factories import crashed, digest, frame_row, guilty_row, in_force
from tests.crashes.factories import rule as a_rule

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
TODAY = NOW.date().isoformat()


def answer(client: Client, path: str, status: int = 200, **parameters: Any) -> Any:
    response = client.get(f"/api/{path}", parameters)
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    return response.json()


def guilty_id(function: str) -> int:
    return guilty_row(function).pk


# --- Top crashes --------------------------------------------------------------------


def test_the_top_is_as_documented(viewer):
    crashed(("f()", "m.so"), at=NOW, machine_id="a", build="10")
    crashed(("f()", "m.so"), at=NOW, machine_id="a", build="9")
    crashed(("g()", "m.so"), at=NOW, machine_id="b", build="9")
    digest()
    Guilty.objects.filter(pk=guilty_id("f()")).update(comment="Known.")
    system = {"system_name": "clear-linux-os"}
    assert answer(viewer, "crashes/top") == {
        "first_day": (NOW.date() - timedelta(days=6)).isoformat(),
        "last_day": TODAY,
        "crashes": [
            {
                "guilty": guilty_id("f()"),
                "function": "f()",
                "module": "m.so",
                "comment": "Known.",
                "hidden": False,
                "crashes": 2,
                "machines": 1,
                "builds": [
                    {**system, "build": "10", "crashes": 1},
                    {**system, "build": "9", "crashes": 1},
                ],
            },
            {
                "guilty": guilty_id("g()"),
                "function": "g()",
                "module": "m.so",
                "comment": "",
                "hidden": False,
                "crashes": 1,
                "machines": 1,
                "builds": [{**system, "build": "9", "crashes": 1}],
            },
        ],
    }


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, ["f()"]),
        ({"days": 1}, ["f()"]),
        ({"days": 30}, ["f()", "old()"]),
        ({"hidden": "true"}, ["f()", "hidden()"]),
        ({"hidden": "false"}, ["f()"]),
        ({"build": "9"}, ["f()"]),
        ({"build": "8"}, []),
        ({"system_name": "other"}, []),
        ({"external": "true"}, []),
        ({"external": "false", "days": 30, "limit": 1}, ["f()"]),
    ],
)
def test_a_parameter_limits_the_top(viewer, parameters, found):
    crashed(("f()", "m.so"), at=NOW, build="9")
    crashed(("f()", "m.so"), at=NOW, build="9")
    crashed(("hidden()", "m.so"), at=NOW, build="9")
    crashed(("old()", "m.so"), at=NOW - timedelta(days=20), build="9")
    digest()
    Guilty.objects.filter(pk=guilty_id("hidden()")).update(hidden=True)
    top = answer(viewer, "crashes/top", **parameters)["crashes"]
    assert [each["function"] for each in top] == found


# --- Refusals -----------------------------------------------------------------------

REFUSED = [
    *(("crashes/top", "days", value) for value in ("0", "-1", "x", "3651")),
    *(("crashes/top", "limit", value) for value in ("0", "101", "x")),
    *(("crashes/top", name, "maybe") for name in ("external", "hidden")),
    ("crashes/top", "build", "x" * 257),
    ("crashes/top", "system_name", "x" * 257),
    *(("guilties", "limit", value) for value in ("0", "101", "1.5")),
    *(("guilties", "from_id", value) for value in ("-1", "x", str(2**63))),
    *(("guilties", name, "yes") for name in ("hidden", "has_comment")),
    *(("guilties", name, "x" * 2001) for name in ("function", "module")),
    *(("guilties", name, "a\x00b") for name in ("function", "module")),
]
ADDRESSES = ["crashes/top", "guilties", "guilties/{id}", "guilties/{id}/backtraces"]


@pytest.mark.parametrize(("path", "name", "value"), REFUSED)
def test_an_invalid_value_is_refused_by_name(viewer, path, name, value):
    refused = answer(viewer, path, 400, **{name: value})
    assert refused.keys() == {"message", "errors"}
    assert list(refused["errors"]) == [name]
    assert refused["message"] == f"Invalid parameters: {name}"


@pytest.mark.parametrize("path", ADDRESSES)
def test_an_unknown_parameter_is_refused(viewer, path):
    crashed(("f()", "m.so"))
    digest()
    refused = answer(viewer, path.format(id=guilty_id("f()")), 400, colour="red")
    assert refused["errors"] == {"colour": ["There is no such parameter."]}


@pytest.mark.parametrize("path", [each for each in ADDRESSES if each[-1] != "}"])
def test_an_empty_or_repeated_parameter_is_refused(viewer, path):
    crashed(("f()", "m.so"))
    digest()
    path = path.format(id=guilty_id("f()"))
    twice = answer(viewer, path, 400, limit=["1", "1"])
    assert twice["errors"] == {"limit": ["Given more than once."]}
    assert answer(viewer, path, 400, limit=" ")["errors"] == {"limit": ["Empty."]}


@pytest.mark.parametrize("name", ["limit", "below"])
@pytest.mark.parametrize("value", ["-1", "x", str(2**63)])
def test_backtraces_refuse_odd_values(viewer, name, value):
    crashed(("f()", "m.so"))
    digest()
    path = f"guilties/{guilty_id('f()')}/backtraces"
    assert answer(viewer, path, 400, **{name: value})["errors"].keys() == {name}


# --- Guilties -----------------------------------------------------------------------


def three_guilties() -> None:
    for function, module in (("f()", "a.so"), ("g()", "b.so"), ("Fg", "kernel")):
        crashed((function, module))
    digest()
    Guilty.objects.filter(frame__module="b.so").update(hidden=True, comment="Known.")


def test_guilties_are_as_documented(viewer):
    crashed(("f()", "m.so"))
    crashed(("g()", "m.so"))
    digest()
    target = guilty_row("f()")
    Guilty.objects.filter(pk=guilty_id("g()")).update(
        merged_into=target, comment="The same.", hidden=True
    )
    plain = {"function": "f()", "module": "m.so", "comment": "", "hidden": False}
    merged = {
        "id": guilty_id("g()"),
        "function": "g()",
        "module": "m.so",
        "comment": "The same.",
        "hidden": True,
        "merged_into": target.pk,
    }
    found = answer(viewer, "guilties")["guilties"]
    assert found == sorted(
        [merged, {"id": target.pk, **plain, "merged_into": None}],
        key=lambda each: -each["id"],
    )


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, {"a.so", "b.so", "kernel"}),
        ({"hidden": "true"}, {"b.so"}),
        ({"hidden": "false"}, {"a.so", "kernel"}),
        ({"has_comment": "true"}, {"b.so"}),
        ({"has_comment": "false"}, {"a.so", "kernel"}),
        ({"function": "f"}, {"a.so", "kernel"}),
        ({"function": "%"}, set()),
        ({"module": ".SO"}, {"a.so", "b.so"}),
        ({"module": ".so", "hidden": "false"}, {"a.so"}),
        ({"from_id": 0}, set()),
        ({"from_id": 2**63 - 1}, {"a.so", "b.so", "kernel"}),
    ],
)
def test_a_parameter_finds_guilties(viewer, parameters, found):
    three_guilties()
    guilties = answer(viewer, "guilties", **parameters)["guilties"]
    assert {each["module"] for each in guilties} == found


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_of_guilties_give_each_once(viewer, limit):
    three_guilties()
    seen: list[int] = []
    address = f"/api/guilties?limit={limit}&module=o"
    for _ in range(4):
        response = viewer.get(address)
        seen += [each["id"] for each in response.json()["guilties"]]
        if "Link" not in response:
            break
        found = re.fullmatch(r'<http://testserver(.+)>; rel="next"', response["Link"])
        assert found
        address = found[1]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen)) == 2


# --- One guilty ---------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_guilty_is_as_documented(viewer, slash):
    at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    crashed(("f()", "m.so"), at=at, machine_id="a", build="9")
    crashed(("f()", "m.so"), at=at + timedelta(days=1), machine_id="a", build="10")
    crashed(("f()", "m.so"), at=at + timedelta(days=1), machine_id="b", build="10")
    digest()
    system = {"system_name": "clear-linux-os"}
    assert answer(viewer, f"guilties/{guilty_id('f()')}{slash}") == {
        "id": guilty_id("f()"),
        "function": "f()",
        "module": "m.so",
        "comment": "",
        "hidden": False,
        "merged_into": None,
        "first_seen": "2026-03-10 12:00:00 UTC",
        "last_seen": "2026-03-11 12:00:00 UTC",
        "builds": [
            {**system, "build": "10", "crashes": 2, "machines": 2},
            {**system, "build": "9", "crashes": 1, "machines": 1},
        ],
        "days": [
            {"day": "2026-03-10", "crashes": 1},
            {"day": "2026-03-11", "crashes": 2},
        ],
    }


def test_a_guilty_without_crashes_is_answered(viewer):
    crashed(("f()", "m.so"), ("g()", "m.so"))
    digest()
    gone = guilty_id("f()")
    in_force(a_rule("f()"))
    found = answer(viewer, f"guilties/{gone}")
    assert (found["first_seen"], found["builds"], found["days"]) == (None, [], [])


@pytest.mark.parametrize("path", ["guilties/999999999", "guilties/999/backtraces"])
def test_a_guilty_that_is_not_there_is_not_found(viewer, path):
    assert answer(viewer, path, 404) == {"message": "There is no such guilty."}


@pytest.mark.parametrize("odd", ["-1", "x", "9" * 10, "\uff11"])
def test_what_is_no_id_is_not_found(viewer, odd):
    assert viewer.get(f"/api/guilties/{odd}").status_code == 404


# --- Backtraces ---------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_backtraces_are_as_documented(viewer, slash):
    in_force(a_rule("raise()", "libc.so.6"))
    at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    frames = (("raise()", "libc.so.6"), ("f()", "m.so"), ("_start()", "app"))
    crashed(*frames, at=at, signal=6, machine_id="a")
    last = crashed(*frames, at=at + timedelta(hours=1), signal=11, machine_id="b")
    digest()
    (found,) = answer(viewer, f"guilties/{guilty_id('f()')}/backtraces{slash}")[
        "backtraces"
    ]
    shown = found.pop("frames")
    assert found.pop("trace") > 0
    assert found == {
        "program": "/usr/bin/app",
        "classification": "org.clearlinux/crash/clr",
        "crashes": 2,
        "machines": 2,
        "signals": [6, 11],
        "last_record": last.pk,
        "last_received": "2026-03-10 13:00:00 UTC",
    }
    (rule,) = answer(viewer, "rules")["rules"]
    ids = [frame_row(*frame).pk for frame in frames]
    facts = [
        ("raise()", "libc.so.6", "ignored", rule["id"], True),
        ("f()", "m.so", "chosen", None, True),
        ("_start()", "app", "below", -1, False),
    ]
    names = ("function", "module", "note", "rule", "markable")
    for each in shown:  # the id of a rule is that of the version that judged
        each["rule"] = each["rule"] and (
            each["rule"] if each["rule"] < 0 else rule["id"]
        )
    assert shown == [
        {"id": pk, "number": n, **dict(zip(names, fact, strict=True))}
        for n, (pk, fact) in enumerate(zip(ids, facts, strict=True))
    ]


def test_pages_of_backtraces_give_each_once(viewer):
    for n in range(5):
        crashed(("f()", "m.so"), (f"caller{n}()", "m.so"), build=str(n % 2))
    digest()
    address = f"/api/guilties/{guilty_id('f()')}/backtraces?limit=2"
    seen: list[int] = []
    for _ in range(4):
        response = viewer.get(address)
        seen += [each["last_record"] for each in response.json()["backtraces"]]
        if "Link" not in response:
            break
        address = response["Link"].partition("testserver")[2].partition(">")[0]
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 5


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({"machine_id": "a"}, 1),
        ({"machine_id": "c"}, 0),
        ({"build": "9"}, 1),
        ({"build": "9", "machine_id": "b"}, 0),
        ({"system_name": "clear-linux-os"}, 2),
        ({"below": 0}, 0),
    ],
)
def test_a_parameter_limits_backtraces(viewer, parameters, count):
    crashed(("f()", "m.so"), ("g()", "m.so"), machine_id="a", build="9")
    crashed(("f()", "m.so"), ("h()", "m.so"), machine_id="b", build="10")
    digest()
    path = f"guilties/{guilty_id('f()')}/backtraces"
    assert len(answer(viewer, path, **parameters)["backtraces"]) == count


# --- Access -------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*ADDRESSES, "rules"])
def test_without_leave_nothing_is_read(client, path):
    crashed(("secret()", "m.so"))
    digest()
    path = path.format(id=guilty_id("secret()"))
    response = client.get(f"/api/{path}")
    assert response.status_code in {401, 403}
    assert response.json().keys() == {"message"}


@pytest.mark.parametrize("path", [*ADDRESSES, "rules"])
def test_anonymous_reading_is_a_setting(anyone, client, path):
    crashed(("f()", "m.so"))
    digest()
    assert client.get(f"/api/{path.format(id=guilty_id('f()'))}").status_code == 200


@pytest.mark.parametrize("path", ["crashes/top", "guilties"])
def test_an_address_with_a_slash_is_the_same(viewer, path):
    assert answer(viewer, path) == answer(viewer, f"{path}/")

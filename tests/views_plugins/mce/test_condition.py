"""Machines with uncorrected memory errors equal a recount of the records."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest

from alerts import conditions
from alerts.conditions import Watch
from records import addresses
from records.scope import Scope
from tests.factories import submission
from tests.views_plugins.mcelogs import all_sent, check, digested, mixed
from views_plugins.mce.condition import CONDITION, uncorrected

pytestmark = pytest.mark.django_db

SCOPES = (
    Scope(),
    Scope(date(2025, 12, 29), date(2026, 1, 4)),
    Scope(date(2025, 12, 29), date(2026, 1, 4), "clear"),
    Scope(date(2024, 1, 1), date(2024, 2, 1)),
)


def watch(scope: Scope) -> Watch:
    return Watch(scope, 0, datetime(2026, 1, 6, tzinfo=UTC))


def test_it_is_one_of_the_conditions():
    assert conditions.get("uncorrected-memory-error") is CONDITION


def test_machines_equal_a_recount():
    digested(mixed())
    for scope in SCOPES:
        sent = [
            each
            for each in all_sent()
            if (scope.start or date.min) <= each.day <= (scope.end or date.max)
            and scope.system_name in ("", each.build[0])
            and each.event not in ("", "thermal")
        ]
        counts = Counter(each.machine for each in sent if each.uncorrected)
        found = list(uncorrected(watch(scope)))
        assert {each.subject: each.value for each in found} == counts
        for each in found:
            assert each.machine_id == each.subject
            assert each.link == addresses.machine(each.subject)


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ("bc0000000000009f", ["m"]),  # memory controller
        ("bd00000000000134", ["m"]),  # a cache, reading memory
        ("bc00000000000280", ["m"]),  # near memory
        ("", ["m"]),  # not said
        ("be00000000000400", []),  # an internal timer
        ("be00000000000e0b", []),  # input and output
        ("9c0000000000009f", []),  # memory controller, corrected
    ],
)
def test_errors_of_other_parts_are_left_out(status, found):
    event = "corrected" if status.startswith("9") else "SRAO"
    payload = check("Uncorrected error", status)
    name = f"org.clearlinux/mce/{event}"
    sent = submission(classification=name, payload=payload, machine_id="m")
    digested([(datetime(2026, 1, 5, tzinfo=UTC), sent)])
    assert [each.subject for each in uncorrected(watch(Scope()))] == found


@pytest.mark.parametrize("machine", ["", "<b>\n", "\U0001f600" * 32, "../x"])
def test_a_machine_may_be_called_anything(machine):
    payload = check("Uncorrected error", "bc0000000000009f")
    name = "org.clearlinux/mce/SRAO"
    sent = submission(classification=name, payload=payload, machine_id=machine)
    digested([(datetime(2026, 1, 5, tzinfo=UTC), sent)])
    (found,) = uncorrected(watch(Scope()))
    assert found.machine_id == machine
    assert found.subject

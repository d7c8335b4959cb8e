from datetime import UTC, datetime

import pytest
from django.http import QueryDict
from django.test import Client
from telemetry_journal.models import ServiceDay, ServiceFailure
from telemetry_journal.parser import Failure, failure
from telemetry_journal.plugin import PLUGIN, read
from telemetry_journal.processing import PARSER

from records.parsers import StoredRecord
from views_plugins import filters
from views_plugins.charts import Content

EXITED = "Main process exited, code=exited, status=1/FAILURE"
KILLED = "Control process exited, code=killed, status=9/KILL"


def record(record_id: int, payload: str) -> StoredRecord:
    return StoredRecord(
        id=record_id,
        received_at=datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC),
        captured_at=0,
        machine_id="0123456789abcdef0123456789abcdef",
        classification="org.example/journal/error",
        severity=2,
        external=False,
        build_id=1,
        system_name="example-os",
        build="1",
        payload=payload,
    )


def digest(*payloads: str) -> None:
    """What the worker does with records of these payloads."""
    records = [record(n, payload) for n, payload in enumerate(payloads, start=1)]
    facts = [(each, PARSER.parse(each)) for each in records]
    PARSER.store([(each, fact) for each, fact in facts if fact is not None])


def shown(query: str = "start=2026-03-01&end=2026-03-01") -> Content:
    assert PLUGIN.content is not None
    return PLUGIN.content(filters.parse(PLUGIN, QueryDict(query)))


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (
            f"MESSAGE=foo.service: {EXITED}\n\n",
            Failure("foo.service", "Main", "exited", "1/FAILURE"),
        ),
        (
            f"MESSAGE=a@b:1.service: {KILLED}",
            Failure("a@b:1.service", "Control", "killed", "9/KILL"),
        ),
        ("MESSAGE=Failed to start Session c1 of user gdm.\n\n", None),
        ("MESSAGE=", None),
    ],
)
def test_a_message_is_read(payload: str, found: Failure | None) -> None:
    assert failure(payload) == found


@pytest.mark.parametrize("payload", ["", "MESSAGE", "PRIORITY=3\nMESSAGE=x", "\x00"])
def test_what_is_no_message_is_refused(payload: str) -> None:
    with pytest.raises(ValueError, match="MESSAGE="):
        failure(payload)


@pytest.mark.django_db
def test_failures_are_counted_by_service_and_way() -> None:
    digest(
        f"MESSAGE=a.service: {EXITED}",
        f"MESSAGE=b.service: {EXITED}",
        f"MESSAGE=b.service: {KILLED}",
        "MESSAGE=Failed to start b.",
    )
    content = shown()
    assert [each.value for each in content.figures] == [3, 2, None]
    assert content.part("services").table().lines() == [
        ("Service", "Failures"),
        ("b.service", 2),
        ("a.service", 1),
    ]
    assert content.part("ways").lines()[1:] == [
        ("a.service", "exited", "1/FAILURE", 1),
        ("b.service", "exited", "1/FAILURE", 1),
        ("b.service", "killed", "9/KILL", 1),
    ]
    assert content.part("days").series[0].values == (3,)


@pytest.mark.django_db
def test_other_days_are_not_counted() -> None:
    digest(f"MESSAGE=a.service: {EXITED}")
    assert shown("start=2026-03-02&end=2026-03-02").empty
    assert shown("start=2026-02-28&end=2026-02-28").empty


@pytest.mark.django_db
def test_forgetting_takes_counts_back_and_expiring_does_not() -> None:
    digest(*[f"MESSAGE=a.service: {EXITED}"] * 3)
    PARSER.forget([1])
    PARSER.expire([2])
    assert ServiceFailure.objects.get().record_id == 3
    assert ServiceDay.objects.get().failures == 2
    PARSER.forget([3])
    assert ServiceDay.objects.get().failures == 1


def test_a_payload_is_shown_on_the_page_of_its_record() -> None:
    context = read(record(1, f"MESSAGE=a.service: {KILLED}"))
    assert context is not None
    assert context["title"] == "a.service failed"
    assert ("Status", "9/KILL") in context["facts"]
    assert read(record(1, "MESSAGE=Failed to start a.")) is None


@pytest.mark.django_db
def test_the_page_shows_the_view(client: Client) -> None:
    digest(f"MESSAGE=<b>.service: {EXITED}")
    page = client.get("/services?start=2026-03-01&end=2026-03-01").content.decode()
    assert "Services that fail" in page
    assert "&lt;b&gt;.service" in page
    assert "<b>.service" not in page

"""Readings of payloads on the record page."""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from records import readings
from records.parsers import StoredRecord
from records.readings import PayloadReading
from tests.factories import stored

SECRET = "a payload that no log may hold"


@pytest.fixture
def reader(client: Client, settings) -> Client:
    settings.TELEMETRY_ANONYMOUS_READ = True
    return client


@pytest.fixture
def shows() -> Iterator[Callable[..., None]]:
    """Registers a reading of every hello; the last one wins."""
    names = []

    def register(read: Callable[[StoredRecord], Any], name="of a test", **more) -> None:
        reading = PayloadReading(name, ("*/hello/*",), read, **more)
        readings.register(reading)
        names.append(name)

    yield register
    for name in names:
        readings.unregister(name)


def page(client: Client, **changes: Any) -> str:
    return part(client, stored(**{"payload": SECRET, **changes}).pk)


def part(client: Client, record_id: int) -> str:
    response = client.get(
        f"/records/record_details/{record_id}", headers={"HX-Request": "true"}
    )
    assert response.status_code == 200
    return response.content.decode()


def facts(record: StoredRecord) -> Mapping[str, Any]:
    return {
        "title": f"Of {record.machine_id}",
        "facts": [("Length", len(record.payload)), ("Build", record.build)],
        "note": "As a test has it.",
    }


@pytest.mark.django_db
def test_facts_are_shown_above_the_raw_text(reader, shows):
    shows(facts)
    text = page(reader, machine_id="m<1>", build="\u202e9")
    assert "Of m&lt;1&gt;" in text
    assert '<dt>Length</dt><dd class="hostile">30</dd>' in text
    assert "⟨U+202E⟩9" in text
    assert text.index("As a test has it.") < text.index("Raw text")
    assert text.index("Raw text") < text.index(SECRET)


@pytest.mark.django_db
@pytest.mark.parametrize("changes", [{}, {"classification": "org.example/other/x"}])
def test_without_a_reading_there_is_the_raw_text_only(reader, shows, changes):
    shows(lambda _: None if not changes else {"title": "wrong"})
    text = page(reader, **changes)
    assert SECRET in text
    assert "Raw text" not in text
    assert 'class="reading"' not in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("read", "template"),
    [
        (lambda record: 1 / 0 if record.payload else None, readings.FACTS),
        (lambda record: int(record.payload), readings.FACTS),
        (lambda _: {"title": None}, readings.FACTS),
        (lambda _: {"title": "", "facts": [1, 2]}, readings.FACTS),
        (lambda _: 7, readings.FACTS),
        (facts, "there/is/none.html"),
    ],
)
def test_a_reading_that_fails_is_named_and_breaks_nothing(
    reader, shows, caplog, read, template
):
    shows(read, "broken", template=template)
    shows(facts)
    with caplog.at_level(logging.WARNING):
        text = page(reader)
    assert "The reading “broken” could not be shown." in text
    assert "As a test has it." in text
    assert SECRET in text
    assert "Reading broken failed on record" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.django_db
def test_who_may_not_see_payloads_sees_no_reading(client, shows):
    asked = []
    shows(asked.append)
    user = User.objects.create_user("somebody")
    user.user_permissions.set(Permission.objects.filter(codename="view_record"))
    client.force_login(user)
    text = page(client)
    assert "may not see payloads" in text
    assert asked == []


@pytest.mark.django_db
def test_a_reading_is_given_the_record_as_it_is_stored(reader, shows):
    given: list[StoredRecord] = []
    shows(given.append)
    record = stored(payload="hello", machine_id="m", severity=3, external=True)
    part(reader, record.pk)
    (one,) = given
    assert (one.id, one.received_at) == (record.pk, record.received_at)
    assert (one.captured_at, one.build_id) == (record.captured_at, record.build_id)
    assert one.classification == "org.clearlinux/hello/world"
    assert (one.machine_id, one.severity, one.external) == ("m", 3, True)
    assert (one.system_name, one.build) == ("clear-linux-os", "32130")
    assert one.payload == "hello"


def test_two_readings_cannot_have_one_name(shows):
    shows(facts)
    shows(facts)
    with pytest.raises(ValueError, match="of a test"):
        shows(lambda _: None)
    assert [each.name for each in readings.registered()].count("of a test") == 1

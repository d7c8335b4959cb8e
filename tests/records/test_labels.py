"""What the names of a record say, as a process remembers them."""

import pytest

from records import labels
from records.labels import BuildLabel, HardwareLabel, KindLabel
from tests.factories import stored

pytestmark = pytest.mark.django_db


def test_the_ids_of_a_record_have_labels():
    record = stored(
        classification="org.clearlinux/heartbeat/ping",
        severity=2,
        external=True,
        payload_format_version=None,
    )
    kind = labels.kinds.one(record.kind_id)
    assert kind == KindLabel("org.clearlinux/heartbeat/ping", 2, True, 4, None)
    assert kind.heartbeat
    assert labels.builds.one(record.build_id) == BuildLabel("clear-linux-os", "32130")
    machine = record.hardware
    assert labels.hardware.one(record.hardware_id) == HardwareLabel(
        *(getattr(machine, name) for name in HardwareLabel._fields)
    )
    assert labels.kernels.one(record.kernel_id) == "5.4.8-888.native"


@pytest.mark.parametrize(
    ("classification", "heartbeat"),
    [
        ("org.clearlinux/heartbeat/ping", True),
        ("com.example/heartbeat/other", True),
        ("org.clearlinux/hello/heartbeat", False),
        ("heartbeat/hello/world", False),
    ],
)
def test_a_heartbeat_is_told_by_its_sender(classification, heartbeat):
    record = stored(classification=classification)
    assert labels.kinds.one(record.kind_id).heartbeat is heartbeat


def test_what_was_read_once_is_not_read_again(django_assert_num_queries):
    one, other = stored(build="1"), stored(build="2")
    ids = {one.build_id, other.build_id}
    with django_assert_num_queries(1):
        assert {labels.builds.of(ids)[each].version for each in ids} == {"1", "2"}
    with django_assert_num_queries(0):
        labels.builds.of(ids)
    labels.forget()
    with django_assert_num_queries(1):
        labels.builds.one(one.build_id)


def test_a_process_remembers_a_bounded_number(monkeypatch):
    monkeypatch.setattr(labels, "_LIMIT", 10)
    records = [stored(build=str(n)) for n in range(30)]
    first = records[0].build_id
    for record in records:
        found = labels.builds.of((first, record.build_id))
        assert found[first].version == "0"
        assert found[record.build_id].version == str(records.index(record))
        assert len(labels.builds._known) <= 13

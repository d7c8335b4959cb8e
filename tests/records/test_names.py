"""Names that repeat are stored once, by any number of processes."""

import threading
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from records import names
from records.models import Build, Classification, Hardware, Kernel, Kind, TelemetryId
from records.names import NameCache, resolve
from tests.factories import submission

TABLES = (Classification, Kind, Build, Hardware, Kernel)


def counts() -> list[int]:
    return [model.objects.count() for model in TABLES]


@pytest.mark.django_db
def test_equal_names_are_one_row_in_each_table():
    first, second = resolve([submission(), submission(payload="other")])
    names.forget()
    (third,) = resolve([submission(machine_id="other")])
    assert first == second == third
    assert counts() == [1, 1, 1, 1, 1]


@pytest.mark.django_db
def test_the_rows_say_what_was_sent():
    fleet = TelemetryId.objects.create(value="fleet")
    sent = submission(external=True, severity=3, telemetry_id=fleet.pk)
    (ids,) = resolve([sent])
    kind = Kind.objects.get(pk=ids.kind)
    assert kind.classification.name == sent.classification
    assert (kind.severity, kind.external, kind.telemetry_id) == (3, True, fleet)
    assert (kind.record_format_version, kind.payload_format_version) == (4, 1)
    build = Build.objects.get(pk=ids.build)
    assert (build.system_name, build.version) == ("clear-linux-os", "32130")
    machine = Hardware.objects.get(pk=ids.hardware)
    for name in Hardware.KEY:
        assert getattr(machine, name) == getattr(sent, name)
    assert Kernel.objects.get(pk=ids.kernel).version == sent.kernel_version


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value", "changed"),
    [
        ("classification", "a/b/c", [2, 2, 1, 1, 1]),
        ("severity", 2, [1, 2, 1, 1, 1]),
        ("external", True, [1, 2, 1, 1, 1]),
        ("record_format_version", 3, [1, 2, 1, 1, 1]),
        ("payload_format_version", None, [1, 2, 1, 1, 1]),
        ("build", "032130", [1, 1, 2, 1, 1]),
        ("system_name", "Clear-Linux-OS", [1, 1, 2, 1, 1]),
        ("host_type", "other", [1, 1, 1, 2, 1]),
        ("arch", "riscv64", [1, 1, 1, 2, 1]),
        ("kernel_version", "5.4.9", [1, 1, 1, 1, 2]),
    ],
)
def test_another_value_is_another_row(name, value, changed):
    one, other = resolve([submission(), submission(**{name: value})])
    assert one != other
    assert counts() == changed


@pytest.mark.django_db
def test_values_do_not_run_into_one_another():
    resolve([submission(board_name="a", cpu_model="b'"), submission()])
    resolve([submission(board_name="a', 'b", cpu_model="")])
    assert Hardware.objects.count() == 3


def test_the_key_of_a_name_is_the_same_in_every_process_and_python():
    assert Classification.key_of(("größe/\U0001fae9/c",)) == UUID(
        "3e2be0da-e5aa-ac1d-82ec-0da873285d24"
    )
    assert Build.key_of(("clear-linux-os", "32130")) == UUID(
        "aef7c8d8-92be-fb09-8cc3-68f5f7ecadb1"
    )


@pytest.mark.django_db
def test_a_row_made_by_hand_is_the_one_that_records_find():
    made = Build.objects.create(system_name="clear-linux-os", version="32130")
    assert made.version_key
    (ids,) = resolve([submission()])
    assert ids.build == made.pk
    with pytest.raises(IntegrityError):
        Build.objects.create(system_name="clear-linux-os", version="32130")


@pytest.mark.django_db(transaction=True)
def test_known_names_are_not_looked_up_again(django_assert_num_queries):
    resolve([submission()])
    with django_assert_num_queries(0):
        resolve([submission(payload="other"), submission(machine_id="other")])


@pytest.mark.django_db(transaction=True)
def test_names_of_a_transaction_that_is_rolled_back_are_not_remembered():
    with transaction.atomic():
        resolve([submission(build="777")])
        transaction.set_rollback(True)
    (ids,) = resolve([submission(build="777")])
    assert Build.objects.get(version="777").pk == ids.build


@pytest.mark.django_db
def test_any_number_of_new_names_are_made_with_a_few_queries(
    django_assert_max_num_queries,
):
    sent = [submission(build=str(n), kernel_version=f"5.4.{n}") for n in range(200)]
    # For each of five tables: look, make (in a savepoint: three), look again.
    with django_assert_max_num_queries(25):
        resolve(sent)


@pytest.mark.django_db(transaction=True)
def test_a_process_remembers_a_bounded_number_of_names(monkeypatch):
    monkeypatch.setattr(names, "_LIMIT", 10)
    known = submission()
    for n in range(40):
        first, second = resolve([known, submission(build=str(n))])
        assert first == resolve([known])[0]
        assert second.build != first.build
        assert len(names.builds._ids) <= 12
    assert Build.objects.count() == 41


@pytest.mark.django_db
def test_nothing_has_no_names():
    assert resolve([]) == []


@pytest.mark.parametrize("model", [Classification, Kernel])
def test_a_name_that_two_processes_make_at_once_is_one_row(in_threads, model):
    both_have_looked = threading.Barrier(2, timeout=10)

    class Process(NameCache):
        """Memory of its own, as another process has."""

        def _row(self, values):
            if values == ("a/b/c",):
                both_have_looked.wait()
            return super()._row(values)

    one, other = Process(model), Process(model)
    ids = in_threads(
        lambda: one.ids([("a/b/c",), ("a/b/d",)])[("a/b/c",)],
        lambda: other.ids([("a/b/e",), ("a/b/c",)])[("a/b/c",)],
    )
    assert ids[0] == ids[1]
    assert model.objects.count() == 3

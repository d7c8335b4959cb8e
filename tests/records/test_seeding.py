"""A fleet that is filled in: its facts and counts are those that the worker makes."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from records import labels, names, seeding, spans
from records.demo import Day, Placed, Size
from records.digest import digest_batch
from records.models import (
    BuildPresence,
    HardwareDay,
    KindDay,
    MachineDay,
    ParserFailure,
    Pending,
    ReceivedHour,
    Record,
    SystemPresence,
)
from records.parsers import registered
from records.seeding import Filling, Plan
from tests.factories import stored
from tests.records.facts import Facts
from tests.records.recount import recounted, rollups

PLAN = Plan(Size(40, 9), datetime(2026, 3, 15, 13, 30, tzinfo=UTC), seed=3)
COUNTS = (KindDay, HardwareDay, MachineDay, ReceivedHour, SystemPresence, BuildPresence)
MADE_ONCE = {"Pending", "ParserFailure"}


@pytest.fixture
def _empty(on_postgres: bool, transactional_db: None) -> None:
    """A database that other processes can work with."""
    if not on_postgres:
        pytest.skip("a fleet is filled into PostgreSQL")
    names.forget()
    labels.forget()


empty = pytest.mark.usefixtures("_empty")


def fill(plan: Plan = PLAN, processes: int = 1) -> int:
    with Filling(plan, processes) as filling:
        return sum(filling.store(plan.numbers))


def everything() -> dict[str, Any]:
    """Every row there is, and which payloads could not be read."""
    models = [each for each in apps.get_models() if each.__name__ not in MADE_ONCE]
    rows = {each.__name__: sorted(_rows(each), key=repr) for each in models}
    failures = ParserFailure.objects.order_by("record_id", "parser")
    return rows | {"failures": list(failures.values_list("record_id", "parser"))}


def _rows(model: Any) -> Iterable[Any]:
    return model._default_manager.values_list()


def digest_again() -> None:
    """Forget everything that was made of records, and let the worker make it."""
    ids = list(Record.objects.values_list("id", flat=True))
    for parser in registered():
        parser.forget(ids)
    for model in (*COUNTS, ParserFailure):
        model.objects.all().delete()
    Pending.objects.bulk_create(Pending(record_id=pk) for pk in ids)
    while digest_batch(70):
        pass


def index_names() -> set[str]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "records_record")
    return {name for name, each in found.items() if each["index"]}


@empty
@pytest.mark.parametrize("processes", [1, 2])
def test_facts_and_counts_are_those_of_the_worker(processes: int):
    made = fill(processes=processes)
    filled = everything()
    assert made == len(filled["Record"]) > 400
    assert {"CrashReport", "UpdateEvent", "MceEvent"} <= {
        k for k, v in filled.items() if v
    }
    assert rollups() == recounted(Record.objects.all())
    digest_again()
    spans.fold(PLAN.until)
    assert everything() == filled


@empty
def test_a_payload_that_cannot_be_read_is_noted(facts: Facts):
    facts.parser = replace(facts.parser, parse=_fail)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("records.seeding.registered", lambda: [facts.parser])
        fill()
    crashes = Record.objects.filter(kind__classification__name__contains="/crash/")
    assert ParserFailure.objects.count() >= crashes.count() > 20


def _fail(_record: object) -> None:
    raise ValueError("unreadable")


@empty
def test_the_records_are_those_of_the_fleet_in_its_order():
    fill()
    made = chain.from_iterable(day.records() for day in PLAN.days())
    records = Record.objects.named().order_by("id")
    for (received_at, submission), record in zip(made, records, strict=True):
        assert record.received_at == received_at
        assert record.payload == submission.payload
        assert record.machine_id == submission.machine_id
        assert record.captured_at == submission.captured_at
        assert record.event_hex == submission.event_id
        assert record.kind.classification.name == submission.classification
        assert record.kind.external == submission.external
        assert record.build.version == submission.build
        assert record.hardware.cpu_model == submission.cpu_model
        assert record.kernel.version == submission.kernel_version


@empty
def test_what_arrives_later_comes_behind():
    made = fill()
    first = Record.objects.order_by("id")[0].pk
    assert stored().pk == first + made


@empty
def test_what_arrives_meanwhile_has_ids_of_its_own():
    with Filling(PLAN) as filling:
        *early, last = PLAN.numbers
        before = sum(filling.store(early))
        between = stored()
        after = sum(filling.store([last]))
    ids = set(Record.objects.values_list("id", flat=True))
    assert len(ids) == before + after + 1
    assert between.pk == max(ids)
    assert stored().pk > between.pk


@empty
def test_the_worker_can_be_left_to_digest():
    made = fill(replace(PLAN, digest=False))
    assert Pending.objects.count() == made > 400
    assert not any(model.objects.exists() for model in COUNTS)
    while digest_batch(500):
        pass
    assert rollups() == recounted(Record.objects.all())


@empty
@pytest.mark.parametrize("processes", [1, 2])
def test_a_large_fleet_has_its_indexes_in_the_end(
    processes: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(seeding, "LARGE", 1)
    before = index_names()
    with Filling(PLAN, processes) as filling:
        list(filling.store(PLAN.numbers[:3]))
        assert index_names() < before
        filling.index()
        assert index_names() == before
        list(filling.store(PLAN.numbers[3:]))
    assert index_names() == before
    assert rollups() == recounted(Record.objects.all())


@empty
@pytest.mark.parametrize("processes", [1, 2])
def test_indexes_are_there_after_a_failure(
    processes: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(seeding, "LARGE", 1)
    before = index_names()
    with pytest.raises(ZeroDivisionError):
        fill(replace(PLAN, made=_broken), processes)
    assert index_names() == before


def _broken(_day: Day) -> Iterator[Placed]:
    raise ZeroDivisionError


@pytest.mark.django_db
def test_only_an_empty_postgresql_database_is_filled(on_postgres: bool):
    assert seeding.is_possible() is on_postgres
    ReceivedHour.objects.create(hour=PLAN.until, first_id=1, last_id=1, records=1)
    assert not seeding.is_possible()
    ReceivedHour.objects.all().delete()
    stored(PLAN.until - timedelta(days=1))
    assert not seeding.is_possible()

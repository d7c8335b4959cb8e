"""Operations of migrations: collectors insert while they run, and they run again."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest
from django.db import DatabaseError, IntegrityError, connection, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from records.expand import AddCheckBeside, AddIndexBeside

pytestmark = pytest.mark.django_db(transaction=True)

INDEX = AddIndexBeside("thing", models.Index(fields=["size"], name="thing_size"))
CHECK = AddCheckBeside(
    "thing",
    models.CheckConstraint(condition=models.Q(size__gt=0), name="thing_size_positive"),
)
TABLE = "CREATE TABLE records_thing (id bigint NOT NULL, size integer NOT NULL)"
PARTITIONED = (
    f"{TABLE} PARTITION BY RANGE (id);"
    "CREATE TABLE thing_a PARTITION OF records_thing FOR VALUES FROM (0) TO (100);"
    "CREATE TABLE thing_b PARTITION OF records_thing FOR VALUES FROM (100) TO (200)"
)


@pytest.fixture(params=["one table", "partitions"])
def thing(request, on_postgres) -> Iterator[ProjectState]:
    if request.param == "partitions" and not on_postgres:
        pytest.skip("only PostgreSQL has partitions")
    run(TABLE if request.param == "one table" else PARTITIONED)
    run("INSERT INTO records_thing (id, size) VALUES (1, 5), (101, 7)")
    state = ProjectState()
    fields = [
        ("id", models.BigIntegerField(primary_key=True)),
        ("size", models.IntegerField()),
    ]
    state.add_model(ModelState("records", "Thing", fields))
    yield state
    run("DROP TABLE records_thing")


@pytest.fixture
def postgres(on_postgres) -> None:
    if not on_postgres:
        pytest.skip("only PostgreSQL builds beside others")


@pytest.fixture
def last(thing, postgres) -> str:
    """Where rows with ids from 100 on are."""
    partitions = rows("SELECT to_regclass('thing_b')")[0][0]
    return partitions or "records_thing"


def run(statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statements)


def rows(question: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchall()


def apply(operation: Operation, state: ProjectState) -> None:
    after = state.clone()
    operation.state_forwards("records", after)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("records", editor, state, after)


def indexes() -> dict[str, bool]:
    """Whether each index of things is valid, by its table."""
    return dict(
        rows(
            "SELECT indrelid::regclass::text, indisvalid FROM pg_index "
            "WHERE indrelid::regclass::text ~ 'thing'"
        )
    )


@contextmanager
def uncommitted(statement: str) -> Iterator[psycopg2.extensions.connection]:
    """A transaction of somebody else that is not over."""
    parameters = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with closing(
        psycopg2.connect(**{n: parameters[n] for n in names if n in parameters})
    ) as other:
        other.cursor().execute(statement)
        yield other


def test_an_index_is_there_afterwards(thing, on_postgres):
    apply(INDEX, thing)
    if on_postgres:
        assert set(indexes().values()) == {True}
        assert len(indexes()) == 1 + 2 * (len(indexes()) > 1)
    else:
        assert rows("SELECT tbl_name FROM sqlite_master WHERE name = 'thing_size'")


def test_an_index_is_built_while_others_insert(thing, last):
    with uncommitted(f"INSERT INTO {last} VALUES (102, 1)") as other:
        building = threading.Thread(target=_apply_and_close, args=(INDEX, thing))
        building.start()
        building.join(0.5)
        assert building.is_alive()  # for the transaction that is not over
        with uncommitted(
            "SET statement_timeout = 2000; INSERT INTO records_thing VALUES (103, 1)"
        ):
            other.commit()
    building.join(20)
    assert not building.is_alive()
    assert set(indexes().values()) == {True}


def _apply_and_close(operation: Operation, state: ProjectState) -> None:
    try:
        apply(operation, state)
    finally:
        connection.close()


def test_an_index_that_was_left_half_built_is_built_again(thing, last):
    run("SET statement_timeout = 500")
    other = uncommitted(f"INSERT INTO {last} VALUES (102, 1)")
    with other, pytest.raises(DatabaseError):
        apply(INDEX, thing)
    run("RESET statement_timeout")
    assert False in indexes().values()
    apply(INDEX, thing)
    assert set(indexes().values()) == {True}


def test_a_check_holds_for_new_rows_and_was_held_by_old_ones(thing):
    apply(CHECK, thing)
    with pytest.raises(IntegrityError):
        run("INSERT INTO records_thing (id, size) VALUES (3, 0)")


def test_a_check_that_an_old_row_breaks_fails_and_can_be_tried_again(thing, postgres):
    run("UPDATE records_thing SET size = 0 WHERE id = 1")
    with pytest.raises(DatabaseError):
        apply(CHECK, thing)
    assert validated() == {False}  # new rows are checked
    run("UPDATE records_thing SET size = 1 WHERE id = 1")
    apply(CHECK, thing)
    assert validated() == {True}


def validated() -> set[bool]:
    question = "SELECT convalidated FROM pg_constraint WHERE conname = %r"
    return {valid for (valid,) in rows(question % CHECK.constraint.name)}


def test_a_check_is_validated_while_others_insert(thing, postgres):
    add = "ADD CONSTRAINT thing_size_positive CHECK (size > 0) NOT VALID"
    run(f"ALTER TABLE records_thing {add}")
    with uncommitted("INSERT INTO records_thing VALUES (2, 1)"):
        apply(CHECK, thing)

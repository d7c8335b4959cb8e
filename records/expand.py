"""Operations of migrations beside which collectors go on inserting.

On SQLite they are Django's own. Each is alone in a migration with `atomic = False`, and
may run again when it was ended half-way.
"""

from abc import abstractmethod
from typing import Any, cast

from django.db import connection, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement
from django.db.backends.utils import truncate_name
from django.db.migrations import AddConstraint, AddIndex
from django.db.migrations.operations.models import IndexOperation

from records import database

LONGEST_NAME = 63

Editor = BaseDatabaseSchemaEditor


class _Beside(IndexOperation):
    """On PostgreSQL, an operation that adds something in a way of its own."""

    model_name: str

    @abstractmethod
    def add(self, editor: Editor, model: type[models.Model]) -> None:
        """Add it on PostgreSQL."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        if not database.is_postgres():
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            self.add(schema_editor, model)


class AddIndexBeside(_Beside, AddIndex):
    """An index that is built concurrently, partition by partition where there are."""

    def add(self, editor: Editor, model: type[models.Model]) -> None:
        _build(editor, model, self.index)


class AddCheckBeside(_Beside, AddConstraint):
    """A check that new rows pass at once, and old ones before this ends."""

    def add(self, editor: Editor, model: type[models.Model]) -> None:
        _check(editor, model, self.constraint)


def _build(editor: Editor, model: type[models.Model], index: models.Index) -> None:
    table = model._meta.db_table
    if _kind(table) != "p":
        _build_on(editor, model, index, table, index.name)
        return
    if not _value("SELECT to_regclass(%s)", index.name):
        only = f"ONLY {editor.quote_name(table)}"
        editor.execute(_creation(editor, model, index, table=only), params=None)
    for partition in _partitions_without(table, index.name):
        name = truncate_name(f"{partition}_{index.name}", LONGEST_NAME)
        _build_on(editor, model, index, partition, name)
        editor.execute(
            f"ALTER INDEX {editor.quote_name(index.name)} "
            f"ATTACH PARTITION {editor.quote_name(name)}"
        )


def _build_on(
    editor: Editor,
    model: type[models.Model],
    index: models.Index,
    table: str,
    name: str,
) -> None:
    """Build it on one table, unless it is there; what an earlier try left goes."""
    valid = _value(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", name
    )
    if valid:
        return
    with database.patient_locks():
        if valid is False:
            editor.execute(f"DROP INDEX CONCURRENTLY {editor.quote_name(name)}")
        quoted = {"table": editor.quote_name(table), "name": editor.quote_name(name)}
        create = _creation(editor, model, index, concurrently=True, **quoted)
        editor.execute(create, params=None)


def _creation(
    editor: Editor,
    model: type[models.Model],
    index: models.Index,
    concurrently: bool = False,
    **parts: str,
) -> Statement:
    """The statement, with other quoted names in it."""
    create = index.create_sql(model, editor, concurrently=concurrently)
    cast(dict[str, str], create.parts).update(parts)
    return create


def _check(
    editor: Editor, model: type[models.Model], check: models.BaseConstraint
) -> None:
    table = model._meta.db_table
    there = _value(
        "SELECT oid FROM pg_constraint "
        "WHERE conrelid = to_regclass(%s) AND conname = %s",
        *(table, check.name),
    )
    if not there:
        create = check.create_sql(model, editor)
        editor.execute(f"{create} NOT VALID", params=None)
    editor.execute(
        f"ALTER TABLE {editor.quote_name(table)} "
        f"VALIDATE CONSTRAINT {editor.quote_name(check.name)}"
    )


def _kind(table: str) -> str:
    """`r`, or `p` when it has partitions."""
    kind: str = _value("SELECT relkind FROM pg_class WHERE oid = %s::regclass", table)
    return kind


def _partitions_without(table: str, index: str) -> list[str]:
    """Partitions with no part of the index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid "
            "WHERE inhparent = %s::regclass AND oid NOT IN ("
            "SELECT indrelid FROM pg_inherits JOIN pg_index ON indexrelid = inhrelid "
            "WHERE inhparent = %s::regclass) ORDER BY oid",
            [table, index],
        )
        return [name for (name,) in cursor.fetchall()]


def _value(question: str, *about: str) -> Any:
    """The first column of the first row, or None."""
    with connection.cursor() as cursor:
        cursor.execute(question, about)
        row = cursor.fetchone()
    return row and row[0]

"""Migrations only expand what the previous release's collector and worker use.

What a release no longer needs is removed by a later one, whose migration says so:

    class Migration(migrations.Migration):
        unused_since = "1.2"  # a heading of CHANGELOG.md
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from records.expand import AddCheckBeside, AddIndexBeside
from tests.test_architecture import ROOMS, ROOT

OURS = {
    config.label
    for config in apps.get_app_configs()
    if config.name.partition(".")[0] in ROOMS
}
# Up to these, no release has ever run without them.
BASE = {"records": "0003", "crashes": "0002"}
FIRST = "0001"

# Collectors write to tables of `records`, which may be large.
BUSY = "records"
BESIDE = (AddIndexBeside, AddCheckBeside)
CONTRACTS = (
    *(operations.DeleteModel, operations.RenameModel, operations.AlterModelTable),
    *(operations.RemoveField, operations.RenameField),
    *(operations.AlterUniqueTogether, operations.AlterIndexTogether),
)
USED = "the previous release still uses it"
LOCKS = "its index locks the table; add it afterwards, beside"
_SQL = re.compile(
    r"\b(DROP|RENAME|SET NOT NULL|TRUNCATE|CREATE (UNIQUE )?INDEX)\b", re.I
)


def problems(migration: Migration, before: ProjectState) -> list[str]:
    """What of a migration stops or fails the previous release's processes."""
    state, found = before.clone(), []
    new: set[str] = set()
    for operation in migration.operations:
        reason = _reason(operation, migration.app_label, state, new)
        if reason:
            found.append(f"{operation.describe()}: {reason}")
        if isinstance(operation, operations.CreateModel):
            new.add(operation.name_lower)
        operation.state_forwards(migration.app_label, state)
    return [*found, *_together(migration)]


def _reason(
    operation: Operation, label: str, state: ProjectState, new: set[str]
) -> str | None:
    """Why it is not one that only expands."""
    model = getattr(operation, "model_name_lower", getattr(operation, "name_lower", ""))
    reason = None
    match operation:
        case _ if model in new or isinstance(operation, BESIDE):
            pass
        case _ if isinstance(operation, CONTRACTS):
            reason = USED
        case operations.AddField():
            reason = _added(operation.field)
        case operations.AlterField():
            old = state.models[label, model].fields[operation.name]
            reason = _altered(old, operation.field)
        case operations.AddIndex() if label == BUSY:
            reason = "use AddIndexBeside"
        case operations.AddConstraint():
            reason = "use AddCheckBeside"
        case operations.RunSQL() if _SQL.search(str(operation.sql)):
            reason = "SQL that removes, or locks for long"
    return reason


def _added(field: Any) -> str | None:
    found = {
        "neither null nor a default of the database": not field.null
        and not field.has_db_default(),
        LOCKS: field.unique or field.db_index,
        "its constraint locks both tables": getattr(field, "db_constraint", False),
    }
    return None if field.many_to_many else _first(found)


def _altered(old: Any, new: Any) -> str | None:
    return _first(
        {
            "no longer null": old.null and not new.null,
            "another type rewrites the table": old.db_type(connection)
            != new.db_type(connection)
            and not _is_wider(old, new),
            USED: old.db_column != new.db_column,
            "the previous release relies on its default": old.has_db_default()
            and not new.has_db_default()
            and not new.null,
            LOCKS: (new.unique and not old.unique)
            or (new.db_index and not old.db_index),
        }
    )


def _is_wider(old: Any, new: Any) -> bool:
    texts = isinstance(old, models.CharField) and isinstance(new, models.CharField)
    return texts and (old.max_length or 0) < (new.max_length or 0)


def _first(found: dict[str, bool]) -> str | None:
    return next((reason for reason, is_so in found.items() if is_so), None)


def _together(migration: Migration) -> Iterator[str]:
    """What should not share a transaction."""
    alone = [each for each in migration.operations if isinstance(each, BESIDE)]
    if alone and (migration.atomic or len(migration.operations) > 1):
        yield "an operation beside others is alone, with atomic = False"
    code = [
        each for each in migration.operations if isinstance(each, operations.RunPython)
    ]
    if code and len(code) < len(migration.operations):
        yield "rows are changed in another migration than tables"


def released() -> set[str]:
    headings = re.findall(
        r"^## \[?([0-9.]+)", (ROOT / "CHANGELOG.md").read_text(), re.M
    )
    return set(headings)


def excused(migration: Migration, versions: set[str]) -> bool:
    return getattr(migration, "unused_since", None) in versions


# --- The project's --------------------------------------------------------------------


LOADER = MigrationLoader(None)


def later_than_base() -> list[tuple[str, str]]:
    return sorted(
        (label, name)
        for label, name in LOADER.disk_migrations
        if label in OURS and name[:4] > BASE.get(label, FIRST)
    )


def test_migrations_only_expand():
    found = {
        key: problems(LOADER.disk_migrations[key], _state_before(LOADER, key))
        for key in later_than_base()
        if not excused(LOADER.disk_migrations[key], released())
    }
    assert {key: reasons for key, reasons in found.items() if reasons} == {}


def _state_before(loader: MigrationLoader, key: tuple[str, str]) -> ProjectState:
    return loader.project_state([key], at_end=False)


def test_every_app_is_looked_at():
    assert {"records", "crashes", "alerts", "accounts", "mce"} <= OURS


def test_the_migrations_of_the_upgrade_that_is_tested_only_expand(
    monkeypatch, settings
):
    settings.MIGRATION_MODULES = {"records": "tests.e2e.next_release.migrations"}
    loader = MigrationLoader(None)
    new = [key for key in loader.disk_migrations if key[1].startswith("9")]
    assert len(new) == 5
    for key in new:
        before = _state_before(loader, key)
        assert problems(loader.disk_migrations[key], before) == []


# --- The rule -------------------------------------------------------------------------


def state() -> ProjectState:
    state = ProjectState()
    fields: list[tuple[str, Any]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("old", models.TextField()),
        ("maybe", models.TextField(null=True)),
        ("short", models.CharField(max_length=9)),
        ("counted", models.IntegerField(db_default=0)),
    ]
    for label in ("records", "crashes"):
        state.add_model(ModelState(label, "Thing", fields))
    return state


def migration(*ops: Operation, label: str = "records", **settings: object) -> Migration:
    made = type("Migration", (Migration,), {"operations": list(ops), **settings})
    return made("0009_next", label)


INDEX = models.Index(fields=["old"], name="thing_old")
CHECK = models.CheckConstraint(condition=~models.Q(old=""), name="thing_filled")
LOOSE = models.ForeignKey("records.thing", models.CASCADE, null=True)
NEW = operations.CreateModel("New", [("id", models.BigAutoField(primary_key=True))])


@pytest.mark.parametrize(
    "operation",
    [
        NEW,
        operations.AddField("thing", "new", models.TextField(null=True)),
        operations.AddField("thing", "new", models.TextField(db_default="")),
        operations.AlterField("thing", "old", models.TextField(null=True)),
        operations.AlterField("thing", "old", models.TextField(help_text="Old.")),
        operations.AlterField("thing", "short", models.CharField(max_length=10)),
        operations.RemoveIndex("thing", "thing_old"),
        operations.RunSQL("INSERT INTO records_thing DEFAULT VALUES"),
        operations.RunPython(operations.RunPython.noop),
    ],
    ids=lambda each: each.describe(),
)
def test_what_expands_is_allowed(operation, monkeypatch):
    monkeypatch.setattr(operations.RemoveIndex, "state_forwards", lambda *_: None)
    assert problems(migration(operation), state()) == []


@pytest.mark.parametrize(
    "operation",
    [
        operations.DeleteModel("thing"),
        operations.RenameModel("thing", "Item"),
        operations.AlterModelTable("thing", "items"),
        operations.RemoveField("thing", "old"),
        operations.RenameField("thing", "old", "new"),
        operations.AddField("thing", "new", models.TextField()),
        operations.AddField("thing", "new", models.TextField(default="")),
        operations.AddField("thing", "new", models.TextField(null=True, unique=True)),
        operations.AddField("thing", "new", models.TextField(null=True, db_index=True)),
        operations.AddField("thing", "new", LOOSE),
        operations.AlterField("thing", "maybe", models.TextField()),
        operations.AlterField("thing", "maybe", models.IntegerField(null=True)),
        operations.AlterField("thing", "counted", models.IntegerField()),
        operations.AlterField("thing", "short", models.CharField(max_length=8)),
        operations.AlterField("thing", "old", models.TextField(db_index=True)),
        operations.AlterField("thing", "old", models.TextField(db_column="new")),
        operations.AddIndex("thing", INDEX),
        operations.AddConstraint("thing", CHECK),
        operations.RunSQL("ALTER TABLE records_thing DROP old"),
        operations.RunSQL("create index thing_old on records_thing (old)"),
        AddIndexBeside("thing", INDEX),
    ],
    ids=lambda each: each.describe(),
)
def test_what_the_previous_release_would_miss_is_not(operation):
    assert len(problems(migration(operation), state())) == 1


@pytest.mark.parametrize("operation", [AddIndexBeside("thing", INDEX)])
def test_beside_others_is_outside_of_a_transaction_and_alone(operation):
    assert problems(migration(operation, atomic=False), state()) == []
    assert problems(migration(operation, NEW, atomic=False), state()) != []


def test_rows_are_not_changed_while_a_table_is_locked():
    code = operations.RunPython(operations.RunPython.noop)
    add = operations.AddField("thing", "new", models.TextField(null=True))
    assert problems(migration(add, code), state()) != []


def test_a_table_that_is_new_may_have_anything():
    field = operations.AddField("new", "name", models.TextField(unique=True))
    assert problems(migration(NEW, field), state()) == []


def test_an_index_of_a_table_that_collectors_leave_alone_may_lock_it():
    add = operations.AddIndex("thing", INDEX)
    assert problems(migration(add, label="crashes"), state()) == []


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [({}, False), ({"unused_since": "1.1"}, False), ({"unused_since": "1.0"}, True)],
)
def test_a_contraction_says_since_which_release_nothing_needs_it(settings, allowed):
    remove = migration(operations.RemoveField("thing", "old"), **settings)
    assert excused(remove, {"1.0"}) == allowed

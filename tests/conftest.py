"""Fixtures for every test; those that need a browser are in tests/browser."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings

from alerts import worker
from crashes import classes
from records import labels, names, purge
from tests.cleaning import NewDatabase
from tests.databases import PostgresTemplate, SqliteTemplate

ROOT = Path(__file__).resolve().parent.parent
SLOW_FOLDERS = {"browser", "deployments", "e2e", "plugins"}
DATABASE_FIXTURES = {
    "db",
    "django_db_setup",
    "module_db",
    "on_postgres",
    "transactional_db",
}
IN_CI = os.environ.get("CI", "").lower() in {"true", "1"}

settings.register_profile("default", deadline=None)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci" if IN_CI else "default")


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks no database is for one run; files that take long begin first."""
    for item in items:
        if not asks_a_database(item):
            item.add_marker("once")
    long = {
        item.path
        for item in items
        if item.path.parent.name in SLOW_FOLDERS or item.get_closest_marker("slow")
    }
    items.sort(key=lambda item: item.path not in long)  # none is left for the end


def pytest_collection_finish() -> None:
    """Thousands of tests stay: garbage is not looked for among them."""
    gc.collect()
    gc.freeze()


def asks_a_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(item.get_closest_marker("django_db") or fixtures & DATABASE_FIXTURES)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A database that a test committed to is then as a new one is."""
    with django_db_blocker.unblock():
        new = NewDatabase()
    with pytest.MonkeyPatch.context() as django:
        django.setattr(
            TransactionTestCase, "_fixture_teardown", lambda _: new.restore()
        )
        yield


@pytest.fixture(scope="module")
def module_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Rows of a module's fixtures: what a test changes of them is rolled back after it.

    Not for modules with tests that commit.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _names_of_one_test_only() -> Iterator[None]:
    """A process remembers names and settings, which end with their test."""
    yield
    names.forget()
    labels.forget()
    classes.forget()


@pytest.fixture(autouse=True, scope="session")
def _no_purge_comes_unasked() -> None:
    """The worker of a test keeps records of any age."""
    purge.daily.stop()


@pytest.fixture(autouse=True, scope="session")
def _no_alert_comes_unasked() -> None:
    """Threads beside a test would not see its data, and lock its database."""
    for step in worker.STEPS:
        step.stop()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded client requests and payloads."""
    folder = Path(os.environ.get("TELEMETRY_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip("no recorded client requests here; TELEMETRY_SHARED names them")
    return folder


@pytest.fixture(scope="session")
def on_postgres() -> bool:
    return os.environ["DATABASE_URL"].startswith(("postgres:", "postgresql:"))


@pytest.fixture(scope="session")
def _migrated_template(
    on_postgres: bool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SqliteTemplate | PostgresTemplate]:
    template: SqliteTemplate | PostgresTemplate
    if on_postgres:
        template = PostgresTemplate(os.environ["DATABASE_URL"])
    else:
        template = SqliteTemplate(tmp_path_factory.mktemp("databases"))
    yield template
    template.remove()


@pytest.fixture
def server_database(
    _migrated_template: SqliteTemplate | PostgresTemplate,
) -> Iterator[str]:
    """DATABASE_URL of a migrated database that other processes can use."""
    with _migrated_template.copy() as url:
        yield url

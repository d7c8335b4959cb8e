"""Programs of the distribution that deployments need."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from tests.conftest import IN_CI
from tests.deployments import nginx


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """The path of a program; a test is left out where it is missing, but not in CI."""

    def find(name: str) -> str:
        found = nginx.program() if name == "nginx" else shutil.which(name)
        if found is None:
            (pytest.fail if IN_CI else pytest.skip)(f"{name} is not installed")
        return found

    return find


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A short path, since the path of a socket is, which other accounts may enter."""
    path = Path(tempfile.mkdtemp(prefix="telemetry-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def empty_database(on_postgres: bool, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if not on_postgres:
        yield f"sqlite:///{tmp_path}/telemetry.sqlite3"
        return
    name = f"test_empty_{secrets.token_hex(6)}"
    with closing(psycopg2.connect(os.environ["DATABASE_URL"])) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            url = urlsplit(os.environ["DATABASE_URL"])
            yield url._replace(path=f"/{name}").geturl()
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")

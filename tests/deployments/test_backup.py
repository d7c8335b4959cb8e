"""What is written to a backup is there again after it was restored."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployments.documented import command, commands
from tests.e2e.database import Database
from tests.factories import header_request, json_body, json_request, values
from tests.server import ROOT, GunicornServer, raw_request


@pytest.fixture
def server(server_database: str, tmp_path: Path) -> Iterator[GunicornServer]:
    with GunicornServer(
        "telemetry_site.wsgi_collector",
        {"DATABASE_URL": server_database},
        log_file=tmp_path / "log",
    ) as running:
        yield running


def send(server: GunicornServer, payload: str = "hello\n") -> int:
    """The id of a new record."""
    answer = raw_request(server.port, json_request(json_body(values(), payload)))
    assert answer.status == 201
    return int(json.loads(answer.body)["id"])


def rows(database: Database) -> list[tuple]:
    """Everything about records."""
    tables = ("record", "pending", "kind", "build", "hardware", "kernel", "telemetryid")
    return [
        (table, *row)
        for table in tables
        for row in database.rows(f"SELECT * FROM records_{table} ORDER BY 1")
    ]


def backup(url: str, folder: Path, program) -> None:
    if url.startswith("sqlite"):
        run(commands("SQLite")[0], url, folder)
    else:
        program("pg_dump")
        run(command("PostgreSQL", "pg_dump"), url, folder)


def restore(url: str, folder: Path) -> None:
    if url.startswith("sqlite"):
        run(commands("SQLite")[1], url, folder)
    else:
        run(command("PostgreSQL", "psql"), url, folder)
        run(command("PostgreSQL", "pg_restore"), url, folder)


def run(documented: str, url: str, folder: Path) -> None:
    """A documented command, on a database of the tests."""
    here = documented.replace("runuser -u postgres -- ", "")
    here = here.replace(".venv/bin/python", shlex.quote(sys.executable))
    here = here.replace("var/telemetry.sqlite3", url.removeprefix("sqlite:///"))
    here = here.replace("--dbname=telemetry", f"--dbname={url}")
    here = here.replace("custom telemetry", f"custom {url}")
    subprocess.run(["/bin/sh", "-ec", here], cwd=folder, check=True)


def test_a_backup_is_taken_while_records_come_and_restored_over_what_is_there(
    server, server_database, tmp_path, program
):
    database = Database(server_database)
    send(server, "é \x01 \\ ' \"\n")
    raw_request(server.port, header_request(values(), b"\x00\xff"))
    before = rows(database)
    backup(server_database, tmp_path, program)
    lost = send(server, "after the backup")
    database.run("DELETE FROM records_pending")
    server.terminate()
    restore(server_database, tmp_path)
    assert rows(database) == before
    server.start()
    assert send(server) == lost, "ids go on where the backup was taken"


def test_a_backup_is_restored_into_a_new_database(
    server, server_database, empty_database, tmp_path, program
):
    send(server)
    before = rows(Database(server_database))
    backup(server_database, tmp_path, program)
    restore(empty_database, tmp_path)
    assert rows(Database(empty_database)) == before
    check = [sys.executable, "manage.py", "migrate", "--check"]
    environment = {"DATABASE_URL": empty_database, "SECRET_KEY": "0123456789" * 5}
    subprocess.run(check, cwd=ROOT, env=environment, check=True)

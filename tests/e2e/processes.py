"""Processes of the system under test, and what must be true after their deaths."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.clients import Fleet
from tests.e2e.database import Database
from tests.server import ROOT, GunicornServer


def collector(database_url: str, tmp_path: Path, workers: int = 2) -> GunicornServer:
    return GunicornServer(
        "telemetry_site.wsgi_collector",
        {"DATABASE_URL": database_url},
        log_file=tmp_path / "collector.log",
        workers=workers,
    )


def start_command(
    command: str,
    database_url: str,
    log_file: Path,
    *options: str,
    settings: str = "telemetry_site.settings",
) -> subprocess.Popen[bytes]:
    """A command of `manage.py` in a process of its own."""
    with log_file.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "manage.py", command, *options],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": settings,
                "DATABASE_URL": database_url,
            },
        )


class DigestProcess:
    """`manage.py digest` in a process of its own."""

    def __init__(self, database_url: str, log_file: Path) -> None:
        self.database = Database(database_url)
        self._url = database_url
        self._log_file = log_file
        self.process = self._start()

    def __enter__(self) -> "DigestProcess":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()

    def kill_and_start(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process = self._start()

    def wait_until_done(self) -> None:
        end = time.monotonic() + 20
        while self.database.count("pending"):
            assert self.process.poll() is None, self._log_file.read_text()
            assert time.monotonic() < end
            time.sleep(0.02)

    def _start(self) -> subprocess.Popen[bytes]:
        options = ("--batch", "50", "--idle", "0.01")
        return start_command("digest", self._url, self._log_file, *options)


def assert_stored_once(fleet: Fleet, database: Database) -> None:
    """Every delivered record under the id that was answered; none of them twice."""
    stored = database.ids_by_event()
    lost = {event for event in fleet.delivered if event not in stored}
    assert not lost
    assert {event: ids for event, ids in stored.items() if len(ids) > 1} == {}
    answered = {event: [record_id] for event, record_id in fleet.delivered.items()}
    assert {event: stored[event] for event in answered} == answered


def counted(database: Database) -> tuple[int, int]:
    """Records of the rollups of days, and of those of hours."""
    (days,) = database.rows("SELECT sum(records) FROM records_kindday")[0]
    (hours,) = database.rows("SELECT sum(records) FROM records_receivedhour")[0]
    return int(days or 0), int(hours or 0)

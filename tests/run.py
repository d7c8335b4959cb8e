"""The suite on SQLite, then on a throw-away PostgreSQL: ``python -m tests.run``.

What would say the same on both runs on PostgreSQL. Arguments are handed to pytest.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from tests.postgres import Cluster, find_programs

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = "left out: no PostgreSQL server programs (initdb, postgres) on this machine"
# By file: servers and other costly fixtures of a module are then made once. More
# processes than processors, as many tests wait for servers.
PROCESSES = str(min(2 * (os.cpu_count() or 1), 8))
DISTRIBUTED = ("-n", PROCESSES, "--dist", "loadfile", "--no-loadscope-reorder")
ON_BOTH = ("-m", "not (browser or once)")
END_TIMEOUT = 30.0


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    in_ci = os.environ.get("CI", "").lower() in {"true", "1"}
    if find_programs():
        outcomes = {
            "SQLite": run_on_sqlite([*ON_BOTH, *arguments]),
            "PostgreSQL": run_on_postgres(arguments),
        }
    else:
        outcomes = {
            "SQLite": run_on_sqlite(arguments),
            "PostgreSQL": LEFT_OUT + (", and CI needs them" if in_ci else ""),
        }
    print()
    for database, outcome in outcomes.items():
        print(f"{database + ':':<12}{outcome}")
    accepted = {"passed"} if in_ci else {"passed", LEFT_OUT}
    return 0 if set(outcomes.values()) <= accepted else 1


def run_on_sqlite(arguments: list[str]) -> str:
    return _pytest("SQLite", "sqlite:///var/test.sqlite3", arguments)


def run_on_postgres(arguments: list[str]) -> str:
    with Cluster() as cluster:
        url = cluster.create_database("telemetry")
        return _pytest("PostgreSQL", url, arguments)


def _pytest(database: str, url: str, arguments: list[str]) -> str:
    print(f"\n=== {database} ===", flush=True)
    command = [sys.executable, "-m", "pytest", *DISTRIBUTED, *arguments]
    # Hundreds of processes are started: each finds what the one before compiled.
    compiled = {"PYTHONDONTWRITEBYTECODE": ""}
    environment = os.environ | compiled | {"DATABASE_URL": url}
    suite = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        code = suite.wait()
    except KeyboardInterrupt:
        _end(suite)
        raise
    return "failed" if code else "passed"


def _end(suite: subprocess.Popen[bytes]) -> None:
    """Let pytest and its workers tear down what their tests started."""
    os.killpg(suite.pid, signal.SIGINT)
    try:
        suite.wait(END_TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(suite.pid, signal.SIGKILL)
        suite.wait()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

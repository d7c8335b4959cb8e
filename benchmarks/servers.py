"""The servers that are measured, each with a database of its own."""

import sys
from pathlib import Path

from benchmarks import processes
from benchmarks.project import environment
from tests.server import App, GunicornServer


class Server(GunicornServer):
    """gunicorn with our configuration."""

    def __init__(self, app: App, url: str, folder: Path, workers: int) -> None:
        log = folder / f"gunicorn-{id(self)}.log"
        super().__init__(app, {}, log_file=log, workers=workers)
        self._environment = environment(url) | {"BIND": f"127.0.0.1:{self.port}"}

    @property
    def cpu_seconds(self) -> float:
        return processes.cpu_seconds(self.pid)

    @property
    def workers(self) -> list[int]:
        """Process ids."""
        return sorted(processes.children(self.pid))


class BareServer(Server):
    """gunicorn as it comes, with an application that only answers."""

    def __init__(self, options: tuple[str, ...], folder: Path) -> None:
        super().__init__("telemetry_site.wsgi", "sqlite://", folder, 1)
        bind = f"127.0.0.1:{self.port}"
        self._command = [
            *(sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind", bind),
            *(*options, "benchmarks.bare"),
        ]

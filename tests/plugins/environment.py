"""A virtual environment in which plugins are installed without a network."""

import os
import site
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

from tests.server import ROOT


class Environment:
    """Sees what the project is installed with; what is installed in it, nobody else.

    ``variables`` are added to the environment of its processes.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        venv.create(folder, symlinks=True)
        self.python = folder / "bin" / "python"
        place = next(folder.glob("lib/python*/site-packages"))
        (place / "project.pth").write_text("\n".join(site.getsitepackages()))
        kept = {n: v for n, v in os.environ.items() if n != "PYTHONPATH"}
        self.variables = {
            **kept,
            "DJANGO_SETTINGS_MODULE": "telemetry_site.settings",
            "TELEMETRY_ANONYMOUS_READ": "true",
            **variables,
        }

    def install(self, folder: Path) -> None:
        self._pip("install", "--no-deps", "--no-build-isolation", str(folder))

    def uninstall(self, name: str) -> None:
        self._pip("uninstall", "--yes", name)

    def manage(self, *arguments: str) -> str:
        return self.run("manage.py", *arguments)

    def run(self, *arguments: str, cwd: Path = ROOT, **variables: str) -> str:
        """What a Python process prints; raises when it fails."""
        done = subprocess.run(
            [self.python, *arguments],
            cwd=cwd,
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _pip(self, *arguments: str) -> None:
        pip = [sys.executable, "-m", "pip", "--python", str(self.python)]
        options = ["--quiet", "--disable-pip-version-check", "--no-input"]
        subprocess.run(
            [*pip, *arguments, *options],
            check=True,
            capture_output=True,
            env={**self.variables, "PIP_NO_INDEX": "1"},
        )

"""Programs of the distribution that deployments need."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

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

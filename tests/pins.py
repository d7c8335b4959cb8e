"""All packages that the requirements bring: ``make constraints`` writes them down."""

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")
PIN = re.compile(r"(?P<name>[\w.-]+)(\[[\w,-]+\])?==(?P<version>[\w.!+]+)")
_HEAD = "# All that requirements*.txt bring, as it is tested (`make constraints`)."


def lines(file: str) -> list[str]:
    """The lines of a file of requirements, without comments."""
    stripped = (
        line.partition("#")[0].strip()
        for line in (ROOT / file).read_text().splitlines()
    )
    return [line for line in stripped if line]


def pins(file: str) -> dict[str, str]:
    found = (PIN.fullmatch(line) for line in lines(file))
    return {_normal(pin["name"]): pin["version"] for pin in found if pin}


def installed() -> dict[str, str]:
    """Versions of the required packages and of all that they bring, as installed."""
    found: dict[str, str] = {}
    waiting = {name for file in REQUIREMENTS for name in pins(file)}
    while waiting:
        name = waiting.pop()
        try:
            package = distribution(name)
        except PackageNotFoundError:  # for another platform, or an extra nobody wants
            continue
        found[name] = package.version
        asked = (re.match(r"[\w.-]+", each) for each in package.requires or ())
        waiting |= {_normal(match[0]) for match in asked if match} - found.keys()
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    pinned = (f"{name}=={version}" for name, version in sorted(installed().items()))
    sys.stdout.write("\n".join([_HEAD, *pinned, ""]))

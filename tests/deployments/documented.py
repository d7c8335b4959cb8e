"""The commands of docs/operations.md, so that tests run what people are told to run."""

import re

from tests.server import ROOT

_PAGE = (ROOT / "docs/operations.md").read_text()


def page() -> str:
    return _PAGE


def commands(heading: str) -> list[str]:
    """The commands under a heading, each with the lines that continue it."""
    section = re.search(rf"^#+ {heading}\n(.*?)(?=^#|\Z)", _PAGE, re.DOTALL | re.M)
    assert section, heading
    lines = re.findall(r"^    (.*)$", section[1], re.MULTILINE)
    return re.sub(r"\\\n +", "", "\n".join(lines)).splitlines()


def command(heading: str, part: str) -> str:
    """The one command under a heading that contains ``part``."""
    (found,) = (each for each in commands(heading) if part in each)
    return found

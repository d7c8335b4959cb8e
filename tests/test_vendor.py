"""What is vendored is what static/vendor/README.md says it is."""

import hashlib
import re
from pathlib import Path

import pytest

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
README = VENDOR / "README.md"
HASHES = dict(re.findall(r"\| `([^`]+)` \| `([0-9a-f]{64})` \|", README.read_text()))
FILES = {
    str(file.relative_to(VENDOR))
    for file in VENDOR.rglob("*")
    if file.is_file() and file != README
}


def test_every_vendored_file_is_listed_and_every_listed_file_is_there():
    assert set(HASHES) == FILES


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_vendored_file_is_unchanged(name: str):
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == HASHES[name]


@pytest.mark.parametrize(
    "name", sorted(name for name in FILES if "LICENSE" not in name)
)
def test_a_vendored_file_has_its_licence_beside_it(name: str):
    assert (VENDOR / name).with_name("LICENSE").exists()


@pytest.mark.parametrize(
    "name", sorted(name for name in FILES if name.endswith(".css"))
)
def test_a_vendored_style_sheet_loads_nothing(name: str):
    css = (VENDOR / name).read_text()
    assert "@import" not in css
    assert "sourceMappingURL" not in css
    assert set(re.findall(r"url\([\"']?([a-z]*:?)", css)) <= {"data:"}

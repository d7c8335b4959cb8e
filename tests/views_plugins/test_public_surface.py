"""What plugins may use is documented, and stays as it is."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.server import ROOT
from tests.views_plugins.public_surface import NAMES, SNAPSHOT, described

GUIDE = ROOT / "docs" / "plugins.md"
RENEW = (
    "What plugins rely on has changed. If that is meant, say so in CHANGELOG.md, and: "
    "DJANGO_SETTINGS_MODULE=tests.settings python -m tests.views_plugins.public_surface"
)


def documented() -> dict[str, set[str]]:
    """Names in the reference of the guide, by module."""
    reference = GUIDE.read_text().partition("## Reference")[2]
    sections = re.split(r"^### `([a-z_.]+)`$", reference, flags=re.MULTILINE)[1:]
    return {
        module: set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
        for module, text in zip(sections[::2], sections[1::2], strict=True)
    }


def test_signatures_are_as_they_were():
    assert described() == SNAPSHOT.read_text(), RENEW


def test_the_guide_has_every_name_and_no_other():
    assert documented() == {module: set(names) for module, names in NAMES.items()}


@pytest.mark.parametrize("module", NAMES)
def test_names_are_there(module):
    for name in NAMES[module]:
        assert hasattr(import_module(module), name)


@pytest.mark.parametrize(
    "place", ["examples/telemetry-journal", "views_plugins/skeleton"]
)
def test_what_we_give_as_an_example_uses_nothing_else(place):
    found = set()
    for file in [
        *Path(ROOT, place).rglob("*.py"),
        *Path(ROOT, place).rglob("*.py-tpl"),
    ]:
        for module, names in re.findall(
            r"^from ((?:records|crashes|alerts|views_plugins)[\w.]*) import "
            r"(\([^)]*\)|.*)$",
            file.read_text(),
            re.MULTILINE,
        ):
            found |= {(module, name) for name in re.findall(r"\w+", names)}
    assert found
    modules = {tuple(module.rsplit(".", 1)) for module in NAMES}
    for module, name in found:
        assert name in NAMES.get(module, ()) or (module, name) in modules


def test_the_example_in_the_guide_is_a_view_that_works(db):
    code = GUIDE.read_text().partition("    from records import stats\n")
    source = (code[1] + code[2]).partition("\n`examples/")[0]
    space: dict[str, object] = {}
    exec("\n".join(line[4:] for line in source.splitlines()), space)
    plugin = space["PLUGIN"]
    filters = import_module("views_plugins.filters")
    shown = plugin.content(filters.parse(plugin, filters.QueryDict()))
    assert shown.title == "Records by severity"

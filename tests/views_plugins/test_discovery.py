"""Which plugins are found, and what is said of those that cannot be imported."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tests.plugins import write
from views_plugins import discovery
from views_plugins.discovery import Failure, contained, discover, failed


@pytest.fixture(autouse=True)
def _own_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "failures", {})


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to write packages into, which are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def installed(monkeypatch: pytest.MonkeyPatch, *apps: str) -> None:
    points = [EntryPoint(app, app, discovery.ENTRY_POINTS) for app in apps]
    monkeypatch.setattr(discovery, "entry_points", lambda group: points)


def test_built_in_views_are_found_without_being_named():
    found = discover([], [])
    assert {"views_plugins.builds", "views_plugins.stats"} <= set(found)
    assert discovery.failures == {}


def test_named_ones_and_those_of_installed_packages_follow(plugins, monkeypatch):
    for name in ("d_named", "d_installed", "d_both"):
        write(plugins, name, {})
    installed(monkeypatch, "d_installed", "d_both")
    found = discover(["d_named", "d_both"], [])
    assert found[-3:] == ["d_named", "d_both", "d_installed"]


def test_a_plugin_that_is_not_there_says_so(monkeypatch):
    assert "d_nowhere" not in discover(["d_nowhere"], [])
    assert discovery.failures["d_nowhere"].reason == (
        "There is no module 'd_nowhere': is the plugin installed?"
    )


def test_a_plugin_in_a_package_that_is_not_there_says_which():
    discover(["d_nowhere.inside"], [])
    assert "no module 'd_nowhere'" in discovery.failures["d_nowhere.inside"].reason


def test_its_own_missing_dependency_is_named_as_such(plugins):
    write(plugins, "d_needs", {"__init__.py": "import d_missing"})
    discover(["d_needs"], [])
    failure = discovery.failures["d_needs"]
    assert failure.reason == "ModuleNotFoundError: No module named 'd_missing'"
    assert "import d_missing" in failure.trace


def test_a_module_that_is_missing_inside_it_is_its_own(plugins):
    write(plugins, "d_inside", {"__init__.py": "import d_inside.helpers"})
    discover(["d_inside"], [])
    assert discovery.failures["d_inside"].reason.startswith("ModuleNotFoundError")


@pytest.mark.parametrize("taken", ["d_label", "other.d_label"])
def test_a_label_that_is_taken_is_refused(plugins, taken):
    write(plugins, "d_label", {})
    assert "d_label" not in discover(["d_label"], [taken])
    assert "label 'd_label'" in discovery.failures["d_label"].reason


def test_the_first_of_two_plugins_with_one_label_wins(plugins):
    write(plugins, "d_first", {})
    (plugins / "d_group").mkdir()
    (plugins / "d_group" / "__init__.py").touch()
    write(plugins / "d_group", "d_first", {})
    apps = plugins / "d_group" / "d_first" / "apps.py"
    apps.write_text(apps.read_text().replace("'d_first'", "'d_group.d_first'"))
    found = discover(["d_first", "d_group.d_first"], [])
    assert "d_first" in found
    assert set(discovery.failures) == {"d_group.d_first"}


def test_the_first_failure_of_a_plugin_is_kept():
    failed("app", "load", ValueError("first"))
    failed("app", "urls", ValueError("second"))
    assert discovery.failures["app"].reason == "ValueError: first"


@pytest.mark.parametrize("error", [ValueError, SystemExit, RecursionError])
def test_what_is_raised_inside_goes_no_further(error):
    with contained("app", "load"):
        raise error("text")
    failure = discovery.failures["app"]
    assert isinstance(failure, Failure)
    assert (failure.stage, failure.reason) == ("load", f"{error.__name__}: text")
    assert 'raise error("text")' in failure.trace


def test_a_person_can_still_interrupt():
    with pytest.raises(KeyboardInterrupt), contained("app", "load"):
        raise KeyboardInterrupt
    assert discovery.failures == {}

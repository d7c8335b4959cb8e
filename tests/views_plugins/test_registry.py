"""What a plugin may be, and which there are."""

from dataclasses import replace

import pytest
from django.urls import get_resolver
from django.urls.resolvers import RoutePattern

from alerts import conditions
from alerts.conditions import Condition
from records import parsers, readings
from records.parsers import PayloadParser
from records.readings import PayloadReading
from tests.views_plugins.plugins import PER, content, plugin, registered
from views_plugins import discovery, registry
from views_plugins.discovery import Failure
from views_plugins.registry import Option


def parser(name: str, version: int = 1) -> PayloadParser:
    return PayloadParser(name, version, ("*/probe/*",), len, list, list)


def reading(name: str) -> PayloadReading:
    return PayloadReading(name, ("*/probe/*",), dict)


def condition(name: str) -> Condition:
    return Condition(name, "Label", "About.", "things", list)


# --- What a plugin may be -------------------------------------------------------------


@pytest.mark.parametrize(
    "slug", ["", "Probe", "1probe", "pro be", "probe/", "probé", "p" * 41, "-p", "p\n"]
)
def test_a_slug_that_is_no_address_is_refused(slug):
    with pytest.raises(ValueError, match="cannot be called"):
        plugin(slug)


def test_no_view_can_take_an_address_of_the_site():
    roots = {
        str(each.pattern).strip("^$").partition("/")[0].partition(".")[0]
        for resolver in get_resolver().url_patterns
        for each in ([resolver] if str(resolver.pattern) else resolver.url_patterns)
        if isinstance(each.pattern, RoutePattern)
    }
    own = {each.slug for each in registry.plugins()}
    for slug in roots - own - {""}:
        with pytest.raises(ValueError, match="cannot be called"):
            plugin(slug)


@pytest.mark.parametrize(
    "changes",
    [
        {"content": None},
        {"content": content, "urls": "probe.urls"},
        {"content": "text"},
        {"title": None},
        {"order": "1"},
        {"days": 0},
        {"days": 3661},
        {"days": True},
        {"options": [PER]},
        {"options": (PER, PER)},
        {"parsers": (parser("a"), parser("a", 2))},
        {"parsers": (reading("a"),)},
        {"parsers": (replace(parser("a"), classifications="*/probe/*"),)},
        {"readings": (reading("a"), reading("a"))},
        {"conditions": (condition("a"), condition("a"))},
        {"conditions": (reading("a"),)},
        {"conditions": (replace(condition("a"), threshold="1"),)},
        {"permission": None},
    ],
)
def test_what_makes_no_sense_is_refused(changes):
    with pytest.raises((TypeError, ValueError)):
        plugin(**changes)


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("days", {"a": "b"}),
        ("external", {"a": "b"}),
        ("", {"a": "b"}),
        ("Per", {"a": "b"}),
        ("per-day", {"a": "b"}),
        ("per", {}),
        ("per", {"": "b"}),
        ("per", {"a": 1}),
        ("per", ["a"]),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(name, choices):
    with pytest.raises((TypeError, ValueError)):
        Option(name, "Label", choices)


def test_the_first_choice_of_an_option_is_its_default():
    assert PER.default == "records"


# --- Which there are ------------------------------------------------------------------


def test_a_view_is_there_until_it_is_taken_out_with_what_it_brought():
    given = plugin(
        parsers=(parser("probe"),),
        readings=(reading("probe"),),
        conditions=(condition("probe"),),
    )
    with registered(given):
        assert given in registry.plugins()
        assert registry.app_of("probe") == "probes"
        assert registry.taken("probe")
        assert given.parsers[0] in parsers.registered()
        assert given.readings[0] in readings.registered()
        assert given.conditions[0] in conditions.registered()
    assert given not in registry.plugins()
    assert not registry.taken("probe")
    assert given.parsers[0] not in parsers.registered()
    assert given.readings[0] not in readings.registered()
    assert given.conditions[0] not in conditions.registered()


def test_views_come_in_order_and_then_by_name():
    views = [
        plugin("probe-b", order=5),
        plugin("probe-a", order=5),
        plugin("c", order=4),
    ]
    with registered(views[0]), registered(views[1]), registered(views[2]):
        shown = [each.slug for each in registry.plugins() if each in views]
    assert shown == ["c", "probe-a", "probe-b"]


def test_what_is_no_plugin_is_refused():
    with pytest.raises(TypeError, match="is str, not Plugin"):
        registry.register("probe", "probes")  # type: ignore[arg-type]


def test_a_slug_belongs_to_the_app_that_came_first():
    with registered(plugin()):
        with pytest.raises(ValueError, match="is the one of probes"):
            registry.register(plugin(), "others")
        registry.register(plugin(title="Again"), "probes")
        assert registry.app_of("probe") == "probes"


@pytest.mark.parametrize(
    ("what", "make", "registry_of_it", "change"),
    [
        ("parsers", parser, parsers, {"classifications": ("other/*",)}),
        ("readings", reading, readings, {"classifications": ("other/*",)}),
        ("conditions", condition, conditions, {"label": "Another"}),
    ],
)
def test_a_name_that_is_taken_leaves_nothing_registered(
    what, make, registry_of_it, change
):
    known = registry_of_it.registered
    with registered(plugin(**{what: (make("probe"),)})):
        before = known(), registry.plugins()
        other = (make("first"), replace(make("probe"), **change))
        with pytest.raises(ValueError, match="'probe'"):
            registry.register(plugin("other", **{what: other}), "others")
        assert (known(), registry.plugins()) == before


def test_taking_out_what_is_not_there_does_nothing():
    before = registry.plugins()
    registry.unregister("nothing-of-this-name")
    assert registry.plugins() == before


# --- Those that are broken ------------------------------------------------------------


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> dict[str, Failure]:
    found: dict[str, Failure] = {}
    monkeypatch.setattr(discovery, "failures", found)
    monkeypatch.setattr(registry, "_withdrawn", {})
    return found


@pytest.mark.parametrize(
    ("app", "slug"),
    [
        ("my_probe", "my-probe"),
        ("group.My.Probe_2", "probe-2"),
        ("builds", "builds-broken"),
        ("health", "health-broken"),
        ("admin", "admin-broken"),
        ("___", "broken"),
        ("é", "broken"),
    ],
)
def test_a_plugin_that_was_not_loaded_has_an_address_of_its_own(failures, app, slug):
    failures[app] = Failure(app, "import", "reason")
    (broken,) = registry.broken()
    assert broken.slug == slug
    assert broken.failure is failures[app]


def test_two_of_one_name_have_different_addresses(failures):
    for app in ("a.probe", "b.probe"):
        failures[app] = Failure(app, "import", "reason")
    assert [each.slug for each in registry.broken()] == ["probe", "probe-broken"]


def test_a_view_that_is_withdrawn_keeps_its_tab(failures):
    with registered(plugin(order=7, permission="auth.view_user")):
        failures["probes"] = Failure("probes", "urls", "reason")
        registry.withdraw("probes")
        assert "probe" not in [each.slug for each in registry.plugins()]
        (broken,) = registry.broken()
    assert (broken.slug, broken.title, broken.order) == ("probe", "Probe", 7)
    assert broken.permission == "auth.view_user"

"""Views of tests at addresses of their own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import ModuleType

import pytest
from django.urls import clear_url_caches, include, path

from telemetry_site.urls import urlpatterns
from tests.views_plugins.plugins import registered
from views_plugins import api, urls
from views_plugins.registry import Plugin

Mount = Callable[..., None]


@pytest.fixture
def mount(settings) -> Iterator[Mount]:
    """Puts views beside those that are built in."""
    with ExitStack() as stack:

        def mount(*plugins: Plugin) -> None:
            module = ModuleType("urls_of_a_test")
            twins = []
            patterns = []
            for each in plugins:
                stack.enter_context(registered(each))
                patterns += urls._own(each) if each.urls else urls._drawn(each)
                if each.content:
                    twin = api.twin_of(each).as_view()
                    name = f"api-view-{each.slug}"
                    twins.append(path(f"api/views/{each.slug}", twin, name=name))
            module.urlpatterns = [*patterns, *twins, path("", include(urlpatterns))]
            settings.ROOT_URLCONF = module
            clear_url_caches()

        yield mount
    clear_url_caches()

"""The tab bar: records, crashes, and a tab for each view that its reader may see."""

from typing import NamedTuple

from django.http import HttpRequest

from views_plugins import registry
from views_plugins.access import may_see
from views_plugins.registry import Broken, Plugin


class Tab(NamedTuple):
    """A tab: its address, which is also the path it owns, its title and its place."""

    address: str
    title: str
    order: int
    broken: bool = False


TABS = (Tab("/records", "Records", 10), Tab("/crashes", "Crashes", 20))


def tabs(request: HttpRequest) -> dict[str, object]:
    """Template context: the tabs, and which one the request is under."""
    shown = sorted([*TABS, *_views(request)], key=lambda tab: tab.order)
    path = "/records" if request.path == "/" else request.path
    under = (tab for tab in shown if f"{path}/".startswith(f"{tab.address}/"))
    return {"tabs": shown, "current_tab": next(under, None)}


def _views(request: HttpRequest) -> list[Tab]:
    user = getattr(request, "user", None)
    views: list[Plugin | Broken] = [*registry.plugins(), *registry.broken()]
    return [
        Tab(f"/{view.slug}", view.title, view.order, isinstance(view, Broken))
        for view in views
        if view.tab and user is not None and may_see(user, view)
    ]

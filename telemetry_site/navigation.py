"""The tab bar: every app that has pages adds its tab here."""

from typing import NamedTuple

from django.http import HttpRequest


class Tab(NamedTuple):
    """A tab: the name of its URL, its title, and the path it owns."""

    url_name: str
    title: str
    prefix: str


TABS = (
    Tab("records", "Records", "/records"),
    Tab("crashes", "Crashes", "/crashes"),
)


def tabs(request: HttpRequest) -> dict[str, object]:
    """Template context: the tabs, and which one the request is under."""
    path = "/records" if request.path == "/" else request.path
    current = next((tab for tab in TABS if path.startswith(tab.prefix)), None)
    return {"tabs": TABS, "current_tab": current}

"""Pages of views: each parses, asks the plugin, renders; its faults stay in it."""

import logging
import time
import traceback
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_safe

from records.access import may_read
from records.exports import csv_line
from records.filters import InvalidParameters
from records.views import for_readers, turned_away
from views_plugins import filters, health, shapes
from views_plugins.access import may_see
from views_plugins.charts import Chart, Content, Table
from views_plugins.discovery import Failure
from views_plugins.filters import Filters
from views_plugins.panel import Panel
from views_plugins.registry import Broken, Plugin

log = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]
_MEANT = (Http404, PermissionDenied, SuspiciousOperation, BadRequest)
"""What a view raises on purpose: Django answers it."""


class PluginError(Exception):
    """A plugin raised where it should have answered; the cause is what it raised."""


def content_of(plugin: Plugin, asked: Filters) -> Content:
    """What a plugin shows; raises PluginError, and what it raises on purpose."""
    assert plugin.content is not None  # noqa: S101 - its address leads elsewhere
    try:
        found = plugin.content(asked)
        content = Content(parts=(found,)) if isinstance(found, Chart) else found
        shapes.require(content, Content)
    except (*_MEANT, InvalidParameters):
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(plugin.slug) from error
    return content


def contained(plugin: Plugin, view: View) -> View:
    """A view of a plugin for those who may see it; a fault is a page that says so."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_see(request.user, plugin):
            return turned_away(request)
        try:
            response = _answer(view(request, *args, **kwargs))
        except _MEANT:
            raise
        except PluginError as error:
            response = _failed(request, plugin, error.__cause__ or error)
        except (Exception, SystemExit) as error:  # noqa: BLE001
            response = _failed(request, plugin, error)
        else:
            health.works(plugin)
        patch_vary_headers(response, ("Cookie",))
        patch_cache_control(response, private=True, no_cache=True)
        return response

    return guarded


def _answer(response: object) -> HttpResponseBase:
    """What a view returned, with its template rendered: Django would do that later."""
    if isinstance(response, SimpleTemplateResponse):
        return response.render()
    if not isinstance(response, HttpResponseBase):
        raise TypeError(f"The view returned {type(response).__name__}")
    return response


def _failed(request: HttpRequest, plugin: Plugin, error: BaseException) -> HttpResponse:
    # Its text may repeat a payload, which no log may hold.
    place = traceback.extract_tb(error.__traceback__)[-1]
    kind = type(error).__name__
    log.error("View %s failed: %s, %s:%s", plugin.slug, kind, place.name, place.lineno)
    failure = health.failed(plugin, error)
    return _box(request, plugin, failure)


def _box(request: HttpRequest, view: Plugin | Broken, failure: Failure) -> HttpResponse:
    context = {"view": view, "failure": failure}
    return render(request, "views_plugins/failed.html", context, status=500)


# --- Pages --------------------------------------------------------------------------


def page_of(plugin: Plugin) -> View:
    return contained(plugin, require_safe(partial(_page, plugin)))


def table_of(plugin: Plugin) -> View:
    return contained(plugin, require_safe(partial(_table, plugin)))


def _page(plugin: Plugin, request: HttpRequest) -> HttpResponse:
    """A view: its filters, figures, charts and tables."""
    try:
        asked = filters.parse(plugin, request.GET)
        content = content_of(plugin, asked)
    except InvalidParameters as error:
        panel = Panel(plugin, request.GET, None, error.errors)
        context: dict[str, Any] = {"view": plugin, "panel": panel}
        return render(request, "views_plugins/page.html", context, status=400)
    panel = Panel(plugin, request.GET, asked)
    context = {"view": plugin, "panel": panel, "content": content, "asked": asked}
    return render(request, "views_plugins/page.html", context)


def _table(plugin: Plugin, request: HttpRequest, key: str) -> HttpResponse:
    """The numbers of one chart or table as a CSV file."""
    try:
        part = content_of(plugin, filters.parse(plugin, request.GET)).part(key)
    except InvalidParameters as error:
        return HttpResponse(str(error), status=400, content_type="text/plain")
    if part is None:
        raise Http404("There is no such table.")
    table: Table = part.table() if isinstance(part, Chart) else part
    lines = b"".join(map(csv_line, table.lines()))
    response = HttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = f"{plugin.slug}-{key}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def broken_page(view: Broken) -> View:
    @require_safe
    def page(request: HttpRequest) -> HttpResponse:
        if not may_see(request.user, view):
            return turned_away(request)
        return _box(request, view, view.failure)

    return page


# --- Health -------------------------------------------------------------------------


@for_readers
def health_page(request: HttpRequest) -> HttpResponse:
    """How the way from collector to pages is doing, and which plugin is broken."""
    started = time.monotonic()
    found = health.report(partial(_probe, request))
    context = {"health": found, "seconds": time.monotonic() - started}
    return render(request, "views_plugins/health.html", context)


def _probe(request: HttpRequest, plugin: Plugin) -> None:
    """Make what a plugin shows by default; raises what it raises."""
    if plugin.content and may_read(request.user):
        content_of(plugin, filters.parse(plugin, type(request.GET)()))

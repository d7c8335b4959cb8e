"""Pages about records: each parses, asks one function, renders."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponsePermanentRedirect,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.encoding import escape_uri_path
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from records import (
    access,
    detail,
    exports,
    legacy,
    listing,
    planning,
    readings,
    stats,
    usage,
)
from records.capacity import FIGURES
from records.database import QueryTimeout
from records.filters import InvalidParameters
from records.models import Record
from records.panel import SEVERITIES, Panel

TIMEOUT = (
    "The search took too long and was stopped. Narrow it by time, classification "
    "or machine."
)
EXPORT_WITHOUT_LEAVE = 10_000

View = Callable[..., HttpResponseBase]


def for_readers(view: View) -> View:
    """GET for those who may read records; filters that make no sense answer 400."""

    @require_safe
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not access.may_read(request.user):
            return turned_away(request)
        access.check_search(request.user, request.GET)
        try:
            response = view(request, *args, **kwargs)
        except InvalidParameters as error:
            response = _refused(request, error.errors)
        except QueryTimeout:
            response = _refused(request, {"": [TIMEOUT]})
        patch_vary_headers(response, ("HX-Request", "Cookie"))
        patch_cache_control(response, private=True, no_cache=True)
        return response

    return guarded


@for_readers
def records(request: HttpRequest) -> HttpResponseBase:
    """The list of records, with its filters."""
    if legacy.is_old(request.GET):
        return _moved(reverse("records"), request)
    page = listing.page(
        listing.parse(request.GET), payload=access.may_see_payload(request.user)
    )
    context = {"page": page, "panel": Panel(request.GET)}
    if not page.rows and not Record.objects.exists():
        context |= _first_record(request)
    return render(request, "records/list.html", context)


@for_readers
def more(request: HttpRequest) -> HttpResponse:
    """The next older rows, for the end of a list that is there already."""
    page = listing.page(
        listing.parse(request.GET), payload=access.may_see_payload(request.user)
    )
    context = {"page": page, "panel": Panel(request.GET), "appended": True}
    return render(request, "records/_rows.html", context)


@for_readers
def live(request: HttpRequest) -> HttpResponse:
    """Rows that came after `after_id`. The ETag is the id to ask from next time."""
    news = listing.news(
        listing.parse(request.GET), payload=access.may_see_payload(request.user)
    )
    etag = f'"{news.settled}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        response = HttpResponse(status=304)
    elif not news.rows:
        response = HttpResponse(status=204)
    else:
        context = {"news": news, "panel": Panel(request.GET)}
        response = render(request, "records/_news.html", context)
    response["ETag"] = etag
    return response


@for_readers
def record(request: HttpRequest, record_id: int) -> HttpResponse:
    """One record: a page, or what a dialog shows of it."""
    payload = access.may_see_payload(request.user)
    found = detail.find(record_id, payload=payload)
    if found is None:
        raise Http404("There is no such record.")
    part = "HX-Request" in request.headers
    template = "records/_record.html" if part else "records/record.html"
    read = readings.shown(found.stored, request) if found.stored else []
    return render(request, template, {"record": found, "readings": read})


@for_readers
def builds(request: HttpRequest) -> HttpResponse:
    """Options of the version list: the builds of an operating system."""
    system_name = listing.parse(request.GET).given.get("system_name", "")
    found = stats.builds_of(system_name) if system_name else []
    context = {"builds": found, "system_name": system_name}
    return render(request, "records/_builds.html", context)


@for_readers
def facets(request: HttpRequest) -> HttpResponse:
    """Counts beside the filters."""
    counts = listing.facets(request.GET)
    context = {
        "panel": Panel(request.GET),
        "facets": counts,
        "levels": listing.levels(counts.classification),
        "severities": [(n, counts.severity.get(n, 0)) for n in SEVERITIES],
        "sources": [
            ("false", counts.external.get(False, 0)),
            ("true", counts.external.get(True, 0)),
        ],
    }
    return render(request, "records/_facets.html", context)


@for_readers
def export(request: HttpRequest, timestamp: str, kind: str) -> HttpResponseBase:
    """The filtered records as a download, whatever time its name says."""
    if legacy.is_old(request.GET):
        return _moved(request.path, request)
    chosen = listing.parse(request.GET)
    whole = access.may_export(request.user)
    return exports.response(
        chosen.qs,
        kind,
        payload=access.may_see_payload(request.user),
        limit=None if whole else EXPORT_WITHOUT_LEAVE,
    )


@for_readers
def capacity(request: HttpRequest) -> HttpResponse:
    """What a fleet takes, from measured figures, beside what this site does."""
    question = planning.ask(request.GET, usage.usage())
    context = {"question": question, "figures": FIGURES}
    status = 400 if question.errors else 200
    return render(request, "records/capacity.html", context, status=status)


@require_safe
def old_address(request: HttpRequest, path: str = "") -> HttpResponse:
    """`/telemetryui/…` and numbered pages, where the predecessor had them."""
    head, _, number = path.rstrip("/").partition("records/")
    if path.rstrip("/") in ("", "records") or (not head and number.isdecimal()):
        return _moved(reverse("records") if path else "/", request)
    query = request.META.get("QUERY_STRING", "")
    target = "/" + escape_uri_path(path.lstrip("/\\"))
    return HttpResponsePermanentRedirect(f"{target}?{query}" if query else target)


# --- Answers that several views give ------------------------------------------------


def turned_away(request: HttpRequest) -> HttpResponse:
    """The answer to those who may not: to the login, or 403."""
    if request.user.is_authenticated:
        raise PermissionDenied("Your account has no permission to read records.")
    if "HX-Request" not in request.headers:
        return redirect_to_login(request.get_full_path())
    # The whole page goes to the login, not the part that was asked for.
    current = urlsplit(request.headers.get("HX-Current-URL", ""))._replace(
        scheme="", netloc="", fragment=""
    )
    login = redirect_to_login(current.geturl() or reverse("records")).url
    return HttpResponse(status=204, headers={"HX-Redirect": login})


def _refused(request: HttpRequest, errors: Mapping[str, list[str]]) -> HttpResponse:
    if "HX-Request" in request.headers:
        text = "\n".join(
            f"{name}: {' '.join(messages)}".removeprefix(": ")
            for name, messages in errors.items()
        )
        return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")
    context = {"panel": Panel(request.GET, errors)}
    return render(request, "records/list.html", context, status=400)


def _moved(path: str, request: HttpRequest) -> HttpResponse:
    query = urlencode(legacy.translated(request.GET.dict()))
    return HttpResponsePermanentRedirect(f"{path}?{query}" if query else path)


def _first_record(request: HttpRequest) -> dict[str, Any]:
    """What a person needs to send a first record to this server."""
    return {
        "empty": True,
        "collector_url": request.build_absolute_uri("/v2/collector"),
        "telemetry_id": settings.TELEMETRY_ID,
        "event_id": uuid4().hex,
        "now": int(datetime.now(UTC).timestamp()),
    }

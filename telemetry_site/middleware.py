"""What requests of the site are given: an id, the time they take noted, a database."""

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from records import metrics, standby
from telemetry_site.logs import request_id

CHANGED = "changed"
"""The cookie of somebody who changed something a moment ago."""

_SEES_ITS_CHANGE = 2 * int(standby.FARTHEST.total_seconds())
_SAFE = ("GET", "HEAD", "OPTIONS")
_OF_THE_PRIMARY = {"admin", "health"}
_GIVEN = re.compile(r"[0-9A-Za-z-]{8,64}")


class Observed:
    """An id for the log lines of a request, and its time by view and status."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        identity = _identity(request)
        token = request_id.set(identity)
        try:
            response = self._get_response(request)
        finally:
            request_id.reset(token)
        response["X-Request-ID"] = identity
        view = request.resolver_match.view_name if request.resolver_match else "none"
        observed = metrics.PAGE.labels(view or "unnamed", response.status_code)
        observed.observe(time.perf_counter() - started)
        return response


def _identity(request: HttpRequest) -> str:
    """The id that a trusted proxy gave the request, or a new one."""
    given = request.headers.get("X-Request-ID", "")
    if settings.TELEMETRY_TRUSTED_PROXY and _GIVEN.fullmatch(given):
        return given
    return secrets.token_hex(8)


class FromStandby:
    """Whoever only looks reads from the standby; who just changed something does not.

    The view is called here, so that it can be called again when the standby fails.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if request.method not in _SAFE:
            response.set_cookie(
                CHANGED,
                "1",
                max_age=_SEES_ITS_CHANGE,
                httponly=True,
                samesite="Lax",
                secure=settings.SESSION_COOKIE_SECURE,
            )
        return response

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> HttpResponseBase | None:
        if not _only_looks(request):
            return None
        with standby.reading():
            response = standby.steadily(
                partial(view, request, *args, **kwargs), _failed
            )
        if isinstance(response, StreamingHttpResponse):
            pieces = cast(Iterator[bytes], response.streaming_content)
            response.streaming_content = standby.within(pieces)
        return response


def _only_looks(request: HttpRequest) -> bool:
    match = request.resolver_match
    place = (match.app_name or match.view_name) if match else ""
    return (
        request.method in _SAFE
        and CHANGED not in request.COOKIES
        and place not in _OF_THE_PRIMARY
    )


def _failed(response: HttpResponseBase) -> bool:
    return response.status_code >= 500

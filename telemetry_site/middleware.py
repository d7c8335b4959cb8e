"""What every request of the site is given: an id, and the time it takes noted."""

import re
import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from records import metrics
from telemetry_site.logs import request_id

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

"""Login by a header that the trusted proxy sets on every request."""

from django.conf import settings
from django.contrib.auth.middleware import RemoteUserMiddleware
from django.http import HttpRequest


class HeaderLogin(RemoteUserMiddleware):
    @property
    def header(self) -> str:  # type: ignore[override]
        name: str = settings.TELEMETRY_REMOTE_USER_HEADER
        return f"HTTP_{name.upper().replace('-', '_')}"

    def process_request(self, request: HttpRequest) -> None:
        # Two values: a client sent the header, and the proxy let it through.
        if "," in request.META.get(self.header, ""):
            del request.META[self.header]
        super().process_request(request)

"""Logging in, by password or through a provider, and what an account may do."""

import logging
from dataclasses import asdict
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import identities, oidc, throttle
from accounts.addresses import client_address
from accounts.models import LoginAttempt
from accounts.oidc import Flow, LoginRefused, ProviderFailed
from accounts.provider import Provider

log = logging.getLogger(__name__)

FLOW = "sso"
FLOW_SECONDS = 600
RIGHTS = {
    "records.view_record": "read records",
    "records.view_payload": "see payloads",
    "records.export_record": "export without limit",
    "crashes.change_guilty": "comment on guilties",
    "crashes.change_rule": "change never-guilty rules",
}


class Login(LoginView):
    """The one place where a password is taken, for pages and admin."""

    http_method_names = ["get", "head", "post", "options"]
    attempt: LoginAttempt | None

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        address = client_address(
            request.META, trusted_proxy=settings.TELEMETRY_TRUSTED_PROXY
        )
        self.attempt = throttle.begin(request.POST.get("username", ""), address)
        return (
            super().post(request, *args, **kwargs) if self.attempt else _locked(request)
        )

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        assert self.attempt  # noqa: S101 - see post
        throttle.succeeded(self.attempt)
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {**context, "sso": settings.TELEMETRY_OIDC is not None}


def _locked(request: HttpRequest) -> HttpResponse:
    context = {"minutes": throttle.PERIOD.seconds // 60}
    response = render(request, "registration/locked.html", context, status=429)
    response["Retry-After"] = str(throttle.PERIOD.seconds)
    return response


# --- The account --------------------------------------------------------------------


@require_safe
@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Who is logged in, what they may do, and their tokens."""
    user = cast(User, request.user)
    context = {
        "groups": user.groups.order_by("name"),
        "rights": [text for name, text in RIGHTS.items() if user.has_perm(name)],
        "tokens": user.api_tokens.all(),
    }
    return render(request, "registration/account.html", context)


@method_decorator(never_cache, name="dispatch")
class PasswordChange(PasswordChangeView):
    http_method_names = ["get", "head", "post", "options"]
    template_name = "registration/password.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        messages.success(self.request, "Your password was changed.")
        return super().form_valid(form)


# --- Single sign-on -----------------------------------------------------------------


@require_safe
@never_cache
def sso(request: HttpRequest) -> HttpResponseBase:
    """To the provider's login, with a cookie that recognises who comes back."""
    provider = _provider()
    flow = oidc.begin(_next_page(request))
    try:
        address = oidc.address_of_login(provider, flow, _back(request))
    except ProviderFailed as error:
        return _failed(request, error)
    response = redirect(address)
    response.set_cookie(
        FLOW,
        signing.dumps(asdict(flow), salt=FLOW),
        max_age=FLOW_SECONDS,
        path=reverse("sso"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@require_safe
@never_cache
def sso_return(request: HttpRequest) -> HttpResponseBase:
    """Back from the provider: log in whom it vouches for."""
    provider = _provider()
    try:
        flow = _flow(request)
        code = request.GET.get("code", "")
        claims = oidc.claims_of(provider, flow, code, _back(request))
        user = identities.user_of(provider, claims)
    except LoginRefused as refusal:
        response = _sso_page(request, str(refusal), 403)
    except ProviderFailed as error:
        response = _failed(request, error)
    else:
        login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
        response = redirect(flow.next)
    response.delete_cookie(FLOW, path=reverse("sso"), samesite="Lax")
    return response


def _provider() -> Provider:
    provider: Provider | None = settings.TELEMETRY_OIDC
    if provider is None:
        raise Http404("Single sign-on is not set up.")
    return provider


def _back(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("sso-return"))


def _next_page(request: HttpRequest) -> str:
    asked = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        asked, {request.get_host()}, require_https=request.is_secure()
    )
    return asked if safe else resolve_url(settings.LOGIN_REDIRECT_URL)


def _flow(request: HttpRequest) -> Flow:
    """The login that this browser began; raises LoginRefused for any other."""
    try:
        kept = request.COOKIES.get(FLOW, "")
        flow = Flow(**signing.loads(kept, salt=FLOW, max_age=FLOW_SECONDS))
    except signing.BadSignature:
        raise LoginRefused("This login was not begun here, or too long ago.") from None
    if request.GET.get("state") != flow.state:
        raise LoginRefused("The answer belongs to another login.")
    if "error" in request.GET:
        raise LoginRefused("The provider did not log you in.")
    return flow


def _failed(request: HttpRequest, error: ProviderFailed) -> HttpResponse:
    log.error("Single sign-on failed: %s", error.__cause__ or error)
    return _sso_page(request, "The provider does not answer as it should.", 502)


def _sso_page(request: HttpRequest, reason: str, status: int) -> HttpResponse:
    context = {"reason": reason}
    return render(request, "registration/sso.html", context, status=status)

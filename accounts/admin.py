"""Tokens and external identities in the admin."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import tokens
from accounts.models import ApiToken, ExternalIdentity
from accounts.scopes import MEANINGS, Scope

DAYS = timedelta(days=90)
MAY_CHOOSE_OWNER = "auth.change_user"


def _in_ninety_days() -> datetime:
    return datetime.now(UTC) + DAYS


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, MEANINGS[scope]) for scope in Scope],
        initial=[Scope.READ.value],
        widget=forms.CheckboxSelectMultiple,
        help_text="Each includes reading.",
    )

    class Meta:
        model = ApiToken
        fields = ("name", "owner", "scopes", "expires_at", "revoked")


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Those who may not change users make and see tokens of their own only."""

    form = TokenForm
    list_display = (
        "name",
        "owner",
        "prefix",
        "scopes",
        "expires_at",
        "last_used_at",
        "good",
    )
    list_select_related = ("owner",)
    list_filter = ("revoked",)
    search_fields = ("name", "prefix", "owner__username")
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        rows: QuerySet[ApiToken] = super().get_queryset(request)
        return rows if _chooses(request) else rows.filter(owner=request.user.pk)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        owner = ["owner"] if obj or _chooses(request) else []
        shown = ["prefix", "created_at", "last_used_at", "revoked"] if obj else []
        return ["name", *owner, "scopes", "expires_at", *shown]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["owner", "prefix", "created_at", "last_used_at"] if obj else []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        given = super().get_changeform_initial_data(request)
        owner = {"owner": str(request.user.pk), "expires_at": _in_ninety_days()}
        return {**owner, **given}

    @admin.display(description="Accepted", boolean=True)
    def good(self, token: ApiToken) -> bool:
        return not token.revoked and not token.expired

    def save_model(
        self, request: HttpRequest, obj: ApiToken, form: Any, change: Any
    ) -> None:
        if change:
            obj.save()
            return
        if not _chooses(request):
            obj.owner = cast(User, request.user)
        request.token_secret = tokens.issue(obj)  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: Any = None
    ) -> HttpResponse:
        """The page that shows the secret, instead of a message in a cookie."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"Token {obj}",
            "opts": self.opts,
            "token": obj,
            "secret": request.token_secret,  # type: ignore[attr-defined]
        }
        return TemplateResponse(request, "admin/accounts/apitoken/secret.html", context)

    @admin.action(description="Revoke selected tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        self.message_user(request, f"Revoked: {queryset.update(revoked=True)}")


def _chooses(request: HttpRequest) -> bool:
    return request.user.has_perm(MAY_CHOOSE_OWNER)


@admin.register(ExternalIdentity)
class ExternalIdentityAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("user", "subject", "issuer")
    list_select_related = ("user",)
    raw_id_fields = ("user",)
    search_fields = ("user__username", "=subject")

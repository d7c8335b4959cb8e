"""Rules and channels in the admin, what was found, and what was told."""

from abc import abstractmethod
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from alerts import conditions
from alerts.evaluation import NoReadings, judged, queue_test, read
from alerts.forms import ChannelForm, RuleForm
from alerts.models import Alert, Channel, Delivery, Rule
from records.admin import BoundedPaginator, ReadOnlyAdmin

_SHOWN = 100


class TestableAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """With a button that saves, and sends a test message."""

    change_form_template = "admin/alerts/change_form.html"

    @abstractmethod
    def channels_of(self, row: Any) -> list[Channel]:
        """Where a test message goes."""

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        if "_test" not in request.POST:
            return super().response_change(request, obj)
        self._send_test(request, obj)
        return HttpResponseRedirect(request.path)

    def _send_test(self, request: HttpRequest, row: Any) -> None:
        sent = queue_test(self.channels_of(row), str(row), datetime.now(UTC))
        if not sent:
            text = "There is no active channel to send a test to."
            self.message_user(request, text, messages.WARNING)
            return
        self.message_user(
            request,
            format_html(
                'The worker sends a test message: see <a href="{}">what becomes of it'
                "</a>.",
                reverse("admin:alerts_delivery_changelist"),
            ),
        )

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """With it goes its history, which nobody may delete alone."""
        rows, counts, _, protected = super().get_deleted_objects(objs, request)
        return rows, counts, set(), protected


@admin.register(Channel)
class ChannelAdmin(TestableAdmin):
    form = ChannelForm
    list_display = ("name", "kind", "active", "waiting", "given_up")
    list_filter = ("kind", "active")
    search_fields = ("name",)
    actions = ("send_test",)

    def channels_of(self, row: Channel) -> list[Channel]:
        return [row] if row.active else []

    def get_queryset(self, request: HttpRequest) -> QuerySet[Channel]:
        rows: QuerySet[Channel] = super().get_queryset(request)
        states = {"waiting": "queued", "given_up": "failed"}
        return rows.annotate(
            **{
                f"{name}_now": Count("deliveries", Q(deliveries__state=state))
                for name, state in states.items()
            }
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Who may only look sees no secret: nothing hides it there."""
        edits = obj is None or self.has_change_permission(request, obj)
        return [each for each in ChannelForm.Meta.fields if edits or each != "secret"]

    @admin.display(description="On their way")
    def waiting(self, channel: Channel) -> int:
        return getattr(channel, "waiting_now", 0)

    @admin.display(description="Given up")
    def given_up(self, channel: Channel) -> int:
        return getattr(channel, "given_up_now", 0)

    @admin.action(description="Send a test message", permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        for channel in queryset:
            self._send_test(request, channel)


@admin.register(Rule)
class RuleAdmin(TestableAdmin):
    form = RuleForm
    change_form_template = "admin/alerts/rule/change_form.html"
    list_display = (
        "name",
        "looks_for",
        "threshold",
        "system_name",
        "active",
        "muted_until",
        "open_alerts",
        "evaluated_at",
        "problem",
    )
    list_filter = ("active", "condition")
    search_fields = ("name",)
    filter_horizontal = ("channels",)

    def channels_of(self, row: Rule) -> list[Channel]:
        return list(row.channels.filter(active=True))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        rows: QuerySet[Rule] = super().get_queryset(request)
        still = Q(alerts__ended_at=None, alerts__isnull=False)
        return rows.annotate(open_now=Count("alerts", still))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        if obj is None:
            return list(RuleForm.Meta.fields)
        kept = [each for each in RuleForm.Meta.fields if each != "condition"]
        return ["looks_for", *kept, "evaluated_at", "problem"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """What a rule looks for stays: its alerts are of that."""
        return ["condition", "looks_for", "evaluated_at", "problem"] if obj else []

    @admin.display(description="Condition")
    def looks_for(self, rule: Rule) -> str:
        found = conditions.get(rule.condition)
        return found.label if found else f"{rule.condition} (there is none)"

    @admin.display(description="Alerts now")
    def open_alerts(self, rule: Rule) -> int:
        return getattr(rule, "open_now", 0)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= {"conditions": conditions.registered()}
        return super().render_change_form(request, context, *args, **kwargs)

    # What would fire now

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.now)
        own = path("<int:rule_id>/now/", page, name="alerts_rule_now")
        return [own, *super().get_urls()]

    def now(self, request: HttpRequest, rule_id: int) -> HttpResponse:
        """What a rule reads at this moment, and what that means."""
        rule = self.get_object(request, str(rule_id))
        if not self.has_view_permission(request, rule):
            raise PermissionDenied
        if rule is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": f"What {rule} reads now",
            "opts": self.opts,
            "rule": rule,
            "condition": conditions.get(rule.condition),
        }
        try:
            found = judged(rule, read(rule, datetime.now(UTC)))
            context |= {"readings": found[:_SHOWN], "all": len(found)}
        except NoReadings as error:
            context["problem"] = str(error)
        return TemplateResponse(request, "admin/alerts/rule/now.html", context)


class StillOpen(admin.SimpleListFilter):
    title = "state"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "going on"), ("no", "over")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(ended_at__isnull=self.value() == "yes")


class HistoryAdmin(ReadOnlyAdmin):
    """Rows that come and go by themselves; the newest first, never counted."""

    ordering = ("-id",)
    sortable_by = ()
    show_full_result_count = False
    list_per_page = 50
    paginator = BoundedPaginator


@admin.register(Alert)
class AlertAdmin(HistoryAdmin):
    list_display = ("title", "rule", "value", "began_at", "ended_at", "told")
    list_select_related = ("rule",)
    list_filter = (StillOpen, "rule")
    search_fields = ("title", "=machine_id")


@admin.register(Delivery)
class DeliveryAdmin(HistoryAdmin):
    list_display = (
        "created_at",
        "change",
        "alert",
        "channel",
        "state",
        "attempts",
        "next_try",
        "finished_at",
        "problem",
    )
    list_select_related = ("alert", "channel")
    list_filter = ("state", "change", "channel")
    actions = ("try_again",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("alerts.change_delivery")

    @admin.action(description="Try again what was given up", permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        again = queryset.filter(state=Delivery.State.FAILED).update(
            state=Delivery.State.QUEUED,
            attempts=0,
            next_try=datetime.now(UTC),
            finished_at=None,
        )
        self.message_user(request, f"On their way again: {again}")
